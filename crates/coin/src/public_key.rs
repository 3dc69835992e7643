//! One public key, and what counts as its signature: the rule that the documentation of [`crate::verify()`]'s module gives, made fast for many signatures by few keys.
//!
//! The group equation is `8·(S·B - k·A - R) = 0`. `S·B` and `k·A` come out of tables ([`FixedBase`]): the base point's is made once, a key's when the first signature is
//! checked against it, so keys that nobody uses cost nothing. What comes out is encoded and compared with R as it was sent. Only if the two differ, which no
//! honest signature does, R is decoded and the rest of the equation looked at.
//!
//! `ed25519-compact`'s verifier is the reference: tests/ed25519.rs holds the two against each other.

use std::fmt;
use std::sync::{Arc, OnceLock};

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::traits::Identity;
use curve25519_dalek::{EdwardsPoint, Scalar};
use ed25519_compact::sha512;

use crate::Refusal;
use crate::fixed_base::FixedBase;
use crate::token::SIGNATURE_BYTES;

/// What checks by any key need, made at the first one.
static COMMON: OnceLock<Common> = OnceLock::new();

struct Common {
    /// Multiples of the base point B.
    base: FixedBase,
    /// The encodings of the points of small order: to look one up is cheaper than the doublings that would tell, by a microsecond for every good coin.
    small_order: [[u8; 32]; 8],
}

impl Common {
    fn new() -> Common {
        Common {
            base: FixedBase::new(&ED25519_BASEPOINT_POINT),
            small_order: EIGHT_TORSION.map(|point| point.compress().0),
        }
    }
}

/// One version's public key: 32 bytes, the canonical encoding of a point that is not of small order. Cheap to clone.
#[derive(Clone)]
pub struct PublicKey(Arc<Key>);

struct Key {
    bytes: [u8; 32],
    /// `-A`: what the equation needs of the point A.
    negated: EdwardsPoint,
    /// Multiples of `-A`.
    multiples: OnceLock<FixedBase>,
}

impl PublicKey {
    /// Accepts 32 bytes as a key; `None` if they are no point, not its canonical encoding, or a point of small order.
    pub fn from_bytes(bytes: [u8; 32]) -> Option<PublicKey> {
        let point = strict_point(bytes)?;
        Some(PublicKey(Arc::new(Key {
            bytes,
            negated: -point,
            multiples: OnceLock::new(),
        })))
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0.bytes
    }

    /// Checks a signature by the rule in the documentation of [`crate::verify()`]'s module.
    ///
    /// # Errors
    ///
    /// [`Refusal::BadSignature`] whatever the reason: a verifier that tells them apart helps only a forger.
    pub fn verify(&self, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> Result<(), Refusal> {
        if self.is_signature(message, signature) == Some(true) {
            Ok(())
        } else {
            Err(Refusal::BadSignature)
        }
    }

    fn is_signature(&self, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> Option<bool> {
        // Nothing that ships is built so: a measurement shows what the tables gain.
        if cfg!(reference_verifier) {
            let key = ed25519_compact::PublicKey::new(self.0.bytes);
            let signature = ed25519_compact::Signature::new(*signature);
            return Some(key.verify(message, &signature).is_ok());
        }
        let (r, s) = signature.split_first_chunk::<32>()?;
        let s = Option::from(Scalar::from_canonical_bytes(s.try_into().ok()?))?;
        let mut hash = sha512::Hash::new();
        hash.update(r);
        hash.update(self.0.bytes);
        hash.update(message);
        let k = Scalar::from_bytes_mod_order_wide(&hash.finalize());

        let multiples = self.0.multiples.get_or_init(|| FixedBase::new(&self.0.negated));
        let common = COMMON.get_or_init(Common::new);
        let expected = common
            .base
            .add_multiple(multiples.add_multiple(EdwardsPoint::identity(), &k), &s);
        if expected.compress().0 == *r {
            // It is canonical then, as every encoding that is computed.
            return Some(!common.small_order.contains(r));
        }
        Some((expected - strict_point(*r)?).is_small_order())
    }
}

/// The point with this canonical encoding, if there is one and it is not of small order.
fn strict_point(bytes: [u8; 32]) -> Option<EdwardsPoint> {
    if !is_reduced(&bytes) {
        return None;
    }
    let point = CompressedEdwardsY(bytes).decompress()?;
    // The other second spelling, x = 0 with a sign, is of such points.
    (!point.is_small_order()).then_some(point)
}

/// Whether y, which is all but the last bit, is below the field's prime 2^255 - 19.
fn is_reduced(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    *low < 0xed || middle.iter().any(|byte| *byte != 0xff) || high & 0x7f != 0x7f
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &PublicKey) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("PublicKey").field(self.as_bytes()).finish()
    }
}
