//! Header maps as the proxy-wasm ABI serialises them: `u32` count, then a `u32` name size and a `u32` value size per pair, then each name and
//! value followed by a NUL; integers little-endian (proxy-wasm-cpp-host, `src/exports.cc`, `marshalPairs`).
//!
//! Names and values are bytes: a header need not be UTF-8, and one that is not must not take the VM down.

/// The most header lines that are looked at. Envoy's own default limit is 100; a host that sends more than this is not understood.
const PAIRS_MAX: usize = 1024;

/// One header line: name and value.
pub type Pair<'a> = (&'a [u8], &'a [u8]);

/// Takes a serialised map apart, every line in order, duplicates included; `None` if the bytes are not a serialised map.
pub fn decode(mut bytes: &[u8]) -> Option<Vec<Pair<'_>>> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let count = take_u32(&mut bytes)?;
    if count > PAIRS_MAX {
        return None;
    }
    let mut sizes = Vec::with_capacity(count);
    for _ in 0..count {
        sizes.push((take_u32(&mut bytes)?, take_u32(&mut bytes)?));
    }
    let mut pairs = Vec::with_capacity(count);
    for (name_bytes, value_bytes) in sizes {
        pairs.push((
            take_terminated(&mut bytes, name_bytes)?,
            take_terminated(&mut bytes, value_bytes)?,
        ));
    }
    bytes.is_empty().then_some(pairs)
}

/// Serialises header lines.
pub fn encode(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = size_of_text(pairs.len()).to_vec();
    for (name, value) in pairs {
        bytes.extend_from_slice(&size_of_text(name.len()));
        bytes.extend_from_slice(&size_of_text(value.len()));
    }
    for (name, value) in pairs {
        for text in [name, value] {
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0);
        }
    }
    bytes
}

/// A size as the ABI writes it. What this crate sends is its own fixed text, so a size never exceeds 32 bits.
fn size_of_text(size: usize) -> [u8; 4] {
    u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes()
}

fn take_u32(bytes: &mut &[u8]) -> Option<usize> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    usize::try_from(u32::from_le_bytes(*head)).ok()
}

fn take_terminated<'a>(bytes: &mut &'a [u8], size: usize) -> Option<&'a [u8]> {
    let (text, rest) = bytes.split_at_checked(size)?;
    *bytes = rest.strip_prefix(&[0])?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::{PAIRS_MAX, decode, encode};

    #[test]
    fn a_map_reads_back_as_it_was_written() {
        for pairs in [&[][..], &[("a", "1")], &[(":path", "/"), ("a", ""), ("a", "2")]] {
            let bytes = encode(pairs);
            let expected: Vec<_> = pairs
                .iter()
                .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
                .collect();
            assert_eq!(decode(&bytes), Some(expected));
        }
        assert_eq!(decode(b""), Some(Vec::new()));
    }

    #[test]
    fn a_map_that_is_cut_or_longer_or_without_its_nuls_is_refused() {
        let bytes = encode(&[("name", "value"), ("other", "")]);
        for end in 1..bytes.len() {
            assert_eq!(decode(&bytes[..end]), None, "cut to {end}");
        }
        assert_eq!(decode(&[&bytes[..], b"\0"].concat()), None);
        let mut no_nul = bytes.clone();
        *no_nul.last_mut().unwrap() = b'x';
        assert_eq!(decode(&no_nul), None);
    }

    #[test]
    fn sizes_beyond_the_bytes_are_refused_without_allocating_them() {
        assert_eq!(decode(&u32::MAX.to_le_bytes()), None);
        assert_eq!(decode(&u32::try_from(PAIRS_MAX + 1).unwrap().to_le_bytes()), None);
        let mut huge = 1_u32.to_le_bytes().to_vec();
        huge.extend_from_slice(&[0xff; 8]);
        assert_eq!(decode(&huge), None);
    }
}
