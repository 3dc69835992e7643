//! The one spelling of a request path.
//!
//! A gate that decides by path must read the path as the service will. Rather than guess how each service decodes, this accepts only paths
//! that every decoder reads the same way, and the gate refuses the rest: nothing is repaired, because a repaired path is one more reading.
//!
//! Canonical means: begins with `/`; no empty segment but a last one; no `.` or `..` segment; letters, digits and ``-._~!$&'()*+,=:@`` as they are;
//! percent-encoding in upper case, only for octets that cannot stand as they are, never for `/`, `\`, `.`, `;`, `?`, `#`, `%` or a
//! control character; UTF-8 once decoded. A query may follow; it is printable ASCII without `#` and does not take part in routing.

/// The path of a request target, without its query; `None` if it is not canonical.
pub fn canonical_path(target: &[u8]) -> Option<&[u8]> {
    let mut halves = target.splitn(2, |byte| *byte == b'?');
    let path = halves.next()?;
    let query_ok = halves
        .next()
        .is_none_or(|query| query.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#'));
    (query_ok && segments_ok(path) && octets_ok(path)).then_some(path)
}

fn segments_ok(path: &[u8]) -> bool {
    let Some(rest) = path.strip_prefix(b"/") else {
        return false;
    };
    let mut segments = rest.split(|byte| *byte == b'/');
    // The last segment alone may be empty: `/` and `/v1/` are paths of their own.
    segments.next_back().is_none_or(segment_is_no_dots)
        && segments.all(|segment| !segment.is_empty() && segment_is_no_dots(segment))
}

fn segment_is_no_dots(segment: &[u8]) -> bool {
    !matches!(segment, b"." | b"..")
}

fn octets_ok(path: &[u8]) -> bool {
    let mut pieces = path.split(|octet| *octet == b'%');
    if !pieces.next().is_none_or(is_plain) {
        return false;
    }
    // What the escapes stand for. Plain text between two of them ends a character, whatever it is.
    let mut decoded = Vec::new();
    for piece in pieces {
        let Some((digits, rest)) = piece.split_first_chunk() else {
            return false;
        };
        let Some(escaped) = hex_value(*digits) else {
            return false;
        };
        if may_stand_as_it_is(escaped) || is_ambiguous_when_escaped(escaped) || !is_plain(rest) {
            return false;
        }
        decoded.push(escaped);
        if !rest.is_empty() {
            decoded.push(b'/');
        }
    }
    // Overlong encodings of `/` and `.` are not UTF-8.
    std::str::from_utf8(&decoded).is_ok()
}

fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|octet| *octet == b'/' || may_stand_as_it_is(*octet))
}

/// RFC 3986's `pchar` without percent-encoding and without `;`, which some services cut paths at.
fn may_stand_as_it_is(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&octet)
}

/// Octets that mean something to a service that decodes once more, or that end strings.
fn is_ambiguous_when_escaped(octet: u8) -> bool {
    octet.is_ascii_control() || b"/\\;?#%".contains(&octet)
}

/// The octet that two digits of an escape stand for; they are in upper case.
fn hex_value([high, low]: [u8; 2]) -> Option<u8> {
    Some((upper_hex_value(high)? << 4) | upper_hex_value(low)?)
}

fn upper_hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => digit.checked_sub(b'0'),
        b'A'..=b'F' => digit.checked_sub(b'A')?.checked_add(10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::canonical_path;

    #[test]
    fn canonical_paths_come_back_without_their_query() {
        for (target, path) in [
            ("/", "/"),
            ("/v1/votes", "/v1/votes"),
            ("/v1/votes/", "/v1/votes/"),
            ("/V1/Votes", "/V1/Votes"),
            ("/v1/votes?x=%2f..//;", "/v1/votes"),
            ("/?", "/"),
            ("/a-b.c_d~e!$&'()*+,=:@f", "/a-b.c_d~e!$&'()*+,=:@f"),
            ("/...", "/..."),
            ("/.hidden", "/.hidden"),
            ("/caf%C3%A9%20au%20lait", "/caf%C3%A9%20au%20lait"),
        ] {
            assert_eq!(canonical_path(target.as_bytes()), Some(path.as_bytes()), "{target}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for target in [
            "",
            "*",
            "v1/votes",
            "http://api/v1/votes",
            "//v1/votes",
            "/v1//votes",
            "/v1/votes//",
            "/./v1/votes",
            "/v1/./votes",
            "/v1/../v1/votes",
            "/v1/votes/.",
            "/v1/votes/..",
            "/v1/votes;x",
            "/v1;x/votes",
            "/v1\\votes",
            "/v1/votes#x",
            "/v1/votes?x#y",
            "/v1/votes?a b",
            "/v1/vo tes",
            "/v1%2Fvotes",
            "/v1%2fvotes",
            "/v1%5Cvotes",
            "/v1/%2E/votes",
            "/v1/%76otes",
            "/v1/votes%00",
            "/v1/votes%0A",
            "/v1/votes%3Bx",
            "/v1/votes%3Fx",
            "/v1/votes%23x",
            "/v1/%252Fvotes",
            "/v1/caf%c3%a9",
            "/v1/votes%",
            "/v1/votes%2",
            "/v1/votes%ZZ",
            "/v1%C0%AFvotes",
            "/v1/%E9",
            "/v1/%C3x%A9",
            "/v1/%C3/%A9",
            "/v1/%C3",
            "/v1/%%41",
            "/v1/%4%31",
            "/v1/caf\u{e9}",
            "/v1/votes\u{0}",
        ] {
            assert_eq!(canonical_path(target.as_bytes()), None, "{target:?}");
        }
    }
}
