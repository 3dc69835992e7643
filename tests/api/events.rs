//! Reads a stream of server-sent events as it comes.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use super::openapi;
use crate::harness::http::{Response, read_head};
use crate::harness::wait::SOON;

/// An open stream.
pub struct Events {
    reader: BufReader<TcpStream>,
}

/// What comes out of a stream.
#[derive(Debug, PartialEq)]
pub enum Sent {
    /// An event: its name and its data.
    Event(String, Value),
    /// A comment.
    Comment,
    /// The server closed the stream.
    End,
}

impl Events {
    /// Asks for the stream. Gives the answer's head, and the stream if it is one.
    ///
    /// As HTTP/1.0: then the body is the stream itself, without chunks around it.
    pub fn ask(address: SocketAddr) -> (Response, Events) {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream
            .write_all(b"GET /v1/tally/stream HTTP/1.0\r\nhost: hashicoin.test\r\n\r\n")
            .unwrap();
        let mut reader = BufReader::new(stream);
        let (status, headers) = read_head(&mut reader);
        let body = Vec::new();
        (Response { status, headers, body }, Events { reader })
    }

    /// Opens the stream.
    pub fn open(address: SocketAddr) -> Events {
        let (head, events) = Events::ask(address);
        openapi::check("GET", "/v1/tally/stream", &head);
        assert_eq!(head.status, 200, "{head:?}");
        events
    }

    /// Waits for what comes next.
    pub fn next(&mut self) -> Sent {
        let (mut name, mut data) = (None, None);
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line).unwrap() == 0 {
                return Sent::End;
            }
            match line.trim_end().split_once(':') {
                Some(("", _)) => return Sent::Comment,
                Some(("event", value)) => name = Some(value.trim_start().to_owned()),
                Some(("data", value)) => data = Some(serde_json::from_str(value).unwrap()),
                None if line == "\n" => match (name.take(), data.take()) {
                    (Some(name), Some(data)) => return Sent::Event(name, data),
                    // The blank line after a comment.
                    (None, None) => {}
                    half => panic!("half an event: {half:?}"),
                },
                _ => panic!("an unexpected line: {line:?}"),
            }
        }
    }

    /// Waits for the next tally, past comments.
    pub fn next_tally(&mut self) -> Value {
        loop {
            match self.next() {
                Sent::Event(name, tally) => {
                    assert_eq!(name, "tally");
                    openapi::check_against("Tally", &tally);
                    return tally;
                }
                Sent::Comment => {}
                Sent::End => panic!("the stream ended"),
            }
        }
    }
}
