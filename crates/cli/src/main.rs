//! `hashicoin`: the command line for everybody who is not a server.
//!
//! `verify` says whether a coin is good, `vote` casts it, `keyring` shows the public keys and writes the gate's configuration, `dev` tells the whole
//! story on one machine. It holds no key and signs nothing.
//!
//! Exit codes: 0 done, 1 refused, 2 could not, 64 usage.

mod clock;
mod config_entry;
mod dev;
mod gate_config;
mod http;
mod input;
mod keyring;
mod output;
mod parse;
mod shipped;
mod verify;
mod vote;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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

#[derive(Subcommand)]
enum Command {
    Dev(dev::Arguments),
    Verify(verify::Arguments),
    Vote(vote::Arguments),
    Keyring(keyring::Arguments),
}

fn main() -> ExitCode {
    let arguments: Arguments = match service::parse_arguments() {
        Ok(arguments) => arguments,
        Err(exit_code) => return exit_code,
    };
    let result = match arguments.command {
        Command::Dev(arguments) => dev::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Vote(arguments) => vote::run(&arguments),
        Command::Keyring(arguments) => keyring::run(&arguments),
    };
    if let Err(failure) = result {
        eprintln!("hashicoin: {failure}");
        return failure.exit_code();
    }
    ExitCode::SUCCESS
}
