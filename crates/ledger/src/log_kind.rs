//! The two logs of a campaign, and where a store keeps them.

use vote::CampaignFile;

/// One of a campaign's public logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogKind {
    /// The coins that were issued. Only a campaign that says so has it.
    Issued,
    /// The votes.
    Votes,
}

/// The names of a log's tables, and of the columns of the head that are its.
pub(crate) struct Tables {
    /// One row for each leaf.
    pub(crate) leaves: &'static str,
    /// The leaves' number in order.
    pub(crate) index: &'static str,
    pub(crate) tile_hashes: &'static str,
    pub(crate) checkpoints: &'static str,
    /// How many leaves there are, and the root of the tree over them.
    pub(crate) head: &'static str,
}

impl LogKind {
    /// Those that a campaign has. The issued coins come first: what is published of the votes is covered by what was published of the coins before.
    pub fn of(file: &CampaignFile) -> &'static [LogKind] {
        if file.has_issuance_log() {
            &[LogKind::Issued, LogKind::Votes]
        } else {
            &[LogKind::Votes]
        }
    }

    pub(crate) fn tables(self) -> Tables {
        match self {
            LogKind::Issued => Tables {
                leaves: "issued",
                index: "issued_index",
                tile_hashes: "issued_tile_hashes",
                checkpoints: "issued_checkpoints",
                head: "issued, issued_root",
            },
            LogKind::Votes => Tables {
                leaves: "votes",
                index: "vote_index",
                tile_hashes: "tile_hashes",
                checkpoints: "checkpoints",
                head: "votes, root",
            },
        }
    }
}
