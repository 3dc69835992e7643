//! What is found wrong with a log: each thing with the place where it is, and all of them counted, however many there are.

use std::fmt;

use serde_json::{Value, json};

/// How many are kept to be shown. The rest is counted: whoever publishes nonsense does not fill an auditor's memory.
const KEPT_MAX: usize = 1000;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where: an entry, a tile, a checkpoint, a field of the tally.
    pub at: String,
    /// What.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.at, self.what)
    }
}

/// All that is wrong, in the order in which it was found.
#[derive(Debug, Default)]
pub struct Findings {
    kept: Vec<Finding>,
    count: u64,
}

impl Findings {
    /// Adds one.
    pub fn add(&mut self, at: impl Into<String>, what: impl Into<String>) {
        self.count += 1;
        if self.kept.len() < KEPT_MAX {
            let (at, what) = (at.into(), what.into());
            self.kept.push(Finding { at, what });
        }
    }

    /// Adds what was found elsewhere, its places under a name.
    pub fn append(&mut self, under: &str, others: Findings) {
        self.count += others.count;
        let room = KEPT_MAX - self.kept.len();
        self.kept
            .extend(others.kept.into_iter().take(room).map(|finding| Finding {
                at: format!("{under}{}", finding.at),
                ..finding
            }));
    }

    /// Those that are kept.
    pub fn kept(&self) -> &[Finding] {
        &self.kept
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Those that are kept, as JSON.
    pub fn to_json(&self) -> Value {
        let finding = |finding: &Finding| json!({"at": finding.at, "what": finding.what});
        self.kept.iter().map(finding).collect()
    }
}
