//! `verify`: whether a `coin.txt` is good, by the same decision as the gate's and the ledger's.
//!
//! It cannot say whether the coin has been spent: only the ledger knows that.

use std::path::PathBuf;

use clap::value_parser;
use coin::{Accepted, Campaign, Refusal, Timestamp};
use serde_json::json;
use service::Failure;

use crate::{clock, input, output, parse};

/// Say whether a coin.txt is good: signed, for this campaign, not expired
///
/// Whether it has been spent is for the ledger to say.
#[derive(clap::Args)]
#[command(after_help = "Exit codes: 0 good, 1 refused, 2 could not read the coin or the keys, 64 usage.")]
pub struct Arguments {
    /// The coin.txt; - for standard input
    #[arg(value_name = "FILE")]
    coin: PathBuf,
    /// The public keys, as `vault read -format=json transit/keys/NAME` prints them
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// The campaign that it has to be for [default: the one that the coin names]
    #[arg(long, value_name = "SLUG", value_parser = parse::campaign)]
    campaign: Option<Campaign>,
    /// The lowest key version that counts
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u32).range(1..))]
    min_key_version: u32,
    /// The time to judge by, such as 2030-01-01T00:00:00Z [default: now]
    #[arg(long, value_name = "RFC3339", value_parser = parse::timestamp)]
    now: Option<Timestamp>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Why a coin is no good.
struct Reason {
    code: &'static str,
    title: &'static str,
    detail: String,
}

/// Runs the command.
///
/// # Errors
///
/// [`Failure::Refused`] when the coin is no good, [`Failure::CouldNot`] when coin or keys cannot be read.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    match judge(arguments)? {
        Ok(accepted) => print_good(arguments, &accepted),
        Err(reason) => {
            if arguments.json {
                output::print(
                    json!({"good": false, "code": reason.code, "title": reason.title, "detail": reason.detail}),
                )?;
            }
            Err(Failure::Refused(format!(
                "{}: {}. {}",
                reason.code, reason.title, reason.detail
            )))
        }
    }
}

fn judge(arguments: &Arguments) -> Result<Result<Accepted, Reason>, Failure> {
    let keys = input::keys(&arguments.keys, arguments.min_key_version)?
        .map_err(|error| Failure::CouldNot(format!("could not use {}: {error}", arguments.keys.display())))?;
    let now = arguments.now.map_or_else(clock::now, Ok)?;
    let signed = match input::coin(&arguments.coin)? {
        Ok(signed) => signed,
        Err(detail) => {
            return Ok(Err(Reason {
                code: Refusal::Malformed.code(),
                title: "This is not a coin.txt",
                detail,
            }));
        }
    };
    if arguments.campaign.is_none() {
        eprintln!(
            "hashicoin: no --campaign given: taking the coin's own word for {}",
            signed.coin.campaign
        );
    }
    let campaign = arguments.campaign.as_ref().unwrap_or(&signed.coin.campaign);
    let verdict = coin::verify(signed.to_token().as_bytes(), &keys.keyring, campaign, now);
    Ok(verdict.map_err(|refusal| Reason {
        code: refusal.code(),
        title: refusal.title(),
        detail: refusal.detail().to_owned(),
    }))
}

fn print_good(arguments: &Arguments, accepted: &Accepted) -> Result<(), Failure> {
    let (coin, key_version) = (&accepted.coin, accepted.key_version);
    if arguments.json {
        return output::print(json!({
            "good": true,
            "campaign": coin.campaign.as_str(),
            "serial": coin.serial.to_string(),
            "expires": coin.expires.to_string(),
            "key_version": key_version,
        }));
    }
    output::print(format_args!(
        "good: campaign {}, serial {}, expires {}, key version {key_version}",
        coin.campaign, coin.serial, coin.expires
    ))
}
