//! Minting into a directory.
//!
//! A run looks at every coin that is there before it makes any: each must be the very coin that belongs in its place, with a good signature, or the run
//! is refused and nothing is written. What is there is checked, not signed again: a good coin stays as it is even when the signer has a newer key.
//!
//! If the ledger is to be told of the coins, it is told of each before anybody can have it, and again of those that are there.

use coin::{Keyring, Serial, SignedCoin, Timestamp};
use pool::Pool;
use service::Failure;

use crate::batch::{self, Batch};
use crate::coin_dir::CoinDir;
use crate::into_pool;
use crate::issuance::Issuance;
use crate::progress::Progress;
use crate::signer::Signer;

/// Makes the coins that are not there yet, durable batch by batch, and says how many these were.
///
/// # Errors
///
/// When the directory holds something else, the signer fails, or the disk refuses.
pub fn mint(
    directory: &CoinDir,
    issuance: &Issuance,
    signer: &impl Signer,
    count: u32,
    now: Timestamp,
    mut ledger: Option<Pool>,
) -> Result<usize, Failure> {
    let missing = find_missing(directory, issuance, &signer.keyring(), count, now)?;
    if let Some(ledger) = &mut ledger {
        let serials: Vec<Serial> = (0..count).map(|index| issuance.coin(index).serial).collect();
        ledger.tell_of(&serials).map_err(|error| into_pool::failure(&error))?;
    }
    let mut done = count as usize - missing.len();
    let progress = Progress::start(done, count as usize);
    batch::make_all(signer, issuance, &missing, |batch| {
        write(directory, &batch)?;
        done += batch.entries.len();
        progress.reached(done);
        Ok(())
    })?;
    progress.finish();
    Ok(missing.len())
}

/// First where the coins come from, then the coins: no coin is ever there without it.
fn write(directory: &CoinDir, batch: &Batch) -> Result<(), Failure> {
    if let Some(request_id) = &batch.request_id {
        let indices = batch.entries.iter().map(|entry| entry.index);
        directory.write_origin(request_id, batch.key_version, indices)?;
    }
    for entry in &batch.entries {
        let text = entry.signed.to_coin_txt();
        if SignedCoin::from_coin_txt(&text).as_ref() != Ok(&entry.signed) {
            return Err(Failure::CouldNot(format!(
                "coin {} does not read back from its text",
                entry.index
            )));
        }
        directory.write_coin(entry.index, &text)?;
    }
    directory.sync()
}

/// The indices with no coin yet.
fn find_missing(
    directory: &CoinDir,
    issuance: &Issuance,
    keyring: &Keyring,
    count: u32,
    now: Timestamp,
) -> Result<Vec<u32>, Failure> {
    let mut missing = Vec::new();
    for index in 0..count {
        match directory.read_coin(index)? {
            None => missing.push(index),
            Some(text) => check(&text, issuance, index, keyring, now).map_err(|reason| {
                Failure::Refused(format!(
                    "{} is not the coin that belongs there ({reason}): no coin was written; mint into another directory, or move the file away",
                    directory.coin_path(index).display()
                ))
            })?,
        }
    }
    Ok(missing)
}

/// Whether a text is the coin at `index`, with a signature that a verifier accepts.
fn check(text: &str, issuance: &Issuance, index: u32, keyring: &Keyring, now: Timestamp) -> Result<(), String> {
    let read = SignedCoin::from_coin_txt(text).map_err(|error| error.to_string())?;
    if read.coin != issuance.coin(index) {
        return Err("campaign, serial or expiry differ".to_owned());
    }
    batch::check(&read, issuance, keyring, now)
}
