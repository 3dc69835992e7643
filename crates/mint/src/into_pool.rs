//! Minting into the pool in Redis. The coins touch no disk on their way.

use coin::Timestamp;
use pool::{PUSH_MAX, Pool, PoolError, Push, Worth};
use service::Failure;

use crate::batch;
use crate::issuance::Issuance;
use crate::progress::Progress;
use crate::signer::Signer;

/// How many coins to make.
#[derive(Clone, Copy)]
pub enum Amount {
    /// So many in the issuance in all, whether they are still in the pool or not.
    Count(u32),
    /// As many as are missing until so many wait.
    Keep(u32),
}

/// Makes the coins that are missing, and says how many went in.
///
/// # Errors
///
/// When the pool holds something else under a serial of this issuance, the signer fails, or Redis does.
pub fn mint(
    pool: &mut Pool,
    issuance: &Issuance,
    signer: &impl Signer,
    amount: Amount,
    now: Timestamp,
) -> Result<u64, Failure> {
    let worth = worth(signer, now);
    let (indices, keep) = match amount {
        Amount::Count(count) => (find_missing(pool, issuance, count)?, None),
        Amount::Keep(keep) => (next(pool, issuance, keep, worth)?, Some((u64::from(keep), worth))),
    };
    let (mut done, mut new) = (0, 0);
    let progress = Progress::start(done, indices.len());
    batch::make_all(signer, issuance, &indices, |batch| {
        for entries in batch.entries.chunks(PUSH_MAX) {
            let push = Push {
                issuance: issuance.id.as_str(),
                entries,
                request_id: batch.request_id.as_deref(),
                keep,
            };
            new += pool.push(&push).map_err(|error| failure(&error))?.new;
        }
        done += batch.entries.len();
        progress.reached(done);
        Ok(())
    })?;
    progress.finish();
    Ok(new)
}

/// What the signer's keys and the time make of a coin.
pub fn worth(signer: &impl Signer, now: Timestamp) -> Worth {
    let min_key_version = signer.keyring().min_version();
    Worth { now, min_key_version }
}

/// The indices under which nothing ever went in. What did is only looked at for what it says: whether it still counts is settled where it is spent.
fn find_missing(pool: &mut Pool, issuance: &Issuance, count: u32) -> Result<Vec<u32>, Failure> {
    let coins: Vec<_> = (0..count).map(|index| issuance.coin(index)).collect();
    let serials: Vec<_> = coins.iter().map(|coin| coin.serial).collect();
    let found = pool.find(&serials).map_err(|error| failure(&error))?;
    let mut missing = Vec::new();
    for ((index, coin), found) in (0..count).zip(&coins).zip(found) {
        match found {
            None => missing.push(index),
            Some(found) if found.coin == *coin => {}
            Some(found) => {
                return Err(Failure::Refused(format!(
                    "the pool has another coin under serial {} (it expires {}): no coin was minted; give the --expires of the first run, or another --issuance-id",
                    coin.serial, found.coin.expires
                )));
            }
        }
    }
    Ok(missing)
}

/// The indices that the issuance goes on with.
fn next(pool: &mut Pool, issuance: &Issuance, keep: u32, worth: Worth) -> Result<Vec<u32>, Failure> {
    let waiting = pool.counts(worth).map_err(|error| failure(&error))?.waiting;
    let missing = u64::from(keep).saturating_sub(waiting);
    let first = pool.next_index(issuance.id.as_str()).map_err(|error| failure(&error))?;
    let end = u32::try_from(u64::from(first) + missing).map_err(|_| {
        Failure::Refused(format!(
            "issuance {} is used up: name another with --issuance-id",
            issuance.id.as_str()
        ))
    })?;
    Ok((first..end).collect())
}

/// The pool's troubles: refused where a person has to decide, otherwise an accident.
pub fn failure(error: &PoolError) -> Failure {
    match error {
        PoolError::Redis(..) | PoolError::Random(_) => Failure::CouldNot(error.to_string()),
        PoolError::Unsafe { .. } | PoolError::NoCoin => Failure::Refused(error.to_string()),
    }
}
