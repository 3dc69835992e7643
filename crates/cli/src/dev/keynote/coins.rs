//! Where coins come from: the key, who may use it, one coin by hand, and whether it is good.

use std::fs;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coin::{Campaign, Coin, Serial, SignedCoin, parse_vault_signature};
use serde_json::json;
use service::Failure;

use super::Walk;
use crate::dev::mint;

/// "coin" in base64.
const INPUT: &str = "input=Y29pbg==";

/// Where it is shown how a key is made; the mesh's own is at `transit`, where vault/setup.sh made it in the same way.
const SHOWN: &str = "keynote";

/// Transit is enabled, a key is made, and like the mesh's own it is Ed25519; not even whoever may do everything gets it out.
pub fn key(walk: &mut Walk<'_>) -> Result<(), Failure> {
    let mount = format!("-path={SHOWN}");
    let mut enable = walk.vault("vault-root")?;
    walk.succeed(enable.args(["secrets", "enable", &mount, "transit"]))?;
    let mut make = walk.vault("vault-root")?;
    make.args(["write", "-f", &format!("{SHOWN}/keys/hashicoin"), "type=ed25519"]);
    walk.succeed(&mut make)?;
    for (mount, what) in [
        (SHOWN, "the key that was made is Ed25519, and not exportable"),
        ("transit", "so is the one that signs the coins of this mesh"),
    ] {
        let mut read = walk.vault("vault-root")?;
        let key = walk.json(read.args(["read", "-format=json", &format!("{mount}/keys/hashicoin")]))?;
        let key = &key["data"];
        walk.assert(key["type"] == "ed25519" && key["exportable"] == false, what)?;
    }
    let mut export = walk.vault("vault-root")?;
    let exported = walk.run(export.args(["read", "transit/export/signing-key/hashicoin"]))?;
    walk.assert(!exported.status.success(), "Vault's root does not get it out")?;
    let mut disable = walk.vault("vault-root")?;
    walk.succeed(disable.args(["secrets", "disable", SHOWN])).map(drop)
}

/// The mint may sign, in one way, and do nothing else; and nobody else may.
pub fn policies(walk: &mut Walk<'_>) -> Result<(), Failure> {
    let mut read = walk.vault("vault-root")?;
    let policy = walk.succeed(read.args(["policy", "read", "hashicoin-mint"]))?;
    let file = walk.data.join("vault/policies/mint.hcl");
    let shipped = fs::read_to_string(&file).map_err(|error| Failure::io("read", &file, &error))?;
    walk.assert(
        policy.trim() == shipped.trim(),
        "the mint's policy is vault/policies/mint.hcl",
    )?;
    let mut sign = walk.vault("vault-mint")?;
    walk.succeed(sign.args(["write", "transit/sign/hashicoin", INPUT]))?;
    walk.assert(true, "the mint's token signs")?;
    for (token, path, what) in [
        (
            "vault-mint",
            "transit/sign/hashicoin/sha1",
            "with a hash in the path it does not",
        ),
        ("vault-mint", "transit/verify/hashicoin", "it does not verify"),
        ("vault-mint", "transit/sign/hashicoin-log", "it does not sign the log"),
        (
            "vault-key-reader",
            "transit/sign/hashicoin",
            "who brings the public keys does not sign",
        ),
        (
            "vault-log-signer",
            "transit/sign/hashicoin",
            "the ledger, which signs the log, signs no coin",
        ),
    ] {
        let mut denied = walk.vault(token)?;
        let denied = walk.run(denied.args(["write", path, INPUT]))?;
        let is_denied = String::from_utf8_lossy(&denied.stderr).contains("permission denied");
        walk.assert(!denied.status.success() && is_denied, what)?;
    }
    Ok(())
}

/// A coin as anybody could make it who may sign, and Vault's two lines about it.
pub fn by_hand(walk: &mut Walk<'_>) -> Result<(), Failure> {
    let mut serial = [0; 16];
    getrandom::fill(&mut serial)
        .map_err(|error| Failure::CouldNot(format!("no random bytes from the system: {error}")))?;
    let campaign = Campaign::parse(walk.campaign);
    let coin = Coin {
        campaign: campaign.ok_or_else(|| Failure::CouldNot("the campaign's name is none".to_owned()))?,
        serial: Serial::from_bytes(serial),
        expires: mint::late()?,
    };
    let input = format!("input={}", STANDARD.encode(coin.to_signed_bytes()));
    let mut sign = walk.vault("vault-mint")?;
    let signed = walk.json(sign.args(["write", "-format=json", "transit/sign/hashicoin", &input]))?;
    let signature = signed["data"]["signature"].as_str().and_then(parse_vault_signature);
    walk.assert(signature.is_some(), "Vault gives a signature and its key's version")?;
    walk.coin = signature.map(|(key_version, signature)| SignedCoin {
        coin,
        key_version,
        signature,
    });

    let id = signed["request_id"].as_str().unwrap_or_default();
    let mut find = Command::new("grep");
    find.arg(format!("\"id\":\"{id}\""))
        .arg(walk.data.join("vault/audit.log"));
    let found = walk.succeed(&mut find)?;
    let lines: Vec<&str> = found.lines().collect();
    walk.assert(
        lines.len() == 2,
        "the audit log has the request and the answer under its id",
    )?;
    let tells = lines.iter().any(|line| line.contains(&input["input=".len()..]));
    walk.assert(!tells, "and not what was signed")
}

/// The coin is good for whoever has the public keys, and changed it is not.
pub fn verify(walk: &mut Walk<'_>) -> Result<(), Failure> {
    let Some(signed) = walk.coin.clone() else {
        return Err(Failure::CouldNot("no coin was signed by hand".to_owned()));
    };
    let file = walk.data.write("coin.txt", &signed.to_coin_txt())?;
    let mut changed = signed.clone();
    changed.signature[0] ^= 1;
    let forged = walk.data.write("forged.coin.txt", &changed.to_coin_txt())?;
    for (file, code, what) in [
        (file, 0, "with the public keys alone the coin is good"),
        (forged, 1, "with one bit changed it is not"),
    ] {
        let mut verify = Walk::hashicoin()?;
        let verified = walk.run(verify.arg("verify").arg(file).arg("--keys").arg(walk.data.keys()))?;
        walk.assert(verified.status.code() == Some(code), what)?;
    }
    let input = STANDARD.encode(signed.coin.to_signed_bytes());
    for (signed, valid, what) in [
        (signed, true, "Vault says that the coin is good"),
        (changed, false, "and that the changed one is not"),
    ] {
        let body = json!({ "input": input, "signature": signed.to_vault_signature() }).to_string();
        let mut verify = walk.vault("vault-root")?;
        verify.args(["write", "-format=json", "transit/verify/hashicoin", "-"]);
        let said = walk.json_with(&mut verify, &body)?;
        walk.assert(said["data"]["valid"] == valid, what)?;
    }
    Ok(())
}
