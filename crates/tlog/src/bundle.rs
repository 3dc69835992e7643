//! Entry bundles (c2sp.org/tlog-tiles): up to 256 entries, each after its length in two bytes, the high one first.

use crate::TILE_WIDTH;

/// The longest entry that a bundle can hold, in bytes.
pub const ENTRY_BYTES_MAX: usize = 0xffff;

/// Appends an entry to a bundle's bytes; `None`, with nothing appended, if it is longer than [`ENTRY_BYTES_MAX`].
#[must_use]
pub fn push(bundle: &mut Vec<u8>, entry: &[u8]) -> Option<()> {
    let length = u16::try_from(entry.len()).ok()?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Some(())
}

/// The entries of a bundle; `None` if the bytes are not a whole number of them, from 1 to 256.
pub fn entries(bundle: &[u8]) -> Option<Vec<&[u8]>> {
    // Nearly every bundle is full, and none has more entries than lengths fit.
    let mut entries = Vec::with_capacity(TILE_WIDTH.min(bundle.len() / 2));
    let mut rest = bundle;
    while !rest.is_empty() {
        let (length, behind) = rest.split_first_chunk()?;
        let (entry, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        rest = behind;
    }
    (1..=TILE_WIDTH).contains(&entries.len()).then_some(entries)
}
