//! `wasm`: builds the filter as it ships, and holds its size to a budget. The module does not depend on whose machine built it.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::cargo::{WASM_TARGET, cargo};
use crate::{place, step, tools};

/// What the module may weigh, in bytes. Every worker of every sidecar compiles it at start; growth must be meant.
const BUDGET_BYTES: usize = 320 * 1024;

/// The built module.
pub fn module() -> PathBuf {
    built_in(&place::target())
}

fn built_in(target: &Path) -> PathBuf {
    target.join(WASM_TARGET).join("wasm/coin_gate.wasm")
}

/// Runs the command.
///
/// # Errors
///
/// When it does not build, names a place of this machine, or is over the budget.
pub fn run() -> Result<(), String> {
    let sources = place::cargo_home()?;
    build("build the filter", &[], &place::target())?;
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
    names_nothing_in(&sources, &module)?;
    within_budget(module.len())
}

/// Builds the filter with `ed25519-compact`'s verifier in place of ours, for a measurement, and gives the module.
///
/// # Errors
///
/// When it does not build.
pub fn with_reference_verifier() -> Result<PathBuf, String> {
    // Apart, so that what is built the next time is what ships.
    let target = place::target().join("reference-verifier");
    build(
        "build the filter with the reference verifier",
        &["--cfg", "reference_verifier"],
        &target,
    )?;
    Ok(built_in(&target))
}

fn build(what: &str, flags: &[&str], target: &Path) -> Result<(), String> {
    tools::wasm_target()?;
    let mut build = cargo(&["build", "--package", "coin-gate", "--profile", "wasm"]);
    build.args(["--target", WASM_TARGET, "--target-dir"]).arg(target);
    // A panic's message names its file. Unasked, the compiler writes down where this user keeps the sources: another module, and another hash, for everybody.
    let remap = format!("--remap-path-prefix={}=/cargo", place::cargo_home()?.display());
    let flags: Vec<&str> = [remap.as_str()].into_iter().chain(flags.iter().copied()).collect();
    build.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    step::run(what, &mut build, "The compiler's message is above.")
}

fn names_nothing_in(place: &Path, module: &[u8]) -> Result<(), String> {
    let place = place.as_os_str().as_encoded_bytes();
    if !module.windows(place.len()).any(|bytes| bytes == place) {
        return Ok(());
    }
    Err(format!(
        "the filter names {}, so everybody's has another hash. Give the compiler a --remap-path-prefix for it in xtask/src/wasm.rs",
        place.escape_ascii()
    ))
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

#[test]
fn a_module_that_names_the_builder_s_place_is_refused() {
    let place = Path::new("/builder/.cargo");
    assert_eq!(names_nothing_in(place, b"\0asm /cargo/registry"), Ok(()));
    assert!(names_nothing_in(place, b"\0asm /builder/.cargo/registry").is_err());
}
