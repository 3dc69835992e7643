//! `hashicoin-api init`: makes the ledger, the key that signs its log, and the pool of a campaign.

use std::fs;
use std::path::{Path, PathBuf};

use ledger::{Ledger, LedgerError, LogKey};
use service::Failure;
use vote::CampaignFile;

use crate::arguments::Init;
use crate::{books, pool};

/// Makes all of it, or nothing.
///
/// # Errors
///
/// When a part exists already or cannot be made; when the campaign file is wrong.
pub fn run(arguments: &Init) -> Result<(), Failure> {
    let ledger = &arguments.ledger;
    let campaign = books::campaign(&arguments.campaign)?;
    if ledger.exists() {
        return Err(books::ledger_failure(&LedgerError::Exists(ledger.clone())));
    }
    let mut made = Vec::new();
    let keys = make(ledger, &campaign, &mut made).inspect_err(|_| {
        // Nothing is in them. Best effort: what stays is refused by the next init, by its name.
        for path in &made {
            let _ = fs::remove_file(path);
        }
    })?;
    eprintln!(
        "hashicoin-api: made the ledger {} for the campaign {}, and beside it the pool and the log's key (keep it secret, and keep a copy). Whoever checks the \
         log needs the key's public half:",
        ledger.display(),
        campaign.campaign(),
    );
    for key in keys {
        println!("{key}");
    }
    Ok(())
}

/// Makes the parts, the ledger last, and notes each that is made; gives the log's verifier keys.
fn make(ledger: &Path, campaign: &CampaignFile, made: &mut Vec<PathBuf>) -> Result<Vec<String>, Failure> {
    let (pool, key) = (pool::path_beside(ledger), books::log_key(ledger));
    pool::create(&pool).map_err(|error| books::pool_failure(&error))?;
    made.push(pool);
    key_file::create(&key)?;
    made.push(key.clone());
    let keys = LogKey::in_file(&key, &campaign.log_origin())?.verifier_keys()?;
    Ledger::init(ledger, campaign).map_err(|error| books::ledger_failure(&error))?;
    Ok(keys.values().map(ToString::to_string).collect())
}
