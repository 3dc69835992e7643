//! `tools`: brings what the tests need and is not there. Finished tools are kept in the user's cache, so a second clone finds them.

pub mod debian;
pub mod deny;
pub mod envoy;
pub mod go;

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use self::debian::{CHROMIUM, CNI, IPROUTE2, IPTABLES, POSTGRES, PROMETHEUS, REDIS, STRACE};
use self::go::{CONSUL, CONSUL_TEMPLATE, NOMAD, NOMAD_AUTOSCALER, TLOG_CHECK, VAULT};
use crate::cargo::WASM_TARGET;
use crate::{place, step};

/// Runs the command.
///
/// # Errors
///
/// When a tool cannot be had; the message says what to install.
pub fn run() -> Result<(), String> {
    wasm_target()?;
    link("envoy", &envoy::bring()?)?;
    link_all(&debian::bring(&[
        CHROMIUM, REDIS, POSTGRES, PROMETHEUS, IPROUTE2, IPTABLES, CNI, STRACE,
    ])?)?;
    // What takes long comes last: who lacks something, Go too, hears of it first.
    link(TLOG_CHECK.name, &go::bring(&TLOG_CHECK)?)?;
    bring_go_tools()?;
    bring_nomad()?;
    eprintln!("    cargo-deny: {}", deny::bring()?.display());
    Ok(())
}

/// Brings what the mesh is made of: everything but the browser and cargo-deny.
///
/// # Errors
///
/// As [`run`].
pub fn mesh() -> Result<(), String> {
    link("envoy", &envoy::bring()?)?;
    link_all(&debian::bring(&[REDIS, POSTGRES, PROMETHEUS, IPROUTE2])?)?;
    bring_go_tools()
}

/// Brings what the ledger is measured with.
///
/// # Errors
///
/// As [`run`].
pub fn stores() -> Result<(), String> {
    link_all(&debian::bring(&[REDIS, POSTGRES])?)
}

/// Brings what the mesh on Nomad is made of.
///
/// # Errors
///
/// As [`run`].
pub fn nomad() -> Result<(), String> {
    link_all(&debian::bring(&[IPTABLES, CNI])?)?;
    mesh()?;
    bring_nomad()
}

fn bring_nomad() -> Result<(), String> {
    for tool in [NOMAD_AUTOSCALER, NOMAD] {
        link(tool.name, &go::bring(&tool)?)?;
    }
    Ok(())
}

/// One at a time, the smallest first: each build takes all cores, and gigabytes of memory.
fn bring_go_tools() -> Result<(), String> {
    for tool in [CONSUL_TEMPLATE, CONSUL, VAULT] {
        link(tool.name, &go::bring(&tool)?)?;
    }
    Ok(())
}

fn link_all(programs: &[(&str, PathBuf)]) -> Result<(), String> {
    programs.iter().try_for_each(|(name, program)| link(name, program))
}

/// Where tools are linked to.
pub fn directory() -> PathBuf {
    place::target().join("tools")
}

/// Links a tool into the target directory, where tests that are started by hand (`cargo test`) find it.
fn link(name: &str, tool: &Path) -> Result<(), String> {
    eprintln!("    {name}: {}", tool.display());
    let directory = directory();
    fs::create_dir_all(&directory).map_err(|error| cannot("create", &directory, &error))?;
    let link = directory.join(name);
    if fs::read_link(&link).is_ok_and(|linked| linked == tool) {
        return Ok(());
    }
    if link.is_symlink() {
        fs::remove_file(&link).map_err(|error| cannot("replace", &link, &error))?;
    }
    symlink(tool, &link).map_err(|error| cannot("create", &link, &error))
}

/// Adds the target that the filter is compiled for, when the compiler does not have it.
///
/// # Errors
///
/// When rustup is not there, or does not add it.
pub fn wasm_target() -> Result<(), String> {
    let mut libraries = Command::new("rustc");
    libraries
        .current_dir(place::root())
        .args(["--print", "target-libdir", "--target", WASM_TARGET]);
    if Path::new(step::read(&mut libraries)?.trim()).is_dir() {
        return Ok(());
    }
    step::run(
        "add the WebAssembly target",
        Command::new("rustup")
            .current_dir(place::root())
            .args(["target", "add", WASM_TARGET]),
        "Install Rust by rustup (rustup.rs), or your distribution's standard library for wasm32-unknown-unknown.",
    )
}

/// As [`kept`], for a tool that files pin, and what it is built with: with another pin or `flags` it is another directory.
///
/// # Errors
///
/// As [`kept`], and when a pin cannot be read.
pub fn kept_by_pins(
    name: &str,
    pins: &[PathBuf],
    flags: &str,
    make: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let mut digest = Sha256::new();
    for pin in pins {
        digest.update(fs::read(pin).map_err(|error| cannot("read", pin, &error))?);
    }
    digest.update(flags);
    let hash: String = digest
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    kept(&format!("{name}-{hash}"), make)
}

/// A tool's directory in the cache, made by `make` on first use: built beside its place and then renamed, so that it is there as a whole or not at
/// all. Of two runs that want it, one waits for the other.
///
/// # Errors
///
/// Those of `make`, and when the cache cannot be written.
pub fn kept(name: &str, make: impl FnOnce(&Path) -> Result<(), String>) -> Result<PathBuf, String> {
    kept_in(&place::cache()?, name, make)
}

fn kept_in(cache: &Path, name: &str, make: impl FnOnce(&Path) -> Result<(), String>) -> Result<PathBuf, String> {
    let directory = cache.join(name);
    let lock = File::create(cache.join(format!("{name}.lock"))).map_err(|error| cannot("lock", &directory, &error))?;
    lock.lock().map_err(|error| cannot("lock", &directory, &error))?;
    if !directory.is_dir() {
        let unfinished = cache.join(format!("{name}.unfinished"));
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(|error| cannot("remove", &unfinished, &error))?;
        }
        fs::create_dir(&unfinished).map_err(|error| cannot("create", &unfinished, &error))?;
        make(&unfinished)?;
        fs::rename(&unfinished, &directory).map_err(|error| cannot("create", &directory, &error))?;
    }
    Ok(directory)
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> String {
    format!("could not {what} {}: {error}", path.display())
}

#[test]
fn a_tool_is_made_once_and_kept() {
    let cache = tempfile::tempdir().unwrap();
    let make = |directory: &Path| fs::write(directory.join("tool"), "made").map_err(|error| error.to_string());
    let directory = kept_in(cache.path(), "tool-1", make).unwrap();
    assert_eq!(fs::read_to_string(directory.join("tool")).unwrap(), "made");
    let again = kept_in(cache.path(), "tool-1", |_| Err("made again".to_owned()));
    assert_eq!(again, Ok(directory));
}

#[test]
fn a_tool_that_was_made_in_part_is_made_anew() {
    let cache = tempfile::tempdir().unwrap();
    let part = |directory: &Path| {
        fs::write(directory.join("part"), "").unwrap();
        Err("no network".to_owned())
    };
    assert_eq!(kept_in(cache.path(), "tool-1", part), Err("no network".to_owned()));
    let directory = kept_in(cache.path(), "tool-1", |_| Ok(())).unwrap();
    assert_eq!(fs::read_dir(directory).unwrap().count(), 0);
}
