//! Servers and tools that are written in Go: the one on PATH if it is of an acceptable version, else built from its published module; and a program of ours that
//! calls what others wrote in Go.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{place, step, tools};

/// A program that a Go module has as its `tool`.
pub struct GoTool {
    /// The program's name, and its directory's in `tools/`, where go.mod and go.sum pin it.
    pub name: &'static str,
    /// What is as good if it is on PATH; nothing, for a program whose source is in the directory too.
    pub published: Option<Published>,
    /// The build tags that its makers build it with.
    pub tags: &'static str,
    /// How long a build takes with empty caches on two cores.
    pub minutes: u32,
}

/// How a program that others publish is recognised.
pub struct Published {
    /// The arguments with which it tells its version.
    version: &'static [&'static str],
    /// How the first line of that begins when the version is acceptable. A patch release is as good; a minor one is another program.
    accepts: &'static str,
}

/// Reads a public log with Tessera's fsck and Go's own packages, for the tests.
pub const TLOG_CHECK: GoTool = GoTool {
    name: "tlog-check",
    published: None,
    tags: "",
    minutes: 1,
};

/// Measures Tessera's log, for a measurement alone.
pub const TESSERA_LOAD: GoTool = GoTool {
    name: "tessera-load",
    published: None,
    tags: "",
    minutes: 1,
};

/// Renders the keys of Vault into the gate's configuration.
pub const CONSUL_TEMPLATE: GoTool = GoTool {
    name: "consul-template",
    published: Some(Published {
        version: &["-v"],
        accepts: "consul-template v0.42.",
    }),
    tags: "",
    minutes: 1,
};

/// The mesh.
pub const CONSUL: GoTool = GoTool {
    name: "consul",
    published: Some(Published {
        version: &["version"],
        accepts: "Consul v1.22.",
    }),
    tags: "",
    minutes: 5,
};

/// The signer.
pub const VAULT: GoTool = GoTool {
    name: "vault",
    published: Some(Published {
        version: &["version"],
        accepts: "Vault v1.21.",
    }),
    tags: "",
    minutes: 10,
};

/// Runs the parts as jobs.
pub const NOMAD: GoTool = GoTool {
    name: "nomad",
    published: Some(Published {
        version: &["version"],
        accepts: "Nomad v1.11.",
    }),
    // Without the first two of its libraries want the same metrics in two ways, and it does not compile. The second is its pages, which its module has.
    tags: "hashicorpmetrics ui",
    minutes: 6,
};

/// Says how many instances of a job there are to be.
pub const NOMAD_AUTOSCALER: GoTool = GoTool {
    name: "nomad-autoscaler",
    published: Some(Published {
        version: &["version"],
        accepts: "Nomad Autoscaler v0.5.",
    }),
    tags: "",
    minutes: 4,
};

/// How often a build says how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(15);

const ADVICE: &str = "Go 1.26.4 or later is needed (go.dev/dl), a connection to the Go module proxy, and 10 GB of disk for Go's caches, which \
    `go clean -cache -modcache` frees again.";

/// Finds the program, and builds it when it is not there.
///
/// # Errors
///
/// When it does not build; the message says what is needed.
pub fn bring(tool: &GoTool) -> Result<PathBuf, String> {
    if let Some(published) = &tool.published
        && let Some(program) = place::on_path(tool.name)
        && step::read(Command::new(&program).args(published.version))
            .is_ok_and(|version| is_acceptable(published, &version))
    {
        return Ok(program);
    }
    let module = place::root().join("tools").join(tool.name);
    let pins = files(&module)?;
    let directory = tools::kept_by_pins(tool.name, &pins, tool.tags, |unfinished| {
        build(tool, &module, &unfinished.join(tool.name))
    })?;
    Ok(directory.join(tool.name))
}

fn is_acceptable(published: &Published, version: &str) -> bool {
    version.starts_with(published.accepts)
}

/// What a module is made of, in the order of the names: go.mod, go.sum, and the source if it is ours.
fn files(module: &Path) -> Result<Vec<PathBuf>, String> {
    let cannot = |error| format!("could not read {}: {error}", module.display());
    let entries = fs::read_dir(module).map_err(cannot)?;
    let mut files = entries
        .map(|entry| Ok(entry.map_err(cannot)?.path()))
        .collect::<Result<Vec<PathBuf>, String>>()?;
    files.sort();
    Ok(files)
}

