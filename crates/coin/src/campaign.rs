//! The campaign a coin belongs to: a slug.

use std::fmt;

/// The longest campaign name, in bytes.
const CAMPAIGN_BYTES_MAX: usize = 32;

/// The name of a campaign: 1 to 32 bytes of `[a-z0-9-]`.
///
/// It lies where it is: every coin that is read has one, and asking for memory took longer than reading it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Campaign {
    /// The name, and zeros behind it, so that names are ordered as their bytes are.
    bytes: [u8; CAMPAIGN_BYTES_MAX],
    length: usize,
}

impl Campaign {
    /// Reads a campaign's name; `None` unless it is 1 to 32 bytes of `[a-z0-9-]`.
    pub fn parse(text: &str) -> Option<Campaign> {
        let sized = (1..=CAMPAIGN_BYTES_MAX).contains(&text.len());
        let slug = text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        let mut bytes = [0; CAMPAIGN_BYTES_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        (sized && slug).then_some(Campaign {
            bytes,
            length: text.len(),
        })
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        // A slug is text.
        let name = self.bytes.get(..self.length).unwrap_or_default();
        str::from_utf8(name).unwrap_or_default()
    }
}

impl fmt::Debug for Campaign {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Campaign").field(&self.as_str()).finish()
    }
}

impl fmt::Display for Campaign {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Campaign;

    #[test]
    fn only_slugs_of_1_to_32_bytes_are_campaigns() {
        for good in ["a", "hashiconf-2020", "-", "0", &"x".repeat(32)] {
            assert!(Campaign::parse(good).is_some(), "{good:?}");
        }
        for bad in ["", "A", "a b", "a_b", "a\n", "é", "a/b", &"x".repeat(33)] {
            assert!(Campaign::parse(bad).is_none(), "{bad:?}");
        }
    }
}
