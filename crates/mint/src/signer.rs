//! The seam between minting and whoever holds the private key.
//!
//! Today that is a file ([`crate::key_file::KeyFile`], development only). Vault Transit fits behind the same two functions: `sign` is
//! one `transit/sign/NAME` request with `batch_input`, `keyring` is `transit/keys/NAME`.

use coin::{Keyring, SIGNATURE_BYTES};
use service::Failure;

/// One signature, and the version of the key that made it.
pub struct Signed {
    /// The key's version, from 1. The signer says it, because with Vault a rotation can happen between two batches.
    pub key_version: u32,
    /// Pure Ed25519 (RFC 8032) over the message as it is.
    pub signature: [u8; SIGNATURE_BYTES],
}

/// Signs messages. Ed25519 is deterministic, so the same message under the same key version gives the same bytes again.
pub trait Signer {
    /// The public keys of every version that [`Signer::sign`] may answer with. What is signed is checked against them.
    fn keyring(&self) -> &Keyring;

    /// Signs each message: as many answers as messages, in their order.
    ///
    /// # Errors
    ///
    /// When any message could not be signed; then none counts as signed.
    fn sign(&self, messages: &[Vec<u8>]) -> Result<Vec<Signed>, Failure>;
}
