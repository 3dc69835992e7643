//! `dev`: the journey of a coin on one machine, in the way `vault server -dev` and `consul agent -dev` are.
//!
//! Keygen, mint, API on a new ledger, Envoy with the gate in front; then good, forged and double votes through Envoy, and the figures read back from the
//! running parts. Everything it starts ends with it. Nothing here is for production: the key is a file, and all of it goes when it ends.

mod addresses;
mod bootstrap;
mod child;
mod data;
mod figures;
mod forge;
mod job;
mod keynote;
mod memory;
mod mesh;
mod mint;
mod programs;
mod readings;
mod stage;
mod stop;
mod story;
mod wait;

use std::path::PathBuf;
use std::time::Duration;

use clap::value_parser;
use serde_json::Value;
use service::Failure;

use crate::output;

use data::Data;
use programs::Programs;
use stage::Stage;
use stop::Stop;

/// The campaign that the story is about.
const CAMPAIGN_JSON: &str = include_str!("../../../examples/campaign.json");

/// How often the parts are looked after while nothing happens.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Run the whole story on this machine, for development: mint, Envoy with the gate, API, votes
///
/// Prints what became of good, forged and double votes, then stays up with the page's address until Ctrl-C. With --json the last line on standard output is one
/// object: minted, accepted, refused_at_gate, refused_double, reached_api, audited, tally (percent by charity) and ok, every figure read back from the running parts.
#[derive(clap::Args)]
#[command(after_help = "Exit codes: 0 the story held, 1 it did not, 2 a part could not be started or asked, 64 usage.")]
pub struct Arguments {
    /// On the real components: Vault signs, Consul mounts the gate in its proxies, Redis and Postgres run
    #[arg(long, group = "servers")]
    mesh: bool,
    /// As --mesh, with the parts run by Nomad as jobs; for root alone
    #[arg(long, group = "servers")]
    nomad: bool,
    /// After the story walk the keynote's steps, each with its commands and what must follow from them; with --json a second line has them
    #[arg(long, requires = "nomad")]
    keynote: bool,
    /// Also write the keynote down as a page for people: steps, figures, the scaling, the outcome, addresses
    #[arg(long, value_name = "FILE", requires = "keynote")]
    report: Option<PathBuf>,
    /// The directory of the mesh's servers [default: PATH]
    #[arg(long, value_name = "DIR", requires = "servers")]
    tools: Option<PathBuf>,
    /// End after the story
    #[arg(long)]
    once: bool,
    /// Print the figures as one JSON object on standard output, everything else on standard error
    #[arg(long)]
    json: bool,
    /// The port for the page and the votes [default: a free one]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// How many coins to mint; the story spends 9 of them, the rest is for the page
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = value_parser!(u32).range(story::GOOD_VOTES as i64..=100_000))]
    count: u32,
    /// Where to keep key, coins, ledger and logs; must be new or empty [default: a temporary directory, removed at the end]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Envoy [default: the one on PATH]
    #[arg(long, value_name = "FILE", env = "HASHICOIN_ENVOY")]
    envoy: Option<PathBuf>,
    /// The compiled gate, coin_gate.wasm [default: beside this program, or where cargo puts it]
    #[arg(long, value_name = "FILE", env = "HASHICOIN_GATE")]
    gate: Option<PathBuf>,
}

impl Arguments {
    /// Says what happens, as it happens.
    fn say(&self, line: &str) {
        if self.json {
            eprintln!("{line}");
        } else {
            // Whoever closed the pipe does not want to read on; the story goes on.
            let _ = output::print(line);
        }
    }
}

/// Runs the command.
///
/// # Errors
///
/// [`Failure::Refused`] when the story did not hold, [`Failure::CouldNot`] when a part could not be started or asked.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let stop = Stop::on_signals()?;
    let say = |line: &str| arguments.say(line);
    let programs = Programs::find(arguments.envoy.as_deref(), arguments.gate.as_deref())?;
    let data = Data::create(arguments.data.as_deref())?;
    let mesh = arguments.mesh || arguments.nomad;
    say(if mesh {
        "WARNING: for development only. What opens Vault lies beside it, and the servers' first tokens do; whoever reads them owns this mesh."
    } else {
        "WARNING: for development only. The signing key is a file; whoever copies it mints coins that nobody can tell from these."
    });
    say(&format!("data     {}", data.path().display()));

    let campaign = campaign()?;
    // Declared after the directory, so that the parts are stopped before their files go.
    let (mut stage, minted) = if mesh {
        let wishes = mesh::Wishes {
            tools: arguments.tools.as_deref(),
            port: arguments.port,
            count: arguments.count,
            nomad: arguments.nomad,
        };
        mesh::set_up(&programs, &data, &campaign, &wishes, &stop, &say)?
    } else {
        let minted = mint::with_a_file(&programs, &data, &campaign, arguments.count)?;
        say(&format!("minted   {} coins for {campaign}", minted.count));
        let stage = Stage::set_up(&programs, &data, &minted, arguments.port, &stop, &say)?;
        (stage, minted)
    };
    let (figures, mistakes) = story::tell(&mut stage, &minted, &stop, &say)?;
    if arguments.json {
        output::print(figures.to_json(mistakes.is_empty()))?;
    }
    say(&figures.to_string());
    if !mistakes.is_empty() {
        return Err(Failure::Refused(format!(
            "the story did not hold:\n  {}",
            mistakes.join("\n  ")
        )));
    }
    say("The story held.");
    if arguments.keynote {
        let tools = mesh::Tools::find(arguments.tools.as_deref(), true)?;
        let (told, walked) = keynote::walk(&mut stage, &data, &tools, &campaign, &stop, &say);
        if let Some(file) = &arguments.report {
            keynote::write_report(file, &told)?;
            say(&format!("report   {}", file.display()));
        }
        if arguments.json {
            output::print(told)?;
        }
        walked?;
        say("The keynote held.");
    }
    if arguments.once {
        return Ok(());
    }
    stay_up(&mut stage, &data, &stop, &say)
}

/// Stays until a signal comes, or a part ends.
fn stay_up(stage: &mut Stage, data: &Data, stop: &Stop, say: &dyn Fn(&str)) -> Result<(), Failure> {
    let (front, keys) = (stage.front.base().clone(), data.keys());
    say(&format!("\nOpen     {front}/"));
    for (name, address) in addresses::of_servers(data) {
        say(&format!("{name:<8} {address}/"));
    }
    say(&format!("Verify   hashicoin verify COIN.TXT --keys {}", keys.display()));
    say(&format!(
        "Vote     hashicoin vote --url {front} --coin COIN.TXT clean-water"
    ));
    say(&format!("Audit    hashicoin audit {front}"));
    say("Ctrl-C stops everything.");
    while !stop.asked_within(LOOK_EVERY) {
        stage.parts.still_runs()?;
    }
    say("stopping");
    Ok(())
}

/// The campaign's name, out of the file that the ledger gets too.
fn campaign() -> Result<String, Failure> {
    serde_json::from_str(CAMPAIGN_JSON)
        .ok()
        .and_then(|file: Value| Some(file["campaign"].as_str()?.to_owned()))
        .ok_or_else(|| {
            Failure::CouldNot("the built-in campaign file names no campaign: build this program anew".to_owned())
        })
}
