//! Keeps a receipt that came with an answer, if it is that of this coin and this vote. Whether it is true is for `receipt verify`: here nobody's key is known.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use coin::SignedCoin;
use serde_json::{Map, Value};
use service::Failure;
use tlog::TlogProof;

use super::facts::Facts;

/// Writes the receipt into a new file. `weights` is what was voted, if it is the receipt of that and not of an earlier vote.
///
/// # Errors
///
/// When it is the receipt of something else, or the file cannot be written, or is there already.
pub fn keep(
    path: &Path,
    receipt: &str,
    coin: &SignedCoin,
    weights: Option<&Map<String, Value>>,
) -> Result<(), Failure> {
    let other = |what: &str| {
        Failure::CouldNot(format!(
            "the service sent a receipt that {what}, and it was not kept: ask why, with the vote's address"
        ))
    };
    let proof = TlogProof::parse(receipt.as_bytes()).map_err(|error| other(&format!("is none ({error})")))?;
    let facts = Facts::of(&proof, None).map_err(|error| other(&format!("is not of a vote ({error})")))?;
    if facts.entry.coin != *coin {
        return Err(other("is of another coin"));
    }
    let voted: Map<String, Value> = facts
        .shares()
        .map(|(id, weight)| (id.to_owned(), weight.into()))
        .collect();
    if weights.is_some_and(|weights| reduced(weights) != voted) {
        return Err(other("is of another vote than was sent"));
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|error| Failure::io("create", path, &error))?;
    file.write_all(receipt.as_bytes())
        .map_err(|error| Failure::io("write", path, &error))
}

/// The weights without their greatest common divisor, as they stand in the log.
fn reduced(weights: &Map<String, Value>) -> Map<String, Value> {
    let divisor = weights.values().filter_map(Value::as_u64).fold(0, gcd);
    let reduce = |weight: &Value| weight.as_u64().and_then(|weight| weight.checked_div(divisor)).into();
    weights
        .iter()
        .map(|(id, weight)| (id.clone(), reduce(weight)))
        .collect()
}

/// The greatest common divisor (Euclid).
fn gcd(mut left: u64, mut right: u64) -> u64 {
    while right != 0 {
        (left, right) = (right, left % right);
    }
    left
}
