//! A stretch of a log, which one thread reads by itself: bundles of entries, the tiles with their hashes, and whether the two are of each other.

use service::Failure;
use tlog::{BundleId, Hash, TILE_WIDTH, Tile, TileId, bundle};

use super::Source;
use crate::findings::Findings;
use crate::http::Fetched;

/// How many bundles a stretch has. So many signatures are checked together; more of them gain nothing.
const BUNDLES: u64 = 16;
/// How many entries it has.
const STRETCH: usize = BUNDLES as usize * TILE_WIDTH;
/// The longest entry that is read: several times that of a vote for as many charities as a campaign has.
const ENTRY_BYTES_MAX: usize = 16 * 1024;
const HASH_BYTES: usize = 32;

/// What a thread found in a stretch.
pub struct Stretch<Read> {
    /// The hashes of its entries, from the first to the last, or to the first of which there is none.
    pub leaves: Vec<Hash>,
    /// The first entry of which neither the text nor the hash is there. The log cannot be followed beyond it.
    pub ends_at: Option<u64>,
    /// What its entries say.
    pub read: Read,
    /// What is wrong with it.
    pub findings: Findings,
}

/// The entries of a stretch that are there, each with its place in the log.
pub type Entries<'a> = [(u64, &'a [u8])];

/// How many stretches a log of this size has.
pub fn count(size: u64) -> u64 {
    size.div_ceil(BUNDLES * TILE_WIDTH as u64)
}

/// Fetches a stretch of the log under `prefix`, compares entries with tiles, and has the entries read.
///
/// # Errors
///
/// When there is no answer.
pub fn fetch<Read>(
    source: &Source,
    prefix: &str,
    number: u64,
    size: u64,
    read: impl FnOnce(&Entries<'_>, &mut Findings) -> Read,
) -> Result<Stretch<Read>, Failure> {
    let mut findings = Findings::default();
    let mut leaves = Vec::with_capacity(STRETCH);
    let (mut bundles, mut ends_at) = (Vec::new(), None);
    for index in number * BUNDLES..(number + 1) * BUNDLES {
        let Some(id) = BundleId::in_log(index, size) else { break };
        let entries = fetch_bundle(source, prefix, id, &mut findings)?;
        let hashes = fetch_hashes(source, prefix, id, size, &mut findings)?;
        let first = index * TILE_WIDTH as u64;
        match (&entries, hashes) {
            (Some(bundle), hashes) => {
                let of_entries = hash_entries(bundle);
                compare(first, &of_entries, hashes.as_deref(), &mut findings);
                leaves.extend(of_entries);
            }
            // What the entries were cannot be said, and everything behind them can.
            (None, Some(hashes)) => leaves.extend(hashes),
            (None, None) => ends_at = Some(first),
        }
        bundles.extend(entries.map(|bundle| (first, bundle)));
        if ends_at.is_some() {
            break;
        }
    }
    let mut entries: Vec<(u64, &[u8])> = Vec::with_capacity(leaves.len());
    for (first, bundle) in &bundles {
        entries.extend((*first..).zip(bundle::entries(bundle).unwrap_or_default()));
    }
    let read = read(&entries, &mut findings);
    Ok(Stretch {
        leaves,
        ends_at,
        read,
        findings,
    })
}

/// A bundle's bytes, if they are as many entries as it has.
fn fetch_bundle(
    source: &Source,
    prefix: &str,
    id: BundleId,
    findings: &mut Findings,
) -> Result<Option<Vec<u8>>, Failure> {
    let width = usize::from(id.width());
    let bytes_max = width * (2 + ENTRY_BYTES_MAX);
    let mistake = match source.fetch(&format!("{prefix}/{id}"), bytes_max as u64)? {
        Fetched::Bytes(bytes) => match bundle::entries(&bytes).map(|entries| entries.len()) {
            Some(count) if count == width => return Ok(Some(bytes)),
            Some(count) => format!("it has {count} entries, and should have {width}"),
            None => "it is not a whole number of entries, each after its length".to_owned(),
        },
        Fetched::Missing => "it is missing".to_owned(),
        Fetched::TooLong => format!("it is longer than {width} entries can be"),
    };
    findings.add(id.to_string(), mistake);
    Ok(None)
}

/// The hashes in the tile that goes with a bundle.
fn fetch_hashes(
    source: &Source,
    prefix: &str,
    bundle: BundleId,
    size: u64,
    findings: &mut Findings,
) -> Result<Option<Vec<Hash>>, Failure> {
    let Some(id) = TileId::in_tree(0, bundle.index(), size) else {
        return Ok(None);
    };
    let tile = fetch_tile(source, prefix, id, findings)?;
    Ok(tile.map(|tile| tile.hashes().to_vec()))
}

/// A tile, if it is as wide as it should be.
///
/// # Errors
///
/// When there is no answer.
pub fn fetch_tile(source: &Source, prefix: &str, id: TileId, findings: &mut Findings) -> Result<Option<Tile>, Failure> {
    let mistake = match source.fetch(&format!("{prefix}/{id}"), (TILE_WIDTH * HASH_BYTES) as u64)? {
        Fetched::Bytes(bytes) => match Tile::from_bytes(id, &bytes) {
            Some(tile) => return Ok(Some(tile)),
            None => format!(
                "it has {} bytes, and should have {} hashes of {HASH_BYTES}",
                bytes.len(),
                id.width()
            ),
        },
        Fetched::Missing => "it is missing".to_owned(),
        Fetched::TooLong => format!("it is longer than {TILE_WIDTH} hashes"),
    };
    findings.add(id.to_string(), mistake);
    Ok(None)
}

fn hash_entries(bundle: &[u8]) -> Vec<Hash> {
    let entries = bundle::entries(bundle).unwrap_or_default();
    entries.into_iter().map(Hash::of_leaf).collect()
}

fn compare(first: u64, of_entries: &[Hash], in_tile: Option<&[Hash]>, findings: &mut Findings) {
    let pairs = (first..).zip(of_entries.iter().zip(in_tile.unwrap_or_default()));
    for (index, _) in pairs.filter(|(_, (ours, theirs))| ours != theirs) {
        findings.add(format!("entry {index}"), "it is not the one whose hash is in the tile");
    }
}
