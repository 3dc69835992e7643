//! Header maps: lines of bytes in order, several of one name allowed, and their serialised form.

use std::fmt;

/// The most that the host reads of a map that the module sends (cpp-host/include/proxy-wasm/limits.h).
const PAIRS_MAX: usize = 1024;
const PAIRS_BYTES_MAX: usize = 1024 * 1024;

/// Request headers of which Envoy keeps one line only: a second line is joined to the first. `authorization` is among them since Envoy's HTTP cache
/// registers it (envoyproxy/envoy, `source/common/http/header_map_impl.cc`, `appendToHeader`; `cache_custom_headers.h`).
const JOINED: [(&[u8], &[u8]); 2] = [(b"authorization", b","), (b"cookie", b"; ")];

/// Header lines, names in lower case as Envoy keeps them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HeaderMap(Vec<(Vec<u8>, Vec<u8>)>);

impl HeaderMap {
    /// A map of these lines, each kept apart.
    pub fn new<N: AsRef<[u8]>, V: AsRef<[u8]>>(lines: impl IntoIterator<Item = (N, V)>) -> HeaderMap {
        let mut map = HeaderMap::default();
        for (name, value) in lines {
            map.add(name.as_ref(), value.as_ref());
        }
        map
    }

    /// The map that Envoy makes of these lines on arrival: some names are joined.
    pub fn joined_as_envoy_does(self) -> HeaderMap {
        let mut map = HeaderMap::default();
        for (name, value) in self.0 {
            let delimiter = JOINED.iter().find(|(joined, _)| *joined == name).map(|(_, with)| *with);
            let first = map.0.iter_mut().find(|(known, _)| *known == name);
            match (delimiter, first) {
                (Some(delimiter), Some((_, first))) => {
                    first.extend_from_slice(delimiter);
                    first.extend_from_slice(&value);
                }
                _ => map.0.push((name, value)),
            }
        }
        map
    }

    /// The lines, in order.
    pub fn lines(&self) -> &[(Vec<u8>, Vec<u8>)] {
        &self.0
    }

    /// Every value of a name.
    pub fn all(&self, name: &str) -> Vec<&[u8]> {
        let name = name.as_bytes();
        let values = self.0.iter().filter(|(known, _)| known == name);
        values.map(|(_, value)| &value[..]).collect()
    }

    /// The first value of a name: all that `proxy_get_header_map_value` ever shows (context.cc, `getHeaderMapValue`: "a potential security issue").
    pub fn first(&self, name: &[u8]) -> Option<&[u8]> {
        let name = name.to_ascii_lowercase();
        let line = self.0.iter().find(|(known, _)| *known == name);
        line.map(|(_, value)| &value[..])
    }

    /// Adds a line.
    pub fn add(&mut self, name: &[u8], value: &[u8]) {
        self.0.push((name.to_ascii_lowercase(), value.to_vec()));
    }

    /// Sets a line in place of all of its name.
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        self.remove(name);
        self.add(name, value);
    }

    /// Removes every line of a name.
    pub fn remove(&mut self, name: &[u8]) {
        let name = name.to_ascii_lowercase();
        self.0.retain(|(known, _)| *known != name);
    }

    /// Serialised for the module: count, sizes, then names and values with a NUL each (cpp-host/pairs_util.cc, `marshalPairs`). An empty map is no
    /// bytes at all (cpp-host/exports.cc, `get_header_map_pairs`).
    pub fn marshal(&self) -> Vec<u8> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let size = |length: usize| u32::try_from(length).expect("a size of 32 bits").to_le_bytes();
        let mut bytes = size(self.0.len()).to_vec();
        for (name, value) in &self.0 {
            bytes.extend(size(name.len()));
            bytes.extend(size(value.len()));
        }
        for (name, value) in &self.0 {
            for text in [name, value] {
                bytes.extend(text);
                bytes.push(0);
            }
        }
        bytes
    }

    /// Reads what the module serialised. What cannot be read is an empty map, without a word (cpp-host/pairs_util.cc, `toPairs`).
    pub fn unmarshal(bytes: &[u8]) -> HeaderMap {
        read(bytes).unwrap_or_default()
    }
}

impl fmt::Debug for HeaderMap {
    /// As text, so that a failed test can be read.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &Vec<u8>| bytes.escape_ascii().to_string();
        let lines = self
            .0
            .iter()
            .map(|(name, value)| format!("{}: {}", text(name), text(value)));
        formatter.debug_list().entries(lines).finish()
    }
}

fn read(mut bytes: &[u8]) -> Option<HeaderMap> {
    if bytes.len() > PAIRS_BYTES_MAX {
        return None;
    }
    let count = take_size(&mut bytes)?;
    if count > PAIRS_MAX {
        return None;
    }
    let mut sizes = Vec::new();
    for _ in 0..count {
        sizes.push((take_size(&mut bytes)?, take_size(&mut bytes)?));
    }
    let mut map = HeaderMap::default();
    for (name_size, value_size) in sizes {
        let name = take_text(&mut bytes, name_size)?;
        map.add(name, take_text(&mut bytes, value_size)?);
    }
    bytes.is_empty().then_some(map)
}

fn take_size(bytes: &mut &[u8]) -> Option<usize> {
    let (size, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    usize::try_from(u32::from_le_bytes(*size)).ok()
}

fn take_text<'a>(bytes: &mut &'a [u8], size: usize) -> Option<&'a [u8]> {
    let (text, rest) = bytes.split_at_checked(size)?;
    *bytes = rest.strip_prefix(&[0])?;
    Some(text)
}
