//! `audit`: a stranger's full check of a published log.
//!
//! Every checkpoint's signature, one tree under all of them, every tile and every entry of it, every coin's signature, each coin once, and sums, percentages and the
//! donation's parts against the tally that is published. If there is a log of the coins that were minted, the same for that, and each coin that was spent in it.
//!
//! Whoever publishes may be hostile: of nothing more is read than it can be long, nothing is followed elsewhere, and there is an end. The log streams by; what grows
//! with it is the set of the votes' names.

mod issued;
mod recount;
mod report;
mod votes;

use std::path::PathBuf;
use std::time::Duration;

use clap::value_parser;
use service::Failure;

use crate::findings::Findings;
use crate::log::{self, Known, Pins, Place, Source, VOTES, Walk};

use recount::Recount;
use report::Report;
use votes::VoteRules;

/// Check a published log from its first entry to its last, as a stranger
///
/// Signatures, tree, tiles, entries, coins, that each counts once, sums, percentages and the split of the donation.
#[derive(clap::Args)]
#[command(
    after_help = "Exit codes: 0 nothing is wrong, 1 something is, each thing named, 2 could not check, 64 usage."
)]
pub struct Arguments {
    /// The address of a server, such as http://127.0.0.1:10000, or a directory that `hashicoin export` wrote
    #[arg(value_name = "URL|DIR")]
    place: Place,
    #[command(flatten)]
    pins: Pins,
    /// A checkpoint or a receipt that you have from before, or from others: the log has to have that tree still; give as many as you have
    #[arg(long, value_name = "FILE")]
    known: Vec<PathBuf>,
    /// The longest time that a server gets for one answer, and to sign what its tally has, in seconds
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
///
/// [`Failure::Refused`] when something is wrong, [`Failure::CouldNot`] when it cannot be said.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let patience = Duration::from_secs(arguments.timeout);
    let source = Source::new(&arguments.place, patience);
    let report = audit(&source, arguments, patience)?;
    report.print(arguments.json)?;
    report.verdict()
}

fn audit(source: &Source, arguments: &Arguments, patience: Duration) -> Result<Report, Failure> {
    let mut findings = Findings::default();
    let info = log::info(source)?;
    let trust = arguments.pins.trust(&info)?;
    let policy = trust.log.policy(&info.origin())?;
    let witnessed = trust.log.witnessed_policy(&info.origin())?;
    let present = log::present(source, &witnessed, patience, &mut findings)?;
    let tallied = present.tally.as_ref().map_or(0, |(votes, _)| *votes);
    let rules = VoteRules {
        campaign: &info.campaign,
        keys: &trust.coin_keys,
        tallied,
    };
    let known = arguments.known.iter().map(|path| Known::read(path, &policy));
    let known = known.collect::<Result<Vec<Known>, Failure>>()?;
    let walk = Walk {
        source,
        prefix: VOTES,
        policy: &policy,
        latest: present.head,
        known,
        of: "votes",
    };
    let mut recount = Recount::new(&info.campaign);
    let seen = walk.walk(
        &mut findings,
        |entries, findings| rules.read(entries, findings),
        |votes, findings| recount.add(&votes, findings),
    )?;
    recount.compare(&info.campaign, &present, seen.entries, &mut findings);
    let issued = match info.campaign.issued_origin() {
        Some(origin) => Some(issued::audit(source, &origin, &trust.log, &recount, &mut findings)?),
        None => None,
    };
    Ok(Report {
        place: source.to_string(),
        trust,
        latest: present.head,
        known: arguments.known.len(),
        seen,
        tallied,
        recounted: recount.tally(&info.campaign),
        info,
        issued,
        findings,
    })
}
