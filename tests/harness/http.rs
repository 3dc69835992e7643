//! HTTP/1.1 over a socket: sends exactly the bytes it is given, since a client library would tidy what the tests are about.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use super::wait::SOON;

/// An answer.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    /// Names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of a header; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(candidate, _)| candidate == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of a problem document; fails if it is none.
    pub fn problem(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let body = self.json();
        assert_eq!(body["status"], self.status, "{self:?}");
        assert!(body["title"].is_string() && body["detail"].is_string(), "{self:?}");
        let kind = body["type"].as_str().unwrap_or_else(|| panic!("no type: {self:?}"));
        kind.strip_prefix("/problems/").unwrap_or(kind).to_owned()
    }
}

/// A request as bytes. `content-length` is added for the body if there is one, `host` and `connection: close` always.
pub fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\nhost: hashicoin.test\r\nconnection: close\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        text += &format!("content-length: {}\r\n", body.len());
    }
    text += "\r\n";
    text += body;
    text.into_bytes()
}

/// Sends bytes over a connection of their own and reads one answer.
pub fn exchange(address: SocketAddr, bytes: &[u8]) -> Response {
    try_exchange(address, bytes).unwrap_or_else(|error| panic!("{address}: {error}"))
}

/// As [`exchange`], where nobody may be there, or may go away before the answer is whole.
pub fn try_exchange(address: SocketAddr, bytes: &[u8]) -> Result<Response, String> {
    let mut stream = TcpStream::connect_timeout(&address, SOON).map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(SOON)).unwrap();
    // Who is refused before all is sent may find the connection closed; the answer is there to be read all the same.
    let _ = stream.write_all(bytes);
    let mut stream = BufReader::new(stream);
    if bytes.starts_with(b"HEAD ") {
        // Whatever length the answer names, it has no body (RFC 9110, section 9.3.2).
        let (status, headers) = try_read_head(&mut stream)?;
        let body = Vec::new();
        return Ok(Response { status, headers, body });
    }
    try_read_response(&mut stream)
}

/// GET.
pub fn get(address: SocketAddr, target: &str) -> Response {
    exchange(address, &request("GET", target, &[], ""))
}

/// POST of a JSON body.
pub fn post_json(address: SocketAddr, target: &str, headers: &[(&str, &str)], body: &Value) -> Response {
    let headers = [&[("content-type", "application/json")], headers].concat();
    exchange(address, &request("POST", target, &headers, &body.to_string()))
}

/// Reads the head and the whole body of one answer; interim (1xx) answers are passed over.
pub fn read_response(stream: &mut impl BufRead) -> Response {
    try_read_response(stream).unwrap_or_else(|error| panic!("{error}"))
}

fn try_read_response(stream: &mut impl BufRead) -> Result<Response, String> {
    loop {
        let (status, headers) = try_read_head(stream)?;
        if (100..200).contains(&status) {
            continue;
        }
        let body = read_body(stream, status, &headers)?;
        return Ok(Response { status, headers, body });
    }
}

/// Reads status and headers only, for an answer that does not end.
pub fn read_head(stream: &mut impl BufRead) -> (u16, Vec<(String, String)>) {
    try_read_head(stream).unwrap_or_else(|error| panic!("{error}"))
}

fn try_read_head(stream: &mut impl BufRead) -> Result<(u16, Vec<(String, String)>), String> {
    let status_line = read_line(stream)?;
    let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.unwrap_or_else(|| panic!("not a status line: {status_line:?}"));
    let mut headers = Vec::new();
    loop {
        let line = read_line(stream)?;
        if line.is_empty() {
            return Ok((status, headers));
        }
        let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("not a header: {line:?}"));
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn read_body(stream: &mut impl BufRead, status: u16, headers: &[(String, String)]) -> Result<Vec<u8>, String> {
    let value = |name: &str| {
        headers
            .iter()
            .find(|(candidate, _)| candidate == name)
            .map(|(_, value)| value.as_str())
    };
    let mut body = Vec::new();
    if matches!(status, 204 | 304) {
        return Ok(body);
    }
    if value("transfer-encoding") == Some("chunked") {
        loop {
            let size = read_line(stream)?;
            let size = usize::from_str_radix(&size, 16).unwrap_or_else(|error| panic!("chunk size {size:?}: {error}"));
            let mut chunk = vec![0; size];
            stream.read_exact(&mut chunk).map_err(|error| error.to_string())?;
            body.extend(chunk);
            assert_eq!(read_line(stream)?, "", "after a chunk");
            if size == 0 {
                return Ok(body);
            }
        }
    }
    match value("content-length") {
        Some(length) => {
            body.resize(length.parse().unwrap(), 0);
            stream.read_exact(&mut body).map_err(|error| error.to_string())?;
        }
        None => drop(stream.read_to_end(&mut body).map_err(|error| error.to_string())?),
    }
    Ok(body)
}

fn read_line(stream: &mut impl BufRead) -> Result<String, String> {
    let mut line = String::new();
    match stream.read_line(&mut line) {
        Err(error) => Err(format!("no answer: {error}; so far {line:?}")),
        Ok(0) => Err("the connection was closed without a whole answer".to_owned()),
        Ok(_) => Ok(line.trim_end_matches(['\r', '\n']).to_owned()),
    }
}

#[test]
fn bytes_are_sent_as_they_are_and_an_answer_is_told_as_it_came() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut seen = [0; 9];
        stream.read_exact(&mut seen).unwrap();
        let answer = "HTTP/1.1 418 \r\nTransfer-Encoding: chunked\r\nA:  b\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        stream.write_all(answer.as_bytes()).unwrap();
        seen
    });
    let response = exchange(address, b"no HTTP\r\n");
    assert_eq!(&server.join().unwrap(), b"no HTTP\r\n");
    assert_eq!(
        (response.status, response.header("a"), response.text().as_str()),
        (418, Some("b"), "abcde")
    );
}
