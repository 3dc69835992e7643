//! `hashicoin`: the command line for everybody who is not a server.
//!
//! `verify` says whether a coin is good, `vote` casts it, `receipt` shows and checks what the voter keeps of it, `audit` checks the whole public log, `export` copies it,
//! `keyring` shows the public keys and writes the gate's configuration, `dev` tells the whole story on one machine. It holds no key and signs nothing.
//!
//! Exit codes: 0 done, 1 refused, 2 could not, 64 usage.

mod audit;
mod clock;
mod command;
mod config_entry;
mod dev;
mod export;
mod findings;
mod gate_config;
mod http;
mod input;
mod keyring;
mod log;
mod output;
mod parse;
mod receipt;
mod shipped;
mod verify;
mod vote;

use std::process::ExitCode;

use clap::Parser;

use command::Command;

/// Coins on the command line: verify them, vote with them, see the keys, run the whole story.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 done, 1 refused, 2 could not, 64 usage. Each command's help says what they mean there."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let arguments: Arguments = match service::parse_arguments() {
        Ok(arguments) => arguments,
        Err(exit_code) => return exit_code,
    };
    if let Err(failure) = arguments.command.run() {
        eprintln!("hashicoin: {failure}");
        return failure.exit_code();
    }
    ExitCode::SUCCESS
}
