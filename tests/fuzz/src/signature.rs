//! The gate's verifier beside ed25519-compact: for every key that the gate takes, both accept the same signatures.

use coin::{PublicKey, SIGNATURE_BYTES};
use ed25519_compact::{KeyPair, Seed, Signature};

const KEY_BYTES: usize = 32;

/// A seed byte, then the number of changes, then as many pairs of place and difference; the rest is the message. The pair is made from the seed and signs the
/// message, and the changes fall on the 96 bytes of key and signature.
pub fn signature(data: &[u8]) {
    let [seed, count, rest @ ..] = data else { return };
    let (changes, message) = rest.split_at(rest.len().min(2 * usize::from(count % 8)));
    let pair = KeyPair::from_seed(Seed::new([(*seed).max(1); 32]));
    let mut bytes = [&pair.pk[..], &pair.sk.sign(message, None)[..]].concat();
    for change in changes.chunks_exact(2) {
        bytes[usize::from(change[0]) % (KEY_BYTES + SIGNATURE_BYTES)] ^= change[1];
    }
    let key: [u8; KEY_BYTES] = bytes[..KEY_BYTES].try_into().unwrap();
    let signature: [u8; SIGNATURE_BYTES] = bytes[KEY_BYTES..].try_into().unwrap();
    let Some(ours) = PublicKey::from_bytes(key) else { return };
    let theirs = ed25519_compact::PublicKey::new(key).verify(message, &Signature::new(signature));
    assert_eq!(ours.verify(message, &signature).is_ok(), theirs.is_ok());
}
