//! HTTP/2 by hand (RFC 9113): frames with whatever is put into them, since a library refuses to send what the tests are about. Header fields are literals
//! without indexing and without Huffman coding (RFC 7541, section 6.2.2), so any byte may stand in them.

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A header field.
pub type Field<'a> = (&'a [u8], &'a [u8]);

/// One request: its header fields, its body, its trailers.
#[derive(Default)]
pub struct Message<'a> {
    pub headers: Vec<Field<'a>>,
    pub body: &'a [u8],
    pub trailers: Vec<Field<'a>>,
}

/// A connection from its first byte, with these requests on streams 1, 3, and so on.
pub fn connection(messages: &[Message<'_>]) -> Vec<u8> {
    let mut bytes = PREFACE.to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[]));
    for (index, message) in messages.iter().enumerate() {
        let stream = 2 * u32::try_from(index).unwrap() + 1;
        let last = |is_last: bool| if is_last { END_STREAM } else { 0 };
        let bare = message.trailers.is_empty();
        let headers = END_HEADERS | last(bare && message.body.is_empty());
        bytes.extend(frame(HEADERS, headers, stream, &block(&message.headers)));
        if !message.body.is_empty() {
            bytes.extend(frame(DATA, last(bare), stream, message.body));
        }
        if !bare {
            bytes.extend(frame(
                HEADERS,
                END_HEADERS | END_STREAM,
                stream,
                &block(&message.trailers),
            ));
        }
    }
    bytes
}

/// Whether these bytes begin a connection of HTTP/2.
pub fn is_http2(bytes: &[u8]) -> bool {
    bytes.starts_with(PREFACE)
}

/// The streams that the frames of a connection end, from either side. A frame that is not whole yet does not count.
pub fn streams_ended(mut bytes: &[u8]) -> usize {
    bytes = bytes.strip_prefix(PREFACE).unwrap_or(bytes);
    let mut ended = 0;
    while let Some((head, rest)) = bytes.split_at_checked(9) {
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let Some((_, rest)) = rest.split_at_checked(length) else {
            break;
        };
        let (kind, flags) = (head[3], head[4]);
        if kind == RST_STREAM || matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
            ended += 1;
        }
        bytes = rest;
    }
    ended
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn block(fields: &[Field<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        string(&mut bytes, name);
        string(&mut bytes, value);
    }
    bytes
}

/// A length as an integer with a prefix of seven bits, then the octets (RFC 7541, sections 5.1 and 5.2).
fn string(bytes: &mut Vec<u8>, text: &[u8]) {
    const PREFIX_MAX: usize = 127;
    if text.len() < PREFIX_MAX {
        bytes.push(u8::try_from(text.len()).unwrap());
    } else {
        bytes.push(127);
        let mut rest = text.len() - PREFIX_MAX;
        while rest >= 128 {
            bytes.push(u8::try_from(rest % 128 + 128).unwrap());
            rest /= 128;
        }
        bytes.push(u8::try_from(rest).unwrap());
    }
    bytes.extend_from_slice(text);
}
