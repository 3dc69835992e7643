//! Where the built programs and the tools are. `cargo xtask test` says so in environment variables; without them they are looked for where cargo
//! puts them and on PATH. A missing one fails the test and names the command that brings it.

use std::env;
use std::iter;
use std::path::{Path, PathBuf};

/// One of our programs: `hashicoin-api`, `hashicoin-mint`, `hashicoin`.
pub fn program(name: &str) -> PathBuf {
    let directory = env::var_os("HASHICOIN_BIN_DIR").map_or_else(debug_directory, PathBuf::from);
    found(directory.join(name), "cargo build --workspace")
}

/// The compiled filter.
pub fn gate() -> PathBuf {
    let built = || debug_directory().join("../wasm32-unknown-unknown/wasm/coin_gate.wasm");
    let path = env::var_os("HASHICOIN_GATE").map_or_else(built, PathBuf::from);
    found(path, "cargo xtask wasm").canonicalize().unwrap()
}

/// Envoy.
pub fn envoy() -> PathBuf {
    tool("HASHICOIN_ENVOY", "envoy")
}

/// The browser.
pub fn chromium() -> PathBuf {
    tool("HASHICOIN_CHROMIUM", "chromium")
}

/// The browser's WebDriver server.
pub fn chromedriver() -> PathBuf {
    tool("HASHICOIN_CHROMEDRIVER", "chromedriver")
}

/// The top of the repository.
pub fn root() -> PathBuf {
    source(".")
}

/// A file of the repository, by its path from the top.
pub fn source(path: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    path.canonicalize()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// This test's own program is `target/debug/deps/integration-…`.
fn debug_directory() -> PathBuf {
    env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned()
}

fn tool(variable: &str, name: &str) -> PathBuf {
    if let Some(path) = env::var_os(variable) {
        return found(path.into(), "cargo xtask tools");
    }
    let path = env::var_os("PATH").unwrap_or_default();
    // What `cargo xtask tools` found or brought, by a link in the target directory.
    let brought = debug_directory().join("../tools").join(name);
    let on_path = env::split_paths(&path).map(|directory| directory.join(name));
    let place = iter::once(brought).chain(on_path).find(|path| path.is_file());
    place.unwrap_or_else(|| panic!("{name} is not there: run `cargo xtask tools`, or give its path in {variable}"))
}

fn found(path: PathBuf, command: &str) -> PathBuf {
    assert!(path.is_file(), "{} is not there: run `{command}`", path.display());
    path
}

#[test]
#[should_panic(expected = "is not there: run `cargo build --workspace`")]
fn a_program_that_is_not_built_fails_with_the_command_that_builds_it() {
    program("hashicoin-nothing");
}
