//! The schema: numbered migrations, applied in order by the owner and never by a writer, and what the writer's role may do with it.
//!
//! A migration that was released is never edited. All that `init` does is one transaction.

use tlog::Hash;
use tokio_postgres::{Client, Transaction};
use vote::CampaignFile;

use super::link::begin;
use super::url::PostgresUrl;
use crate::made_for::MadeFor;
use crate::sql_integer::to_sql;
use crate::{LedgerError, StoreError};

/// Version 1 is the first.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/0001_ledger.sql")];

/// The tables whose rows are only ever added.
const ADDED_TO: [&str; 7] = [
    "ledger.votes",
    "ledger.tile_hashes",
    "ledger.checkpoints",
    "ledger.issued",
    "ledger.issued_tile_hashes",
    "ledger.issued_checkpoints",
    "ledger.dead_letters",
];

/// Lets one `init` at a time look what there is: "HCLG".
const INIT_LOCK: i64 = 0x4843_4c47;

/// Brings the database to this program's version, for this campaign, and gives the writer its rights.
pub(super) async fn init(
    client: &mut Client,
    url: &PostgresUrl,
    file: &CampaignFile,
    writer_role: Option<&str>,
) -> Result<(), LedgerError> {
    let transaction = begin(client).await?;
    let lock = format!("SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock({INIT_LOCK})");
    transaction.batch_execute(&lock).await.map_err(StoreError::from)?;
    migrate(&transaction, url).await?;
    match made_for(&transaction).await? {
        None => write_campaign(&transaction, file).await?,
        Some(made_for) => check_campaign(&made_for, url, file)?,
    }
    if let Some(role) = writer_role {
        grant(&transaction, role).await?;
    }
    transaction.commit().await.map_err(StoreError::from)?;
    Ok(())
}

async fn migrate(transaction: &Transaction<'_>, url: &PostgresUrl) -> Result<(), LedgerError> {
    let versions = "
        CREATE SCHEMA IF NOT EXISTS ledger;
        CREATE TABLE IF NOT EXISTS ledger.migrations (
            version integer PRIMARY KEY CHECK (version > 0),
            applied_at timestamptz NOT NULL DEFAULT now()
        )";
    transaction.batch_execute(versions).await.map_err(StoreError::from)?;
    let found = version(transaction).await?;
    let applied = usize::try_from(found).ok().filter(|found| *found <= MIGRATIONS.len());
    let Some(applied) = applied else {
        return Err(other_version(url, found));
    };
    for (migration, version) in MIGRATIONS.iter().zip(1_i32..).skip(applied) {
        transaction.batch_execute(migration).await.map_err(StoreError::from)?;
        transaction
            .execute("INSERT INTO ledger.migrations (version) VALUES ($1)", &[&version])
            .await
            .map_err(StoreError::from)?;
        tracing::info!(version, "migrated the ledger's schema");
    }
    Ok(())
}

/// The version of the schema that the database has; 0 before the first.
async fn version(transaction: &Transaction<'_>) -> Result<i32, StoreError> {
    let version = "SELECT coalesce(max(version), 0) FROM ledger.migrations";
    Ok(transaction.query_one(version, &[]).await?.try_get(0)?)
}

fn other_version(url: &PostgresUrl, found: i32) -> LedgerError {
    let ours = MIGRATIONS.len();
    let act = if usize::try_from(found).is_ok_and(|found| found < ours) {
        "bring it up to date with init, as its owner"
    } else {
        "use the newer program that changed it"
    };
    LedgerError::NotALedger {
        ledger: url.to_string(),
        what: format!("its schema is version {found}, and this program's is {ours}; {act}"),
    }
}

/// Whether the database holds a ledger of this version, with everything that counting relies on.
pub(super) async fn check(transaction: &Transaction<'_>, url: &PostgresUrl) -> Result<(), LedgerError> {
    if !transaction
        .query_one("SELECT to_regclass('ledger.migrations') IS NOT NULL", &[])
        .await
        .map_err(StoreError::from)?
        .get::<_, bool>(0)
    {
        return Err(LedgerError::Missing(url.to_string()));
    }
    let found = version(transaction).await?;
    if usize::try_from(found) != Ok(MIGRATIONS.len()) {
        return Err(other_version(url, found));
    }
    // What makes a coin count once, and nothing that acts behind the statements.
    let as_made = "
        SELECT 4 = (
            SELECT count(DISTINCT (attribute.attrelid, attribute.attname))
            FROM pg_index AS key
            JOIN pg_attribute AS attribute ON attribute.attrelid = key.indrelid AND attribute.attnum = key.indkey[0]
            WHERE key.indrelid IN ('ledger.votes'::regclass, 'ledger.issued'::regclass)
                AND key.indisunique AND key.indisvalid AND key.indnkeyatts = 1
                AND key.indpred IS NULL AND attribute.attname IN ('vote_index', 'issued_index', 'nullifier')
        )
        AND NOT EXISTS (
            SELECT FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
            WHERE relnamespace = 'ledger'::regnamespace AND NOT tgisinternal
        )
        AND NOT EXISTS (
            SELECT FROM pg_rewrite JOIN pg_class ON pg_class.oid = ev_class WHERE relnamespace = 'ledger'::regnamespace
        )";
    let row = transaction.query_one(as_made, &[]).await.map_err(StoreError::from)?;
    if row.get::<_, bool>(0) {
        Ok(())
    } else {
        Err(LedgerError::NotALedger {
            ledger: url.to_string(),
            what: "its tables are not as a ledger is made: a unique key is missing, or there is a trigger or a rule"
                .to_owned(),
        })
    }
}

