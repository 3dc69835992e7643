//! `test`: everything, as CI runs it.

use crate::cargo::{build_programs_and_tests, cargo};
use crate::{check, step, tools, wasm};

/// The tests that need a program of others, by a part of their names.
const NEED_TOOLS: [&str; 12] = [
    "browser::",
    "dev::",
    "edge::",
    "mesh::",
    "monitoring::",
    "nomad::",
    "postgres::",
    "queue::",
    "redis::",
    "syscalls::",
    "tessera::",
    "vault::",
];

/// Brings what the tests need, builds, checks and runs everything
///
/// With --quick, the inner loop: no checks, and none of the tests that need a browser or a real server.
#[derive(clap::Args)]
pub struct Arguments {
    /// Leave out the checks and the tests that need a browser or a real server
    #[arg(long)]
    quick: bool,
}

/// Runs the command.
///
/// # Errors
///
/// When a step fails.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let advice = "What failed is above.";
    if !arguments.quick {
        step::timed("bring the tools", tools::run)?;
    }
    wasm::build_checked()?;
    if !arguments.quick {
        wasm::reproduce()?;
        check::run()?;
    }
    step::run("build programs and tests", &mut build_programs_and_tests(), advice)?;
    let mut test = cargo(&["test", "--workspace"]);
    if arguments.quick {
        test.arg("--");
        for name in NEED_TOOLS {
            test.args(["--skip", name]);
        }
        eprintln!(
            "    left out: the checks, and the tests named {}",
            NEED_TOOLS.join(", ")
        );
    }
    step::run_with_output("run the tests", &mut test, advice)
}
