//! A service that believes everything: it writes down each byte that reaches it, answers whatever looks like a request, and checks nothing. What the gate let
//! through is told from its record.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::wait::wait_for;

/// An early hint before every answer (RFC 8297), and no second request on a connection: what comes after the first one is on record all the same.
const ANSWER: &str = "HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\nHTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";

/// A running origin; its threads end with the test's process.
pub struct Origin {
    pub address: SocketAddr,
    record: Arc<Mutex<Record>>,
}

#[derive(Default)]
struct Record {
    /// Connections that were ever closed.
    closed: u64,
    /// What was read on each connection since the last look.
    connections: BTreeMap<usize, Vec<u8>>,
}

/// A request as it arrived.
#[derive(Debug)]
pub struct Arrived {
    pub method: String,
    pub target: String,
    /// Names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
}

impl Arrived {
    /// Every value of a header; the name in lower case.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.headers.iter().filter(|(candidate, _)| candidate == name);
        lines.map(|(_, value)| value.as_str()).collect()
    }
}

impl Origin {
    pub fn start() -> Origin {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let record = Arc::new(Mutex::new(Record::default()));
        let shared = Arc::clone(&record);
        thread::spawn(move || {
            for (index, stream) in listener.incoming().enumerate() {
                let record = Arc::clone(&shared);
                thread::spawn(move || {
                    serve(stream.unwrap(), |bytes| {
                        let mut record = record.lock().unwrap();
                        record.connections.entry(index).or_default().extend_from_slice(bytes);
                    });
                    record.lock().unwrap().closed += 1;
                });
            }
        });
        Origin { address, record }
    }

    /// Every request since the last look, once as many connections are closed as the other side says that it has closed, ever. A connection that is open then has
    /// carried nothing, since each is closed after its first answer.
    pub fn arrived(&self, closed: impl Fn() -> Option<u64>) -> Vec<Arrived> {
        let connections = wait_for("the connections to the origin to be closed", || {
            let said = closed();
            let mut record = self.record.lock().unwrap();
            if Some(record.closed) == said {
                Ok(std::mem::take(&mut record.connections))
            } else {
                Err(format!("{} closed, and the other side says {said:?}", record.closed))
            }
        });
        connections.values().flat_map(|bytes| requests(bytes)).collect()
    }
}

/// Reads to the end; answers as soon as the first request is whole.
fn serve(mut stream: TcpStream, add: impl Fn(&[u8])) {
    let (mut bytes, mut chunk, mut answered) = (Vec::new(), [0; 16384], false);
    while let Ok(count @ 1..) = stream.read(&mut chunk) {
        add(&chunk[..count]);
        bytes.extend_from_slice(&chunk[..count]);
        if !answered && length_of_first(&bytes).is_some() {
            answered = true;
            // Who sends on without listening is on record too.
            let _ = stream.write_all(ANSWER.as_bytes());
        }
    }
}

/// The requests that one connection carried, the last of them perhaps cut short. Fails at bytes that are none.
fn requests(mut bytes: &[u8]) -> Vec<Arrived> {
    let mut arrived = Vec::new();
    while !bytes.is_empty() {
        let head = head(bytes).unwrap_or_else(|| panic!("no request: {}", bytes.escape_ascii()));
        arrived.push(parse(head));
        bytes = length_of_first(bytes).map_or(&[], |length| &bytes[length..]);
    }
    arrived
}

/// Up to and with the empty line.
fn head(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(&bytes[..end + 4])
}

fn parse(head: &[u8]) -> Arrived {
    let text: String = head.iter().map(|byte| char::from(*byte)).collect();
    let mut lines = text.trim_end().split("\r\n");
    let words: Vec<&str> = lines.next().unwrap().split(' ').collect();
    let [method, target, "HTTP/1.1"] = words[..] else {
        panic!("no request line: {text:?}");
    };
    let header = |line: &str| {
        let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no header: {line:?}"));
        (name.to_ascii_lowercase(), value.trim().to_owned())
    };
    Arrived {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: lines.map(header).collect(),
    }
}

/// The bytes of the first request, if it is whole.
fn length_of_first(bytes: &[u8]) -> Option<usize> {
    let head = head(bytes)?;
    let request = parse(head);
    let body = &bytes[head.len()..];
    let body_bytes = if request.all("transfer-encoding").is_empty() {
        let length = request
            .all("content-length")
            .first()
            .map_or(0, |text| text.parse().unwrap());
        Some(length).filter(|length| *length <= body.len())?
    } else {
        chunked(body)?
    };
    Some(head.len() + body_bytes)
}

/// The bytes of a chunked body (RFC 9112, section 7.1) without trailers, if it is whole.
fn chunked(body: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let line = body[at..].windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&body[at..at + line]).unwrap(), 16).unwrap();
        at += line + 2 + size + 2;
        if at > body.len() {
            return None;
        }
        if size == 0 {
            return Some(at);
        }
    }
}

#[test]
fn what_arrives_is_on_record_to_the_last_byte() {
    let origin = Origin::start();
    let mut stream = TcpStream::connect(origin.address).unwrap();
    let chunked = "POST /a HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let second = "GET /b HTTP/1.1\r\nA: 1\r\nA: 2\r\n\r\n";
    stream.write_all(format!("{chunked}{second}").as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let arrived = origin.arrived(|| Some(1));
    let targets: Vec<_> = arrived.iter().map(|request| request.target.as_str()).collect();
    assert_eq!(targets, ["/a", "/b"]);
    assert_eq!(arrived[1].all("a"), ["1", "2"]);
}

#[test]
#[should_panic(expected = "no request")]
fn bytes_that_are_no_request_fail() {
    requests(b"GET / HTTP/1.1\r\n\r\nsmuggled");
}
