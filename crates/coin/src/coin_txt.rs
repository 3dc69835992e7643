//! `coin.txt`: the form of a coin that a person keeps.
//!
//! A drawing, the signed bytes as they are, and the signature as Vault wrote it. There is one spelling: a file with a changed space is not a coin.
//! What a person can repair (a mangled line end) is named in the error; nothing is repaired here.

use std::fmt;

use crate::token::parse_vault_signature;
use crate::{Coin, SignedCoin};

/// The drawing above the fields. Part of the format, byte for byte.
const ART: &str = r"
              _.-=======-._
          .-=' _         _ '=-.
        .'  .-' |       | '-.  '.
       /   /    |_______|    \   \
      |   |     |_______|     |   |
      |   |     |       |     |   |
      |   |     |       |     |   |
       \   \    |       |    /   /
        '.  '-._|       |_.-'  .'
          '-=._   1 VOTE   _.=-'
               '-========-'
            H A S H I C O I N

";

/// Why a text is not a `coin.txt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoinTxtError {
    /// The lines end in `\r\n`.
    CarriageReturns,
    /// It does not begin with the drawing.
    Drawing,
    /// The last line is not `vault:v<version>:<standard base64>`.
    Signature,
    /// The lines between are not a coin's fields.
    Fields,
}

impl fmt::Display for CoinTxtError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            CoinTxtError::CarriageReturns => "the lines end in CR LF; save the file with LF line ends, as it was minted",
            CoinTxtError::Drawing => "this does not begin with a coin's drawing; use the whole file, exactly as it was minted",
            CoinTxtError::Signature => "the last line is not the signature (vault:v<version>:<base64>); use the whole file, to its last line end",
            CoinTxtError::Fields => "the fields (campaign, serial, expires) are not as a mint writes them; use the file exactly as it was minted",
        })
    }
}

impl std::error::Error for CoinTxtError {}

impl SignedCoin {
    /// Writes `coin.txt`.
    pub fn to_coin_txt(&self) -> String {
        format!("{ART}{}{}\n", self.coin.to_text(), self.to_vault_signature())
    }

    /// Reads `coin.txt`.
    ///
    /// # Errors
    ///
    /// [`CoinTxtError`] unless the text is exactly what [`SignedCoin::to_coin_txt`] writes.
    pub fn from_coin_txt(text: &str) -> Result<SignedCoin, CoinTxtError> {
        if text.contains('\r') {
            return Err(CoinTxtError::CarriageReturns);
        }
        let body = text.strip_prefix(ART).ok_or(CoinTxtError::Drawing)?;
        let (fields, last) = body
            .strip_suffix('\n')
            .and_then(|body| body.rsplit_once('\n'))
            .ok_or(CoinTxtError::Signature)?;
        let (key_version, signature) = parse_vault_signature(last).ok_or(CoinTxtError::Signature)?;
        let coin = Coin::from_signed_bytes(format!("{fields}\n").as_bytes()).ok_or(CoinTxtError::Fields)?;
        Ok(SignedCoin {
            coin,
            key_version,
            signature,
        })
    }
}
