//! The checkpoints that a log has kept, one after the other, page by page: each signed, each larger than the one before.

use std::collections::VecDeque;

use batch::in_order;
use serde::Deserialize;
use service::Failure;
use tlog::{Checkpoint, Note, Policy, TreeHead};

use super::Source;
use crate::findings::Findings;
use crate::http::Fetched;

/// The longest answer. A server sends a thousand notes at once; a directory has all of them in one file: more than a day of ten every second.
const PAGE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// How many notes a thread looks at before the next ones are its.
const NOTES_AT_ONCE: usize = 64;

/// A checkpoint that the log has kept.
pub struct Kept {
    /// What it says.
    pub head: TreeHead,
    /// The note, as it is published.
    pub note: String,
}

/// The checkpoints that a log has kept. What is wrong with one is found when its page comes, and none is handed out twice or out of order: there is an end.
pub struct KeptCheckpoints<'a> {
    source: &'a Source,
    path: String,
    policy: &'a Policy,
    waiting: VecDeque<Kept>,
    /// From what size on the next page is; `None` after the last.
    next: Option<u64>,
    /// The largest so far.
    last: Option<TreeHead>,
    count: u64,
}

/// A page as it is sent.
#[derive(Deserialize)]
struct Page {
    checkpoints: Vec<String>,
    next: Option<u64>,
}

/// What a note turned out to be.
struct Opened {
    /// What it says, signed or not.
    head: Option<TreeHead>,
    /// Why it is not to be believed.
    mistake: Option<String>,
}

impl<'a> KeptCheckpoints<'a> {
    /// Those of the log under `prefix`, from the first on.
    pub fn new(source: &'a Source, prefix: &str, policy: &'a Policy) -> KeptCheckpoints<'a> {
        KeptCheckpoints {
            source,
            path: format!("{prefix}/checkpoints"),
            policy,
            waiting: VecDeque::new(),
            next: Some(0),
            last: None,
            count: 0,
        }
    }

    /// The next one, which stays the next until it is taken.
    ///
    /// # Errors
    ///
    /// When a page cannot be fetched.
    pub fn peek(&mut self, findings: &mut Findings) -> Result<Option<&Kept>, Failure> {
        while self.waiting.is_empty() {
            let Some(from) = self.next.take() else { return Ok(None) };
            self.turn_page(from, findings)?;
        }
        Ok(self.waiting.front())
    }

    /// Takes what [`KeptCheckpoints::peek`] gave.
    pub fn take(&mut self) -> Option<Kept> {
        self.waiting.pop_front()
    }

    /// How many were looked at.
    pub fn count(&self) -> u64 {
        self.count
    }

    fn turn_page(&mut self, from: u64, findings: &mut Findings) -> Result<(), Failure> {
        let path = format!("{}?from={from}", self.path);
        let page = match self.source.fetch(&path, PAGE_BYTES_MAX)? {
            Fetched::Bytes(bytes) => serde_json::from_slice::<Page>(&bytes).map_err(|error| error.to_string()),
            Fetched::Missing => Err("it is missing".to_owned()),
            Fetched::TooLong => Err(format!("it has more than {PAGE_BYTES_MAX} bytes")),
        };
        let page = match page {
            Ok(page) => page,
            Err(mistake) => {
                findings.add(path, mistake);
                return Ok(());
            }
        };
        let (policy, lanes) = (self.policy, self.source.lanes());
        let open_all = |notes: &[String]| Ok::<_, Failure>(notes.iter().map(|note| open(note, policy)).collect());
        let take = |notes: &[String], opened: Vec<Opened>| {
            for (note, opened) in notes.iter().zip(opened) {
                self.add(note, opened, findings);
            }
            Ok(())
        };
        in_order(page.checkpoints.chunks(NOTES_AT_ONCE), lanes, open_all, take)?;
        // Pages go on only beyond what was there: a server cannot turn them for ever.
        let beyond = self.last.map_or(from, |last| last.size.max(from));
        match page.next {
            Some(next) if next <= beyond => {
                findings.add(
                    path,
                    format!("its next page is said to begin at {next}, and it ends at {beyond}"),
                );
            }
            next => self.next = next,
        }
        Ok(())
    }

    fn add(&mut self, note: &str, opened: Opened, findings: &mut Findings) {
        self.count += 1;
        let at = match &opened.head {
            Some(head) => format!("checkpoint of {}", head.size),
            None => format!("checkpoint number {}", self.count),
        };
        if let Some(mistake) = opened.mistake {
            findings.add(at.clone(), mistake);
        }
        let Some(head) = opened.head else { return };
        match self.last {
            Some(last) if last.size > head.size => {
                findings.add(
                    at,
                    format!("it stands behind that of {}: the log was set back", last.size),
                );
            }
            Some(last) if last.size == head.size && last.root != head.root => {
                findings.add(at, "there are two with different roots: the log shows two histories");
            }
            Some(last) if last.size == head.size => findings.add(at, "it stands there twice"),
            _ => {
                self.last = Some(head);
                let note = note.to_owned();
                self.waiting.push_back(Kept { head, note });
            }
        }
    }
}

fn open(note: &str, policy: &Policy) -> Opened {
    let note = match Note::parse(note.as_bytes()) {
        Ok(note) => note,
        Err(error) => {
            return Opened {
                head: None,
                mistake: Some(error.to_string()),
            };
        }
    };
    match policy.open(&note) {
        Ok(checkpoint) => Opened {
            head: Some(*checkpoint.head()),
            mistake: None,
        },
        Err(error) => Opened {
            head: Checkpoint::parse(note.text()).ok().map(|checkpoint| *checkpoint.head()),
            mistake: Some(error.to_string()),
        },
    }
}
