//! Proofs, checked: that an entry is in a tree (RFC 9162, section 2.1.3.2), and that one tree is the beginning of another (section 2.1.4.2).

use crate::Hash;

/// The largest tree. It leaves every proof with at most [`PROOF_LINES_MAX`] hashes, and fits the signed integers of databases and of other implementations.
pub const SIZE_MAX: u64 = 1 << 62;

/// The most hashes that a proof has.
pub const PROOF_LINES_MAX: usize = 63;

/// A size and the root of the tree that has it. Of one log there is one root for each size, ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeHead {
    /// How many leaves.
    pub size: u64,
    /// The hash over all of them.
    pub root: Hash,
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The tree is too small for the entry.
    #[error("entry {index} is not in a tree of {size}: ask for a proof in a later tree")]
    NoSuchLeaf {
        /// The entry's place, from 0.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// A log has become smaller, which none may.
    #[error(
        "a tree of {to} is no growth of a tree of {from}: the log was set back, or the older head is of another log"
    )]
    Shrunk {
        /// The size it had.
        from: u64,
        /// The size it has.
        to: u64,
    },
    /// Too short or too long.
    #[error("{0} hashes are not as many as a proof has for these sizes: it was cut, or made for another tree")]
    Length(usize),
    /// The hashes do not lead to the root.
    #[error("the hashes lead to another root: this entry, or this tree, is not the one that was signed")]
    OtherRoot,
    /// The hashes do not lead from one root to the other.
    #[error(
        "the hashes do not join the two roots: the log changed what it had published, or the proof is for other trees"
    )]
    Inconsistent,
}

impl TreeHead {
    /// Checks that the leaf with this hash is the tree's, in this place, counted from 0.
    ///
    /// # Errors
    ///
    /// [`ProofError::NoSuchLeaf`], [`ProofError::Length`] or [`ProofError::OtherRoot`].
    pub fn check_inclusion(&self, index: u64, leaf: &Hash, proof: &[Hash]) -> Result<(), ProofError> {
        if index >= self.size {
            let size = self.size;
            return Err(ProofError::NoSuchLeaf { index, size });
        }
        let mut climb = Climb::new(index, self.size, proof)?;
        let mut root = *leaf;
        for hash in proof {
            root = match climb.step()? {
                Side::Left => Hash::of_node(hash, &root),
                Side::Right => Hash::of_node(&root, hash),
            };
        }
        climb.end()?;
        if root != self.root {
            return Err(ProofError::OtherRoot);
        }
        Ok(())
    }

    /// Checks that this tree begins with the older one. Every tree begins with the one that is empty, and with itself; the proof is empty then.
    ///
    /// # Errors
    ///
    /// [`ProofError::Shrunk`], [`ProofError::Length`] or [`ProofError::Inconsistent`].
    pub fn check_consistency(&self, older: &TreeHead, proof: &[Hash]) -> Result<(), ProofError> {
        if older.size > self.size {
            let (from, to) = (older.size, self.size);
            return Err(ProofError::Shrunk { from, to });
        }
        if older.size == 0 || older.size == self.size {
            let root = if older.size == 0 { Hash::of_nothing() } else { self.root };
            return match proof.len() {
                0 if older.root == root => Ok(()),
                0 => Err(ProofError::Inconsistent),
                lines => Err(ProofError::Length(lines)),
            };
        }
        let mut climb = Climb::new(older.size.wrapping_sub(1), self.size, proof)?;
        while climb.node & 1 == 1 {
            climb.up();
        }
        // The widest complete subtree at the older tree's end: the whole of it, or the proof's first hash.
        let (first, rest) = if older.size.is_power_of_two() {
            (&older.root, proof)
        } else {
            proof.split_first().ok_or(ProofError::Length(0))?
        };
        let (mut old, mut new) = (*first, *first);
        for hash in rest {
            match climb.step()? {
                Side::Left => {
                    old = Hash::of_node(hash, &old);
                    new = Hash::of_node(hash, &new);
                }
                Side::Right => new = Hash::of_node(&new, hash),
            }
        }
        climb.end()?;
        if old != older.root || new != self.root {
            return Err(ProofError::Inconsistent);
        }
        Ok(())
    }
}

/// Where the next hash of a proof belongs.
enum Side {
    Left,
    Right,
}

/// The way from a leaf up to the root. The proof's length is part of it: a hash too many or too few is refused.
struct Climb {
    /// `fn` of the RFC: the node's place in its level.
    node: u64,
    /// `sn` of the RFC: the place of the level's last node.
    last: u64,
    lines: usize,
}

impl Climb {
    /// Begins at a leaf. The tree has one.
    fn new(leaf: u64, size: u64, proof: &[Hash]) -> Result<Climb, ProofError> {
        if proof.len() > PROOF_LINES_MAX {
            return Err(ProofError::Length(proof.len()));
        }
        Ok(Climb {
            node: leaf,
            last: size.wrapping_sub(1),
            lines: proof.len(),
        })
    }

    fn up(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
    }

    /// Goes up to the next node that has a sibling, and past it.
    fn step(&mut self) -> Result<Side, ProofError> {
        if self.last == 0 {
            return Err(ProofError::Length(self.lines));
        }
        // The last node of a level may have none: then it is its own parent.
        let side = if self.node & 1 == 1 || self.node == self.last {
            while self.node & 1 == 0 && self.node != 0 {
                self.up();
            }
            Side::Left
        } else {
            Side::Right
        };
        self.up();
        Ok(side)
    }

    fn end(self) -> Result<(), ProofError> {
        if self.last != 0 {
            return Err(ProofError::Length(self.lines));
        }
        Ok(())
    }
}
