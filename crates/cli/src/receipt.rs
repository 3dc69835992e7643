//! `receipt`: what a voter keeps of a counted vote (c2sp.org/tlog-proof), shown to people, and checked offline.

mod facts;
mod keep;
mod show;
mod verify;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use service::Failure;
use tlog::TlogProof;

use crate::input;

pub use keep::keep;

/// Far above the longest receipt: 63 hashes, an entry and a checkpoint with a hundred signatures.
const RECEIPT_BYTES_MAX: u64 = 64 * 1024;

/// Show or verify the receipt of a vote, offline
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Show(show::Arguments),
    Verify(verify::Arguments),
}

/// Runs the command.
///
/// # Errors
///
/// Those of `show` and `verify`.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.command {
        Command::Show(arguments) => show::run(arguments),
        Command::Verify(arguments) => verify::run(arguments),
    }
}

/// The receipt, as both commands are given it.
#[derive(clap::Args)]
struct File {
    /// The receipt, as `hashicoin vote --receipt` or `GET /v1/votes/ID/receipt` gave it; - for standard input
    #[arg(value_name = "FILE")]
    receipt: PathBuf,
}

impl File {
    /// Reads it. Nothing that it says is checked.
    ///
    /// # Errors
    ///
    /// [`Failure::CouldNot`] when it cannot be read, [`Failure::Refused`] when it is no receipt.
    fn read(&self) -> Result<TlogProof, Failure> {
        let path: &Path = &self.receipt;
        let bytes = input::read(path, RECEIPT_BYTES_MAX)?;
        TlogProof::parse(&bytes).map_err(|error| Failure::Refused(format!("{}: {error}", path.display())))
    }
}
