//! docs/operating.md: its commands are run as they stand there, in order, on one mesh.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::world::Mesh;
use crate::harness::artifacts::{gate, program, root, tools};
use crate::harness::process::run;

/// The commands of each section that has any, by its title. A command that fails ends its section's script.
fn scripts(page: &str) -> Vec<(&str, String)> {
    let mut scripts = Vec::new();
    for section in page.split("\n## ").skip(1) {
        let (title, text) = section.split_once('\n').unwrap();
        let blocks: Vec<&str> = text.split("```").skip(1).step_by(2).collect();
        let commands = blocks.iter().map(|block| {
            block
                .strip_prefix("sh\n")
                .unwrap_or_else(|| panic!("{title}: not run: {block}"))
        });
        if !blocks.is_empty() {
            scripts.push((title, format!("set -eu\n{}", commands.collect::<String>())));
        }
    }
    scripts
}

/// The variables that the page names, and PATH.
fn variables(mesh: &Mesh) -> Vec<(OsString, OsString)> {
    let own = env::var_os("PATH").unwrap();
    let programs = program("hashicoin").parent().unwrap().to_owned();
    let path = env::join_paths([tools(), programs].into_iter().chain(env::split_paths(&own))).unwrap();
    let url = |scheme, part, what| format!("{scheme}://{}", mesh.address(part, what));
    let (vault, consul) = (mesh.vault(), mesh.consul());
    let clients = vault.get_envs().chain(consul.get_envs());
    clients
        .map(|(name, value)| (name.to_owned(), value.unwrap().to_owned()))
        .chain([
            ("PATH".into(), path),
            ("CAMPAIGN".into(), "hashiconf-2020".into()),
            ("EXPIRES".into(), "2030-01-01T00:00:00Z".into()),
            ("KEYS".into(), mesh.data("keys.json").into()),
            ("MODULE".into(), module(mesh).into()),
            ("TOKENS".into(), mesh.token("").into()),
            ("FRONT".into(), format!("http://{}", mesh.front).into()),
            ("API".into(), url("http", "api", "http").into()),
            ("SIDECAR".into(), url("http", "envoy-api", "admin").into()),
            ("HASHICOIN_REDIS_URL".into(), url("redis", "redis", "tcp").into()),
        ])
        .collect()
}

/// Commands put a module beside the one that is mounted: not into the directory that all tests share.
fn module(mesh: &Mesh) -> PathBuf {
    let copy = mesh.data("coin_gate.wasm");
    fs::copy(gate(), &copy).unwrap();
    copy
}

#[test]
fn every_command_for_operators_works() {
    let page = fs::read_to_string(root().join("docs/operating.md")).unwrap();
    let mesh = Mesh::start();
    let variables = variables(&mesh);
    for (title, script) in scripts(&page) {
        let mut shell = Command::new("sh");
        // The mesh's data directory has the repository's vault/ and consul/, with this mesh's addresses in them.
        shell
            .current_dir(mesh.data(""))
            .args([OsStr::new("-c"), OsStr::new(&script)]);
        let ended = run(shell.envs(variables.iter().cloned()));
        assert_eq!(ended.code(), 0, "{title}: {ended:?}");
    }

    // What the commands were for: the new key alone counts, and votes go on.
    let gate = mesh.gate_metrics();
    let versions = (gate["coin_gate_key_version_min"], gate["coin_gate_key_version_max"]);
    assert_eq!(versions, (2, 2));
    assert_eq!(mesh.vote("Coin none", "{}").status, 400);
}

#[test]
fn the_commands_are_those_between_fences() {
    let page = "# Page\n## One\n```sh\nfirst\n```\nwords\n   ```sh\n   second\n   ```\n## Two\nnothing\n";
    assert_eq!(scripts(page), [("One", "set -eu\nfirst\n   second\n   ".to_owned())]);
}
