//! What a command answers, on standard output. Everything else that it has to say goes to standard error.

use std::fmt::Display;
use std::io::{self, Write};

use service::Failure;

/// Prints one line, or one JSON object.
///
/// # Errors
///
/// When standard output is gone: whoever reads it would take silence for an answer.
pub fn print(line: impl Display) -> Result<(), Failure> {
    writeln!(io::stdout(), "{line}").map_err(|error| Failure::CouldNot(format!("could not print: {error}")))
}
