//! `keys`: prints the public keyring of key files as Vault would.

use std::io::{self, Write};
use std::path::PathBuf;

use service::Failure;

use crate::file_signer::public_keys_json;

/// Prints the public keys as `vault read -format=json transit/keys/hashicoin` does
#[derive(clap::Args)]
pub struct Arguments {
    /// A key file; give it once per version, oldest first: the N-th is version N
    #[arg(long = "key", value_name = "FILE", required = true)]
    keys: Vec<PathBuf>,
}

/// Runs the command.
///
/// # Errors
///
/// As [`key_file::read`], and when standard output is gone.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let keys = arguments
        .keys
        .iter()
        .map(|path| key_file::read(path))
        .collect::<Result<Vec<_>, _>>()?;
    let keyring = public_keys_json((1..).zip(&keys));
    writeln!(io::stdout(), "{keyring:#}").map_err(|error| Failure::CouldNot(format!("could not print: {error}")))
}
