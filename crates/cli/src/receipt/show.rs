//! `receipt show`: what a receipt says, whether it is true or not.

use service::Failure;

use super::File;
use super::facts::Facts;
use crate::output;

/// Show what a receipt says; `verify` says whether it is true
#[derive(clap::Args)]
#[command(after_help = "Exit codes: 0 shown, 1 this is no receipt of a vote, 2 could not read it, 64 usage.")]
pub struct Arguments {
    #[command(flatten)]
    file: File,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
///
/// [`Failure::Refused`] when it is no receipt of a vote, [`Failure::CouldNot`] when it cannot be read.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let receipt = arguments.file.read()?;
    let facts = Facts::of(&receipt, None).map_err(Failure::Refused)?;
    if arguments.json {
        return output::print(serde_json::Value::Object(facts.to_json()));
    }
    output::print(facts.to_lines().join("\n"))?;
    output::print("Nothing of this was checked: `hashicoin receipt verify` does.")
}
