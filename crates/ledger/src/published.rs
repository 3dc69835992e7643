//! What the logs publish, out of a store: tiles, bundles of entries, receipts. All of it is static: what was published once is the same for ever.

use tlog::{BundleId, Hash, Note, ProofPlan, TILE_WIDTH, Tile, TileId, TlogProof, bundle as bytes};
use vote::IssuedEntry;

use crate::{Counted, KeptCheckpoint, LogKind, Reader, StoreError};

/// A tile, as wide as it is asked for; `None` when the store has not as many hashes.
///
/// # Errors
///
/// When the store fails or is damaged.
pub fn tile(reader: &mut dyn Reader, log: LogKind, id: TileId) -> Result<Option<Tile>, StoreError> {
    let mut hashes: Vec<Hash> = reader.tile(log, id.level(), id.index())?;
    hashes.truncate(id.width().into());
    Ok(Tile::new(id, hashes))
}

/// A bundle of entries, as wide as it is asked for; `None` when the store has not as many.
///
/// # Errors
///
/// When the store fails or is damaged.
pub fn bundle(reader: &mut dyn Reader, log: LogKind, id: BundleId) -> Result<Option<Vec<u8>>, StoreError> {
    let first = id.index().saturating_mul(TILE_WIDTH as u64);
    let limit = id.width().into();
    let entries: Vec<String> = match log {
        LogKind::Issued => reader
            .issued_from(first, limit)?
            .iter()
            .map(IssuedEntry::to_text)
            .collect(),
        LogKind::Votes => {
            let votes = reader.votes_from(first, limit)?;
            votes.iter().map(|vote| vote.log_entry().to_text()).collect()
        }
    };
    if entries.len() < usize::from(id.width()) {
        return Ok(None);
    }
    let mut bundle = Vec::new();
    for (index, entry) in (first..).zip(&entries) {
        let pushed = bytes::push(&mut bundle, entry.as_bytes());
        pushed.ok_or_else(|| StoreError::Damaged(format!("entry {index} of a log is too long")))?;
    }
    Ok(Some(bundle))
}

/// The receipt of a counted vote: a proof (c2sp.org/tlog-proof) that leads to the first checkpoint that covers it. `None` before there is one.
pub(crate) fn receipt(reader: &mut dyn Reader, counted: &Counted) -> Result<Option<String>, StoreError> {
    let covering = counted.index.saturating_add(1);
    let Some(checkpoint) = reader.checkpoints_from(LogKind::Votes, covering, 1)?.pop() else {
        return Ok(None);
    };
    let mut tiles = Vec::new();
    for id in receipt_tiles(counted, &checkpoint) {
        tiles.extend(tile(reader, LogKind::Votes, id)?);
    }
    let receipt = receipt_from(counted, &checkpoint, &tiles);
    let damaged = || {
        StoreError::Damaged(format!(
            "vote {}: no receipt can be made of its checkpoint",
            counted.index
        ))
    };
    receipt.map(Some).ok_or_else(damaged)
}

/// The tiles that the receipt of a vote is made of, under this checkpoint.
pub fn receipt_tiles(counted: &Counted, checkpoint: &KeptCheckpoint) -> Vec<TileId> {
    let plan = ProofPlan::inclusion(counted.index, checkpoint.size);
    plan.map(|plan| plan.tiles()).unwrap_or_default()
}

/// The receipt of a vote: its entry, and the proof that the checkpoint's tree has it. `None` if it has not, or one of [`receipt_tiles`] is not among these.
pub fn receipt_from(counted: &Counted, checkpoint: &KeptCheckpoint, tiles: &[Tile]) -> Option<String> {
    let plan = ProofPlan::inclusion(counted.index, checkpoint.size)?;
    let proof = TlogProof {
        extra: counted.log_entry().to_text().into_bytes(),
        index: counted.index,
        hashes: plan.prove(tiles)?,
        checkpoint: Note::parse(checkpoint.note.as_bytes()).ok()?,
    };
    Some(proof.to_string())
}
