//! `hashicoin-mint mint`: makes the coins of an issuance, or those that are missing.
//!
//! Whoever signs and wherever the coins go, three things hold: no coin leaves that does not verify as the gate and the ledger will verify it; a run that
//! is repeated or was killed makes the same coins, each once; and what Vault signed can be found in its audit log.

use std::io::{self, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::value_parser;
use coin::{Campaign, Timestamp};
use pool::Pool;
use serde_json::json;
use service::{Failure, RedisUrl};
use transit::{Client, Key, Settings};

use crate::coin_dir::CoinDir;
use crate::file_signer::KeyFile;
use crate::into_pool::{self, Amount};
use crate::issuance::{Issuance, IssuanceId};
use crate::signer::Signer;
use crate::{batch, into_directory, vault};

/// Makes the coins of an issuance, or those that are missing
///
/// Vault is found as the vault command finds it: VAULT_ADDR (or VAULT_AGENT_ADDR, where a Vault Agent or Proxy brings the token), VAULT_TOKEN or
/// ~/.vault-token, VAULT_NAMESPACE, VAULT_CACERT.
#[derive(clap::Args)]
#[command(
    group = clap::ArgGroup::new("signer").args(["vault_key", "key"]).required(true),
    group = clap::ArgGroup::new("amount").args(["count", "keep"]).required(true),
    group = clap::ArgGroup::new("place").args(["out", "pool_redis"]).required(true),
)]
pub struct Arguments {
    /// The signing key in Vault Transit, such as hashicoin
    #[arg(long, value_name = "NAME", value_parser = transit::parse_path)]
    vault_key: Option<String>,
    /// Where Transit is mounted in Vault
    #[arg(long, value_name = "PATH", default_value = "transit", conflicts_with = "key", value_parser = transit::parse_path)]
    vault_mount: String,
    /// How long to wait for a Vault that is away, sealed or over its rate limit
    #[arg(long, value_name = "SECONDS", default_value_t = 60, conflicts_with = "key", value_parser = value_parser!(u32).range(1..))]
    vault_timeout: u32,
    /// The signing key's file instead, for development (see keygen)
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The version that coins name as their key's
    #[arg(long, value_name = "N", default_value = "1", conflicts_with = "vault_key")]
    key_version: NonZeroU32,
    /// The campaign that coins are for: 1 to 32 of a-z 0-9 -
    #[arg(long, value_name = "SLUG", value_parser = parse_campaign)]
    campaign: Campaign,
    /// When coins stop counting, such as 2030-01-01T00:00:00Z
    #[arg(long, value_name = "RFC3339", value_parser = parse_timestamp)]
    expires: Timestamp,
    /// How many coins the issuance has in all
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    count: Option<u32>,
    /// How many coins are to wait in the pool: makes what is missing
    #[arg(long, value_name = "N", conflicts_with = "out", value_parser = value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Look again after so many seconds, until told to end
    #[arg(long, value_name = "SECONDS", requires = "keep", value_parser = value_parser!(u32).range(1..))]
    every: Option<u32>,
    /// The directory for the coins; created when it is not there
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The Redis with the pool, instead of a directory [default: the address in HASHICOIN_REDIS_URL, which may have a password in it]
    #[arg(long, value_name = "URL", num_args = 0..=1, value_parser = RedisUrl::from_argument)]
    #[expect(
        clippy::option_option,
        reason = "not given, given without an address, given with one"
    )]
    pool_redis: Option<Option<RedisUrl>>,
    /// The Redis of the campaign's ledger, which logs the coins, if it logs those that are issued; a pool there needs no telling [default: the address in HASHICOIN_REDIS_URL]
    #[arg(long, value_name = "URL", num_args = 0..=1, requires = "out", value_parser = RedisUrl::from_argument)]
    #[expect(
        clippy::option_option,
        reason = "not given, given without an address, given with one"
    )]
    ledger_redis: Option<Option<RedisUrl>>,
    /// The order's name, from which serials follow [default: the one in DIR or the pool, else a random one]
    #[arg(long, value_name = "ID", env = "NOMAD_ALLOC_ID", value_parser = IssuanceId::parse)]
    issuance_id: Option<IssuanceId>,
    /// Print one JSON object on standard output at the end
    #[arg(long)]
    json: bool,
}

fn parse_campaign(text: &str) -> Result<Campaign, &'static str> {
    Campaign::parse(text).ok_or("a campaign is 1 to 32 of a-z 0-9 -")
}

fn parse_timestamp(text: &str) -> Result<Timestamp, &'static str> {
    Timestamp::parse(text).ok_or("write a point in time as 2030-01-01T00:00:00Z: whole seconds, UTC")
}

/// Runs the command.
///
/// # Errors
///
/// When the coins would be of no use (already expired), the signer refuses or stays away, the place holds something else, or it fails.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.now()?;
    match (&arguments.vault_key, &arguments.key) {
        (Some(key), _) => {
            let patience = Duration::from_secs(arguments.vault_timeout.into());
            let client = Client::connect(vault::CALLER, Settings::from_environment()?, patience, batch::CALLS)?;
            mint(arguments, &Key::open(client, &arguments.vault_mount, key)?)
        }
        (None, Some(key)) => {
            let signer = KeyFile::open(key, arguments.key_version.get())?;
            eprintln!(
                "WARNING: signing with a key file, which is for development. Whoever copies it can mint coins that nobody can tell from these."
            );
            mint(arguments, &signer)
        }
        (None, None) => Err(Failure::Usage("give --vault-key or --key; see --help".to_owned())),
    }
}

