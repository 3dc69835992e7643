//! `dev`: brings what the story needs, builds it, and becomes `hashicoin dev`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::cargo::build_programs;
use crate::tools::{self, envoy};
use crate::{place, step, wasm};

/// The whole journey of a coin on this machine: builds, then runs `hashicoin dev`, which stays up until Ctrl-C
///
/// With --mesh, on a real Vault, Consul, Redis and Postgres; with --nomad, as jobs of a Nomad beside them. Needs no browser. Standard output is that of `hashicoin dev` alone.
#[derive(clap::Args)]
pub struct Arguments {
    /// Handed on to `hashicoin dev`, such as --once --json
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    arguments: Vec<OsString>,
}

/// The keynote's steps, each asserted, on a real Vault, Consul and Nomad: `dev --nomad --keynote`; as root
///
/// Writes a report for people, target/keynote/report.html.
#[derive(clap::Args)]
pub struct Keynote {
    #[command(flatten)]
    dev: Arguments,
}

/// As [`run`], for the keynote.
///
/// # Errors
///
/// As [`run`].
pub fn keynote(keynote: Keynote) -> Result<(), String> {
    let Keynote { mut dev } = keynote;
    let report = place::target().join("keynote/report.html");
    let flags = ["--nomad", "--keynote", "--report"].map(OsString::from);
    dev.arguments.splice(0..0, flags.into_iter().chain([report.into()]));
    run(&dev)
}

/// Runs the command; returns only when it fails.
///
/// # Errors
///
/// When a step fails, or `hashicoin` cannot be started.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let is_given = |flag| arguments.arguments.iter().any(|argument| argument == flag);
    let (is_mesh, is_nomad) = (is_given("--mesh"), is_given("--nomad"));
    if is_nomad {
        tools::nomad()?;
    } else if is_mesh {
        tools::mesh()?;
    }
    let envoy = envoy::bring()?;
    wasm::build_checked()?;
    step::run(
        "build the programs",
        &mut build_programs(),
        "The compiler's message is above.",
    )?;
    let mut dev = Command::new(place::programs().join("hashicoin"));
    dev.arg("dev")
        .arg("--envoy")
        .arg(envoy)
        .arg("--gate")
        .arg(wasm::module());
    if is_mesh || is_nomad {
        dev.arg("--tools").arg(tools::directory());
    }
    // A signal and an exit code are then between the caller and it.
    let error = dev.args(&arguments.arguments).exec();
    Err(format!("could not start {}: {error}", dev.get_program().display()))
}
