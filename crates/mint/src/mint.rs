//! `mint`: makes the coins of an issuance, or those that are missing.
//!
//! A run looks at every coin that is there before it makes any: each must be the very coin that belongs in its place, with a good
//! signature, or the run is refused and nothing is written. Then it signs what is missing in batches. No coin leaves that does not read
//! back, from its own text, as the coin that was meant, and verify as the gate and the ledger will verify it.

use std::io::{self, Write};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::value_parser;
use coin::{Campaign, Keyring, SignedCoin, Timestamp};
use serde_json::json;
use service::Failure;

use crate::coin_dir::CoinDir;
use crate::issuance::{Issuance, IssuanceId};
use crate::key_file::KeyFile;
use crate::progress::Progress;
use crate::signer::Signer;

/// Coins per call of the signer and per sync of the directory. Vault's transit engine refuses much larger batches and gains little from them.
const BATCH_COINS: usize = 1000;

/// Makes the coins of an issuance, or those that are missing
#[derive(clap::Args)]
pub struct Arguments {
    /// The signing key's file, for development (see keygen)
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The version that coins name as their key's
    #[arg(long, value_name = "N", default_value = "1")]
    key_version: NonZeroU32,
    /// The campaign that coins are for: 1 to 32 of a-z 0-9 -
    #[arg(long, value_name = "SLUG", value_parser = parse_campaign)]
    campaign: Campaign,
    /// When coins stop counting, such as 2030-01-01T00:00:00Z
    #[arg(long, value_name = "RFC3339", value_parser = parse_timestamp)]
    expires: Timestamp,
    /// How many coins the issuance has in all
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    count: u32,
    /// The directory for the coins; created when it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The order's name, from which serials follow [default: the one in DIR, else a random one]
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
/// When the coins would be of no use (already expired), the key is unfit, the directory holds something else, or the disk refuses.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let now = now()?;
    if arguments.expires <= now {
        return Err(Failure::Refused(format!(
            "coins that expire {} would be refused from the start, since it is {now}: give a later --expires",
            arguments.expires
        )));
    }
    let signer = KeyFile::open(&arguments.key, arguments.key_version.get())?;
    eprintln!(
        "WARNING: signing with a key file, which is for development. Whoever copies it can mint coins that nobody can tell from these."
    );
    let directory = CoinDir::open(&arguments.out)?;
    let issuance = Issuance {
        id: directory.issuance_id(arguments.issuance_id.as_ref())?,
        campaign: arguments.campaign.clone(),
        expires: arguments.expires,
    };
    let missing = find_missing(&directory, &issuance, signer.keyring(), arguments.count, now)?;
    sign_missing(&directory, &issuance, &signer, &missing, arguments.count, now)?;
    report(arguments, &issuance, missing.len())
}

fn now() -> Result<Timestamp, Failure> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    since_epoch
        .and_then(|elapsed| Timestamp::from_unix_s(elapsed.as_secs()))
        .ok_or_else(|| Failure::CouldNot("the clock is not between 1970 and 9999: set it".to_owned()))
}

/// The indices with no coin yet. What is there is checked, not signed again: a good coin stays as it is even when the signer has a newer key.
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

/// Makes the coins at these indices, durable batch by batch.
fn sign_missing(
    directory: &CoinDir,
    issuance: &Issuance,
    signer: &impl Signer,
    missing: &[u32],
    count: u32,
    now: Timestamp,
) -> Result<(), Failure> {
    let mut left = missing.len();
    let done = |left: usize| count - u32::try_from(left).unwrap_or(count);
    let progress = Progress::start(done(left), count);
    for batch in missing.chunks(BATCH_COINS) {
        let messages: Vec<Vec<u8>> = batch
            .iter()
            .map(|index| issuance.coin(*index).to_signed_bytes())
            .collect();
        let answers = signer.sign(&messages)?;
        if answers.len() != batch.len() {
            return Err(Failure::CouldNot(format!(
                "the signer answered {} of {} messages: nothing of this batch was written",
                answers.len(),
                batch.len()
            )));
        }
        for (index, signed) in batch.iter().zip(answers) {
            let coin = SignedCoin {
                coin: issuance.coin(*index),
                key_version: signed.key_version,
                signature: signed.signature,
            };
            let text = coin.to_coin_txt();
            check(&text, issuance, *index, signer.keyring(), now).map_err(|reason| {
                Failure::CouldNot(format!("what the signer made for coin {index} is not good ({reason})"))
            })?;
            directory.write_coin(*index, &text)?;
        }
        directory.sync()?;
        left -= batch.len();
        progress.reached(done(left));
    }
    progress.finish();
    Ok(())
}

/// Whether a text is the coin at `index`, with a signature that a verifier accepts.
fn check(text: &str, issuance: &Issuance, index: u32, keyring: &Keyring, now: Timestamp) -> Result<(), String> {
    let read = SignedCoin::from_coin_txt(text).map_err(|error| error.to_string())?;
    if read.coin != issuance.coin(index) {
        return Err("campaign, serial or expiry differ".to_owned());
    }
    coin::verify(read.to_token().as_bytes(), keyring, &issuance.campaign, now)
        .map(drop)
        .map_err(|refusal| format!("{}: {}", refusal.code(), refusal.title()))
}

fn report(arguments: &Arguments, issuance: &Issuance, minted: usize) -> Result<(), Failure> {
    let (count, id, out) = (arguments.count, issuance.id.as_str(), arguments.out.display());
    let existing = count as usize - minted;
    eprintln!(
        "{count} coins of issuance {id} for {} in {out}: {minted} minted, {existing} were there",
        issuance.campaign
    );
    if arguments.json {
        let report = json!({
            "campaign": issuance.campaign.as_str(),
            "issuance_id": id,
            "count": count,
            "minted": minted,
            "existing": existing,
            "out": out.to_string(),
        });
        writeln!(io::stdout(), "{report}").map_err(|error| Failure::CouldNot(format!("could not print: {error}")))?;
    }
    Ok(())
}
