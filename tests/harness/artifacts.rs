//! Where the built programs and the tools are: in the target directory that this very test was built into, put there by `cargo xtask test`. A missing
//! one fails the test and names the command that brings it.

use std::env;
use std::path::{Path, PathBuf};

use servers::tools::tool;

/// One of our programs: `hashicoin-api`, `hashicoin-mint`, `hashicoin`.
pub fn program(name: &str) -> PathBuf {
    found(debug_directory().join(name), "cargo build --workspace")
}

/// The compiled filter.
pub fn gate() -> PathBuf {
    let path = debug_directory().join("../wasm32-unknown-unknown/wasm/coin_gate.wasm");
    found(path, "cargo xtask wasm").canonicalize().unwrap()
}

/// Envoy.
pub fn envoy() -> PathBuf {
    tool("envoy")
}

/// The `vault` program, server and command line in one.
pub fn vault() -> PathBuf {
    tool("vault")
}

/// The `nomad` program, server and command line in one.
pub fn nomad() -> PathBuf {
    tool("nomad")
}

/// The directory of all of them: the mesh's servers and their clients.
pub fn tools() -> PathBuf {
    for name in ["consul", "vault", "redis-server", "postgres", "initdb", "psql"] {
        tool(name);
    }
    debug_directory().join("../tools").canonicalize().unwrap()
}

/// The browser.
pub fn chromium() -> PathBuf {
    tool("chromium")
}

/// The browser's WebDriver server.
pub fn chromedriver() -> PathBuf {
    tool("chromedriver")
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

fn found(path: PathBuf, command: &str) -> PathBuf {
    assert!(path.is_file(), "{} is not there: run `{command}`", path.display());
    path
}

#[test]
#[should_panic(expected = "is not there: run `cargo build --workspace`")]
fn a_program_that_is_not_built_fails_with_the_command_that_builds_it() {
    program("hashicoin-nothing");
}
