//! The seam between minting and whoever holds the private key: Vault ([`transit::Key`]), or for development a file
//! ([`crate::file_signer::KeyFile`]).

use std::sync::Arc;

use coin::{Keyring, SIGNATURE_BYTES};
use service::Failure;

/// One signature, and the version of the key that made it.
pub struct Signed {
    /// The key's version, from 1. The signer says it, because with Vault a rotation can happen between two batches.
    pub key_version: u32,
    /// Pure Ed25519 (RFC 8032) over the message as it is.
    pub signature: [u8; SIGNATURE_BYTES],
}

/// What one call of the signer gave.
pub struct SignedBatch {
    /// As many as messages, in their order.
    pub signatures: Vec<Signed>,
    /// The name under which the signer's own log has this call: a UUID.
    pub request_id: Option<String>,
}

/// Signs messages. Ed25519 is deterministic, so the same message under the same key version gives the same bytes again.
pub trait Signer: Sync {
    /// The public keys of every version that a [`Signer::sign`] has answered with. What is signed is checked against them.
    fn keyring(&self) -> Arc<Keyring>;

    /// Signs each message. Several threads may call at once.
    ///
    /// # Errors
    ///
    /// When any message could not be signed; then none counts as signed.
    fn sign(&self, messages: &[Vec<u8>]) -> Result<SignedBatch, Failure>;
}
