//! The coin: its format, its keyring, its verification and the reasons to refuse it.
//!
//! A coin is a single-use voucher. The bytes that Vault signs are exactly these, ASCII, `\n` line ends, in this order and nothing else:
//!
//! ```text
//! hashicoin/coin/v1
//! campaign: hashiconf-2020
//! serial: 0198c0de-0000-8000-8000-000000000001
//! expires: 2030-01-01T00:00:00Z
//! ```
//!
//! The first line separates the domain: no signature made for another purpose can be read as a coin. Around the signed bytes there are
//! two forms, and each coin has exactly one spelling in each:
//!
//! - the **token**, for the wire: `<base64url payload>.<key version>.<base64url signature>`, both without padding, at most
//!   [`TOKEN_BYTES_MAX`] bytes, sent as `Authorization: Coin <token>` ([`SignedCoin::from_token`], [`token_from_header`]);
//! - **`coin.txt`**, for people: a drawing, the signed bytes as they are, and the signature as Vault wrote it
//!   ([`SignedCoin::from_coin_txt`]).
//!
//! [`verify()`] is the one decision: token, keyring, campaign and time in, an accepted coin or one [`Refusal`] out.
//!
//! ```
//! use coin::{Campaign, Coin, Serial, SignedCoin, Timestamp};
//!
//! let coin = Coin {
//!     campaign: Campaign::parse("hashiconf-2020").unwrap(),
//!     serial: Serial::parse("0198c0de-0000-8000-8000-000000000001").unwrap(),
//!     expires: Timestamp::parse("2030-01-01T00:00:00Z").unwrap(),
//! };
//! assert!(coin.to_signed_bytes().starts_with(b"hashicoin/coin/v1\ncampaign: hashiconf-2020\n"));
//! let signed = SignedCoin { coin, key_version: 1, signature: [0; 64] };
//! assert_eq!(SignedCoin::from_token(signed.to_token().as_bytes()), Ok(signed));
//! ```
//!
//! Pure: no input or output, no clock, no randomness, no features, and no path that panics. The gate runs this code inside the proxy.

// The gate runs this code, and there a panic is an outage: the same list as the gate's.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

mod campaign;
mod coin_txt;
mod fixed_base;
mod header;
mod keyring;
mod payload;
mod public_key;
mod refusal;
mod serial;
mod timestamp;
mod token;
mod verify;

pub use campaign::Campaign;
pub use coin_txt::CoinTxtError;
pub use header::{SCHEME, TOKEN_MARKER, token_from_header};
pub use keyring::{KEYS_MAX, Keyring, KeyringError};
pub use payload::Coin;
pub use public_key::PublicKey;
pub use refusal::Refusal;
pub use serial::Serial;
pub use timestamp::Timestamp;
pub use token::{SIGNATURE_BYTES, SignedCoin, TOKEN_BYTES_MAX, parse_vault_signature};
pub use verify::{Accepted, Claim, verify};
