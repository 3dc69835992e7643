//! The table: each request byte for byte, the row of attacks that it belongs to, and what becomes of it.

use super::SPOOFED;
use super::frames::{Field, Message, connection};
use crate::edge::cases::VOTE;
use crate::harness::http::request;

/// The attacks that are known from other gates, one row each.
pub const ROWS: [&str; 24] = [
    "dots and empty segments",
    "escaped separators and letters",
    "parameters, case, last slashes, queries, forms of the target",
    "a header twice",
    "values joined by a comma",
    "underscores for hyphens",
    "control bytes and text that is not UTF-8",
    "a coin in two places",
    "JSON that reads in two ways",
    "a body of another type",
    "an encoded body",
    "a large body",
    "lengths, chunks and trailers",
    "upgrades and CONNECT",
    "early data",
    "a body that waits to be asked for",
    "method override",
    "gRPC",
    "headers that speak for the proxy",
    "words for the log",
    "crashes",
    "huge and many headers",
    "pipelining",
    "early hints",
];

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Let through with its coin.
    Passes,
    /// Let through with its coin; its body is broken, so the service may see the beginning or nothing.
    Cut,
    /// Let through without one.
    Free,
    /// Refused by the gate, with this code.
    Refused(&'static str),
}

use End::{Cut, Free, Passes, Refused};

/// What Envoy refuses before the gate is asked.
const BY_ENVOY: &[End] = &[];
const MISSING: &[End] = &[Refused("coin-missing")];
const PATH: &[End] = &[Refused("path-not-canonical")];

/// The bytes of one connection.
pub struct Case {
    pub row: &'static str,
    pub name: String,
    pub bytes: Vec<u8>,
    /// What becomes of each request that Envoy takes for one.
    pub ends: &'static [End],
}

impl Case {
    /// How many requests of it end so.
    pub fn count(&self, is: impl Fn(End) -> bool) -> usize {
        self.ends.iter().filter(|end| is(**end)).count()
    }
}

/// A good vote, nothing odd about it but that hints come before its answer.
pub fn good(coin: &str) -> Case {
    let bytes = vote("POST", "/v1/votes", &[("authorization", coin)]);
    case("early hints", "a good coin", bytes, &[Passes])
}

/// A request with a method that no other has, to be known by in a log.
pub fn last() -> Case {
    case(
        "words for the log",
        "the last",
        vote("TRACE", "/v1/votes", &[]),
        MISSING,
    )
}

/// All of them, with two good coins, as header values.
pub fn cases(coin: &str, second: &str) -> Vec<Case> {
    let mut cases = vec![good(coin)];
    cases.extend(paths(coin));
    cases.extend(carriers(coin, second));
    cases.extend(bytes_in_headers(coin));
    cases.extend(bodies(coin));
    cases.extend(framing(coin));
    cases.extend(upgrades(coin));
    cases.extend(proxies(coin));
    cases.extend(sizes(coin));
    cases.extend(pipelines(coin));
    cases
}

fn case(row: &'static str, name: impl Into<String>, bytes: Vec<u8>, ends: &'static [End]) -> Case {
    Case {
        row,
        name: format!("{row}: {}", name.into()),
        bytes,
        ends,
    }
}

/// A vote over HTTP/1.1 on a connection of its own.
fn vote(method: &str, target: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    request(
        method,
        target,
        &[&[("content-type", "application/json")], headers].concat(),
        VOTE,
    )
}

/// A vote over HTTP/1.1 of which every byte after the request line is the case's own.
fn raw(coin: &str, rest: &str) -> Vec<u8> {
    format!("POST /v1/votes HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: {coin}\r\n{rest}").into_bytes()
}

/// The header fields of a request over HTTP/2, with these after the usual ones.
fn fields<'a>(method: &'a str, path: &'a [u8], more: &[Field<'a>]) -> Vec<Field<'a>> {
    let usual: [Field<'a>; 4] = [
        (b":method", method.as_bytes()),
        (b":scheme", b"http"),
        (b":authority", b"a"),
        (b":path", path),
    ];
    [&usual, more].concat()
}