/// Whether the role that is connected may only add: who can change votes or remove them must not be the one who counts.
pub(super) async fn check_role(transaction: &Transaction<'_>) -> Result<(), LedgerError> {
    let rights = "
        SELECT current_user::text, bool_or(
            has_table_privilege(name, 'UPDATE, DELETE, TRUNCATE, TRIGGER') OR has_any_column_privilege(name, 'UPDATE')
        )
        FROM unnest($1::text[]) AS name";
    let row = transaction
        .query_one(rights, &[&ADDED_TO.as_slice()])
        .await
        .map_err(StoreError::from)?;
    if row.get(1) {
        return Err(LedgerError::Role {
            role: row.get(0),
            what: "it could change or remove votes; come as the role that init gave a writer's rights to".to_owned(),
        });
    }
    Ok(())
}

/// What the ledger was made for; `None` before it is.
pub(super) async fn made_for(transaction: &Transaction<'_>) -> Result<Option<MadeFor>, StoreError> {
    let Some(row) = transaction
        .query_opt(
            "SELECT name, currency, minor_units, has_issuance_log FROM ledger.campaign",
            &[],
        )
        .await?
    else {
        return Ok(None);
    };
    let charities = transaction
        .query("SELECT id, name FROM ledger.charities ORDER BY position", &[])
        .await?;
    Ok(Some(MadeFor {
        campaign: row.try_get(0)?,
        currency: row.try_get(1)?,
        minor_units: row.try_get(2)?,
        has_issuance_log: row.try_get(3)?,
        charities: charities
            .iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
            .collect::<Result<_, StoreError>>()?,
    }))
}

pub(super) fn check_campaign(made_for: &MadeFor, url: &PostgresUrl, file: &CampaignFile) -> Result<(), LedgerError> {
    let differences = made_for.differences(file);
    if differences.is_empty() {
        return Ok(());
    }
    Err(LedgerError::OtherCampaign {
        ledger: url.to_string(),
        differences,
    })
}

/// Writes what the ledger is made for, and its empty sums.
async fn write_campaign(transaction: &Transaction<'_>, file: &CampaignFile) -> Result<(), StoreError> {
    let minor_units = to_sql(file.donation().minor_units)?;
    transaction
        .execute(
            "INSERT INTO ledger.campaign (name, currency, minor_units, has_issuance_log) VALUES ($1, $2, $3, $4)",
            &[
                &file.campaign().as_str(),
                &file.donation().currency,
                &minor_units,
                &file.has_issuance_log(),
            ],
        )
        .await?;
    for (charity, position) in file.charities().iter().zip(0_i32..) {
        transaction
            .execute(
                "INSERT INTO ledger.charities (position, id, name) VALUES ($1, $2, $3)",
                &[&position, &charity.id, &charity.name],
            )
            .await?;
    }
    let units = vec![0_i64; file.charities().len()];
    transaction
        .execute(
            "INSERT INTO ledger.head (units, root, issued_root) VALUES ($1, $2, $2)",
            &[&units, &Hash::of_nothing().0.as_slice()],
        )
        .await?;
    Ok(())
}

/// Gives the writer's role what counting needs, and takes everything else: votes and dead letters are added and looked up, never changed or removed.
async fn grant(transaction: &Transaction<'_>, role: &str) -> Result<(), LedgerError> {
    let refused = |what: &str| LedgerError::Role {
        role: role.to_owned(),
        what: what.to_owned(),
    };
    let Some(row) = transaction
        .query_opt(
            "SELECT pg_has_role(oid, current_user, 'MEMBER') FROM pg_roles WHERE rolname = $1::text",
            &[&role],
        )
        .await
        .map_err(StoreError::from)?
    else {
        return Err(refused(
            "it does not exist; have it made (CREATE ROLE … LOGIN), and init again",
        ));
    };
    if row.get(0) {
        return Err(refused(
            "it is a superuser or has the owner's rights, and could change votes; have one made that is neither, and init again",
        ));
    }
    let role = format!("\"{}\"", role.replace('"', "\"\""));
    let rights = format!(
        "REVOKE ALL ON ALL TABLES IN SCHEMA ledger FROM {role};
         GRANT USAGE ON SCHEMA ledger TO {role};
         GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO {role};
         GRANT INSERT ON {} TO {role};
         GRANT UPDATE ON ledger.head TO {role}",
        ADDED_TO.join(", ")
    );
    transaction.batch_execute(&rights).await.map_err(StoreError::from)?;
    Ok(())
}
