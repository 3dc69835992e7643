//! Votes per second that the ledger counts, against a bare COPY into the same Postgres, and against Tessera's log on the same disk.
//!
//! crates/ledger/examples/ledger_load drives all of them in turns: `hashicoin-ledger` as it ships, between a real Redis and a real Postgres; the COPY; and
//! tools/tessera-load.

use std::process::Command;

use serde_json::{Value, json};

use super::spread::Spread;
use crate::cargo::cargo;
use crate::tools::go::{self, TESSERA_LOAD};
use crate::{place, step, tools};

/// Votes per second that the ledger counts, against COPY into the same Postgres and against Tessera
///
/// With --json the last line on standard output is one object: votes_per_s, ratio_to_copy, store_ratio_to_copy, ratio_to_tessera, ratio_to_tessera_checking, p99_receipt_rewriting_ms and p99_receipt_ms.
#[derive(clap::Args)]
pub struct Arguments {
    /// Print the figures as one JSON object at the end
    #[arg(long)]
    json: bool,
    /// How many rows there are before the first round
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1000..=10_000_000))]
    rows: u64,
    /// How many votes each counts in a round
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(10_000..=1_000_000))]
    votes: u64,
    /// How many times each is measured
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
}

/// Runs the command.
///
/// # Errors
///
/// When a part does not start, or loses a vote.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    tools::stores()?;
    let tessera = go::bring(&TESSERA_LOAD)?;
    step::run(
        "build hashicoin-ledger as it ships, and what measures it",
        &mut cargo(&["build", "--release", "--package", "ledger", "--bins", "--examples"]),
        "The compiler's message is above.",
    )?;
    let release = place::target().join("release");
    let numbers = [arguments.rows, arguments.votes, arguments.rounds.into()].map(|number| number.to_string());
    eprintln!(
        "    the ledger, COPY and Tessera: {} rows first, which takes minutes",
        arguments.rows
    );
    let mut load = Command::new(release.join("examples/ledger_load"));
    let printed = step::read(load.args(&numbers).arg(&tessera))?;
    let rounds: Result<Vec<Value>, _> = printed.lines().map(serde_json::from_str).collect();
    let rounds = rounds.map_err(|error| format!("ledger_load printed no figures: {error}"))?;
    report(arguments, &rounds)
}

fn report(arguments: &Arguments, rounds: &[Value]) -> Result<(), String> {
    let figure = |round: &Value, name: &str| {
        let figure = round.pointer(name).and_then(Value::as_f64);
        figure.ok_or_else(|| format!("ledger_load did not print {name}"))
    };
    let all = |name: &str| {
        rounds
            .iter()
            .map(|round| figure(round, name))
            .collect::<Result<Vec<f64>, String>>()
    };
    let (counted, copied, appended) = (all("/votes_per_s")?, all("/copied_per_s")?, all("/appended_per_s")?);
    let stored = all("/stored_per_s")?;
    let store_to_copy = Spread::of(stored.iter().zip(&copied).map(|(ours, theirs)| ours / theirs));
    let ratio = |rival: &[f64]| Spread::of(counted.iter().zip(rival).map(|(ours, theirs)| ours / theirs));
    let (to_copy, to_tessera) = (ratio(&copied), ratio(&appended));
    let appended_signed = all("/appended_signed_per_s")?;
    let to_tessera_checking = ratio(&appended_signed);
    let p99 = Spread::of(all("/p99_receipt_ms")?);
    let p99_rewriting = Spread::of(all("/p99_receipt_rewriting_ms")?);
    eprintln!("a page written and synced    {} ms", Spread::of(all("/fdatasync_ms")?));
    eprintln!("rows before the rounds       {}", Spread::of(all("/rows")?));
    eprintln!(
        "a row with its indexes       {} bytes",
        Spread::of(all("/bytes_per_row")?)
    );
    eprintln!(
        "COPY, then ON CONFLICT       {} rows/s",
        Spread::of(copied.iter().copied())
    );
    eprintln!("the ledger's store alone     {} votes/s", Spread::of(stored));
    eprintln!("    ratio to COPY            {store_to_copy}");
    eprintln!(
        "Tessera with its antispam    {} entries/s",
        Spread::of(appended.iter().copied())
    );
    eprintln!("    checking signatures      {} entries/s", Spread::of(appended_signed));
    eprintln!(
        "hashicoin-ledger             {} votes/s",
        Spread::of(counted.iter().copied())
    );
    eprintln!("    votes in a transaction   {}", Spread::of(all("/batch")?));
    for part in ["ledger", "postgres", "redis"] {
        let spread = Spread::of(all(&format!("/cpu_us/{part}"))?);
        eprintln!("    {part:<20}     {spread} µs of processor time for a vote");
    }
    eprintln!("    ratio to COPY            {to_copy}");
    eprintln!("    ratio to Tessera         {to_tessera}");
    eprintln!("        checking signatures  {to_tessera_checking}");
    eprintln!(
        "at half of that speed        {} votes/s",
        Spread::of(all("/open_per_s")?)
    );
    eprintln!(
        "    half have their receipts {} ms after they are due",
        Spread::of(all("/p50_receipt_ms")?)
    );
    eprintln!("    99 % have theirs         {p99} ms after");
    eprintln!("    99 % while Redis rewrites its file: {p99_rewriting} ms after");
    if arguments.json {
        let rounded = |figure: f64| (figure * 100.0).round() / 100.0;
        println!(
            "{}",
            json!({
                "votes_per_s": Spread::of(counted).median().round(),
                "ratio_to_copy": rounded(to_copy.median()),
                "store_ratio_to_copy": rounded(store_to_copy.median()),
                "ratio_to_tessera": rounded(to_tessera.median()),
                "ratio_to_tessera_checking": rounded(to_tessera_checking.median()),
                "p99_receipt_rewriting_ms": p99_rewriting.median().round(),
                "p99_receipt_ms": p99.median().round(),
            })
        );
    }
    Ok(())
}
