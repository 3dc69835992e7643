//! The tree that grows out of the entries while they stream by: each checkpoint has to be its head at that size, and each tile above the leaves one of its own.

use std::collections::{BTreeMap, VecDeque};

use service::Failure;
use tlog::{Hash, Tile, Tree, TreeHead, partial_tiles};

use super::stretch::fetch_tile;
use super::{Kept, KeptCheckpoints, Known, Source};
use crate::findings::Findings;

/// The tree so far, and what it is compared with.
pub struct Growth<'a> {
    source: &'a Source,
    prefix: &'a str,
    kept: KeptCheckpoints<'a>,
    /// In order of size.
    known: VecDeque<Known>,
    tree: Tree,
    /// The newest tile of each level above the leaves.
    edge: BTreeMap<u8, Tile>,
    /// The largest size at which a checkpoint agreed.
    agreed: u64,
    /// The size of the last checkpoint that was compared.
    compared: Option<u64>,
    /// The first checkpoint with another root, and how many more there are.
    differs: Option<(u64, u64)>,
}

impl<'a> Growth<'a> {
    /// Of the log under `prefix`.
    pub fn new(source: &'a Source, prefix: &'a str, kept: KeptCheckpoints<'a>, mut known: Vec<Known>) -> Growth<'a> {
        known.sort_by_key(|known| known.head.size);
        Growth {
            source,
            prefix,
            kept,
            known: known.into(),
            tree: Tree::new(),
            edge: BTreeMap::new(),
            agreed: 0,
            compared: None,
            differs: None,
        }
    }

    /// How many checkpoints were looked at.
    pub fn checkpoints(&self) -> u64 {
        self.kept.count()
    }

    /// How many entries there are so far.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Appends entries, and compares what became known by them.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn append(&mut self, mut leaves: &[Hash], findings: &mut Findings) -> Result<(), Failure> {
        loop {
            self.compare_heads(findings)?;
            let kept = self.kept.peek(findings)?.map(|kept| kept.head.size);
            let known = self.known.front().map(|known| known.head.size);
            let until_next = kept.into_iter().chain(known).min();
            let until_next = until_next.map(|size| size.saturating_sub(self.tree.size()));
            let until_next = until_next.and_then(|count| usize::try_from(count).ok());
            let until_next = until_next.unwrap_or(usize::MAX);
            let (now, later) = leaves.split_at(until_next.min(leaves.len()));
            self.grow(now, findings)?;
            if later.is_empty() {
                return Ok(());
            }
            leaves = later;
        }
    }

    fn grow(&mut self, leaves: &[Hash], findings: &mut Findings) -> Result<(), Failure> {
        // No tree outgrows its largest size by entries that somebody really sent.
        for tile in self.tree.append(leaves).unwrap_or_default() {
            let id = tile.id();
            // The leaves were compared where they were read.
            if id.level() == 0 {
                continue;
            }
            if id.is_full() {
                self.compare_tile(&tile, findings)?;
            }
            self.edge.insert(id.level(), tile);
        }
        Ok(())
    }

    fn compare_heads(&mut self, findings: &mut Findings) -> Result<(), Failure> {
        while let Some(Kept { head, .. }) = self.kept.peek(findings)? {
            if head.size > self.tree.size() {
                break;
            }
            let head = *head;
            self.compare_head(&head, findings);
            self.kept.take();
        }
        while let Some(known) = self.known.pop_front_if(|known| known.head.size <= self.tree.size()) {
            if known.head != self.tree.head() {
                findings.add(
                    known.path.display().to_string(),
                    format!(
                        "the log signed another tree of {} than it shows now: keep the file, it proves that",
                        known.head.size
                    ),
                );
            }
        }
        Ok(())
    }

    fn compare_head(&mut self, signed: &TreeHead, findings: &mut Findings) {
        self.compared = Some(signed.size);
        if *signed == self.tree.head() {
            self.agreed = signed.size;
            return;
        }
        if let Some((_, more)) = &mut self.differs {
            *more += 1;
            return;
        }
        self.differs = Some((signed.size, 0));
        let what = format!(
            "its root is not that of the entries: entry {} to {} are not, or not all, those that were signed",
            self.agreed,
            signed.size.saturating_sub(1)
        );
        findings.add(format!("checkpoint of {}", signed.size), what);
    }

    fn compare_tile(&self, ours: &Tile, findings: &mut Findings) -> Result<(), Failure> {
        let Some(theirs) = fetch_tile(self.source, self.prefix, ours.id(), findings)? else {
            return Ok(());
        };
        let pairs = ours.hashes().iter().zip(theirs.hashes()).enumerate();
        for (place, _) in pairs.filter(|(_, (ours, theirs))| ours != theirs) {
            findings.add(
                ours.id().to_string(),
                format!("hash {place} is not that of the entries under it"),
            );
        }
        Ok(())
    }

    /// Ends where the log does: the tiles at its right edge, and that its latest checkpoint is one that it has kept and covers all of it.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn end(&mut self, latest: &TreeHead, findings: &mut Findings) -> Result<(), Failure> {
        self.compare_heads(findings)?;
        for known in &self.known {
            findings.add(
                known.path.display().to_string(),
                format!(
                    "the log signed a tree of {}, and shows one of {} now: keep the file, it proves that",
                    known.head.size, latest.size
                ),
            );
        }
        for id in partial_tiles(self.tree.size()) {
            if let Some(tile) = self.edge.get(&id.level()).filter(|tile| tile.id() == id) {
                self.compare_tile(tile, findings)?;
            }
        }
        if let Some((first, more @ 1..)) = self.differs {
            findings.add(
                format!("checkpoint of {first}"),
                format!("the roots of {more} checkpoints after it are not those of the entries either"),
            );
        }
        if *latest != self.tree.head() {
            findings.add("checkpoint", "its root is not that of the entries");
        }
        if self.compared != Some(latest.size) {
            findings.add(
                "checkpoint",
                format!(
                    "it is of {}, and none of that size is among those that are kept",
                    latest.size
                ),
            );
        }
        // On a server one may have been signed meanwhile.
        if !self.source.is_live()
            && let Some(kept) = self.kept.peek(findings)?
        {
            let size = kept.head.size;
            findings.add(
                "checkpoint",
                format!(
                    "it is of {}, and one of {size} is kept: it is not the latest",
                    latest.size
                ),
            );
        }
        Ok(())
    }
}
