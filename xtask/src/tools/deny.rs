//! cargo-deny: the one on PATH, else a pinned one, built once and kept.

use std::path::{Path, PathBuf};

use crate::cargo::cargo;
use crate::{place, step, tools};

/// The version that deny.toml is written for.
const VERSION: &str = "0.20.2";

/// Finds cargo-deny, and builds it when it is not there.
///
/// # Errors
///
/// When it does not build.
pub fn bring() -> Result<PathBuf, String> {
    if let Some(deny) = place::on_path("cargo-deny") {
        return Ok(deny);
    }
    let directory = tools::kept(&format!("cargo-deny-{VERSION}"), install)?;
    Ok(directory.join("bin/cargo-deny"))
}

fn install(directory: &Path) -> Result<(), String> {
    let mut install = cargo(&["install", "--quiet", "--locked", "--version", VERSION]);
    // Half the build time for a tool that runs for a second.
    install.args(["--profile", "dev"]);
    step::run(
        "build cargo-deny (once, some minutes)",
        install.arg("--root").arg(directory).arg("cargo-deny"),
        "A C compiler is needed (Debian: apt-get install gcc libc6-dev).",
    )
}
