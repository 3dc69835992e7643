//! A coin's serial: a UUID in its one lower-case spelling (RFC 9562, section 4).

use std::fmt;

/// How long a serial is, written.
pub(crate) const SERIAL_CHARACTERS: usize = 36;

/// Where the pairs of digits begin in them.
const PAIRS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// Where the hyphens stand.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// A coin's serial: 16 bytes, written as a lower-case UUID. Any version and variant: the mint's choice is not the verifier's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial([u8; 16]);

impl Serial {
    /// Reads a serial; `None` unless it is a UUID of 36 characters, lower case.
    pub fn parse(text: &str) -> Option<Serial> {
        let text: &[u8; SERIAL_CHARACTERS] = text.as_bytes().try_into().ok()?;
        let hyphenated = HYPHENS.iter().all(|place| text.get(*place) == Some(&b'-'));
        let (mut bytes, mut seen) = ([0_u8; 16], 0);
        for (byte, place) in bytes.iter_mut().zip(PAIRS) {
            let (_, rest) = text.split_at_checked(place)?;
            let ([high, low], _) = rest.split_first_chunk()?;
            let [high, low] = [*high, *low].map(lower_hex_value);
            // One question at the end is several times as fast as one for each digit.
            seen |= high | low;
            *byte = (high << 4) | low;
        }
        (hyphenated && seen < 16).then_some(Serial(bytes))
    }

    /// A serial from its 16 bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Serial {
        Serial(bytes)
    }

    /// The 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [b'-'; SERIAL_CHARACTERS];
        let slots = text.iter_mut().enumerate();
        let slots = slots.filter_map(|(position, slot)| (!HYPHENS.contains(&position)).then_some(slot));
        let nibbles = self.0.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        for (slot, nibble) in slots.zip(nibbles) {
            *slot = lower_hex_digit(nibble);
        }
        // In one piece: the formatter's own padding takes longer than all the rest of a coin.
        formatter.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

/// The lower-case hexadecimal digit of a value below 16.
fn lower_hex_digit(value: u8) -> u8 {
    match value {
        0..=9 => value.wrapping_add(b'0'),
        _ => value.wrapping_add(b'a' - 10),
    }
}

/// The value of one lower-case hexadecimal digit; 16 or more for anything else.
fn lower_hex_value(byte: u8) -> u8 {
    let (digit, letter) = (byte.wrapping_sub(b'0'), byte.wrapping_sub(b'a'));
    match (digit, letter) {
        (0..=9, _) => digit,
        (_, 0..=5) => letter.wrapping_add(10),
        _ => u8::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::Serial;

    #[test]
    fn a_serial_reads_back_as_it_was_written() {
        let text = "0198c0de-1234-8abc-9def-00112233aaff";
        assert_eq!(Serial::parse(text).unwrap().to_string(), text);
    }

    #[test]
    fn another_spelling_is_no_serial() {
        for bad in [
            "",
            "0198C0DE-1234-8abc-9def-00112233aaff",
            "0198c0de12348abc9def00112233aaff",
            "{0198c0de-1234-8abc-9def-00112233aaff}",
            "0198c0de-1234-8abc-9def-00112233aaf",
            "0198c0de-1234-8abc-9def-00112233aafg",
            "0198c0de-1234-8abc-9def000112233aaff",
            "0198c0d-e1234-8abc-9def-00112233aaff",
            "0198c0de-1234-8abc-9def-00112233aaf\u{e9}",
            "0198c0de-1234-8abc-9def-00112233aa/f",
            "0198c0de-1234-8abc-9def-00112233aaf:",
            "`198c0de-1234-8abc-9def-00112233aaff",
        ] {
            assert!(Serial::parse(bad).is_none(), "{bad:?}");
        }
    }
}
