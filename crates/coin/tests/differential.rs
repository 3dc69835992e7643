//! Our verifier against `ed25519-compact`'s, which is the reference: they accept and refuse the same, whatever is sent.
//!
//! Cases come out of a seed. Their maker holds the private keys, and so reaches what no forger can: keys and R with a part of small order, for which the equation holds
//! with the cofactor alone; and from there every kind of damage. Sizes: `DIFFERENTIAL_CASES` (20,000 by default), `DIFFERENTIAL_SEED` to begin elsewhere. With more
//! than a few, in release: `DIFFERENTIAL_CASES=10000000 cargo test --release -p coin --test differential -- --nocapture`.

use std::env;
use std::thread;

use coin::PublicKey;
use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::{EdwardsPoint, Scalar};
use ed25519_compact::sha512::Hash;

/// Encodings that a field element below 19 has a second time, each with either sign: `y + p` fits into 255 bits.
const SECOND_SPELLINGS: std::ops::Range<u8> = 0..19;

/// Bytes without end out of a seed.
struct Dice {
    seed: [u8; 64],
    left: Vec<u8>,
}

impl Dice {
    fn new(seed: u64) -> Dice {
        Dice {
            seed: Hash::hash(seed.to_le_bytes()),
            left: Vec::new(),
        }
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        while self.left.len() < N {
            self.seed = Hash::hash(self.seed);
            self.left.extend(self.seed);
        }
        self.left.drain(..N).collect::<Vec<_>>().try_into().unwrap()
    }

    /// A number below this one, about evenly.
    fn below(&mut self, end: usize) -> usize {
        usize::from(u16::from_le_bytes(self.bytes())) % end
    }

    fn scalar(&mut self) -> Scalar {
        Scalar::from_bytes_mod_order_wide(&self.bytes())
    }
}

/// A key whose owner may have added a part of small order to it.
struct Signer {
    secret: Scalar,
    public: [u8; 32],
    ours: Option<PublicKey>,
}

impl Signer {
    fn new(secret: Scalar, torsion: usize) -> Signer {
        let point = EdwardsPoint::mul_base(&secret) + EIGHT_TORSION[torsion];
        let public = point.compress().0;
        Signer {
            secret,
            public,
            ours: PublicKey::from_bytes(public),
        }
    }

    /// A signature for which the equation holds up to a part of small order.
    fn sign(&self, message: &[u8], nonce: Scalar, torsion: usize) -> [u8; 64] {
        let r = (EdwardsPoint::mul_base(&nonce) + EIGHT_TORSION[torsion]).compress().0;
        let mut hash = Hash::new();
        hash.update(r);
        hash.update(self.public);
        hash.update(message);
        let s = nonce + Scalar::from_bytes_mod_order_wide(&hash.finalize()) * self.secret;
        [r, s.to_bytes()].concat().try_into().unwrap()
    }
}

/// The encoding of `y + p` for a small `y`, with a sign.
fn second_spelling(y: u8, sign: bool) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    // p = 2^255 - 19.
    bytes[0] = 0xed + y;
    bytes[31] = if sign { 0xff } else { 0x7f };
    bytes
}

/// The group's order added to S: the same S for whoever does not look.
fn add_order(s: &mut [u8]) {
    let order_less_one = (-Scalar::ONE).to_bytes();
    let mut carry = 1_u16;
    for (byte, more) in s.iter_mut().zip(order_less_one) {
        carry += u16::from(*byte) + u16::from(more);
        *byte = carry.to_le_bytes()[0];
        carry >>= 8;
    }
}

