//! `cargo xtask`: the project's own commands. What CI runs is what a developer runs. Everything that a command says goes to standard error; standard output belongs
//! to the programs that it starts.

mod bench;
mod cargo;
mod check;
mod dev;
mod place;
mod sim;
mod step;
mod test;
mod tools;
mod wasm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own commands.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
#[command(after_help = "Exit codes: 0 done, 1 a step failed, 2 usage. `dev` exits as `hashicoin dev` does.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Dev(dev::Arguments),
    Keynote(dev::Keynote),
    Test(test::Arguments),
    /// Measures what is claimed about speed, beside the rival, in one run
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Checks without running anything: formatting, clippy for both targets, documentation, dependency rules
    Check,
    Sim(sim::Arguments),
    Wasm(wasm::Arguments),
    /// Brings what the tests need and is not there: the WebAssembly target, Envoy, Consul, Vault, Nomad, Redis, Postgres, Chromium, strace, cargo-deny
    Tools,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Dev(arguments) => dev::run(&arguments),
        Command::Keynote(arguments) => dev::keynote(arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Bench(bench) => bench::run(&bench),
        Command::Check => check::run(),
        Command::Sim(arguments) => sim::run(&arguments),
        Command::Wasm(arguments) => wasm::run(&arguments),
        Command::Tools => tools::run(),
    };
    let Err(message) = result else {
        return ExitCode::SUCCESS;
    };
    eprintln!("xtask: {message}");
    ExitCode::FAILURE
}
