//! `bench`: what is claimed about speed, each claim beside its rival in one run, in turns. docs/benchmarks.md has the figures and says what they mean.

mod audit;
mod coins;
mod cpu;
mod edge_vs_vault;
mod gate;
mod ledger;
mod load;
mod mint;
mod server;
mod spread;
mod vault;

use clap::Subcommand;

/// A claim to measure
#[derive(Subcommand)]
pub enum Bench {
    Audit(audit::Arguments),
    EdgeVsVault(edge_vs_vault::Arguments),
    Gate(gate::Arguments),
    Ledger(ledger::Arguments),
    Mint(mint::Arguments),
}

/// Runs the command.
///
/// # Errors
///
/// When a part does not start, or answers otherwise than the measurement needs.
pub fn run(bench: &Bench) -> Result<(), String> {
    match bench {
        Bench::Audit(arguments) => audit::run(arguments),
        Bench::EdgeVsVault(arguments) => edge_vs_vault::run(arguments),
        Bench::Gate(arguments) => gate::run(arguments),
        Bench::Ledger(arguments) => ledger::run(arguments),
        Bench::Mint(arguments) => mint::run(arguments),
    }
}
