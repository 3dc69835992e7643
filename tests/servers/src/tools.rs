//! Where the programs of others are: linked into the target directory that this very test was built into, by `cargo xtask tools`.

use std::env;
use std::path::PathBuf;

/// A program, by the name under which `cargo xtask tools` links it. A missing one fails the test and names the command that brings it.
pub fn tool(name: &str) -> PathBuf {
    // The test's own program is `target/debug/deps/…`.
    let own = env::current_exe().unwrap();
    let path = own.ancestors().nth(3).unwrap().join("tools").join(name);
    assert!(
        path.is_file(),
        "{} is not there: run `cargo xtask tools`",
        path.display()
    );
    path
}

#[test]
#[should_panic(expected = "is not there: run `cargo xtask tools`")]
fn a_missing_tool_fails_with_the_command_that_brings_it() {
    tool("nothing");
}