/// One case: its kind, the key's bytes if they are not the signer's, message and signature.
fn case(dice: &mut Dice, signer: &Signer) -> (usize, Option<[u8; 32]>, Vec<u8>, [u8; 64]) {
    let mut message = dice.bytes::<40>()[..dice.below(41)].to_vec();
    // Half of all R with a part of small order.
    let torsion = [0, dice.below(8)][dice.below(2)];
    // R itself of small order now and then.
    let nonce = if dice.below(8) == 0 {
        Scalar::ZERO
    } else {
        dice.scalar()
    };
    let mut signature = signer.sign(&message, nonce, torsion);
    let mut key = None;
    let kind = dice.below(12);
    match kind {
        0..3 => {}
        3 => signature[dice.below(64)] ^= 1 << dice.below(8),
        4 => message.push(dice.bytes::<1>()[0]),
        5 => add_order(&mut signature[32..]),
        6 => signature[31] ^= 0x80,
        7 => {
            let sign = dice.below(2) == 1;
            let y = u8::try_from(dice.below(SECOND_SPELLINGS.len())).unwrap();
            signature[..32].copy_from_slice(&second_spelling(y, sign));
        }
        8 => signature[..32].copy_from_slice(&EIGHT_TORSION[dice.below(8)].compress().0),
        9 => signature = dice.bytes(),
        10 => {
            let mut flipped = signer.public;
            flipped[dice.below(32)] ^= 1 << dice.below(8);
            key = Some(flipped);
        }
        _ => {
            let sign = dice.below(2) == 1;
            let y = u8::try_from(dice.below(SECOND_SPELLINGS.len())).unwrap();
            key = Some([second_spelling(y, sign), EIGHT_TORSION[dice.below(8)].compress().0][dice.below(2)]);
        }
    }
    (kind, key, message, signature)
}

/// Runs cases of one seed; gives how many both accepted, and how many of these had a part of small order.
fn run(seed: u64, cases: u64) -> (u64, u64) {
    let mut dice = Dice::new(seed);
    let signers: Vec<Signer> = (0..8)
        .flat_map(|torsion| [torsion, 0])
        .map(|torsion| Signer::new(dice.scalar(), torsion))
        .collect();
    let (mut accepted, mut odd) = (0, 0);
    for number in 0..cases {
        let signer = &signers[dice.below(signers.len())];
        let (kind, key, message, signature) = case(&mut dice, signer);
        let theirs = ed25519_compact::PublicKey::new(key.unwrap_or(signer.public));
        let other = key.map(PublicKey::from_bytes);
        let ours = other.as_ref().unwrap_or(&signer.ours).as_ref();
        let at = || format!("seed {seed}, case {number}, kind {kind}: {theirs:?} {message:?} {signature:?}");
        assert_eq!(ours.is_some(), theirs.validate().is_ok(), "as a key: {}", at());
        let we = ours.is_some_and(|key| key.verify(&message, &signature).is_ok());
        let they = theirs
            .verify(&message, &ed25519_compact::Signature::new(signature))
            .is_ok();
        assert_eq!(we, they, "{}", at());
        accepted += u64::from(we);
        let strict = || {
            let negated = -point(&theirs);
            let mut hash = Hash::new();
            hash.update(&signature[..32]);
            hash.update(*theirs);
            hash.update(&message);
            let k = Scalar::from_bytes_mod_order_wide(&hash.finalize());
            let s = Scalar::from_bytes_mod_order(signature[32..].try_into().unwrap());
            EdwardsPoint::vartime_double_scalar_mul_basepoint(&k, &negated, &s)
                .compress()
                .0
                == signature[..32]
        };
        odd += u64::from(we && number < 1_000 && !strict());
    }
    (accepted, odd)
}

fn point(key: &ed25519_compact::PublicKey) -> EdwardsPoint {
    curve25519_dalek::edwards::CompressedEdwardsY(**key)
        .decompress()
        .unwrap()
}

fn number(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn both_verifiers_decide_alike() {
    let (cases, first) = (number("DIFFERENTIAL_CASES", 20_000), number("DIFFERENTIAL_SEED", 1));
    let threads = thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let counts: Vec<(u64, u64)> = thread::scope(|scope| {
        let part = |seed| move || run(seed, cases.div_ceil(threads));
        let running: Vec<_> = (first..first + threads).map(|seed| scope.spawn(part(seed))).collect();
        running.into_iter().map(|running| running.join().unwrap()).collect()
    });
    let (accepted, odd) = counts.iter().fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
    println!("{cases} cases from seed {first} on: {accepted} accepted by both");
    // The cases reach what they are made for: good ones, and ones that hold with the cofactor alone.
    assert!(
        accepted > cases / 10 && odd > 0,
        "{accepted} accepted, {odd} of them odd"
    );
}
