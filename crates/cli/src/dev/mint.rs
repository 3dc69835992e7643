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
    /// How many coins the mint says there are to hand out.
    pub count: u64,
    /// The public keys, as Vault's JSON.
    pub keys: Value,
    /// The coins that are not as they should be.
    pub odd: Odd,
}

/// Coins that must not count.
pub struct Odd {
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

/// What is to be minted.
pub struct Order<'a> {
    /// What the coins are for.
    pub campaign: &'a str,
    /// When they expire.
    pub expires: Timestamp,
    /// How many.
    pub count: u32,
}

/// Where coins go.
pub enum Out {
    /// Files in a directory.
    Directory(PathBuf),
    /// The pool in the Redis at this address.
    Pool(String),
}

/// Makes a key in a file, and mints with it, into the data's directory of coins.
///
/// # Errors
///
/// When the mint does not do what it is for.
pub fn with_a_file(programs: &Programs, data: &Data, campaign: &str, count: u32) -> Result<Minted, Failure> {
    let mint = Mint { programs, data };
    mint.keygen("key.pem")?;
    let keys = mint.run(mint.command("keys").arg("--key").arg(data.join("key.pem")))?;
    let signer = Signer::File("key.pem");
    let odd = odd_ones(programs, data, campaign, &keys, &signer)?;
    let out = Out::Directory(data.coins());
    let order = Order {
        campaign,
        expires: late()?,
        count,
    };
    let count = to_hand_out(programs, data, &order, &signer, &out)?;
    Ok(Minted { count, keys, odd })
}

/// Mints the coins that must not count, beside those of the key whose public halves are `keys`, and writes these halves down.
///
/// # Errors
///
/// When the mint does not do what it is for.
pub fn odd_ones(
    programs: &Programs,
    data: &Data,
    campaign: &str,
    keys: &Value,
    signer: &Signer<'_>,
) -> Result<Odd, Failure> {
    let mint = Mint { programs, data };
    mint.keygen("other-key.pem")?;
    data.write("keys.json", &format!("{keys:#}\n"))?;
    let (soon, late) = (at(clock::now()?.unix_s() + EXPIRES_IN_S)?, late()?);
    Ok(Odd {
        expiring: mint.one(signer, campaign, soon, "expiring")?,
        other_campaign: mint.one(signer, &other(campaign), late, "other-campaign")?,
        other_key: mint.one(&Signer::File("other-key.pem"), campaign, late, "other-key")?,
    })
}

/// When the campaign's coins expire that are minted now.
///
/// # Errors
///
/// When the clock is nowhere near the present.
pub fn late() -> Result<Timestamp, Failure> {
    at(clock::now()?.unix_s() + GOOD_FOR_S)
}

/// Mints the campaign's coins; gives how many there are.
///
/// # Errors
///
/// When the mint does not do what it is for. With the same order and place it can be called again: it makes what is missing.
pub fn to_hand_out(
    programs: &Programs,
    data: &Data,
    order: &Order<'_>,
    signer: &Signer<'_>,
    out: &Out,
) -> Result<u64, Failure> {
    let mint = Mint { programs, data };
    let report = mint.coins(signer, order, out)?;
    let count = match out {
        Out::Directory(_) => &report["count"],
        Out::Pool(_) => &report["waiting"],
    };
    count
        .as_u64()
        .ok_or_else(|| Failure::CouldNot(format!("hashicoin-mint did not say how many it minted: {report}")))
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

    fn coins(&self, signer: &Signer<'_>, order: &Order<'_>, out: &Out) -> Result<Value, Failure> {
        let mut command = self.command("mint");
        command.args(["--json", "--campaign", order.campaign]);
        command.args(["--expires", &order.expires.to_string()]);
        command.args(["--count", &order.count.to_string()]);
        match signer {
            Signer::File(key) => {
                command.arg("--key").arg(self.data.join(key));
            }
            Signer::Vault(environment) => {
                command.args(["--vault-key", "hashicoin"]);
                environment(&mut command)?;
            }
        }
        match out {
            Out::Directory(directory) => command.arg("--out").arg(directory),
            Out::Pool(redis) => command.args(["--pool-redis", redis]),
        };
        self.run(&mut command)
    }

    fn one(&self, signer: &Signer<'_>, campaign: &str, expires: Timestamp, out: &str) -> Result<SignedCoin, Failure> {
        let directory = self.data.join(out);
        let order = Order {
            campaign,
            expires,
            count: 1,
        };
        self.coins(signer, &order, &Out::Directory(directory.clone()))?;
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
