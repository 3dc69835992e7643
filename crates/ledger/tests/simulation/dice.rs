//! All that is left to chance in one run: everything follows from its seed.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

/// What can go wrong at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A writer's process is killed, before or after what it was doing is done.
    Crash,
    /// A transaction fails, and nothing of it is kept.
    Aborted,
    /// A transaction is kept, and its answer lost.
    Kept,
    /// A COMMIT is under way when the connection is lost: it may arrive yet.
    Late,
    /// The store is not to be reached.
    StoreAway,
    /// A message does not reach Redis.
    NotSent,
    /// Redis does what it was asked, or the first part of it, and its answer is lost.
    NotAnswered,
    /// Redis is started again: every connection ends.
    Restart,
    /// Redis loses everything.
    Emptied,
}

const FAULTS: usize = 9;

/// In a thousand: a seed has some kinds of faults often, some seldom and some not at all, since each of them hides others.
const ODDS: [u32; 5] = [0, 0, 10, 50, 150];

/// The dice of one run.
pub struct Dice {
    random: Xoshiro256PlusPlus,
    odds: [u32; FAULTS],
    /// In a hundred: how often it is another writer's turn.
    switch: u32,
    /// In a hundred: how often a writer that is down is started when it could be.
    start: u32,
    /// No more faults.
    pub is_calm: bool,
}

impl Dice {
    pub fn new(seed: u64) -> Dice {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        Dice {
            odds: std::array::from_fn(|_| ODDS[random.random_range(0..ODDS.len())]),
            switch: [5, 30, 100][random.random_range(0..3)],
            start: [5, 30, 100][random.random_range(0..3)],
            random,
            is_calm: false,
        }
    }

    /// Whether this happens now.
    pub fn rolls(&mut self, fault: Fault) -> bool {
        !self.is_calm && self.random.random_ratio(self.odds[fault as usize], 1000)
    }

    pub fn switches(&mut self) -> bool {
        self.random.random_ratio(self.switch, 100)
    }

    pub fn starts(&mut self) -> bool {
        self.random.random_ratio(self.start, 100)
    }

    /// One of two.
    pub fn coin(&mut self) -> bool {
        self.random.random()
    }

    /// A number below this one.
    pub fn below(&mut self, end: usize) -> usize {
        self.random.random_range(0..end)
    }
}
