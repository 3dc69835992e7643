//! How a command ends when it does not succeed: the message, and the exit code that belongs to it.
//!
//! Messages say what is wrong and then what to do. A coin's token and signature are never in them.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// What sysexits.h calls `EX_USAGE`.
const EXIT_USAGE: u8 = 64;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub enum Failure {
    /// The answer is no: exit code 1. Asking again changes nothing.
    Refused(String),
    /// There is no answer: exit code 2. It may come once the file, the network or the service is in order.
    CouldNot(String),
    /// The arguments contradict each other in a way that clap cannot see: exit code 64.
    Usage(String),
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
            Failure::Usage(_) => EXIT_USAGE,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Failure::Refused(message) | Failure::CouldNot(message) | Failure::Usage(message)) = self;
        formatter.write_str(message)
    }
}

impl std::error::Error for Failure {}

/// Prints what clap has to say, and gives the exit code: 0 after help and version, which clap returns as errors too, 64 after a mistake.
pub fn usage(error: &clap::Error) -> ExitCode {
    // Nobody is left to tell when this print fails.
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { EXIT_USAGE } else { 0 })
}
