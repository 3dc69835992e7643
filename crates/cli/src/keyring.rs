//! `keyring`: what is in Vault's JSON, and the gate's configuration made from it, bare or as Consul's configuration entry.

use std::path::PathBuf;

use clap::{ArgGroup, value_parser};
use coin::{Campaign, Keyring};
use serde_json::{Value, json};
use service::Failure;
use sha2::{Digest, Sha256};

use crate::config_entry::config_entry;
use crate::gate_config::{Mode, gate_config};
use crate::{input, output, parse};

/// Show the public keys in Vault's JSON, or write the gate's configuration from it
#[derive(clap::Args)]
#[command(
    group = ArgGroup::new("output").args(["gate_config", "config_entry"]),
    after_help = "Exit codes: 0 done, 1 the JSON is no keyring (every mistake is named), 2 could not read it, 64 usage."
)]
pub struct Arguments {
    /// What `vault read -format=json transit/keys/NAME` prints; - for standard input
    #[arg(value_name = "FILE")]
    keys: PathBuf,
    /// The lowest key version that counts; Vault's own minimum stays in force
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u32).range(1..))]
    min_key_version: u32,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Print the gate's configuration with these keys (JSON) instead
    #[arg(long, requires = "campaign", conflicts_with_all = ["json", "config_entry"])]
    gate_config: bool,
    /// Print Consul's configuration entry for the API, which mounts the gate with these keys (HCL), instead
    #[arg(long, requires_all = ["campaign", "module"], conflicts_with = "json")]
    config_entry: bool,
    /// Where coin_gate.wasm is on the machine of the API's sidecar
    #[arg(long, value_name = "FILE", requires = "config_entry")]
    module: Option<PathBuf>,
    /// The campaign that the gate lets coins through for
    #[arg(long, value_name = "SLUG", requires = "output", value_parser = parse::campaign)]
    campaign: Option<Campaign>,
    /// What the gate does with a verdict
    #[arg(long, value_enum, default_value_t, requires = "output")]
    mode: Mode,
}

/// Runs the command.
///
/// # Errors
///
/// [`Failure::Refused`] when the JSON is no keyring, [`Failure::CouldNot`] when it cannot be read.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let keys = input::keys(&arguments.keys, arguments.min_key_version)?
        .map_err(|error| Failure::Refused(format!("{}: {error}", arguments.keys.display())))?;
    if let Some(campaign) = &arguments.campaign {
        let config = gate_config(arguments.mode, campaign, &keys.data, arguments.min_key_version);
        return match &arguments.module {
            Some(module) => output::print(config_entry(module, &config)?.trim_end()),
            None => output::print(format_args!("{config:#}")),
        };
    }
    if arguments.json {
        return output::print(to_json(&keys.keyring));
    }
    for (version, fingerprint) in fingerprints(&keys.keyring) {
        let retired = if version < keys.keyring.min_version() {
            "  retired"
        } else {
            ""
        };
        output::print(format_args!("version {version}  sha256:{fingerprint}{retired}"))?;
    }
    Ok(())
}

fn to_json(keyring: &Keyring) -> Value {
    let min_version = keyring.min_version();
    let keys: Vec<Value> = fingerprints(keyring)
        .map(|(version, fingerprint)| json!({"version": version, "sha256": fingerprint, "retired": version < min_version}))
        .collect();
    json!({"min_version": min_version, "keys": keys})
}

/// Each version with the SHA-256 of its key's 32 bytes, in hexadecimal: short enough to read to somebody over the telephone in parts.
fn fingerprints(keyring: &Keyring) -> impl Iterator<Item = (u32, String)> + '_ {
    keyring.versions().filter_map(|version| {
        let digest = Sha256::digest(keyring.public_key(version)?.as_bytes());
        let hexadecimal = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Some((version, hexadecimal))
    })
}
