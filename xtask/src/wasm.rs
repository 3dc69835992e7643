//! `wasm`: builds the filter as it ships, and holds its size to a budget.

use std::fs;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::cargo::{WASM_TARGET, cargo};
use crate::{place, step, tools};

/// What the module may weigh, in bytes. Every worker of every sidecar compiles it at start; growth must be meant.
const BUDGET_BYTES: usize = 320 * 1024;

/// The built module.
pub fn module() -> PathBuf {
    place::target().join(WASM_TARGET).join("wasm/coin_gate.wasm")
}

/// Runs the command.
///
/// # Errors
///
/// When it does not build, or is over the budget.
pub fn run() -> Result<(), String> {
    tools::wasm_target()?;
    step::run(
        "build the filter",
        &mut cargo(&[
            "build",
            "--package",
            "coin-gate",
            "--target",
            WASM_TARGET,
            "--profile",
            "wasm",
        ]),
        "The compiler's message is above.",
    )?;
    let path = module();
    let module = fs::read(&path).map_err(|error| format!("could not read {}: {error}", path.display()))?;
    let hash: String = Sha256::digest(&module)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    eprintln!(
        "    {}: {} bytes of {BUDGET_BYTES}, SHA-256 {hash}",
        path.display(),
        module.len()
    );
    within_budget(module.len())
}

fn within_budget(bytes: usize) -> Result<(), String> {
    if bytes <= BUDGET_BYTES {
        return Ok(());
    }
    Err(format!(
        "the filter is {} bytes over its budget of {BUDGET_BYTES}. Make it smaller, or raise BUDGET_BYTES in xtask/src/wasm.rs and say why",
        bytes - BUDGET_BYTES
    ))
}

#[test]
fn a_module_over_the_budget_is_refused() {
    assert_eq!(within_budget(BUDGET_BYTES), Ok(()));
    assert!(within_budget(BUDGET_BYTES + 1).is_err_and(|message| message.contains("1 bytes over")));
}
