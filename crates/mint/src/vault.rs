//! Vault Transit as the signer: one request for each batch.

use std::sync::Arc;

use coin::{Keyring, Serial};
use service::Failure;
use transit::{Caller, Key};

use crate::signer::{Signed, SignedBatch, Signer};

/// The mint, as Vault's client knows it.
pub const CALLER: Caller = Caller {
    program: "hashicoin-mint",
    role: "mint",
    advice: "see to it, and start again; coins that were minted are kept",
    say: |line| eprintln!("hashicoin-mint: {line}"),
};

impl Signer for Key {
    fn keyring(&self) -> Arc<Keyring> {
        Key::keyring(self)
    }

    fn sign(&self, messages: &[Vec<u8>]) -> Result<SignedBatch, Failure> {
        let batch = self.sign_batch(messages)?;
        // It becomes part of a file's name and of a record.
        let request_id = Serial::parse(&batch.request_id).ok_or_else(|| {
            Failure::CouldNot(
                "Vault's answer has no UUID as its request_id: nothing of it was used; is that a Vault, and of a version that is supported?".to_owned(),
            )
        })?;
        let signatures = batch.signatures.into_iter().map(|signed| Signed {
            key_version: signed.key_version,
            signature: signed.signature,
        });
        Ok(SignedBatch {
            signatures: signatures.collect(),
            request_id: Some(request_id.to_string()),
        })
    }
}
