//! A coin's serial: a UUID in its one lower-case spelling (RFC 9562, section 4).

use std::fmt;

/// Where the hyphens stand in the 36 characters of a UUID.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// A coin's serial: 16 bytes, written as a lower-case UUID. Any version and variant: the mint's choice is not the verifier's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial([u8; 16]);

impl Serial {
    /// Reads a serial; `None` unless it is a UUID of 36 characters, lower case.
    pub fn parse(text: &str) -> Option<Serial> {
        if text.len() != 36 {
            return None;
        }
        let mut nibbles = [0_u8; 32];
        let mut slots = nibbles.iter_mut();
        for (position, byte) in text.bytes().enumerate() {
            if HYPHENS.contains(&position) {
                if byte != b'-' {
                    return None;
                }
            } else {
                *slots.next()? = lower_hex_value(byte)?;
            }
        }
        let mut bytes = [0_u8; 16];
        for (byte, pair) in bytes.iter_mut().zip(nibbles.chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *byte = (high << 4) | low;
        }
        Some(Serial(bytes))
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
        let mut text = [b'-'; 36];
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

/// The value of one lower-case hexadecimal digit.
fn lower_hex_value(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => byte.checked_sub(b'0'),
        b'a'..=b'f' => byte.checked_sub(b'a')?.checked_add(10),
        _ => None,
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
        ] {
            assert!(Serial::parse(bad).is_none(), "{bad:?}");
        }
    }
}