fn build(tool: &GoTool, module: &Path, program: &Path) -> Result<(), String> {
    let what = format!("build {} (once, {} min with empty caches)", tool.name, tool.minutes);
    step::timed(&what, || {
        let packages = packages(tool, module)?;
        let mut go = go(
            module,
            &[
                "build",
                "-v",
                "-trimpath",
                "-ldflags",
                "-s -w",
                "-tags",
                tool.tags,
                "-o",
            ],
        );
        go.arg(program)
            .arg("tool")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = go
            .spawn()
            .map_err(|error| format!("{what}: could not start go: {error}. {ADVICE}"))?;
        let said = child
            .stderr
            .take()
            .map(|stderr| follow(BufReader::new(stderr), packages));
        let status = child.wait().map_err(|error| format!("{what}: {error}"))?;
        if status.success() {
            return Ok(());
        }
        Err(format!(
            "{what} failed ({status}). {ADVICE}\n{}",
            said.unwrap_or_default()
        ))
    })
}

/// How many packages the program is made of. To say so, Go downloads its modules, and names each one as it comes.
fn packages(tool: &GoTool, module: &Path) -> Result<usize, String> {
    let mut list = go(module, &["list", "-deps", "-tags", tool.tags, "tool"]);
    let packages = step::read(list.stderr(Stdio::inherit())).map_err(|error| format!("{error}. {ADVICE}"))?;
    Ok(packages.lines().count())
}

/// The caller's Go, with what makes the build everybody's: no C compiler, no workspace, and nothing but the pins.
fn go(module: &Path, arguments: &[&str]) -> Command {
    let mut go = Command::new("go");
    go.current_dir(module)
        .args(arguments)
        .env("CGO_ENABLED", "0")
        .env("GOWORK", "off")
        .env("GOFLAGS", "-mod=readonly");
    go
}

/// Counts the packages that the compiler names, and says the count now and then. Gives the last of whatever else was said.
fn follow(said: impl BufRead, packages: usize) -> String {
    const LAST: usize = 20;
    let (mut built, mut last) = (0, Vec::new());
    let started = Instant::now();
    let mut told = started;
    for line in said.lines().map_while(Result::ok) {
        // The name of a package is one word; of Go's messages none is.
        if line.contains(' ') || line.starts_with('#') {
            last.push(line);
        } else {
            built += 1;
        }
        if told.elapsed() >= PROGRESS_EVERY {
            told = Instant::now();
            eprintln!("    {built} of {packages} packages, {} s", started.elapsed().as_secs());
        }
    }
    last.split_off(last.len().saturating_sub(LAST)).join("\n")
}

#[test]
fn of_what_go_says_the_messages_are_kept() {
    let said = "internal/goarch\nruntime\n# hashicoin.invalid/x\n./x.go:3:1: syntax error\n";
    let kept = follow(said.as_bytes(), 2);
    assert_eq!(kept, "# hashicoin.invalid/x\n./x.go:3:1: syntax error");
}

#[test]
fn a_program_of_another_release_is_not_taken() {
    let takes = |tool: GoTool, version| is_acceptable(&tool.published.unwrap(), version);
    assert!(takes(VAULT, "Vault v1.21.4 (0123abcd), built 2025-11-23T17:28:16Z\n"));
    assert!(!takes(VAULT, "Vault v1.2.1\n") && !takes(VAULT, "OpenBao v1.21.1\n"));
    assert!(takes(CONSUL, "Consul v1.22.5\nBuild Date 1970-01-01T00:00:01Z\n"));
    assert!(!takes(CONSUL, "Consul v1.23.0\n") && !takes(CONSUL, ""));
    assert!(takes(NOMAD, "Nomad v1.11.3\nBuildDate 2026-04-10T07:15:28Z\n"));
    assert!(!takes(NOMAD, "Nomad v1.1.11\n"));
    assert!(takes(CONSUL_TEMPLATE, "consul-template v0.42.1 ()\n"));
    assert!(!takes(CONSUL_TEMPLATE, "consul-template v0.4.2 ()\n"));
}

#[test]
fn a_program_of_ours_is_known_by_its_source_too() {
    let names = |tool: &str| {
        let files = files(&place::root().join("tools").join(tool)).unwrap();
        let names = files
            .iter()
            .map(|file| file.file_name().unwrap().to_str().unwrap().to_owned());
        names.collect::<Vec<String>>()
    };
    assert_eq!(names(TLOG_CHECK.name), ["go.mod", "go.sum", "main.go"]);
    assert_eq!(names(VAULT.name), ["go.mod", "go.sum"]);
}
