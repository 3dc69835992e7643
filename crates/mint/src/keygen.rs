//! `keygen`: makes a signing key in a file, for development.

use std::path::PathBuf;

use service::Failure;

/// Makes a signing key in a file (PKCS#8 PEM, mode 0600), for development
#[derive(clap::Args)]
pub struct Arguments {
    /// Where the key goes; a file that exists is never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs the command.
///
/// # Errors
///
/// As [`key_file::create`].
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    key_file::create(&arguments.out)?;
    eprintln!(
        "wrote {}: a key for development; whoever reads this file can mint coins",
        arguments.out.display()
    );
    Ok(())
}