fn mint(arguments: &Arguments, signer: &impl Signer) -> Result<(), Failure> {
    let now = arguments.now()?;
    match (&arguments.out, &arguments.pool_redis, arguments.count, arguments.keep) {
        (Some(out), _, Some(count), _) => mint_into_directory(arguments, signer, now, out, count),
        (None, Some(url), Some(count), _) => mint_into_pool(arguments, signer, now, url.as_ref(), Amount::Count(count)),
        (None, Some(url), None, Some(keep)) => keep_in_pool(arguments, signer, url.as_ref(), keep),
        _ => Err(Failure::Usage(
            "give --out or --pool-redis, and --count or --keep; see --help".to_owned(),
        )),
    }
}

/// Makes what is missing in the pool, once or again and again.
fn keep_in_pool(arguments: &Arguments, signer: &impl Signer, url: Option<&RedisUrl>, keep: u32) -> Result<(), Failure> {
    loop {
        mint_into_pool(arguments, signer, arguments.now()?, url, Amount::Keep(keep))?;
        let Some(every) = arguments.every else { return Ok(()) };
        // A signal ends it here as anywhere: what is half done is done again, and made once.
        thread::park_timeout(Duration::from_secs(every.into()));
    }
}

fn now() -> Result<Timestamp, Failure> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    since_epoch
        .and_then(|elapsed| Timestamp::from_unix_s(elapsed.as_secs()))
        .ok_or_else(|| Failure::CouldNot("the clock is not between 1970 and 9999: set it".to_owned()))
}

impl Arguments {
    /// The time, if the order's coins are good for anything then.
    fn now(&self) -> Result<Timestamp, Failure> {
        let now = now()?;
        if self.expires > now {
            return Ok(now);
        }
        Err(Failure::Refused(format!(
            "coins that expire {} would be refused from the start, since it is {now}: give a later --expires",
            self.expires
        )))
    }

    fn issuance(&self, id: IssuanceId) -> Issuance {
        Issuance {
            id,
            campaign: self.campaign.clone(),
            expires: self.expires,
        }
    }

    /// The last words: a line for people, and with --json an object for programs.
    fn report(&self, line: &str, report: &serde_json::Value) -> Result<(), Failure> {
        eprintln!("{line}");
        if self.json {
            writeln!(io::stdout(), "{report}")
                .map_err(|error| Failure::CouldNot(format!("could not print: {error}")))?;
        }
        Ok(())
    }
}

fn mint_into_directory(
    arguments: &Arguments,
    signer: &impl Signer,
    now: Timestamp,
    out: &Path,
    count: u32,
) -> Result<(), Failure> {
    let directory = CoinDir::open(out)?;
    let issuance = arguments.issuance(directory.issuance_id(arguments.issuance_id.as_ref())?);
    let ledger = arguments.ledger_redis.as_ref().map(|url| {
        let url = RedisUrl::or_from_environment(url.as_ref())?;
        Pool::open(&url, &arguments.campaign).map_err(|error| into_pool::failure(&error))
    });
    let minted = into_directory::mint(&directory, &issuance, signer, count, now, ledger.transpose()?)?;
    let existing = count as usize - minted;
    let (id, campaign, out) = (issuance.id.as_str(), &issuance.campaign, out.display().to_string());
    arguments.report(
        &format!("{count} coins of issuance {id} for {campaign} in {out}: {minted} minted, {existing} were there"),
        &json!({
            "campaign": campaign.as_str(),
            "issuance_id": id,
            "count": count,
            "minted": minted,
            "existing": existing,
            "out": out,
        }),
    )
}

fn mint_into_pool(
    arguments: &Arguments,
    signer: &impl Signer,
    now: Timestamp,
    url: Option<&RedisUrl>,
    amount: Amount,
) -> Result<(), Failure> {
    let url = RedisUrl::or_from_environment(url)?;
    let mut pool = Pool::open(&url, &arguments.campaign).map_err(|error| into_pool::failure(&error))?;
    let id = match &arguments.issuance_id {
        Some(id) => id.clone(),
        None => {
            let written = pool.issuance(IssuanceId::random()?.as_str());
            let written = written.map_err(|error| into_pool::failure(&error))?;
            IssuanceId::parse(&written).map_err(|error| {
                Failure::Refused(format!(
                    "the pool's own issuance is none ({error}): name one with --issuance-id"
                ))
            })?
        }
    };
    let issuance = arguments.issuance(id);
    let minted = into_pool::mint(&mut pool, &issuance, signer, amount, now)?;
    let counts = pool
        .counts(into_pool::worth(signer, now))
        .map_err(|error| into_pool::failure(&error))?;
    let (id, campaign, waiting) = (issuance.id.as_str(), &issuance.campaign, counts.waiting);
    arguments.report(
        &format!("{minted} coins of issuance {id} for {campaign} minted into the pool at {url}: {waiting} wait there"),
        &json!({
            "campaign": campaign.as_str(),
            "issuance_id": id,
            "minted": minted,
            "waiting": waiting,
            "pool": url.to_string(),
        }),
    )
}
