//! What Vault signs: one reader, one writer, one spelling.

use crate::serial::SERIAL_CHARACTERS;
use crate::{Campaign, Serial, Timestamp};

/// The line that separates a coin's signature from every other use of the key.
const DOMAIN: &str = "hashicoin/coin/v1";

/// What a coin says; the signature is about these three values and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coin {
    /// The campaign that the coin can vote in.
    pub campaign: Campaign,
    /// Unique to the coin; spending it twice is what the ledger refuses.
    pub serial: Serial,
    /// The first second at which the coin is no longer good.
    pub expires: Timestamp,
}

impl Coin {
    /// The bytes that Vault signs.
    pub fn to_signed_bytes(&self) -> Vec<u8> {
        self.to_text().into_bytes()
    }

    /// The signed bytes as text, which they are.
    pub(crate) fn to_text(&self) -> String {
        format!(
            "{DOMAIN}\ncampaign: {}\nserial: {}\nexpires: {}\n",
            self.campaign, self.serial, self.expires
        )
    }

    /// Reads the signed bytes; `None` unless they are exactly what [`Coin::to_signed_bytes`] writes.
    pub fn from_signed_bytes(bytes: &[u8]) -> Option<Coin> {
        let rest = std::str::from_utf8(bytes)
            .ok()?
            .strip_prefix(DOMAIN)?
            .strip_prefix("\ncampaign: ")?;
        let (campaign, rest) = rest.split_at_checked(rest.bytes().position(|byte| byte == b'\n')?)?;
        let (serial, rest) = rest.strip_prefix("\nserial: ")?.split_at_checked(SERIAL_CHARACTERS)?;
        let expires = rest.strip_prefix("\nexpires: ")?.strip_suffix('\n')?;
        Some(Coin {
            campaign: Campaign::parse(campaign)?,
            serial: Serial::parse(serial)?,
            expires: Timestamp::parse(expires)?,
        })
    }
}
