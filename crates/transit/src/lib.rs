//! A client of Vault's Transit engine: finds Vault as the `vault` command does, keeps its token alive, is patient with what passes and plain about what does not.
//!
//! It signs bytes and reads public keys, and knows nothing of what they are for. The private key never leaves Vault.

mod client;
mod key;
mod path;
mod settings;
mod trouble;

pub use client::{Caller, Client};
pub use key::{Batch, Key, Signed};
pub use path::parse_path;
pub use settings::{Settings, Token};
