//! One step of a command: a program that is run to its end, with a line before, a line with the time it took after, and an advice when it fails.

use std::io;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Runs a program whose output is for reading along: all of it goes to standard error.
///
/// # Errors
///
/// When it cannot be started or does not exit with 0; the message ends with `advice`.
pub fn run(what: &str, command: &mut Command, advice: &str) -> Result<(), String> {
    command.stdout(Stdio::from(io::stderr()));
    run_with_output(what, command, advice)
}

/// As [`run`], for a program whose standard output is what the user asked for.
///
/// # Errors
///
/// As [`run`].
pub fn run_with_output(what: &str, command: &mut Command, advice: &str) -> Result<(), String> {
    timed(what, || {
        let status = command.stdin(Stdio::null()).status().map_err(|error| {
            format!(
                "{what}: could not start {}: {error}. {advice}",
                command.get_program().display()
            )
        })?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("{what} failed ({status}). {advice}"))
        }
    })
}

/// Does something with a line before it and a line after it.
///
/// # Errors
///
/// Those of `work`.
pub fn timed<T>(what: &str, work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    eprintln!("==> {what}");
    let started = Instant::now();
    let done = work()?;
    eprintln!("    {what}: {:.1} s", started.elapsed().as_secs_f64());
    Ok(done)
}

/// What a program says on standard output; an error when it cannot be started or does not exit with 0.
///
/// # Errors
///
/// With what the program said on standard error, unless the caller has sent that elsewhere.
pub fn read(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("could not start {}: {error}", program.display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let failed = format!("{} failed ({}): {}", program.display(), output.status, said.trim());
        return Err(failed.trim_end_matches(": ").to_owned());
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{} printed no text: {error}", program.display()))
}
