//! Where the built programs and the tools are. `cargo xtask test` says so in environment variables; without them they are looked for where cargo
//! puts them and on PATH. A missing one fails the test and names the command that brings it.

use std::env;
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
    let places: Vec<PathBuf> = env::split_paths(&path).map(|directory| directory.join(name)).collect();
    let place = places.into_iter().find(|path| path.is_file());
    place.unwrap_or_else(|| {
        panic!("{name} is not on PATH: run the tests by `cargo xtask test`, or give its path in {variable}")
    })
}

fn found(path: PathBuf, command: &str) -> PathBuf {
    assert!(path.is_file(), "{} is not there: run `{command}`", path.display());
    path
}
