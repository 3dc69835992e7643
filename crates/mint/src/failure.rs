//! How a command ends when it does not succeed: the message, and the exit code that belongs to it.
//!
//! Messages say what is wrong and then what to do. They name files, never what is in a key file.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub enum Failure {
    /// Doing it would be wrong: exit code 1. Asking again changes nothing.
    Refused(String),
    /// It could not be done: exit code 2. It may work once the file or the disk is in order.
    CouldNot(String),
}

impl Failure {
    /// A failed file operation: `doing` completes the sentence "could not … PATH".
    pub fn io(doing: &str, path: &Path, error: &io::Error) -> Failure {
        Failure::CouldNot(format!("could not {doing} {}: {error}", path.display()))
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Failure::Refused(_) => 1,
            Failure::CouldNot(_) => 2,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(message) | Failure::CouldNot(message) => formatter.write_str(message),
        }
    }
}
