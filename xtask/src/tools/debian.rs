//! Programs that come from PATH, or on Debian from its packages: the browser, Redis, Postgres, Prometheus, strace.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{place, step};

/// A set of programs that belong together.
pub struct Package {
    /// What people call it.
    pub name: &'static str,
    /// Debian's packages that bring it.
    pub packages: &'static [&'static str],
    /// Its programs, by the names under which tests look for them.
    pub programs: &'static [&'static str],
    /// Judges what the first program says with `--version`.
    pub accepts: fn(&str) -> bool,
    /// What is wanted, for a person who has to install it.
    pub wanted: &'static str,
}

/// Chromium and its driver, for the page.
pub const CHROMIUM: Package = Package {
    name: "Chromium",
    packages: &["chromium", "chromium-driver"],
    programs: &["chromium", "chromedriver"],
    accepts: |version| version.starts_with("Chromium "),
    wanted: "chromium and chromedriver, of one version",
};

/// Redis: the pool and the queue.
pub const REDIS: Package = Package {
    name: "Redis",
    packages: &["redis-server"],
    programs: &["redis-server", "redis-cli"],
    // XAUTOCLAIM's third part and XINFO's entries-added came with 7.
    accepts: |version| major(version, "Redis server v=").is_some_and(|major| major >= 7),
    wanted: "redis-server and redis-cli, 7 or later",
};

/// Postgres: the store.
pub const POSTGRES: Package = Package {
    name: "Postgres",
    packages: &["postgresql"],
    programs: &["postgres", "initdb", "psql"],
    accepts: |version| major(version, "postgres (PostgreSQL) ").is_some_and(|major| major >= 15),
    wanted: "postgres, initdb and psql, 15 or later",
};

/// Prometheus: reads the mesh's figures, and tests the rules about them.
pub const PROMETHEUS: Package = Package {
    name: "Prometheus",
    packages: &["prometheus"],
    programs: &["prometheus", "promtool"],
    accepts: |version| major(version, "prometheus, version ").is_some_and(|major| major >= 2),
    wanted: "prometheus and promtool, 2 or later",
};

/// A load generator, for measurements.
pub const WRK: Package = Package {
    name: "wrk",
    packages: &["wrk"],
    programs: &["wrk"],
    accepts: |_| true,
    wanted: "wrk",
};

/// `ip`, for network namespaces.
pub const IPROUTE2: Package = Package {
    name: "iproute2",
    packages: &["iproute2"],
    programs: &["ip"],
    accepts: |_| true,
    wanted: "ip",
};

/// strace: makes a call to the system fail.
pub const STRACE: Package = Package {
    name: "strace",
    packages: &["strace"],
    programs: &["strace"],
    // --seccomp-bpf came with 5.3: without it every call of the program stops twice.
    accepts: |version| {
        let version = version.strip_prefix("strace -- version ").unwrap_or_default();
        let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
        matches!((numbers.next(), numbers.next()), (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= (5, 3))
    },
    wanted: "strace, 5.3 or later",
};

/// What makes the networks of Nomad's jobs. Nomad knows the plugins by their directory; one of them says that they are there.
pub const CNI: Package = Package {
    name: "CNI's plugins",
    packages: &["containernetworking-plugins"],
    programs: &["host-local"],
    accepts: |_| true,
    wanted: "CNI's plugins, in /opt/cni/bin or /usr/lib/cni",
};

/// What CNI's plugins write their rules with.
pub const IPTABLES: Package = Package {
    name: "iptables",
    packages: &["iptables"],
    programs: &["iptables"],
    accepts: |_| true,
    wanted: "iptables",
};

/// Finds all programs of these packages, and installs as root on Debian what is not there. In the packages' order.
///
/// # Errors
///
/// When something is not there and cannot be installed; the message says what to do.
pub fn bring(wanted: &[Package]) -> Result<Vec<(&'static str, PathBuf)>, String> {
    let missing: Vec<&Package> = wanted.iter().filter(|package| find(package).is_none()).collect();
    if !missing.is_empty() {
        install(&missing)?;
    }
    let mut programs = Vec::new();
    for package in wanted {
        let found = find(package);
        programs.extend(
            found.ok_or_else(|| format!("Debian's packages brought no {}. {}", package.name, advice(&[package])))?,
        );
    }
    Ok(programs)
}

/// The package's programs; `None` unless all are there and the first is of an acceptable version.
fn find(package: &Package) -> Option<Vec<(&'static str, PathBuf)>> {
    let programs: Vec<_> = package
        .programs
        .iter()
        .map(|name| {
            Some((
                *name,
                place::on_path(name)
                    .or_else(|| beside_postgres(name))
                    .or_else(|| cni_plugin(name))?,
            ))
        })
        .collect::<Option<_>>()?;
    let (_, first) = programs.first()?;
    let version = step::read(Command::new(first).arg("--version")).unwrap_or_default();
    (package.accepts)(version.trim_start()).then_some(programs)
}

/// Debian keeps Postgres' server programs off PATH, one directory per major version. The newest counts.
fn beside_postgres(name: &str) -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions
        .flatten()
        .map(|entry| entry.path())
        .max_by_key(|path| version(path))?;
    Some(newest.join("bin").join(name)).filter(|file| file.is_file())
}

