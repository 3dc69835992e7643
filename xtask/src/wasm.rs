//! `wasm`: builds the filter as it ships, and holds its size to a budget. The module does not depend on whose machine built it, nor where; that is tried out by
//! building it again from a copy elsewhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::cargo::{WASM_TARGET, cargo};
use crate::{place, step, tools};

/// What the module may weigh, in bytes. Every worker of every sidecar compiles it at start; growth must be meant.
const BUDGET_BYTES: usize = 320 * 1024;

/// Builds the filter, prints its size and SHA-256, and fails when it is over its budget
#[derive(clap::Args)]
pub struct Arguments {
    /// Build it again from a copy of the sources elsewhere, and fail unless it is the same
    #[arg(long)]
    reproduce: bool,
}

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
/// When it does not build, names a place of this machine, is over the budget, or comes out otherwise elsewhere.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    build_checked()?;
    if arguments.reproduce { reproduce() } else { Ok(()) }
}

/// Builds the module and checks it by itself.
///
/// # Errors
///
/// When it does not build, names a place of this machine, or is over the budget.
pub fn build_checked() -> Result<(), String> {
    build("build the filter", place::root(), &[], &place::target())?;
    let path = module();
    let module = read(&path)?;
    eprintln!(
        "    {}: {} bytes of {BUDGET_BYTES}, SHA-256 {}",
        path.display(),
        module.len(),
        sha256(&module)
    );
    names_nothing_in(&place::cargo_home()?, &module)?;
    within_budget(module.len())
}

/// Builds the module again, from a copy of the sources in another directory, and compares it with the one that was built before.
///
/// # Errors
///
/// When it does not build, or is another one.
pub fn reproduce() -> Result<(), String> {
    let elsewhere = TempDir::new().map_err(|error| format!("no temporary directory: {error}"))?;
    copy_sources(elsewhere.path())?;
    let target = elsewhere.path().join("target");
    build("build the filter elsewhere", elsewhere.path(), &[], &target)?;
    let (here, there) = (sha256(&read(&module())?), sha256(&read(&built_in(&target))?));
    if here == there {
        eprintln!("    the same module: SHA-256 {there}");
        return Ok(());
    }
    Err(format!(
        "the filter built here has the SHA-256 {here}, and built elsewhere {there}: something in it depends on the place (a path, a time, an environment variable)"
    ))
}

/// Copies what git knows of, as it is now, and what it does not know of yet.
fn copy_sources(to: &Path) -> Result<(), String> {
    let mut list = Command::new("git");
    list.current_dir(place::root());
    list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    for name in step::read(&mut list)?.split_terminator('\0') {
        let (from, to) = (place::root().join(name), to.join(name));
        let copied = fs::create_dir_all(to.parent().unwrap_or(&to)).and_then(|()| match fs::copy(&from, &to) {
            // It was removed, and git was not told.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
            result => result,
        });
        copied.map_err(|error| format!("could not copy {name}: {error}"))?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("could not read {}: {error}", path.display()))
}

fn sha256(module: &[u8]) -> String {
    Sha256::digest(module)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
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
        place::root(),
        &["--cfg", "reference_verifier"],
        &target,
    )?;
    Ok(built_in(&target))
}

fn build(what: &str, root: &Path, flags: &[&str], target: &Path) -> Result<(), String> {
    tools::wasm_target()?;
    let mut build = cargo(&["build", "--locked", "--package", "coin-gate", "--profile", "wasm"]);
    build
        .current_dir(root)
        .args(["--target", WASM_TARGET, "--target-dir"])
        .arg(target);
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
