//! `vote`: casts the vote of one coin.
//!
//! The coin comes from a file or standard input, never from an argument: every user of a machine can read the arguments of every process.

use std::path::PathBuf;
use std::str::FromStr;

use clap::value_parser;
use serde_json::{Map, Value};
use service::Failure;

use crate::http::{Answer, Base, Client};
use crate::{input, output, receipt};

/// Cast the vote of one coin for one or more charities
///
/// Sending the same vote again is safe: a coin counts once, and the answer is the same.
#[derive(clap::Args)]
#[command(
    after_help = "Exit codes: 0 counted (also when it was before), 1 refused, 2 no answer, or none that says which, 64 usage."
)]
pub struct Arguments {
    /// Where Envoy listens, such as http://127.0.0.1:10000
    #[arg(long, value_name = "URL", value_parser = Base::parse)]
    url: Base,
    /// The coin.txt; - for standard input
    #[arg(long, value_name = "FILE")]
    coin: PathBuf,
    /// What to vote for; weights share the coin out, 1 where none is given
    #[arg(value_name = "CHARITY[=WEIGHT]", required = true)]
    choices: Vec<Choice>,
    /// How long the service may take to count the vote, in seconds. Without a word about it, a service with a queue would only say that it was queued
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = value_parser!(u8).range(1..=30))]
    wait: u8,
    /// Keep the receipt in this new file: it proves offline that the vote is in the log. If the coin was spent before, that of the vote that stands
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Print the service's own JSON, whatever it says
    #[arg(long)]
    json: bool,
}

/// A charity and its weight. Which charities there are, and how large a weight may be, is for the service to say.
#[derive(Clone)]
struct Choice {
    charity: String,
    weight: u64,
}

impl FromStr for Choice {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Choice, &'static str> {
        let (charity, weight) = text.split_once('=').unwrap_or((text, "1"));
        let weight = weight.parse().ok().filter(|weight| *weight > 0);
        if charity.is_empty() {
            return Err("name a charity by its id, such as clean-water or clean-water=3");
        }
        Ok(Choice {
            charity: charity.to_owned(),
            weight: weight.ok_or("a weight is a number from 1, such as clean-water=3")?,
        })
    }
}

/// Runs the command.
///
/// # Errors
///
/// [`Failure::Refused`] when the coin or the vote is refused, [`Failure::CouldNot`] when there is no answer that says whether it counts,
/// [`Failure::Usage`] when a charity is named twice.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let weights = weights(&arguments.choices)?;
    let signed = input::coin(&arguments.coin)?
        .map_err(|error| Failure::Refused(format!("{}: {error}. Nothing was sent.", arguments.coin.display())))?;
    if let Some(path) = arguments.receipt.as_deref().filter(|path| path.exists()) {
        return Err(Failure::Refused(format!(
            "{} exists, and a receipt is never overwritten: choose another name. Nothing was sent.",
            path.display()
        )));
    }
    let client = Client::new(arguments.url.clone());
    let answer = client.vote("/v1/votes", Some(&signed.to_token()), &weights, Some(arguments.wait))?;
    let body = answer.json();
    if arguments.json && body.is_object() {
        output::print(&body)?;
    }
    match answer.status {
        201 | 202 if body["state"] == "counted" => {
            if !arguments.json {
                output::print(format_args!("counted as vote {}: {}", body["index"], units(&body)))?;
                output::print(format_args!("{}/v1/votes/{}", arguments.url, text(&body["id"])))?;
            }
            match (&arguments.receipt, body["receipt"].as_str()) {
                (None, _) => Ok(()),
                (Some(path), Some(receipt)) => receipt::keep(path, receipt, &signed, Some(&weights)),
                (Some(_), None) => Err(Failure::CouldNot(
                    "the vote is counted, and its receipt is not there yet: send it again for the receipt, nothing is counted twice".to_owned(),
                )),
            }
        }
        400..=499 if body["type"].is_string() => {
            if let (Some(path), Some(receipt)) = (&arguments.receipt, body["first"]["receipt"].as_str()) {
                receipt::keep(path, receipt, &signed, None)?;
            }
            Err(Failure::Refused(format!("refused: {}", problem(&body))))
        }
        _ => Err(Failure::CouldNot(no_verdict(arguments, &answer, &body))),
    }
}

/// One weight per charity: a charity that is named twice is a slip, and guessing what was meant would spend the coin on it.
fn weights(choices: &[Choice]) -> Result<Map<String, Value>, Failure> {
    let mut weights = Map::new();
    for choice in choices {
        if weights.insert(choice.charity.clone(), choice.weight.into()).is_some() {
            return Err(Failure::Usage(format!(
                "{} is named twice: name each charity once, with all of its weight. Nothing was sent.",
                choice.charity
            )));
        }
    }
    Ok(weights)
}

/// `clean-water 750000, first-code 250000 units`.
fn units(body: &Value) -> String {
    let units: Vec<String> = body["units"].as_object().map_or_else(Vec::new, |units| {
        units
            .iter()
            .map(|(charity, units)| format!("{charity} {units}"))
            .collect()
    });
    format!("{} units", units.join(", "))
}

/// `The coin has expired. Coins count … (403 /problems/coin-expired)`.
fn problem(body: &Value) -> String {
    format!(
        "{}. {} ({} {})",
        text(&body["title"]),
        text(&body["detail"]),
        body["status"],
        text(&body["type"])
    )
}

fn no_verdict(arguments: &Arguments, answer: &Answer, body: &Value) -> String {
    let said = if body["type"].is_string() {
        problem(body)
    } else {
        format!("status {}, and nothing that a HashiCoin API says", answer.status)
    };
    format!(
        "{} did not say whether the vote counts: {said}. Send it again: nothing is counted twice.",
        arguments.url
    )
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}
