//! `export`: a copy of a published log in a directory, under the paths that it is published under, so that any file server can serve it and `audit` reads it.
//!
//! What is copied fits together: the checkpoint is signed, its tree is that of the entries, the tiles are that tree's, and the tally has as many votes. What the votes
//! say is for `audit`. The directory gets its name when everything is in it.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::value_parser;
use serde_json::Value;
use service::Failure;
use tlog::Policy;

use crate::findings::Findings;
use crate::http::{Base, Client};
use crate::log::{self, ISSUED, KeptCheckpoints, LOG_JSON, LogPins, Present, Source, TALLY, VOTES, Walk};
use crate::output;

/// What the directory is called until it is whole.
const UNFINISHED: &str = ".export-unfinished-";

/// Copy a published log into a directory that any file server can serve
#[derive(clap::Args)]
#[command(
    after_help = "Exit codes: 0 copied, 1 the directory is not empty, or what is published does not fit together, 2 could not, 64 usage."
)]
pub struct Arguments {
    /// The address of a server, such as http://127.0.0.1:10000
    #[arg(value_name = "URL", value_parser = Base::parse)]
    url: Base,
    /// The directory; must be new or empty
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    #[command(flatten)]
    pins: LogPins,
    /// The longest time that the server gets for one answer, and to sign what its tally has, in seconds
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

/// Runs the command.
///
/// # Errors
///
/// [`Failure::Refused`] when the directory is not empty, or what is published does not fit together; [`Failure::CouldNot`] when server or disk do not do their part.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let directory = &arguments.directory;
    refuse_if_used(directory)?;
    let parent = directory.parent().filter(|parent| *parent != Path::new(""));
    let unfinished = tempfile::Builder::new()
        .prefix(UNFINISHED)
        // For the file server.
        .permissions(Permissions::from_mode(0o755))
        .tempdir_in(parent.unwrap_or(Path::new(".")))
        .map_err(|error| Failure::io("create a directory beside", directory, &error))?;
    let size = copy(arguments, unfinished.path())?;
    fs::rename(unfinished.keep(), directory).map_err(|error| Failure::io("name the export", directory, &error))?;
    output::print(format_args!(
        "exported {size} entries to {}: `hashicoin audit {}` checks them",
        directory.display(),
        directory.display()
    ))
}

fn refuse_if_used(directory: &Path) -> Result<(), Failure> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(|error| Failure::io("read", directory, &error))?,
    };
    if entries.count() > 0 {
        return Err(Failure::Refused(format!(
            "{} is not empty, and an export does not mix with what is there: name a new directory",
            directory.display()
        )));
    }
    Ok(())
}

/// Copies everything, and gives the number of entries.
fn copy(arguments: &Arguments, root: &Path) -> Result<u64, Failure> {
    let patience = Duration::from_secs(arguments.timeout);
    let client = || Client::with_patience(arguments.url.clone(), patience);
    let source = Source::Server(client());
    let mirrored = Source::Mirrored(client(), root.to_owned());
    let info = log::info(&source)?;
    let trust = arguments.pins.trust(&info)?;
    let mut findings = Findings::default();

    let policy = trust.policy(&info.origin())?;
    let (present, tally) = of_one_moment(&source, &policy, patience, &mut findings)?;
    log::write(&root.join(LOG_JSON), info.to_json().to_string().as_bytes())?;
    log::write(&root.join(TALLY), tally.to_string().as_bytes())?;
    let walk = Walk {
        source: &mirrored,
        prefix: VOTES,
        policy: &policy,
        latest: present.head,
        known: vec![],
        of: "votes",
    };
    copy_log(&walk, &present.note, root, &mut findings)?;
    if let Some(origin) = info.campaign.issued_origin() {
        let policy = trust.policy(&origin)?;
        let (latest, note) = log::latest(&source, ISSUED)?;
        log::check(&note, &policy, "issued: checkpoint", &mut findings);
        let walk = Walk {
            source: &mirrored,
            prefix: ISSUED,
            policy: &policy,
            latest,
            known: vec![],
            of: "coins",
        };
        copy_log(&walk, &note, root, &mut findings)?;
    }
    match findings.kept().first() {
        None => Ok(present.head.size),
        Some(first) => Err(Failure::Refused(format!(
            "what is published does not fit together, and nothing was kept: {first}; `hashicoin audit {}` says all",
            arguments.url
        ))),
    }
}

/// A checkpoint and a tally of as many votes: whoever reads the copy has no later ones to wait for.
fn of_one_moment(
    source: &Source,
    policy: &Policy,
    patience: Duration,
    findings: &mut Findings,
) -> Result<(Present, Value), Failure> {
    let deadline = Instant::now() + patience;
    loop {
        let mut of_this = Findings::default();
        let mut present = log::present(source, policy, patience, &mut of_this)?;
        match present.tally.take() {
            Some((votes, tally)) if votes == present.head.size => {
                findings.append("", of_this);
                return Ok((present, tally));
            }
            Some((votes, _)) if Instant::now() >= deadline => {
                return Err(Failure::CouldNot(format!(
                    "the tally has {votes} votes, and the checkpoint beside it {}: export when fewer votes are coming in, or give it more time with --timeout",
                    present.head.size
                )));
            }
            Some(_) => log::wait(),
            None => {
                return Err(Failure::CouldNot(format!(
                    "{source} has no /{TALLY} that says a number of votes: check the address"
                )));
            }
        }
    }
}

/// Walks through a log whose files are written as they are fetched, and writes those that change while it grows.
fn copy_log(walk: &Walk<'_>, note: &[u8], root: &Path, findings: &mut Findings) -> Result<(), Failure> {
    walk.walk(findings, |_, _| (), |(), _| Ok(()))?;
    log::write(&root.join(walk.prefix).join("checkpoint"), note)?;
    let path = root.join(walk.prefix).join("checkpoints");
    let write = |error| Failure::io("write", &path, &error);
    let mut file = BufWriter::new(File::create(&path).map_err(write)?);
    write!(file, r#"{{"checkpoints":["#).map_err(write)?;
    let mut kept = KeptCheckpoints::new(walk.source, walk.prefix, walk.policy);
    // What is wrong with them was found on the walk.
    let ignored = &mut Findings::default();
    let mut separator = "";
    while kept
        .peek(ignored)?
        .is_some_and(|kept| kept.head.size <= walk.latest.size)
    {
        let Some(kept) = kept.take() else { break };
        write!(file, "{separator}{}", Value::String(kept.note)).map_err(write)?;
        separator = ",";
    }
    write!(file, r#"],"next":null}}"#).map_err(write)?;
    file.flush().map_err(write)
}
