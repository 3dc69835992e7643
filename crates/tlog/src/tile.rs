//! Tiles and entry bundles: which there are, what they are called (c2sp.org/tlog-tiles), and a tile's bytes.
//!
//! A tile is up to 256 consecutive hashes of one level: of leaves on level 0, on each level above of full tiles below. A path has one spelling.

use std::fmt;

use crate::{Hash, SIZE_MAX};

/// How many hashes a full tile has, and how many entries a full bundle.
pub const TILE_WIDTH: usize = 256;

/// The levels that a tree of at most [`SIZE_MAX`] leaves can have.
pub(crate) const LEVELS: u8 = 8;

/// Which tile, and how wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    level: u8,
    index: u64,
    /// From 1 to 256.
    width: u16,
}

impl TileId {
    /// The tile as it is in a tree of this size; `None` if it is not in it.
    pub fn in_tree(level: u8, index: u64, size: u64) -> Option<TileId> {
        let row = row(level, size);
        let (full, rest) = (row >> 8, row & 0xff);
        let width = match index {
            index if index < full => 256,
            index if index == full && rest > 0 => rest,
            _ => return None,
        };
        let width = u16::try_from(width).ok()?;
        Some(TileId { level, index, width })
    }

    /// 0 for the hashes of leaves.
    pub fn level(self) -> u8 {
        self.level
    }

    /// Its place in its level, from 0.
    pub fn index(self) -> u64 {
        self.index
    }

    /// How many hashes it has, from 1 to 256.
    pub fn width(self) -> u16 {
        self.width
    }

    /// Whether it has all the hashes that it ever will.
    pub fn is_full(self) -> bool {
        usize::from(self.width) == TILE_WIDTH
    }

    /// Reads `tile/<level>/<index>[.p/<width>]`; `None` for whatever [`fmt::Display`] does not write.
    pub fn parse(path: &str) -> Option<TileId> {
        let (level, place) = path.strip_prefix("tile/")?.split_once('/')?;
        let level = level.parse().ok().filter(|level| *level < LEVELS)?;
        let (index, width) = parse_place(place)?;
        let id = TileId { level, index, width };
        (id.to_string() == path).then_some(id)
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "tile/{}", self.level)?;
        write_place(formatter, self.index, self.width)
    }
}

/// Which bundle of entries, and how many are in it: those whose hashes are in the tile of level 0 with the same index and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleId {
    index: u64,
    /// From 1 to 256.
    width: u16,
}

impl BundleId {
    /// The bundle as it is in a log of this size; `None` if it is not in it.
    pub fn in_log(index: u64, size: u64) -> Option<BundleId> {
        TileId::in_tree(0, index, size).map(BundleId::of)
    }

    fn of(tile: TileId) -> BundleId {
        BundleId {
            index: tile.index,
            width: tile.width,
        }
    }

    /// Its place, from 0: its first entry is the log's 256 times that.
    pub fn index(self) -> u64 {
        self.index
    }

    /// How many entries it has, from 1 to 256.
    pub fn width(self) -> u16 {
        self.width
    }

    /// Reads `tile/entries/<index>[.p/<width>]`; `None` for whatever [`fmt::Display`] does not write.
    pub fn parse(path: &str) -> Option<BundleId> {
        let (index, width) = parse_place(path.strip_prefix("tile/entries/")?)?;
        let id = BundleId { index, width };
        (id.to_string() == path).then_some(id)
    }
}

impl fmt::Display for BundleId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("tile/entries")?;
        write_place(formatter, self.index, self.width)
    }
}

/// A tile with its hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    id: TileId,
    hashes: Vec<Hash>,
}

impl Tile {
    /// A tile of these hashes; `None` if they are not as many as it is wide.
    pub fn new(id: TileId, hashes: Vec<Hash>) -> Option<Tile> {
        (hashes.len() == usize::from(id.width)).then_some(Tile { id, hashes })
    }

    /// The tile that has just become full in a tree that has just reached this size.
    pub(crate) fn filled(level: u8, size: u64, hashes: Vec<Hash>) -> Tile {
        let id = TileId {
            level,
            index: (row(level, size) >> 8).wrapping_sub(1),
            width: 256,
        };
        Tile { id, hashes }
    }

    /// Reads the hashes, one after the other; `None` if they are not as many as it is wide.
    pub fn from_bytes(id: TileId, bytes: &[u8]) -> Option<Tile> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        let tile = Tile::new(id, hashes.iter().copied().map(Hash).collect())?;
        rest.is_empty().then_some(tile)
    }

    /// The hashes, one after the other.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.hashes.iter().flat_map(|hash| hash.0).collect()
    }

    /// Which one.
    pub fn id(&self) -> TileId {
        self.id
    }

    /// Its hashes, as many as it is wide.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }
}

/// The tiles that a log has to publish when it grew from one size to another: those that became full, and the partial ones that became wider. From 0, all of a tree.
pub fn tiles(from: u64, to: u64) -> impl Iterator<Item = TileId> {
    (0..LEVELS).flat_map(move |level| {
        let (from, to) = (row(level, from), row(level, to));
        let last = if from < to { to.div_ceil(256) } else { 0 };
        // Every index below `last` is in a tree whose level has `to` hashes.
        (from >> 8..last).filter_map(move |index| {
            let id = TileId::in_tree(0, index, to)?;
            Some(TileId { level, ..id })
        })
    })
}

/// The bundles that a log has to publish when it grew from one size to another.
pub fn bundles(from: u64, to: u64) -> impl Iterator<Item = BundleId> {
    tiles(from, to).take_while(|tile| tile.level == 0).map(BundleId::of)
}

/// The partial tiles of a tree of this size: what [`crate::Tree::resume`] wants, at most one of a level.
pub fn partial_tiles(size: u64) -> impl Iterator<Item = TileId> {
    let last = move |level| TileId::in_tree(level, row(level, size) >> 8, size);
    (0..LEVELS).filter_map(last)
}

/// How many hashes the tiles of a level have all together.
fn row(level: u8, size: u64) -> u64 {
    size.checked_shr(u32::from(level).wrapping_mul(8)).unwrap_or(0)
}

/// Writes the index in groups of three digits, all but the last after an `x`, and the width unless it is full.
fn write_place(formatter: &mut fmt::Formatter<'_>, index: u64, width: u16) -> fmt::Result {
    let mut groups = vec![index % 1000];
    let mut rest = index / 1000;
    while rest > 0 {
        groups.push(rest % 1000);
        rest /= 1000;
    }
    for (place, group) in groups.iter().enumerate().rev() {
        write!(formatter, "/{}{group:03}", if place > 0 { "x" } else { "" })?;
    }
    if usize::from(width) < TILE_WIDTH {
        write!(formatter, ".p/{width}")?;
    }
    Ok(())
}

/// Reads what [`write_place`] writes after its first slash, and more: the caller compares.
fn parse_place(place: &str) -> Option<(u64, u16)> {
    let (groups, width) = match place.split_once(".p/") {
        Some((groups, width)) => (groups, width.parse().ok().filter(|width| (1..256).contains(width))?),
        None => (place, 256),
    };
    let index = groups.split('/').try_fold(0_u64, |index, group| {
        let group = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
        index.checked_mul(1000)?.checked_add(group)
    })?;
    (index <= SIZE_MAX >> 8).then_some((index, width))
}
