//! How the mint finds Vault and is known to it, and that its token is seen by nobody else.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use super::{assert_refused, minting, minting_with, report};
use crate::harness::artifacts;
use crate::harness::process::{Process, run};
use crate::harness::vault::{ROOT, Vault};
use crate::harness::wait::wait_for;

/// The command, for two coins into a new directory.
fn two_coins(vault: &Vault, token: &str, out: &TempDir) -> Command {
    let mut command = minting(vault, token);
    command.args(["--count", "2", "--out"]).arg(out.path().join("coins"));
    command
}

#[test]
fn the_token_comes_from_the_environment_or_from_where_vault_login_keeps_it() {
    let vault = Vault::start();
    let out = TempDir::new().unwrap();
    let token = vault.token("mint");
    let home = TempDir::new().unwrap();
    let mut command = two_coins(&vault, "", &out);
    command.env_remove("VAULT_TOKEN").env("HOME", home.path());
    assert_refused(&run(&mut command), 1, "get a new one");
    fs::write(home.path().join(".vault-token"), format!("{token}\n")).unwrap();
    assert_eq!(report(&mut command)["minted"], 2);
    // The environment comes first.
    assert_refused(&run(command.env("VAULT_TOKEN", "hvs.nothing")), 1, "get a new one");
    assert_refused(&run(command.env("VAULT_TOKEN", "two words")), 64, "is not one");
}

#[test]
fn a_vault_agent_brings_the_token_itself() {
    let vault = Vault::start();
    let out = TempDir::new().unwrap();
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("token"), vault.token("mint")).unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = format!(
        r#"vault {{ address = "{}" }}
           auto_auth {{ method {{ type = "token_file" config = {{ token_file_path = "{}" }} }} }}
           api_proxy {{ use_auto_auth_token = true }}
           listener "tcp" {{ address = "{address}" tls_disable = true require_request_header = true }}"#,
        vault.url(),
        directory.path().join("token").display()
    );
    fs::write(directory.path().join("proxy.hcl"), config).unwrap();
    let mut proxy = Command::new(artifacts::vault());
    proxy
        .arg("proxy")
        .arg(format!("-config={}", directory.path().join("proxy.hcl").display()));
    let mut proxy = Process::start(
        "vault proxy",
        proxy.env_remove("VAULT_TOKEN").env("HOME", directory.path()),
    );
    wait_for("Vault Proxy to listen", || {
        proxy.still_runs();
        std::net::TcpStream::connect(address)
            .map(drop)
            .map_err(|error| error.to_string())
    });
    let mut command = two_coins(&vault, "", &out);
    command.env_remove("VAULT_TOKEN").env("HOME", directory.path());
    // It is asked, not the Vault that VAULT_ADDR names.
    command
        .env("VAULT_ADDR", "http://127.0.0.1:1")
        .env("VAULT_AGENT_ADDR", format!("http://{address}"));
    assert_eq!(report(&mut command)["minted"], 2);
}

#[test]
fn with_tls_only_the_named_ca_vouches_for_vault() {
    let vault = Vault::start_with_tls();
    let out = TempDir::new().unwrap();
    let token = vault.token("mint");
    assert_eq!(report(&mut two_coins(&vault, &token, &out))["minted"], 2);
    let mut command = two_coins(&vault, &token, &out);
    assert_refused(
        &run(command.env_remove("VAULT_CACERT")),
        64,
        "name the file with its CA's certificate in VAULT_CACERT",
    );
    let another = Vault::start_with_tls();
    assert_refused(
        &run(command.env("VAULT_CACERT", another.ca_file())),
        1,
        "check VAULT_ADDR, and that VAULT_CACERT",
    );
    let empty = out.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    assert_refused(
        &run(command.env("VAULT_CACERT", &empty)),
        1,
        "there is no certificate in",
    );
    assert_refused(
        &run(command.env("VAULT_CACERT", out.path().join("none.pem"))),
        2,
        "could not read the CA's certificate",
    );
}

#[test]
fn what_vault_refuses_is_said_with_what_to_do() {
    let vault = Vault::start();
    let out = TempDir::new().unwrap();
    let token = vault.token("mint");
    for role in ["verifier", "key-reader", "log-signer"] {
        let ended = run(&mut two_coins(&vault, &vault.token(role), &out));
        assert_refused(&ended, 1, "has no policy for this");
    }
    vault.vault(&["write", "transit/keys/rsa", "type=rsa-2048"]);
    vault.vault(&["write", "transit/keys/derived", "type=ed25519", "derived=true"]);
    for (key, mount, words) in [
        ("nothing", "transit", "there is no such key or mount"),
        ("hashicoin", "elsewhere", "there is no such key or mount"),
        ("rsa", "transit", "coins are signed with \"ed25519\""),
    ] {
        let mut command = minting_with(&vault, ROOT, key);
        command.args(["--vault-mount", mount, "--count", "2", "--out"]);
        assert_refused(&run(command.arg(out.path().join("coins"))), 1, words);
    }
    let mut command = two_coins(&vault, &token, &out);
    assert_refused(&run(command.env("VAULT_ADDR", "127.0.0.1:8200")), 64, "set VAULT_ADDR");
    assert!(!out.path().join("coins").exists(), "nothing was begun");
}

#[test]
fn the_token_is_never_shown() {
    let vault = Vault::start();
    let out = TempDir::new().unwrap();
    let token = vault.token("mint");
    let mut all = vec![run(&mut two_coins(&vault, &token, &out))];
    vault.request(ROOT, "POST", "auth/token/revoke", &json!({"token": token}));
    all.push(run(&mut two_coins(&vault, &token, &out)));
    all.push(run(two_coins(&vault, &token, &out).env("VAULT_ADDR", "ftp://nowhere")));
    all.push(run(two_coins(&vault, &token, &out)
        .env("VAULT_ADDR", "http://127.0.0.1:1")
        .args(["--vault-timeout", "1"])));
    assert_eq!(all.iter().map(|ended| ended.code()).collect::<Vec<_>>(), [0, 1, 64, 2]);
    for ended in all {
        assert!(
            !ended.stdout.contains(&token) && !ended.stderr.contains(&token),
            "{ended:?}"
        );
    }
}
