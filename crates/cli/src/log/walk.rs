//! One walk through a log, from its first entry to the last that its latest checkpoint covers: many stretches are read at once, and taken in order.

use batch::in_order;
use service::Failure;
use tlog::{Policy, TreeHead};

use super::growth::Growth;
use super::progress::Progress;
use super::stretch::{self, Cut, Entries};
use super::{KeptCheckpoints, Known, Source};
use crate::findings::Findings;

/// A log, and up to where it is read.
pub struct Walk<'a> {
    /// Where it is.
    pub source: &'a Source,
    /// Under which path.
    pub prefix: &'a str,
    /// Whose checkpoints are believed.
    pub policy: &'a Policy,
    /// Its latest checkpoint.
    pub latest: TreeHead,
    /// What the user knows of it.
    pub known: Vec<Known>,
    /// What its entries are called.
    pub of: &'static str,
}

/// What a walk saw.
pub struct Seen {
    /// How many checkpoints were looked at.
    pub checkpoints: u64,
    /// How many entries were followed; fewer than the checkpoint covers if some are missing.
    pub entries: u64,
}

/// Why a walk ends before its end.
enum Stop {
    /// Nothing is there any more.
    NothingMore,
    Failure(Failure),
}

impl Walk<'_> {
    /// Walks. `read` is called on many threads, once for each stretch, and `take` in order.
    ///
    /// # Errors
    ///
    /// When there is no answer, or `take` fails.
    pub fn walk<Read: Send>(
        &self,
        findings: &mut Findings,
        read: impl Fn(Entries, &mut Findings) -> Read + Sync,
        mut take: impl FnMut(Read, &mut Findings) -> Result<(), Failure>,
    ) -> Result<Seen, Failure> {
        let kept = KeptCheckpoints::new(self.source, self.prefix, self.policy);
        let mut growth = Growth::new(self.source, self.prefix, kept, self.known.clone());
        let mut progress = Progress::start(self.of, self.latest.size);
        let (size, lanes) = (self.latest.size, self.source.lanes());
        let cut = Cut::new(size, lanes);
        let fetch =
            |number| stretch::fetch(self.source, self.prefix, size, cut.bundles(number), &read).map_err(Stop::Failure);
        let walked = in_order(0..cut.stretches(), lanes, fetch, |_, stretch| {
            findings.append("", stretch.findings);
            growth.append(&stretch.leaves, findings).map_err(Stop::Failure)?;
            take(stretch.read, findings).map_err(Stop::Failure)?;
            progress.reached(growth.size());
            let Some(index) = stretch.ends_at else { return Ok(()) };
            findings.add(
                format!("entry {index}"),
                format!(
                    "neither it nor its hash is there, so that nothing behind it can be checked; the checkpoint covers {}",
                    self.latest.size
                ),
            );
            Err(Stop::NothingMore)
        });
        progress.finish();
        match walked {
            Ok(()) => growth.end(&self.latest, findings)?,
            Err(Stop::NothingMore) => {}
            Err(Stop::Failure(failure)) => return Err(failure),
        }
        Ok(Seen {
            checkpoints: growth.checkpoints(),
            entries: growth.size(),
        })
    }
}
