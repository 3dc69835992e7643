//! Calls of cargo.

use std::process::Command;

use crate::place;

/// The target that the filter is built for. Without WASI, the module can import nothing but the proxy's own functions.
pub const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// The cargo that runs this, at the root of the repository.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(place::root()).args(arguments);
    command
}

/// Builds every program, in the development profile.
///
/// Development, not release: a cold release build takes several times as long, and the crates in which a program spends its time (signatures,
/// hashes, the interpreter of the mock) are optimised in the development profile too. The filter is always built as it ships.
pub fn build_programs() -> Command {
    cargo(&["build", "--workspace", "--bins"])
}

/// As [`build_programs`], and the tests with them: in one call, because the tests ask for features of shared crates, which a second call would compile
/// again with those features.
pub fn build_programs_and_tests() -> Command {
    cargo(&["build", "--workspace", "--bins", "--tests"])
}
