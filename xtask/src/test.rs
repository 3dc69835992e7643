//! `test`: everything, as CI runs it.

use crate::cargo::{build_programs, cargo};
use crate::{browser, check, envoy, place, step, tools, wasm};

/// The tests that need Envoy or a browser, by the beginning of their names.
const NEED_TOOLS: [&str; 3] = ["browser::", "dev::", "edge::"];

/// Brings what the tests need, builds, checks and runs everything
///
/// With --quick, the inner loop: no checks, and none of the tests that need Envoy or a browser.
#[derive(clap::Args)]
pub struct Arguments {
    /// Leave out the checks and the tests that need Envoy or a browser
    #[arg(long)]
    quick: bool,
}

/// Runs the command.
///
/// # Errors
///
/// When a step fails.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    if arguments.quick { quick() } else { whole() }
}

fn quick() -> Result<(), String> {
    wasm::run()?;
    step::run(
        "build the programs",
        &mut build_programs(),
        "The compiler's message is above.",
    )?;
    let mut test = cargo(&["test", "--workspace", "--"]);
    for name in NEED_TOOLS {
        test.args(["--skip", name]);
    }
    step::run_with_output("run the tests that need no tools", &mut test, "What failed is above.")?;
    eprintln!(
        "xtask: left out: the checks, and the tests named {}",
        NEED_TOOLS.join(", ")
    );
    Ok(())
}

fn whole() -> Result<(), String> {
    step::timed("bring the tools", tools::run)?;
    let envoy = envoy::bring()?;
    let browser = browser::bring()?;
    wasm::run()?;
    check::run()?;
    step::run(
        "build the programs",
        &mut build_programs(),
        "The compiler's message is above.",
    )?;
    step::run_with_output(
        "run the tests",
        cargo(&["test", "--workspace"])
            .env("HASHICOIN_BIN_DIR", place::programs())
            .env("HASHICOIN_GATE", wasm::module())
            .env("HASHICOIN_ENVOY", envoy)
            .env("HASHICOIN_CHROMIUM", browser.chromium)
            .env("HASHICOIN_CHROMEDRIVER", browser.driver),
        "What failed is above.",
    )
}
