//! How a program ends: the message, and the exit code that belongs to it.
//!
//! Exit codes are part of each program's interface: 0 done, 1 refused, 2 could not, 64 usage. Schedulers and scripts act on them.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};

/// What sysexits.h calls `EX_USAGE`.
const EXIT_USAGE: u8 = 64;

/// Why a program did not do what was asked. Messages say what is wrong, then what to do, and never hold a secret.
#[derive(Debug)]
pub enum Failure {
    /// Doing it would be wrong: exit code 1. Asking again changes nothing.
    Refused(String),
    /// It could not be done: exit code 2. It may work once the file, the disk or the network is in order.
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

/// Reads the process's arguments. A password in an address that is refused is not repeated.
///
/// # Errors
///
/// The code to exit with, once clap has printed what there is to print: 0 after help and version, 64 after a mistake.
pub fn parse_arguments<Arguments: clap::Parser>() -> Result<Arguments, ExitCode> {
    Arguments::try_parse().map_err(|mut error| {
        for kind in [
            ContextKind::InvalidValue,
            ContextKind::InvalidArg,
            ContextKind::InvalidSubcommand,
        ] {
            if let Some(ContextValue::String(text)) = error.get(kind)
                && let Some(shown) = without_credentials(text)
            {
                error.insert(kind, ContextValue::String(shown));
            }
        }
        // Nobody is left to tell when this print fails. Help and version are no errors, though clap returns them as such.
        let _ = error.print();
        ExitCode::from(if error.use_stderr() { EXIT_USAGE } else { 0 })
    })
}

/// An address's scheme and an ellipsis: a password can be before an `@` or after a `?`, and can hold both. `None` for a text with neither.
fn without_credentials(text: &str) -> Option<String> {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    text.contains(['@', '?']).then(|| format!("{scheme}://…"))
}
