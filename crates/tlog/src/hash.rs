//! Hashes of leaves and nodes, as RFC 6962, section 2.1, has them: a prefix tells the two apart, so that no node can be passed off as an entry.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The hash of an entry, a node or a tree. Shown in standard base64, 44 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// An entry's hash: `SHA-256(0x00 || entry)`.
    pub fn of_leaf(entry: &[u8]) -> Hash {
        Hash(Sha256::new_with_prefix([0]).chain_update(entry).finalize().into())
    }

    /// A node's hash: `SHA-256(0x01 || left || right)`.
    pub fn of_node(left: &Hash, right: &Hash) -> Hash {
        let node = Sha256::new_with_prefix([1]).chain_update(left.0);
        Hash(node.chain_update(right.0).finalize().into())
    }

    /// The root of the tree that has no leaves: `SHA-256("")`.
    pub fn of_nothing() -> Hash {
        Hash(Sha256::digest([]).into())
    }

    /// Reads what [`fmt::Display`] writes; `None` for anything else.
    pub fn parse(text: &str) -> Option<Hash> {
        STANDARD.decode(text).ok()?.try_into().ok().map(Hash)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Hash({self})")
    }
}
