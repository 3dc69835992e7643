//! What the API and the ledger say to each other through Redis: where it lies and how it is written.
//!
//! The API appends a coin and a vote to a **stream**. The ledger reads the stream from the position that its store holds, counts, commits, and only then
//! writes what came of it: the **projection**, one key per vote and one for the tally, and a message to whoever waits. Then it cuts off the part of
//! the stream that is done. The store is the truth; whatever Redis holds besides the stream can be written again from it.
//!
//! Nothing here connects: the two programs do, each in its own way.

mod message;
mod names;

pub use message::{Decided, Entry, NotAVote, REFUSED_TTL_S, counted_text, read_counted, vote_text};
pub use names::Names;
