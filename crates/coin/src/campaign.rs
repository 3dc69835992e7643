//! The campaign a coin belongs to: a slug.

use std::fmt;

/// The longest campaign name, in bytes.
const CAMPAIGN_BYTES_MAX: usize = 32;

/// The name of a campaign: 1 to 32 bytes of `[a-z0-9-]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Campaign(String);

impl Campaign {
    /// Reads a campaign's name; `None` unless it is 1 to 32 bytes of `[a-z0-9-]`.
    pub fn parse(text: &str) -> Option<Campaign> {
        let sized = (1..=CAMPAIGN_BYTES_MAX).contains(&text.len());
        let slug = text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        (sized && slug).then(|| Campaign(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Campaign {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
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
