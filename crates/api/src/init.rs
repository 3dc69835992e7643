//! `hashicoin-api init`: makes the ledger and the pool of a campaign.

use std::fs;

use ledger::{Ledger, LedgerError};
use service::Failure;

use crate::arguments::Init;
use crate::{books, pool};

/// Makes both, or neither.
///
/// # Errors
///
/// When one exists already or cannot be made; when the campaign file is wrong.
pub fn run(arguments: &Init) -> Result<(), Failure> {
    let ledger = &arguments.ledger;
    let campaign = books::campaign(&arguments.campaign)?;
    let pool = pool::path_beside(ledger);
    if ledger.exists() {
        return Err(books::ledger_failure(&LedgerError::Exists(ledger.clone())));
    }
    // The pool first: it is the one that can be taken back, since nothing is in it.
    pool::create(&pool).map_err(|error| books::pool_failure(&error))?;
    if let Err(error) = Ledger::init(ledger, &campaign) {
        fs::remove_file(&pool).map_err(|error| Failure::io("remove the new, empty pool", &pool, &error))?;
        return Err(books::ledger_failure(&error));
    }
    eprintln!(
        "hashicoin-api: made the ledger {} for the campaign {}, and the pool {}",
        ledger.display(),
        campaign.campaign(),
        pool.display()
    );
    Ok(())
}