/// Plugins are off PATH: in the directory of their own releases, or in Debian's.
fn cni_plugin(name: &str) -> Option<PathBuf> {
    let places = ["/opt/cni/bin", "/usr/lib/cni"];
    let mut files = places.iter().map(|place| Path::new(place).join(name));
    files.find(|file| file.is_file())
}

/// The first number after `prefix`.
fn major(version: &str, prefix: &str) -> Option<u32> {
    let (major, _) = version.strip_prefix(prefix)?.split_once('.')?;
    major.parse().ok()
}

fn install(missing: &[&Package]) -> Result<(), String> {
    let advice = advice(missing);
    if !is_root()? || place::on_path("apt-get").is_none() || !Path::new("/etc/debian_version").exists() {
        let names: Vec<_> = missing.iter().map(|package| package.name).collect();
        return Err(format!(
            "no {} of an acceptable version, and only root on Debian can install them here. {advice}",
            names.join(", ")
        ));
    }
    // The lists of a fresh machine are empty or old.
    step::run("look for Debian's packages", apt_get().arg("update"), &advice)?;
    let packages: Vec<_> = missing.iter().flat_map(|package| package.packages).collect();
    let _quiet = NoServices::begin()?;
    step::run(
        &format!("install {packages:?}"),
        apt_get()
            .args(["install", "--yes", "--no-install-recommends"])
            .args(packages),
        &advice,
    )
}

fn advice(missing: &[&Package]) -> String {
    let wanted: Vec<_> = missing.iter().map(|package| package.wanted).collect();
    let packages: Vec<_> = missing.iter().flat_map(|package| package.packages).copied().collect();
    format!(
        "Put on PATH: {} (Debian: apt-get install {}). Without them, `cargo xtask test --quick` runs what needs no tools.",
        wanted.join("; "),
        packages.join(" ")
    )
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

/// While this exists, a package that is installed starts no service: the tests want Redis' and Postgres' programs, and nobody wants their servers on
/// their usual ports because of it. Debian's way to say so is `policy-rc.d`; a file that is there already is somebody's own and stays.
struct NoServices(Option<&'static Path>);

impl NoServices {
    fn begin() -> Result<NoServices, String> {
        let policy = Path::new("/usr/sbin/policy-rc.d");
        if policy.exists() {
            return Ok(NoServices(None));
        }
        // 101: "action forbidden by policy".
        fs::write(policy, "#!/bin/sh\nexit 101\n")
            .and_then(|()| fs::set_permissions(policy, std::os::unix::fs::PermissionsExt::from_mode(0o755)))
            .map_err(|error| format!("could not write {}: {error}", policy.display()))?;
        Ok(NoServices(Some(policy)))
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.0.map(fs::remove_file) {
            eprintln!("    remove /usr/sbin/policy-rc.d, which keeps services from starting: {error}");
        }
    }
}

#[test]
fn a_server_of_an_older_release_is_not_taken() {
    let redis = |version: &str| (REDIS.accepts)(&format!("Redis server v={version} sha=00000000:0 malloc=jemalloc"));
    assert!(redis("7.0.15") && redis("8.2.1") && !redis("6.2.7"));
    let postgres = |version: &str| (POSTGRES.accepts)(&format!("postgres (PostgreSQL) {version} (Debian)"));
    assert!(postgres("15.18") && postgres("17.2") && !postgres("9.6") && !postgres("14.9"));
    let prometheus =
        |version: &str| (PROMETHEUS.accepts)(&format!("prometheus, version {version} (branch: debian/sid)"));
    assert!(prometheus("2.42.0+ds") && prometheus("3.5.0") && !prometheus("1.8.2"));
    let strace = |version: &str| (STRACE.accepts)(&format!("strace -- version {version}\nCopyright"));
    assert!(strace("5.3") && strace("6.1") && !strace("5.2") && !strace("4.26"));
    assert!(!(REDIS.accepts)("") && !(POSTGRES.accepts)("command not found") && !(STRACE.accepts)("strace"));
}