/// A vote over HTTP/2.
fn vote_h2(path: &[u8], more: &[Field<'_>]) -> Vec<u8> {
    connection(&[Message {
        headers: fields("POST", path, more),
        body: VOTE.as_bytes(),
        trailers: Vec::new(),
    }])
}

fn paths(coin: &str) -> Vec<Case> {
    const DOTS: &str = "dots and empty segments";
    const ESCAPES: &str = "escaped separators and letters";
    const FORMS: &str = "parameters, case, last slashes, queries, forms of the target";
    let rows: [(&'static str, &[&str], &'static [End]); 5] = [
        (
            DOTS,
            &[
                "//v1/votes",
                "/v1//votes",
                "/./v1/votes",
                "/v1/./votes",
                "/v1/x/../votes",
                "/v1/votes/.",
                "/v1/votes/..",
                "/v1/coins/../votes",
                "/v1/votes//",
            ],
            PATH,
        ),
        (
            ESCAPES,
            &[
                "/v1%2fvotes",
                "/v1%2Fvotes",
                "/v1%5cvotes",
                "/v1%5Cvotes",
                "/v1\\votes",
                "/v1/%2e/votes",
                "/v1/coins/%2e%2e/votes",
                "/v1/vote%73",
                "/v1/%76otes",
                "/v1/%252Fvotes",
                "/v1%252fvotes",
                "/v1%c0%afvotes",
                "/v1%C0%AFvotes",
                "/v1%E0%80%AFvotes",
                "/%C0%AE%C0%AE/v1/votes",
                "/v1/votes%00",
                "/v1/votes%0D%0A",
                "/v1/votes%",
                "/v1/votes%2",
                "/v1/votes%u002f",
                "/v1/votes%ZZ",
            ],
            PATH,
        ),
        (
            FORMS,
            &[
                "/v1/votes;x",
                "/v1/votes;",
                "/v1;x/votes",
                "/v1/coins/..;/votes",
                "/v1/coins;/../votes",
                "/v1/votes%3Bx",
                "/v1/votes%3F",
                "/v1/votes%23",
            ],
            PATH,
        ),
        (
            FORMS,
            &[
                "/v1/votes/",
                "/V1/VOTES",
                "/v1/Votes",
                "/v1/votes?",
                "/v1/votes?a=/v1/coins",
                "/v1/votes?/../coins",
                "http://a/v1/votes",
                "/v1/coins/",
                "/v1/coinsx",
                "/v1/COINS",
            ],
            MISSING,
        ),
        // A fragment is never sent (RFC 9112, section 3.2).
        (
            FORMS,
            &["/v1/votes#x", "/v1/coins#/../votes", "v1/votes", "*"],
            BY_ENVOY,
        ),
    ];
    let mut cases = Vec::new();
    for (row, targets, ends) in rows {
        for target in targets {
            // With a coin too where the path alone is wrong, and as what would be free.
            if ends == PATH {
                let authorization = [("authorization", coin)];
                cases.push(case(
                    row,
                    format!("{target}, a coin"),
                    vote("POST", target, &authorization),
                    ends,
                ));
                cases.push(case(
                    row,
                    format!("GET {target}"),
                    request("GET", target, &[], ""),
                    ends,
                ));
            }
            cases.push(case(row, format!("{target}, no coin"), vote("POST", target, &[]), ends));
            if !target.starts_with("http") {
                let name = format!("{target}, no coin, HTTP/2");
                cases.push(case(row, name, vote_h2(target.as_bytes(), &[]), ends));
            }
        }
    }
    cases.push(case(
        FORMS,
        "the API's address as authority",
        vote("POST", "//a/v1/votes", &[]),
        PATH,
    ));
    cases.push(case(FORMS, "no path, HTTP/2", vote_h2(b"", &[]), BY_ENVOY));
    cases.push(case(
        FORMS,
        "two paths, HTTP/2",
        vote_h2(b"/v1/coins", &[(b":path", b"/v1/votes")]),
        BY_ENVOY,
    ));
    cases.push(case(
        FORMS,
        "two methods, HTTP/2",
        vote_h2(b"/v1/votes", &[(b":method", b"GET")]),
        BY_ENVOY,
    ));
    cases.push(case(
        ESCAPES,
        "bytes beyond ASCII, HTTP/2",
        vote_h2(b"/v1\xc0\xafvotes", &[]),
        PATH,
    ));
    cases
}

fn carriers(coin: &str, second: &str) -> Vec<Case> {
    let authorization = ("authorization", coin);
    let list = format!("{coin}, {second}");
    let query = format!("/v1/votes?coin={}", &second[5..]);
    let cookie = format!("a=b; coin={}", &second[5..]);
    let body = format!(r#"{{"weights":{{"clean-water":1}},"coin":"{}"}}"#, &second[5..]);
    let field = (&b"authorization"[..], coin.as_bytes());
    let post = |headers: &[(&str, &str)]| vote("POST", "/v1/votes", headers);
    let list_ends: &[End] = &[Refused("coin-list")];
    let second_ends: &[End] = &[Refused("coin-second-carrier")];
    let trailers = |headers: Vec<Field<'_>>| {
        connection(&[Message {
            headers,
            body: VOTE.as_bytes(),
            trailers: vec![
                (b"authorization", second.as_bytes()),
                (b"x-coin-serial", SPOOFED.as_bytes()),
            ],
        }])
    };
    vec![
        case(
            "a header twice",
            "two coins",
            post(&[authorization, ("authorization", second)]),
            list_ends,
        ),
        case(
            "a header twice",
            "a coin and Bearer",
            post(&[("authorization", "Bearer x"), authorization]),
            list_ends,
        ),
        case(
            "a header twice",
            "the same coin, in two cases",
            post(&[authorization, ("AUTHORIZATION", coin)]),
            list_ends,
        ),
        case(
            "a header twice",
            "an empty one",
            post(&[authorization, ("authorization", "")]),
            &[Passes],
        ),
        case(
            "a header twice",
            "two coins, HTTP/2",
            vote_h2(b"/v1/votes", &[field, (b"authorization", second.as_bytes())]),
            list_ends,
        ),
        case("a header twice", "two hosts", raw(coin, "host: b\r\n\r\n"), &[Passes]),
        case(
            "values joined by a comma",
            "two coins",
            post(&[("authorization", &list)]),
            list_ends,
        ),
        case(
            "values joined by a comma",
            "HTTP/2",
            vote_h2(b"/v1/votes", &[(b"authorization", list.as_bytes())]),
            list_ends,
        ),
        case(
            "values joined by a comma",
            "an empty part",
            post(&[("authorization", &format!(",{coin}"))]),
            list_ends,
        ),
        case(
            "underscores for hyphens",
            "a verdict",
            post(&[authorization, ("X_Coin_Serial", SPOOFED)]),
            &[Refused("coin-underscore-twin")],
        ),
        case(
            "underscores for hyphens",
            "half a verdict, HTTP/2",
            vote_h2(b"/v1/votes", &[field, (b"x-coin_serial", SPOOFED.as_bytes())]),
            &[Refused("coin-underscore-twin")],
        ),
        case(
            "underscores for hyphens",
            "a verdict on what is free",
            request("GET", "/v1/tally", &[("X_Coin_Serial", SPOOFED)], ""),
            &[Free],
        ),
        case(
            "a coin in two places",
            "header and query",
            vote("POST", &query, &[authorization]),
            second_ends,
        ),
        case(
            "a coin in two places",
            "query alone",
            vote("POST", &query, &[]),
            second_ends,
        ),
        case(
            "a coin in two places",
            "header and cookie",
            post(&[authorization, ("cookie", &cookie)]),
            second_ends,
        ),
        case(
            "a coin in two places",
            "another header",
            post(&[authorization, ("x-vote", second)]),
            second_ends,
        ),
        case(
            "a coin in two places",
            "proxy-authorization",
            post(&[("proxy-authorization", coin)]),
            second_ends,
        ),
        case(
            "a coin in two places",
            "body alone",
            request("POST", "/v1/votes", &[], &body),
            MISSING,
        ),
        case(
            "a coin in two places",
            "header and body",
            request("POST", "/v1/votes", &[authorization], &body),
            &[Passes],
        ),
        case(
            "a coin in two places",
            "trailers alone, HTTP/2",
            trailers(fields("POST", b"/v1/votes", &[])),
            MISSING,
        ),
        case(
            "a coin in two places",
            "header and trailers, HTTP/2",
            trailers(fields("POST", b"/v1/votes", &[field])),
            &[Passes],
        ),
    ]
}

fn bytes_in_headers(coin: &str) -> Vec<Case> {
    const ROW: &str = "control bytes and text that is not UTF-8";
    let with = |before: &[u8], after: &[u8]| [before, coin.as_bytes(), after].concat();
    let h1 = |line: &[u8]| {
        let head = b"POST /v1/votes HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 2\r\n";
        [head, line, b"\r\n\r\n{}"].concat()
    };
    let h2 = |name: &[u8], value: &[u8]| vote_h2(b"/v1/votes", &[(name, value)]);
    let split = b"\r\nPOST /v1/votes HTTP/1.1\r\nhost: a\r\n\r\n";
    let malformed: &[End] = &[Refused("coin-malformed")];
    let scheme: &[End] = &[Refused("coin-wrong-scheme")];
    let mut cases = vec![
        case(ROW, "NUL at the end", h1(&with(b"authorization: ", b"\0")), BY_ENVOY),
        case(ROW, "NUL before", h1(&with(b"authorization: \0", b"")), BY_ENVOY),
        case(ROW, "a lone CR", h1(&with(b"authorization: ", b"\rx: y")), malformed),
        case(ROW, "not UTF-8", h1(b"authorization: \xff\xfe"), scheme),
        case(
            ROW,
            "a coin and a byte that is not UTF-8",
            h1(&with(b"authorization: ", b"\xff")),
            malformed,
        ),
        case(ROW, "a tab", h1(&with(b"authorization: Coin\t", b"")), scheme),
        case(
            ROW,
            "a name that is not ASCII",
            h1(&with(b"authorizatio\xc5\x84: ", b"")),
            BY_ENVOY,
        ),
        case(
            ROW,
            "a space before the colon",
            h1(&with(b"authorization : ", b"")),
            BY_ENVOY,
        ),
        case(
            ROW,
            "a space before the name",
            h1(&with(b" authorization: ", b"")),
            BY_ENVOY,
        ),
        case(ROW, "an empty name", h1(&with(b": ", b"")), BY_ENVOY),
        case(ROW, "a line without a colon", h1(b"authorization"), BY_ENVOY),
        case(ROW, "NUL, HTTP/2", h2(b"authorization", &with(b"", b"\0")), BY_ENVOY),
        case(ROW, "not UTF-8, HTTP/2", h2(b"authorization", b"\xff\xfe"), scheme),
        case(
            ROW,
            "a request in a value, HTTP/2",
            h2(b"x-a", &with(split, b"")),
            BY_ENVOY,
        ),
        case(ROW, "a request in a name, HTTP/2", h2(split, b"a"), BY_ENVOY),
        case(
            ROW,
            "a name in upper case, HTTP/2",
            h2(b"Authorization", coin.as_bytes()),
            BY_ENVOY,
        ),
        case(
            ROW,
            "a name with a colon, HTTP/2",
            h2(b"authorization:", coin.as_bytes()),
            BY_ENVOY,
        ),
        case(
            ROW,
            "a pseudo-header that nobody knows, HTTP/2",
            h2(b":authorization", coin.as_bytes()),
            BY_ENVOY,
        ),
    ];
    for byte in [0x01, 0x0b, 0x1b, 0x7f] {
        let line = with(b"authorization: ", &[byte]);
        cases.push(case(ROW, format!("the byte {byte:#04x}"), h1(&line), BY_ENVOY));
    }
    cases
}

fn bodies(coin: &str) -> Vec<Case> {
    let post = |kind: &str, body: &str| {
        request(
            "POST",
            "/v1/votes",
            &[("content-type", kind), ("authorization", coin)],
            body,
        )
    };
    let json = |body: &str| post("application/json", body);
    let large = format!(r#"{{"weights":{{"clean-water":1}},"x":"{}"}}"#, "x".repeat(8_000));
    let encoded = [
        ("content-type", "application/json"),
        ("content-encoding", "gzip"),
        ("authorization", coin),
    ];
    // The gate reads no body: what is wrong with one is the API's to say, to one coin.
    vec![
        case(
            "JSON that reads in two ways",
            "a key twice",
            json(r#"{"weights":{"clean-water":1},"weights":{"open-books":1}}"#),
            &[Passes],
        ),
        case(
            "JSON that reads in two ways",
            "a key in two cases",
            json(r#"{"weights":{"clean-water":1},"Weights":{}}"#),
            &[Passes],
        ),
        case(
            "JSON that reads in two ways",
            "an escaped key",
            json(r#"{"\u0077eights":{"clean-water":1}}"#),
            &[Passes],
        ),
        case(
            "JSON that reads in two ways",
            "a second document",
            json(r#"{"weights":{"clean-water":1}} {}"#),
            &[Passes],
        ),
        case(
            "JSON that reads in two ways",
            "no coin",
            request("POST", "/v1/votes", &[], "{} {}"),
            MISSING,
        ),
        case(
            "a body of another type",
            "form",
            post("application/x-www-form-urlencoded", "weights=1"),
            &[Passes],
        ),
        case(
            "a body of another type",
            "multipart",
            post("multipart/form-data; boundary=a", "--a--"),
            &[Passes],
        ),
        case(
            "a body of another type",
            "another charset",
            post("application/json; charset=utf-7", VOTE),
            &[Passes],
        ),
        case(
            "a body of another type",
            "form, no coin",
            request("POST", "/v1/votes", &[("content-type", "text/plain")], "a"),
            MISSING,
        ),
        case(
            "an encoded body",
            "gzip that is none",
            request("POST", "/v1/votes", &encoded, VOTE),
            &[Passes],
        ),
        case(
            "an encoded body",
            "no coin",
            request("POST", "/v1/votes", &encoded[..2], VOTE),
            MISSING,
        ),
        case("a large body", "a coin", json(&large), &[Passes]),
        case(
            "a large body",
            "no coin",
            request("POST", "/v1/votes", &[], &large),
            MISSING,
        ),
    ]
}

fn framing(coin: &str) -> Vec<Case> {
    const ROW: &str = "lengths, chunks and trailers";
    let smuggled = "POST /v1/votes HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n";
    let field = (&b"authorization"[..], coin.as_bytes());
    let h1 = |name: &str, rest: &str, ends| case(ROW, name, raw(coin, rest), ends);
    let h2 = |name: &str, field_of_length: Field<'_>, ends| {
        case(ROW, name, vote_h2(b"/v1/votes", &[field, field_of_length]), ends)
    };
    let chunked = "transfer-encoding: chunked\r\n";
    vec![
        h1("a length and chunks", &format!("content-length: 4\r\n{chunked}\r\n0\r\n\r\n{smuggled}"), BY_ENVOY),
        h1("chunks and a length", &format!("{chunked}content-length: 4\r\n\r\n0\r\n\r\n{smuggled}"), BY_ENVOY),
        h1("two lengths", &format!("content-length: 0\r\ncontent-length: {}\r\n\r\n{smuggled}", smuggled.len()), BY_ENVOY),
        h1("two lengths in one", "content-length: 0, 2\r\n\r\n{}", BY_ENVOY),
        h1("a length with a sign", "content-length: +2\r\n\r\n{}", BY_ENVOY),
        h1("a length below 0", "content-length: -1\r\n\r\n", BY_ENVOY),
        h1("a length in hexadecimal", "content-length: 0x2\r\n\r\n{}", BY_ENVOY),
        h1("a length of 2^64", "content-length: 18446744073709551616\r\n\r\n", BY_ENVOY),
        h1("an encoding that nobody knows", "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n", BY_ENVOY),
        h1("chunked, identity", "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n", BY_ENVOY),
        h1("identity, chunked", "transfer-encoding: identity, chunked\r\n\r\n0\r\n\r\n", BY_ENVOY),
        h1("chunked twice", &format!("{chunked}{chunked}\r\n0\r\n\r\n"), BY_ENVOY),
        h1("chunked after a vertical tab", "transfer-encoding: \u{b}chunked\r\n\r\n0\r\n\r\n", BY_ENVOY),
        h1("a space before the colon", "transfer-encoding : chunked\r\n\r\n0\r\n\r\n", BY_ENVOY),
        h1("a folded line", "transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n", &[Passes]),
        h1("a size that is none", &format!("{chunked}\r\nzz\r\n{{}}\r\n0\r\n\r\n"), &[Cut]),
        h1("a size with a sign", &format!("{chunked}\r\n+2\r\n{{}}\r\n0\r\n\r\n"), &[Cut]),
        h1("a size in another notation", &format!("{chunked}\r\n0x2\r\n{{}}\r\n0\r\n\r\n"), &[Cut]),
        h1("a size of 2^64", &format!("{chunked}\r\n10000000000000002\r\n{{}}\r\n0\r\n\r\n"), &[Cut]),
        h1("a chunk longer than its size", &format!("{chunked}\r\n1\r\n{{}}\r\n0\r\n\r\n"), &[Cut]),
        h1("an extension", &format!("{chunked}\r\n2;a=b\r\n{{}}\r\n0\r\n\r\n"), &[Passes]),
        h1("an extension with a lone LF", &format!("{chunked}\r\n2;\nxx\r\n4c\r\n0\r\n\r\n{smuggled}"), &[Cut]),
        h1("a trailer", &format!("{chunked}trailer: authorization\r\n\r\n2\r\n{{}}\r\n0\r\nauthorization: {coin}\r\n\r\n"), &[Passes]),
        h1("a verdict in a trailer", &format!("{chunked}\r\n2\r\n{{}}\r\n0\r\nx-coin-serial: {SPOOFED}\r\n\r\n"), &[Passes]),
        h1("no length", "\r\n", &[Passes]),
        case(
            ROW,
            "a coin in a trailer alone",
            format!("POST /v1/votes HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{chunked}\r\n0\r\nauthorization: {coin}\r\n\r\n").into_bytes(),
            MISSING,
        ),
        case(ROW, "lines that end in LF", format!("POST /v1/votes HTTP/1.1\nhost: a\nauthorization: {coin}\nconnection: close\n\n").into_bytes(), &[Passes]),
        case(ROW, "HTTP/1.0", format!("POST /v1/votes HTTP/1.0\r\nhost: a\r\nauthorization: {coin}\r\n{chunked}\r\n0\r\n\r\n{smuggled}").into_bytes(), BY_ENVOY),
        case(ROW, "HTTP/0.9", b"GET /v1/tally\r\n".to_vec(), BY_ENVOY),
        case(ROW, "a version that nobody knows", format!("POST /v1/votes HTTP/1.2\r\nhost: a\r\nauthorization: {coin}\r\n\r\n").into_bytes(), BY_ENVOY),
        case(ROW, "no host", format!("POST /v1/votes HTTP/1.1\r\nauthorization: {coin}\r\n\r\n").into_bytes(), BY_ENVOY),
        h2("no length, HTTP/2", (b"content-type", b"application/json"), &[Passes]),
        h2("a length that is too short, HTTP/2", (b"content-length", b"0"), &[Cut]),
        h2("a length that is too long, HTTP/2", (b"content-length", b"999"), &[Cut]),
        h2("a length that is none, HTTP/2", (b"content-length", b"two"), BY_ENVOY),
        h2("chunked, HTTP/2", (b"transfer-encoding", b"chunked"), BY_ENVOY),
        h2("a header of the connection, HTTP/2", (b"connection", b"transfer-encoding"), BY_ENVOY),
    ]
}

fn upgrades(coin: &str) -> Vec<Case> {
    const ROW: &str = "upgrades and CONNECT";
    let smuggled = "POST /v1/votes HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let websocket = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let h2c = "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n";
    let h1 = |name: &str, line: &str, rest: &str, ends| {
        case(
            ROW,
            name,
            format!("{line} HTTP/1.1\r\nhost: a\r\n{rest}{smuggled}").into_bytes(),
            ends,
        )
    };
    let authorization = format!("authorization: {coin}\r\n");
    let h2 = |name: &str, headers: Vec<Field<'_>>, ends| {
        let message = Message {
            headers,
            body: smuggled.as_bytes(),
            trailers: Vec::new(),
        };
        case(ROW, name, connection(&[message]), ends)
    };
    let connect: [Field<'_>; 2] = [(b":method", b"CONNECT"), (b":authority", b"a:80")];
    let extended: Field<'_> = (b":protocol", b"websocket");
    let field = (&b"authorization"[..], coin.as_bytes());
    vec![
        h1("a websocket, no coin", "POST /v1/votes", websocket, BY_ENVOY),
        h1(
            "a websocket, a coin",
            "POST /v1/votes",
            &format!("{authorization}{websocket}"),
            BY_ENVOY,
        ),
        h1(
            "a websocket to what is free, a vote behind it",
            "GET /v1/tally",
            websocket,
            BY_ENVOY,
        ),
        h1(
            "h2c to what is free, a vote behind it",
            "GET /v1/tally",
            h2c,
            &[Free, Refused("coin-missing")],
        ),
        h1(
            "an upgrade that nobody knows",
            "GET /v1/tally",
            "connection: upgrade\r\nupgrade: a\r\n\r\n",
            BY_ENVOY,
        ),
        h1("CONNECT, no coin", "CONNECT a:80", "\r\n", PATH),
        h1("CONNECT, a coin", "CONNECT a:80", &format!("{authorization}\r\n"), PATH),
        h1("CONNECT to a path", "CONNECT /v1/tally", "\r\n", BY_ENVOY),
        h2("CONNECT, HTTP/2", connect.to_vec(), PATH),
        h2("CONNECT with a coin, HTTP/2", [&connect[..], &[field]].concat(), PATH),
        h2(
            "extended CONNECT, HTTP/2",
            fields("CONNECT", b"/v1/votes", &[extended]),
            BY_ENVOY,
        ),
        h2(
            "extended CONNECT with a coin, HTTP/2",
            fields("CONNECT", b"/v1/votes", &[extended, field]),
            BY_ENVOY,
        ),
        h2(
            "extended CONNECT to what is free, HTTP/2",
            fields("CONNECT", b"/v1/tally", &[extended]),
            BY_ENVOY,
        ),
        h2(
            "a protocol without CONNECT, HTTP/2",
            fields("GET", b"/v1/tally", &[extended]),
            BY_ENVOY,
        ),
        h2(
            "an upgrade, HTTP/2",
            fields("GET", b"/v1/tally", &[(b"upgrade", b"websocket")]),
            BY_ENVOY,
        ),
    ]
}

fn proxies(coin: &str) -> Vec<Case> {
    let authorization = ("authorization", coin);
    let post = |headers: &[(&str, &str)]| vote("POST", "/v1/votes", headers);
    let get = |headers: &[(&str, &str)]| request("GET", "/v1/tally", headers, "");
    let waits = |coin: &[(&str, &str)], expect| vote("POST", "/v1/votes", &[coin, &[("expect", expect)]].concat());
    let grpc = |kind: &'static [u8]| vote_h2(b"/v1/votes", &[(b"content-type", kind)]);
    let overrides = super::FORBIDDEN[..5].iter().map(|name| {
        let value = if name.ends_with("url") { "/v1/votes" } else { "POST" };
        case(
            "method override",
            format!("{name} on what is free"),
            get(&[(name, value)]),
            &[Free],
        )
    });
    let mut cases = vec![
        case("early data", "no coin", post(&[("early-data", "1")]), MISSING),
        case("early data", "a coin", post(&[authorization, ("early-data", "1")]), &[Passes]),
        case("a body that waits to be asked for", "no coin", waits(&[], "100-continue"), MISSING),
        case("a body that waits to be asked for", "a coin", waits(&[authorization], "100-continue"), &[Passes]),
        case(
            "a body that waits to be asked for",
            "no coin and a body that never comes",
            b"POST /v1/votes HTTP/1.1\r\nhost: a\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n".to_vec(),
            MISSING,
        ),
        case("method override", "a vote that says it is a GET", post(&[("x-http-method-override", "GET")]), MISSING),
        case("method override", "with underscores", get(&[("X_HTTP_Method_Override", "POST")]), &[Free]),
        case("method override", "in the query", vote("POST", "/v1/votes?_method=GET", &[]), MISSING),
        case("method override", "GET with a body", vote("GET", "/v1/votes", &[]), &[Free]),
        case("method override", "a method that nobody knows", vote("BREW", "/v1/votes", &[]), BY_ENVOY),
        case("method override", "the method in lower case", vote("get", "/v1/votes", &[]), BY_ENVOY),
        case("method override", "the method in lower case, HTTP/2", connection(&[Message {
            headers: fields("get", b"/v1/votes", &[]),
            ..Message::default()
        }]), MISSING),
        case("gRPC", "no coin", grpc(b"application/grpc"), MISSING),
        case("gRPC", "gRPC-web, no coin", grpc(b"application/grpc-web+proto"), MISSING),
        case("headers that speak for the proxy", "a verdict, no coin", post(&[("x-coin-serial", SPOOFED)]), MISSING),
        case("headers that speak for the proxy", "a verdict and a coin", post(&[authorization, ("X-Coin-Serial", SPOOFED), ("x-coin-serial", SPOOFED)]), &[Passes]),
        case("headers that speak for the proxy", "a verdict on what is free", get(&[("x-coin-campaign", SPOOFED)]), &[Free]),
        case("headers that speak for the proxy", "headers that the connection drops, the coin among them", post(&[authorization, ("connection", "x-coin-serial, authorization")]), MISSING),
        case(
            "headers that speak for the proxy",
            "another path, client and host",
            post(&[("x-envoy-original-path", "/v1/coins"), ("x-forwarded-for", "127.0.0.1"), ("x-forwarded-host", "b"), ("x-envoy-internal", "true")]),
            MISSING,
        ),
        case("words for the log", "lines in the path", vote("POST", "/v1/votes%0A2030%20accepted", &[]), PATH),
        case("words for the log", "lines in the agent", post(&[("user-agent", "a\\n2030 accepted %0a")]), MISSING),
        case("crashes", "nothing", b"\r\n\r\n\0".to_vec(), BY_ENVOY),
        case("crashes", "no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), BY_ENVOY),
    ];
    cases.extend(overrides);
    cases
}

fn sizes(coin: &str) -> Vec<Case> {
    const ROW: &str = "huge and many headers";
    let post = |headers: &[(&str, &str)]| vote("POST", "/v1/votes", headers);
    let huge = "x".repeat(20_000);
    let long = format!("Coin {}", "a".repeat(513));
    let names: Vec<String> = (0..100).map(|index| format!("x-{index}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let some = [&many[..50], &[("authorization", coin)]].concat();
    let most = [&many[..], &[("authorization", coin)]].concat();
    let fields_of_many: Vec<Field<'_>> = most
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .collect();
    vec![
        case(
            ROW,
            "20 KB in one",
            post(&[("authorization", coin), ("x-a", &huge)]),
            BY_ENVOY,
        ),
        case(ROW, "a hundred", post(&most), BY_ENVOY),
        case(
            ROW,
            "a hundred, HTTP/2",
            vote_h2(b"/v1/votes", &fields_of_many),
            BY_ENVOY,
        ),
        case(ROW, "fifty", post(&some), &[Passes]),
        case(
            ROW,
            "a coin of 513 bytes",
            post(&[("authorization", &long)]),
            &[Refused("coin-too-long")],
        ),
        case(
            ROW,
            "a path of 14 KB",
            vote("POST", &format!("/{}", &huge[..14_000]), &[]),
            MISSING,
        ),
    ]
}

fn pipelines(coin: &str) -> Vec<Case> {
    const ROW: &str = "pipelining";
    let with = |coin: &str, connection: &str, body: &str| {
        let authorization = if coin.is_empty() {
            String::new()
        } else {
            format!("authorization: {coin}\r\n")
        };
        format!(
            "POST /v1/votes HTTP/1.1\r\nhost: a\r\n{connection}{authorization}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let good = with(coin, "", VOTE);
    let bad = with("", "connection: close\r\n", VOTE);
    let free = "GET /v1/tally HTTP/1.1\r\nhost: a\r\n\r\n";
    let last_good = with(coin, "connection: close\r\n", VOTE);
    let body_like_a_request = with(coin, "connection: close\r\n", &bad);
    let two = connection(&[
        Message {
            headers: fields("POST", b"/v1/votes", &[(b"authorization", coin.as_bytes())]),
            body: VOTE.as_bytes(),
            trailers: Vec::new(),
        },
        Message {
            headers: fields("POST", b"/v1/votes", &[]),
            body: VOTE.as_bytes(),
            trailers: Vec::new(),
        },
    ]);
    vec![
        case(
            ROW,
            "a good coin, then none",
            format!("{good}{bad}").into_bytes(),
            &[Passes, Refused("coin-missing")],
        ),
        case(
            ROW,
            "no coin needed, then none",
            format!("{free}{bad}").into_bytes(),
            &[Free, Refused("coin-missing")],
        ),
        case(
            ROW,
            "a good coin twice",
            format!("{good}{last_good}").into_bytes(),
            &[Passes, Passes],
        ),
        case(
            ROW,
            "a body like a request",
            body_like_a_request.into_bytes(),
            &[Passes],
        ),
        case(
            ROW,
            "a good coin and none side by side, HTTP/2",
            two,
            &[Passes, Refused("coin-missing")],
        ),
    ]
}
