//! Two things of one session at once.

use std::panic::resume_unwind;
use std::thread;

/// How two things go on that do not need each other.
pub enum Lanes {
    /// At once, the second one on a thread of its own.
    AtOnce,
    /// One after the other, for whoever wants all that happens to follow from a seed; it says each time whether the first one goes first.
    #[cfg(test)]
    InTurn(Box<dyn Fn() -> bool + Send + Sync>),
}

impl Lanes {
    /// Does both, and gives what came of each.
    pub fn both<Here, Beside: Send>(
        &self,
        here: impl FnOnce() -> Here,
        beside: impl FnOnce() -> Beside + Send,
    ) -> (Here, Beside) {
        match self {
            Lanes::AtOnce => thread::scope(|scope| {
                let beside = scope.spawn(beside);
                let here = here();
                (here, beside.join().unwrap_or_else(|panic| resume_unwind(panic)))
            }),
            #[cfg(test)]
            Lanes::InTurn(is_here_first) => {
                if is_here_first() {
                    let here = here();
                    (here, beside())
                } else {
                    let beside = beside();
                    (here(), beside)
                }
            }
        }
    }
}
