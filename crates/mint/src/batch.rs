//! One call of the signer: the coins at some indices, signed, and looked at before they leave.

use batch::{bad_signatures, in_order};
use coin::{Keyring, SignedCoin, Timestamp};
use pool::Entry;
use service::Failure;

use crate::issuance::Issuance;
use crate::signer::{SignedBatch, Signer};

/// Coins per call of the signer. Vault takes up to 10,000 inputs; more than this makes it no faster, and a run that is killed loses less.
const BATCH_COINS: usize = 1000;
/// Calls at once. Vault works on one batch with one core, and on several side by side: they end together, and enough others must be under way then.
pub const CALLS: usize = 8;

/// Coins that are good.
pub struct Batch {
    /// In the order of their indices.
    pub entries: Vec<Entry>,
    /// The version of the key that signed all of them.
    pub key_version: u32,
    /// The name under which the signer's own log has them.
    pub request_id: Option<String>,
}

/// Signs the coins at these indices and hands them on batch by batch, in order.
///
/// # Errors
///
/// When the signer fails, or what it made is not good; nothing of that batch is handed on, and nothing after it.
pub fn make_all(
    signer: &impl Signer,
    issuance: &Issuance,
    indices: &[u32],
    mut take: impl FnMut(Batch) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let batches: Vec<&[u32]> = indices.chunks(BATCH_COINS).collect();
    let lanes = CALLS.min(batches.len()).max(1);
    in_order(
        batches.iter().copied(),
        lanes,
        // Nothing but asking is done here, so that Vault has the next batch before this one is looked at.
        |indices| Asked::ask(signer, issuance, indices),
        |indices, asked| take(asked.check(signer, issuance, indices)?),
    )
}

/// What the signer was asked, and what it answered.
struct Asked {
    messages: Vec<Vec<u8>>,
    signed: SignedBatch,
}

impl Asked {
    fn ask(signer: &impl Signer, issuance: &Issuance, indices: &[u32]) -> Result<Asked, Failure> {
        let message = |index: &u32| issuance.coin(*index).to_signed_bytes();
        let messages: Vec<_> = indices.iter().map(message).collect();
        let signed = signer.sign(&messages)?;
        Ok(Asked { messages, signed })
    }

    /// The coins, if all of them are good.
    fn check(self, signer: &impl Signer, issuance: &Issuance, indices: &[u32]) -> Result<Batch, Failure> {
        let Asked { messages, signed } = self;
        let not_good = |what: String| Failure::CouldNot(format!("{what}: nothing of this batch was kept"));
        if signed.signatures.len() != indices.len() {
            let (answers, wanted) = (signed.signatures.len(), indices.len());
            return Err(not_good(format!("the signer answered {answers} of {wanted} messages")));
        }
        let key_version = signed.signatures.first().map_or(0, |first| first.key_version);
        if signed
            .signatures
            .iter()
            .any(|signature| signature.key_version != key_version)
        {
            return Err(not_good(
                "the signer used two versions of its key for one batch".to_owned(),
            ));
        }
        let keyring = signer.keyring();
        let key = keyring.find(key_version).map_err(|refusal| {
            not_good(format!(
                "the signer used version {key_version} of its key ({})",
                refusal.code()
            ))
        })?;
        let items: Vec<_> = messages
            .iter()
            .map(Vec::as_slice)
            .zip(signed.signatures.iter().map(|signature| &signature.signature))
            .collect();
        if let Some(position) = bad_signatures(key, &items).first() {
            let index = indices.get(*position).copied().unwrap_or_default();
            return Err(not_good(format!(
                "the signature that the signer made for coin {index} is not good (coin-bad-signature)"
            )));
        }
        let entries = indices.iter().zip(&signed.signatures).map(|(index, signature)| {
            let signed = SignedCoin {
                coin: issuance.coin(*index),
                key_version,
                signature: signature.signature,
            };
            // Campaign and expiry are the order's own. That a reader sees the same coin in its token is looked at all the same.
            if SignedCoin::from_token(signed.to_token().as_bytes()).as_ref() == Ok(&signed) {
                Ok(Entry { index: *index, signed })
            } else {
                Err(not_good(format!("coin {index} does not read back from its token")))
            }
        });
        Ok(Batch {
            entries: entries.collect::<Result<_, _>>()?,
            key_version,
            request_id: signed.request_id,
        })
    }
}

/// Whether a single coin is good, asked of its token as the gate and the ledger will ask.
pub fn check(signed: &SignedCoin, issuance: &Issuance, keyring: &Keyring, now: Timestamp) -> Result<(), String> {
    coin::verify(signed.to_token().as_bytes(), keyring, &issuance.campaign, now)
        .map(drop)
        .map_err(|refusal| format!("{}: {}", refusal.code(), refusal.title()))
}
