//! A stretch of a log, which one thread reads by itself: bundles of entries, the tiles with their hashes, and whether the two are of each other.

use std::ops::Range;

use service::Failure;
use tlog::{BundleId, Hash, TILE_WIDTH, Tile, TileId, bundle};

use super::Source;
use crate::findings::Findings;
use crate::http::Fetched;

/// The most bundles that a stretch has. So many signatures are checked together; more of them gain nothing.
const BUNDLES_MAX: u64 = 16;
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

/// The entries of a stretch that are there.
pub struct Entries {
    /// Bundles of them, each with the place of its first entry in the log.
    bundles: Vec<(u64, Vec<u8>)>,
    count: usize,
}

impl Entries {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Each with its place in the log.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let bundles = self.bundles.iter();
        bundles.flat_map(|(first, bundle)| (*first..).zip(bundle::entries(bundle).unwrap_or_default()))
    }
}

/// A log cut into stretches.
#[derive(Clone, Copy)]
pub struct Cut {
    /// How many bundles the log has.
    bundles: u64,
    /// Into how many stretches they are cut.
    stretches: u64,
}

impl Cut {
    /// Cuts a log of this size for so many threads: each gets as many stretches, and all are as long, give or take a bundle, so that no thread has to wait long
    /// at the end for the others.
    pub fn new(size: u64, threads: usize) -> Cut {
        let bundles = size.div_ceil(TILE_WIDTH as u64);
        let stretches = bundles.div_ceil(BUNDLES_MAX).next_multiple_of(threads.max(1) as u64);
        Cut {
            bundles,
            stretches: stretches.min(bundles),
        }
    }

    /// How many stretches there are.
    pub fn stretches(&self) -> u64 {
        self.stretches
    }

    /// The bundles of a stretch, counted from 0.
    pub fn bundles(&self, number: u64) -> Range<u64> {
        let (each, more) = (self.bundles / self.stretches, self.bundles % self.stretches);
        // The first ones have the bundles that are left over.
        let start = |number: u64| number * each + number.min(more);
        start(number)..start(number + 1)
    }
}

/// Fetches one of the stretches into which the log under `prefix` is cut, compares entries with tiles, and has the entries read.
///
/// # Errors
///
/// When there is no answer.
pub fn fetch<Read>(
    source: &Source,
    prefix: &str,
    size: u64,
    bundles: Range<u64>,
    read: impl FnOnce(Entries, &mut Findings) -> Read,
) -> Result<Stretch<Read>, Failure> {
    let mut findings = Findings::default();
    let (mut leaves, mut ends_at) = (Vec::new(), None);
    let mut entries = Entries {
        bundles: Vec::new(),
        count: 0,
    };
    for index in bundles {
        let Some(id) = BundleId::in_log(index, size) else { break };
        let bundle = fetch_bundle(source, prefix, id, &mut findings)?;
        let tile = fetch_leaf_tile(source, prefix, id, size, &mut findings)?;
        let first = index * TILE_WIDTH as u64;
        match (bundle, tile) {
            (Some(bundle), tile) => {
                compare(first, &bundle.hashes, tile.as_ref().map(Tile::hashes), &mut findings);
                leaves.extend_from_slice(&bundle.hashes);
                entries.count += bundle.hashes.len();
                entries.bundles.push((first, bundle.bytes));
            }
            // What the entries were cannot be said, and everything behind them can.
            (None, Some(tile)) => leaves.extend(tile.hashes()),
            (None, None) => {
                ends_at = Some(first);
                break;
            }
        }
    }
    let read = read(entries, &mut findings);
    Ok(Stretch {
        leaves,
        ends_at,
        read,
        findings,
    })
}

/// A bundle that has as many entries as it should.
struct Bundle {
    bytes: Vec<u8>,
    /// Those of its entries.
    hashes: Vec<Hash>,
}

/// A bundle, if it has as many entries as it should.
fn fetch_bundle(
    source: &Source,
    prefix: &str,
    id: BundleId,
    findings: &mut Findings,
) -> Result<Option<Bundle>, Failure> {
    let width = usize::from(id.width());
    let bytes_max = width * (2 + ENTRY_BYTES_MAX);
    let mistake = match source.fetch(&format!("{prefix}/{id}"), bytes_max as u64)? {
        Fetched::Bytes(bytes) => match bundle::entries(&bytes) {
            Some(entries) if entries.len() == width => {
                let hashes = entries.into_iter().map(Hash::of_leaf).collect();
                return Ok(Some(Bundle { bytes, hashes }));
            }
            Some(entries) => format!("it has {} entries, and should have {width}", entries.len()),
            None => "it is not a whole number of entries, each after its length".to_owned(),
        },
        Fetched::Missing => "it is missing".to_owned(),
        Fetched::TooLong => format!("it is longer than {width} entries can be"),
    };
    findings.add(id.to_string(), mistake);
    Ok(None)
}

/// The tile that goes with a bundle.
fn fetch_leaf_tile(
    source: &Source,
    prefix: &str,
    bundle: BundleId,
    size: u64,
    findings: &mut Findings,
) -> Result<Option<Tile>, Failure> {
    match TileId::in_tree(0, bundle.index(), size) {
        Some(id) => fetch_tile(source, prefix, id, findings),
        None => Ok(None),
    }
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

fn compare(first: u64, of_entries: &[Hash], in_tile: Option<&[Hash]>, findings: &mut Findings) {
    let pairs = (first..).zip(of_entries.iter().zip(in_tile.unwrap_or_default()));
    for (index, _) in pairs.filter(|(_, (ours, theirs))| ours != theirs) {
        findings.add(format!("entry {index}"), "it is not the one whose hash is in the tile");
    }
}

#[cfg(test)]
mod tests {
    use super::{BUNDLES_MAX, Cut};

    #[test]
    fn a_log_is_cut_into_stretches_that_are_about_equal() {
        for threads in [1, 2, 3, 8] {
            for bundles in (0..200_u64).chain([5000]) {
                let cut = Cut::new(bundles * 256, threads);
                let count = cut.stretches();
                assert!(count == bundles || count.is_multiple_of(threads as u64), "{count}");
                let stretches: Vec<_> = (0..count).map(|number| cut.bundles(number)).collect();
                let mut end = 0;
                for stretch in &stretches {
                    assert_eq!(stretch.start, end);
                    end = stretch.end;
                    let (length, first) = (end - stretch.start, stretches[0].end);
                    assert!((1..=BUNDLES_MAX).contains(&length) && first - length <= 1, "{length}");
                }
                assert_eq!(end, bundles);
            }
            let largest = Cut::new(u64::MAX, threads);
            let last = largest.bundles(largest.stretches() - 1);
            assert_eq!(last.end, u64::MAX.div_ceil(256), "a log may say that it has any size");
        }
    }
}
