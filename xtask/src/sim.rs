//! `sim`: the seeded simulation of the thread that counts, a seed of one's choice or many.

use std::env;

use crate::cargo::cargo;
use crate::step;

/// The test that runs seeds over models of the parts.
const TEST: &str = "simulation::every_seed_keeps_every_promise";

/// Runs the seeded simulation of the ledger: a run that fails is told step by step, and so is one alone
#[derive(clap::Args)]
pub struct Arguments {
    /// The first seed
    #[arg(long, value_name = "N")]
    seed: u64,
    /// How many, from that one on
    #[arg(long, value_name = "M", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
}

/// Runs the command.
///
/// # Errors
///
/// When a promise is broken.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let mut test = cargo(&["test", "--package", "ledger", "--bin", "hashicoin-ledger", "--"]);
    test.args([TEST, "--exact", "--nocapture"]);
    test.env("SIM_SEED", arguments.seed.to_string())
        .env("SIM_SEEDS", arguments.seeds.to_string());
    if env::var_os("RUST_BACKTRACE").is_none() {
        // Of a run that failed, its own steps say more.
        test.env("RUST_BACKTRACE", "0");
    }
    step::run_with_output("simulate", &mut test, "What happened is above.")
}
