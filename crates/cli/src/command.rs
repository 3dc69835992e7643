//! The commands, each in a module of its own name.

use clap::Subcommand;
use service::Failure;

use crate::{audit, dev, export, keyring, receipt, verify, vote};

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    Dev(dev::Arguments),
    Verify(verify::Arguments),
    Vote(vote::Arguments),
    Receipt(receipt::Arguments),
    Audit(audit::Arguments),
    Export(export::Arguments),
    Keyring(keyring::Arguments),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    ///
    /// Those of the command; they carry the exit code.
    pub fn run(&self) -> Result<(), Failure> {
        match self {
            Command::Dev(arguments) => dev::run(arguments),
            Command::Verify(arguments) => verify::run(arguments),
            Command::Vote(arguments) => vote::run(arguments),
            Command::Receipt(arguments) => receipt::run(arguments),
            Command::Audit(arguments) => audit::run(arguments),
            Command::Export(arguments) => export::run(arguments),
            Command::Keyring(arguments) => keyring::run(arguments),
        }
    }
}
