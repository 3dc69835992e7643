//! `receipt verify`: whether what a receipt says is true, without asking anybody.
//!
//! The checkpoint is signed by a key that the user trusts, the proof leads from the entry to its root, and the entry is a vote in its one spelling; with the coins' keys, the coin in
//! it is real as well. So the vote is in the log, and nobody can take it out or change it without showing another tree to somebody.

use std::path::PathBuf;

use coin::Keyring;
use serde_json::json;
use service::Failure;
use tlog::{Policy, TlogProof};
use vote::LogInfo;

use super::File;
use super::facts::Facts;
use crate::log::{LOG_JSON_BYTES_MAX, Pins};
use crate::{input, output};

/// Say whether what a receipt says is true, offline, by keys that you trust
///
/// The log signed a tree that has this vote in this place. With the coins' keys (--coin-keys, or those of --log-info) the coin's signature is checked too, and with --log-info that the
/// vote is for the campaign's charities.
#[derive(clap::Args)]
#[command(after_help = "Exit codes: 0 true, 1 not true or not a receipt, 2 could not read it or a key, 64 usage.")]
pub struct Arguments {
    #[command(flatten)]
    file: File,
    /// The log's log.json, from wherever you trust it: its keys, the coins' keys and the campaign
    #[arg(long, value_name = "FILE", required_unless_present = "verifier_keys")]
    log_info: Option<PathBuf>,
    #[command(flatten)]
    pins: Pins,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What a receipt is judged by.
struct Judge {
    policy: Policy,
    coin_keys: Option<Keyring>,
    info: Option<LogInfo>,
}

/// Runs the command.
///
/// # Errors
///
/// [`Failure::Refused`] when it is not true, [`Failure::CouldNot`] when something cannot be read.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let judge = Judge::new(arguments)?;
    let verdict = arguments.file.read().map_err(Verdict::from);
    let verdict = verdict.and_then(|receipt| judge.judge(&receipt).map_err(Verdict::NotTrue));
    match verdict {
        Ok(facts) if arguments.json => {
            let mut json = facts.to_json();
            json.insert("good".to_owned(), json!(true));
            json.insert("coin_checked".to_owned(), json!(judge.coin_keys.is_some()));
            output::print(serde_json::Value::Object(json))
        }
        Ok(facts) => {
            output::print(facts.to_lines().join("\n"))?;
            output::print(match judge.coin_keys {
                Some(_) => "good: this vote is in the log, in this place, and its coin is real",
                None => {
                    "good: this vote is in the log, in this place (whether its coin is real was not asked: --coin-keys)"
                }
            })
        }
        Err(Verdict::NotTrue(why)) => {
            if arguments.json {
                output::print(json!({"good": false, "why": why}))?;
            }
            Err(Failure::Refused(format!("not good: {why}")))
        }
        Err(Verdict::Failure(failure)) => Err(failure),
    }
}

/// Why there is nothing good to be said.
enum Verdict {
    NotTrue(String),
    Failure(Failure),
}

impl From<Failure> for Verdict {
    fn from(failure: Failure) -> Verdict {
        match failure {
            Failure::Refused(why) => Verdict::NotTrue(why),
            failure => Verdict::Failure(failure),
        }
    }
}

impl Judge {
    fn new(arguments: &Arguments) -> Result<Judge, Failure> {
        let Some(path) = &arguments.log_info else {
            let keys = arguments.pins.verifier_keys();
            // clap sees to it that there is one.
            let origin = keys.first().map_or("", |key| key.name());
            if keys.iter().any(|key| key.name() != origin) {
                return Err(Failure::Usage(
                    "the verifier keys are of different logs: give those of one".to_owned(),
                ));
            }
            let policy = match arguments.pins.witness_policy()? {
                None => Policy::new(origin, keys.to_vec()),
                Some(file) => file
                    .policy(origin, keys.to_vec())
                    .map_err(|error| Failure::Refused(format!("the witnesses' policy: {error}")))?,
            };
            return Ok(Judge {
                policy,
                coin_keys: arguments.pins.coin_keys()?,
                info: None,
            });
        };
        let could_not = |error: String| Failure::CouldNot(format!("could not use {}: {error}", path.display()));
        let text = input::read(path, LOG_JSON_BYTES_MAX)?;
        let info = LogInfo::parse(&text).map_err(|error| could_not(error.to_string()))?;
        let trust = arguments
            .pins
            .trust(&info)
            .map_err(|failure| could_not(failure.to_string()))?;
        Ok(Judge {
            policy: trust.log.witnessed_policy(&info.origin())?,
            coin_keys: Some(trust.coin_keys),
            info: Some(info),
        })
    }

    /// What is true, or the first reason why it is not.
    fn judge(&self, receipt: &TlogProof) -> Result<Facts, String> {
        receipt
            .verify(&receipt.extra, &self.policy)
            .map_err(|error| error.to_string())?;
        let campaign = self.info.as_ref().map(|info| &info.campaign);
        let facts = Facts::of(receipt, campaign.map(|campaign| campaign.charities()))?;
        let (signed, counted_at) = (&facts.entry.coin, facts.entry.counted_at);
        let coin = &signed.coin;
        if campaign.is_some_and(|campaign| *campaign.campaign() != coin.campaign) {
            return Err(format!("its coin is of campaign {}", coin.campaign));
        }
        if counted_at >= coin.expires {
            return Err(format!(
                "its coin expired at {}, and was counted at {counted_at}",
                coin.expires
            ));
        }
        let Some(keys) = &self.coin_keys else { return Ok(facts) };
        // Retired keys too: what they signed while they counted stays good.
        let key = keys.public_key(signed.key_version).ok_or_else(|| {
            format!(
                "its coin is signed by version {} of the key, which is not among the coins' keys",
                signed.key_version
            )
        })?;
        key.verify(&coin.to_signed_bytes(), &signed.signature).map_err(|_| {
            format!(
                "the signature of its coin is not that of version {} of the key: it is forged",
                signed.key_version
            )
        })?;
        Ok(facts)
    }
}
