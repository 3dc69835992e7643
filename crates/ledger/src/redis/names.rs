//! Where a campaign's data lie in Redis.

use coin::Campaign;
use vote::Nullifier;

use crate::{LogKind, Position};

/// The names of a campaign's keys. The braces are Redis' hash tag: all of a campaign lies on one node of a cluster, so one transaction can reach it.
#[derive(Clone, Debug)]
pub struct Names(String);

impl Names {
    /// The names for this campaign.
    pub fn new(campaign: &Campaign) -> Names {
        Names(format!("hashicoin:{{{campaign}}}"))
    }

    /// The stream of votes that wait to be counted. What is counted is cut off.
    pub fn votes(&self) -> String {
        format!("{}:votes", self.0)
    }

    /// A counted vote.
    pub fn vote(&self, nullifier: &Nullifier) -> String {
        format!("{}:vote:{nullifier}", self.0)
    }

    /// Why the stream's entry at this position was not counted; kept for a while.
    pub fn refused(&self, position: Position) -> String {
        format!("{}:refused:{position}", self.0)
    }

    /// The totals, and up to where the stream is decided.
    pub fn tally(&self) -> String {
        format!("{}:tally", self.0)
    }

    /// The channel on which each new value of [`Names::tally`] is sent.
    pub fn committed(&self) -> String {
        format!("{}:committed", self.0)
    }

    /// A log's checkpoints: a sorted set of signed notes, by the sizes of their trees.
    pub fn checkpoints(&self, log: LogKind) -> String {
        format!("{}:checkpoints", self.log(log))
    }

    /// The channel on which each new checkpoint of a log is sent.
    pub fn published(&self, log: LogKind) -> String {
        format!("{}:published", self.log(log))
    }

    fn log(&self, log: LogKind) -> String {
        let name = match log {
            LogKind::Issued => "issued-log",
            LogKind::Votes => "log",
        };
        format!("{}:{name}", self.0)
    }

    /// The stream of coins that mints have made and the ledger has not logged yet.
    pub fn issued(&self) -> String {
        format!("{}:issued", self.0)
    }

    /// The keys that checkpoints of both logs are checked with, as a JSON list.
    pub fn verifier_keys(&self) -> String {
        format!("{}:log:keys", self.0)
    }

    /// Which witnesses have to sign, as text (c2sp.org/tlog-policy); missing when none has to.
    pub fn witness_policy(&self) -> String {
        format!("{}:log:witness-policy", self.0)
    }

    /// The hashes of a tile, as many as there are. It only grows.
    pub fn tile(&self, log: LogKind, level: u8, index: u64) -> String {
        format!("{}:tile:{level}:{index}", self.log(log))
    }

    /// A bundle of entries, as many as there are. It only grows.
    pub fn entries(&self, log: LogKind, index: u64) -> String {
        format!("{}:entries:{index}", self.log(log))
    }

    /// There while a ledger works: it vanishes by itself soon after the ledger has stopped, or its store has.
    pub fn ledger(&self) -> String {
        format!("{}:ledger", self.0)
    }
}

#[cfg(test)]
mod tests {
    use coin::Campaign;

    use super::Names;
    use crate::{LogKind, Position};
    use vote::Nullifier;

    #[test]
    fn names_are_those_that_operators_read() {
        let names = Names::new(&Campaign::parse("c-1").unwrap());
        let nullifier = Nullifier::from_bytes([0xab; 32]);
        assert_eq!(names.votes(), "hashicoin:{c-1}:votes");
        assert_eq!(
            names.vote(&nullifier),
            format!("hashicoin:{{c-1}}:vote:{}", "ab".repeat(32))
        );
        assert_eq!(
            names.refused(Position::parse("7-1").unwrap()),
            "hashicoin:{c-1}:refused:7-1"
        );
        assert_eq!(names.tally(), "hashicoin:{c-1}:tally");
        assert_eq!(names.committed(), "hashicoin:{c-1}:committed");
        assert_eq!(names.ledger(), "hashicoin:{c-1}:ledger");
        assert_eq!(names.issued(), "hashicoin:{c-1}:issued");
        let (issued, votes) = (LogKind::Issued, LogKind::Votes);
        assert_eq!(names.checkpoints(votes), "hashicoin:{c-1}:log:checkpoints");
        assert_eq!(names.checkpoints(issued), "hashicoin:{c-1}:issued-log:checkpoints");
        assert_eq!(names.published(votes), "hashicoin:{c-1}:log:published");
        assert_eq!(names.verifier_keys(), "hashicoin:{c-1}:log:keys");
        assert_eq!(names.witness_policy(), "hashicoin:{c-1}:log:witness-policy");
        assert_eq!(names.tile(votes, 1, 7), "hashicoin:{c-1}:log:tile:1:7");
        assert_eq!(names.entries(issued, 7), "hashicoin:{c-1}:issued-log:entries:7");
    }
}
