//! `hashicoin-mint`: makes coins. The only program that signs them.
//!
//! Three commands: `mint` has Vault sign coins, into a directory or the pool in Redis. `keygen` makes a signing key in a file, for development, and `keys`
//! prints its public half as Vault would.
//!
//! Exit codes: 0 done, 1 refused (what was asked for would be wrong), 2 could not (a file, a disk, the network), 64 usage.

mod batch;
mod coin_dir;
mod file_signer;
mod into_directory;
mod into_pool;
mod issuance;
mod keygen;
mod keys;
mod mint;
mod progress;
mod signer;
mod vault;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Mints coins: signed single-use vouchers.
#[derive(Parser)]
#[command(version, after_help = "Exit codes: 0 done, 1 refused, 2 could not, 64 usage.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of it")]
enum Command {
    Keygen(keygen::Arguments),
    Keys(keys::Arguments),
    Mint(mint::Arguments),
}

fn main() -> ExitCode {
    let arguments: Arguments = match service::parse_arguments() {
        Ok(arguments) => arguments,
        Err(exit_code) => return exit_code,
    };
    let result = match arguments.command {
        Command::Keygen(arguments) => keygen::run(&arguments),
        Command::Keys(arguments) => keys::run(&arguments),
        Command::Mint(arguments) => mint::run(&arguments),
    };
    if let Err(failure) = result {
        eprintln!("hashicoin-mint: {failure}");
        return failure.exit_code();
    }
    ExitCode::SUCCESS
}
