//! Votes per second of `hashicoin audit`, against the most signatures that this machine checks at all.
//!
//! The log is a directory, made once. The auditor is the program as it ships, and its time is that of the whole process. Its rival, crates/cli/examples/audit_limit.rs, has all
//! signatures in memory when its clock starts, and checks them by the batch on all processors, as the auditor does, in the best of several sizes of batches; nothing else.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use serde_json::json;
use tempfile::TempDir;

use super::spread::Spread;
use crate::cargo::cargo;
use crate::{place, step};

/// Votes per second of `hashicoin audit`, against the most signatures that this machine checks by the batch
///
/// With --json the last line on standard output is one object: votes_per_s of the audit, and its ratio_to_verify_limit.
#[derive(clap::Args)]
pub struct Arguments {
    /// Print the figures as one JSON object at the end
    #[arg(long)]
    json: bool,
    /// How many times each is measured
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How many votes the log has
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1000..=10_000_000))]
    votes: u32,
}

/// Runs the command.
///
/// # Errors
///
/// When the log cannot be made, or is not clean.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    step::run(
        "build hashicoin as it ships, and its rival",
        &mut cargo(&["build", "--release", "--package", "hashicoin", "--bins", "--examples"]),
        "The compiler's message is above.",
    )?;
    let directory = TempDir::new().map_err(|error| format!("no temporary directory: {error}"))?;
    let log = directory.path().join("log");
    let votes = arguments.votes.to_string();
    step::read(rival().arg("make").arg(&log).arg(&votes))?;
    let votes = f64::from(arguments.votes);
    let (mut audit, mut limit) = (Vec::new(), Vec::new());
    for round in 1..=arguments.rounds {
        // In turns, so that a machine that becomes slower becomes so for both.
        let seconds = step::read(rival().arg("limit").arg(&log))?;
        let seconds: f64 = seconds
            .trim()
            .parse()
            .map_err(|_| format!("audit_limit printed no seconds: {seconds}"))?;
        let started = Instant::now();
        let report = step::read(Command::new(program("hashicoin")).arg("audit").arg(&log).arg("--json"))?;
        audit.push(votes / started.elapsed().as_secs_f64());
        limit.push(votes / seconds);
        if !report.contains("\"clean\":true") {
            return Err(format!("the audit of a good log found something: {report}"));
        }
        eprintln!(
            "    round {round}: limit {:.0} signatures/s, audit {:.0} votes/s",
            limit.last().unwrap_or(&f64::NAN),
            audit.last().unwrap_or(&f64::NAN)
        );
    }
    let ratio = Spread::of(audit.iter().zip(&limit).map(|(ours, theirs)| ours / theirs));
    let audit = Spread::of(audit);
    eprintln!("the most that is checked  {} signatures/s", Spread::of(limit));
    eprintln!("hashicoin audit           {audit} votes/s");
    eprintln!("ratio to the limit        {:.2}", ratio.median());
    if arguments.json {
        println!(
            "{}",
            json!({
                "votes_per_s": audit.median().round(),
                "ratio_to_verify_limit": (ratio.median() * 100.0).round() / 100.0,
            })
        );
    }
    Ok(())
}

fn rival() -> Command {
    Command::new(program("examples/audit_limit"))
}

fn program(name: &str) -> PathBuf {
    place::target().join("release").join(name)
}
