//! Minting, by `hashicoin-mint`: the campaign's coins, and the ones that forgers and latecomers try.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use coin::{SignedCoin, Timestamp};
use serde_json::Value;
use service::Failure;

use super::data::Data;
use super::job;
use super::programs::Programs;
use crate::{clock, input};

/// How long the story's coins are good. Longer than anybody leaves it running.
const GOOD_FOR_S: u64 = 30 * 24 * 60 * 60;

/// How long the coin that is to expire is good: the mint refuses to make one that has expired already. Envoy takes about as long to come up.
const EXPIRES_IN_S: u64 = 5;

/// What was minted.
pub struct Minted {
    /// How many coins the mint says there are.
    pub count: u64,
    /// Where they are.
    pub pool: PathBuf,
    /// The public keys, as Vault's JSON.
    pub keys: Value,
    /// Signed by the right key, for another campaign.
    pub other_campaign: SignedCoin,
    /// For the right campaign, signed by somebody else's key.
    pub other_key: SignedCoin,
    /// Good, but not for long.
    pub expiring: SignedCoin,
}

/// Who signs.
pub enum Signer<'a> {
    /// A key in a file, by its name.
    File(&'static str),
    /// Vault: puts into a command's environment where it is, and the mint's token.
    Vault(&'a dyn Fn(&mut Command) -> Result<(), Failure>),
}

/// Makes a key in a file, and mints with it.
///
/// # Errors
///
/// When the mint does not do what it is for.
pub fn with_a_file(programs: &Programs, data: &Data, campaign: &str, count: u32) -> Result<Minted, Failure> {
    let mint = Mint { programs, data };
    mint.keygen("key.pem")?;
    let keys = mint.run(mint.command("keys").arg("--key").arg(data.join("key.pem")))?;
    everything(programs, data, campaign, count, keys, &Signer::File("key.pem"))
}

/// Mints with the key whose public halves are `keys`.
///
/// # Errors
///
/// When the mint does not do what it is for.
pub fn everything(
    programs: &Programs,
    data: &Data,
    campaign: &str,
    count: u32,
    keys: Value,
    signer: &Signer<'_>,
) -> Result<Minted, Failure> {
    let mint = Mint { programs, data };
    let stranger = Signer::File("other-key.pem");
    mint.keygen("other-key.pem")?;
    data.write("keys.json", &format!("{keys:#}\n"))?;

    let now_s = clock::now()?.unix_s();
    let (soon, late) = (at(now_s + EXPIRES_IN_S)?, at(now_s + GOOD_FOR_S)?);
    let expiring = mint.one(signer, campaign, soon, "expiring")?;
    let report = mint.coins(signer, campaign, late, count, "coins")?;
    Ok(Minted {
        count: report["count"]
            .as_u64()
            .ok_or_else(|| Failure::CouldNot(format!("hashicoin-mint did not say how many it minted: {report}")))?,
        pool: data.join("coins"),
        keys,
        other_campaign: mint.one(signer, &other(campaign), late, "other-campaign")?,
        other_key: mint.one(&stranger, campaign, late, "other-key")?,
        expiring,
    })
}

/// A campaign's name that is not this one.
fn other(campaign: &str) -> String {
    if campaign == "other" { "another" } else { "other" }.to_owned()
}

fn at(unix_s: u64) -> Result<Timestamp, Failure> {
    Timestamp::from_unix_s(unix_s)
        .ok_or_else(|| Failure::CouldNot("the clock is near the end of the year 9999: set it".to_owned()))
}

struct Mint<'a> {
    programs: &'a Programs,
    data: &'a Data,
}

impl Mint<'_> {
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.programs.mint);
        // An allocation's id would make every run the same coins.
        command.arg(name).env_remove("NOMAD_ALLOC_ID");
        command
    }

    fn keygen(&self, name: &str) -> Result<(), Failure> {
        self.output(self.command("keygen").arg("--out").arg(self.data.join(name)))
            .map(drop)
    }

    fn coins(
        &self,
        signer: &Signer<'_>,
        campaign: &str,
        expires: Timestamp,
        count: u32,
        out: &str,
    ) -> Result<Value, Failure> {
        let mut command = self.command("mint");
        command.args(["--json", "--campaign", campaign]);
        command.args(["--expires", &expires.to_string(), "--count", &count.to_string()]);
        match signer {
            Signer::File(key) => {
                command.arg("--key").arg(self.data.join(key));
            }
            Signer::Vault(environment) => {
                command.args(["--vault-key", "hashicoin"]);
                environment(&mut command)?;
            }
        }
        self.run(command.arg("--out").arg(self.data.join(out)))
    }

    fn one(&self, signer: &Signer<'_>, campaign: &str, expires: Timestamp, out: &str) -> Result<SignedCoin, Failure> {
        self.coins(signer, campaign, expires, 1, out)?;
        let directory = self.data.join(out);
        let entries = fs::read_dir(&directory).map_err(|error| Failure::io("open", &directory, &error))?;
        let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let path = paths.find(|path| path.to_string_lossy().ends_with(".coin.txt"));
        let path = path.ok_or_else(|| Failure::CouldNot(format!("no coin in {}", directory.display())))?;
        input::coin(&path)?.map_err(|error| Failure::CouldNot(format!("{}: {error}", path.display())))
    }

    /// Runs it, and reads its answer.
    fn run(&self, command: &mut Command) -> Result<Value, Failure> {
        let output = self.output(command)?;
        serde_json::from_slice(&output)
            .map_err(|error| Failure::CouldNot(format!("hashicoin-mint did not answer in JSON: {error}")))
    }

    fn output(&self, command: &mut Command) -> Result<Vec<u8>, Failure> {
        job::run("hashicoin-mint", command)
    }
}
