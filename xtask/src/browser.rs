//! Chromium and its driver: from PATH, or on Debian from its packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{place, step};

/// What to do where this cannot install them.
const ADVICE: &str = "Put chromium and chromedriver, of one version, on PATH (Debian: apt-get install chromium chromium-driver). \
    Without them, `cargo xtask test --quick` runs what needs no browser.";

/// A browser and the program that drives it.
pub struct Browser {
    /// The browser.
    pub chromium: PathBuf,
    /// Its WebDriver server.
    pub driver: PathBuf,
}

/// Finds the browser, and installs it as root on Debian.
///
/// # Errors
///
/// When it is not there and cannot be installed; the message says what to do.
pub fn bring() -> Result<Browser, String> {
    if let Some(browser) = find() {
        return Ok(browser);
    }
    if !is_root()? || place::on_path("apt-get").is_none() || !Path::new("/etc/debian_version").exists() {
        return Err(format!(
            "no chromium and chromedriver, and only root on Debian can install them here. {ADVICE}"
        ));
    }
    // The lists of a fresh machine are empty or old.
    step::run("look for Debian's packages", apt_get().arg("update"), ADVICE)?;
    let install = [
        "install",
        "--yes",
        "--no-install-recommends",
        "chromium",
        "chromium-driver",
    ];
    step::run("install Chromium", apt_get().args(install), ADVICE)?;
    find().ok_or_else(|| format!("Debian's packages brought no chromium and chromedriver. {ADVICE}"))
}

fn find() -> Option<Browser> {
    Some(Browser {
        chromium: place::on_path("chromium")?,
        driver: place::on_path("chromedriver")?,
    })
}

fn is_root() -> Result<bool, String> {
    Ok(step::read(Command::new("id").arg("-u"))?.trim() == "0")
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    // Nobody is there to answer; somebody else's install is waited for.
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["--quiet", "--option", "DPkg::Lock::Timeout=300"]);
    command
}
