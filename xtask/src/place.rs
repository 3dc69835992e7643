//! Where things are: the repository, the target directory, the user's cache.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// The directory that cargo builds into.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |target| root().join(target))
}

/// The directory of the programs that [`crate::cargo::build_programs`] builds.
pub fn programs() -> PathBuf {
    target().join("debug")
}

/// The directory in which cargo keeps the sources of dependencies.
///
/// # Errors
///
/// When neither CARGO_HOME nor HOME is set.
pub fn cargo_home() -> Result<PathBuf, String> {
    set("CARGO_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cargo")))
        .ok_or_else(|| "no directory of cargo's: set HOME or CARGO_HOME".to_owned())
}

/// The directory of finished tools, shared by all clones of the user; created when it is not there.
///
/// # Errors
///
/// When neither XDG_CACHE_HOME nor HOME is set, or the directory cannot be created.
pub fn cache() -> Result<PathBuf, String> {
    let base = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    let cache = base
        .ok_or("no directory for finished tools: set HOME or XDG_CACHE_HOME")?
        .join("hashicoin");
    fs::create_dir_all(&cache).map_err(|error| format!("could not create {}: {error}", cache.display()))?;
    Ok(cache)
}

/// The directory that a variable of the environment names.
fn set(name: &str) -> Option<PathBuf> {
    env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// Looks a program up on PATH.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}
