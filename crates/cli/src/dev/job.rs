//! A program that is run to its end for what it does or says.

use std::process::{Command, Stdio};

use service::Failure;

/// Runs it without input, and gives what it wrote to standard output.
///
/// # Errors
///
/// When it cannot be started, or does not end with 0; the message has what it wrote to standard error.
pub fn run(what: &str, command: &mut Command) -> Result<Vec<u8>, Failure> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| {
        Failure::CouldNot(format!(
            "{what}: could not start {}: {error}",
            command.get_program().display()
        ))
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::CouldNot(format!("{what} failed: {}\n{said}", output.status)));
    }
    Ok(output.stdout)
}
