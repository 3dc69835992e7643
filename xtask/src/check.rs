//! `check`: what can be said of the code without running it.

use std::process::Command;

use crate::cargo::{WASM_TARGET, cargo};
use crate::tools::{self, deny};
use crate::{place, step};

/// Runs the command.
///
/// # Errors
///
/// When a check fails; the message says how to mend it.
pub fn run() -> Result<(), String> {
    tools::wasm_target()?;
    step::run(
        "check the formatting",
        &mut cargo(&["fmt", "--all", "--check"]),
        "Run `cargo fmt --all`.",
    )?;
    let warnings = ["--", "--deny", "warnings"];
    step::run(
        "lint everything, natively",
        cargo(&["clippy", "--workspace", "--all-targets"]).args(warnings),
        "Mend what clippy names, or allow it there with a reason.",
    )?;
    step::run(
        "lint the filter, for the sidecar",
        cargo(&["clippy", "--package", "coin-gate", "--target", WASM_TARGET]).args(warnings),
        "Mend what clippy names, or allow it there with a reason.",
    )?;
    step::run(
        "check the documentation",
        cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"]).env("RUSTDOCFLAGS", "--deny warnings"),
        "Mend what rustdoc names.",
    )?;
    // Advisories come from a repository on the network and change by the day: .github/workflows asks for them, a test run must not depend on them.
    step::run(
        "check the dependencies",
        Command::new(deny::bring()?).current_dir(place::root()).args([
            "--workspace",
            "check",
            "bans",
            "licenses",
            "sources",
        ]),
        "deny.toml says what is allowed, and why.",
    )
}
