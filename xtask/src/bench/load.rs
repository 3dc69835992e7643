//! A load: so many requests over so many connections, each connection sending its next request when it has the answer to the last one.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// What a load showed.
pub struct Measured {
    /// Answers per second, from the first request to the last answer.
    pub per_s: f64,
    /// How long answers took, from the shortest to the longest.
    latencies: Vec<Duration>,
}

impl Measured {
    /// The time within which this share of the answers was there, in milliseconds.
    pub fn latency_ms(&self, percent: usize) -> f64 {
        let index = (self.latencies.len() * percent / 100).min(self.latencies.len().saturating_sub(1));
        let latency = self.latencies.get(index).copied().unwrap_or_default();
        latency.as_secs_f64() * 1000.0
    }
}

/// Sends each request once. All of them must be answered with `status`.
///
/// # Errors
///
/// The first other answer, or the first connection that fails.
pub fn run(address: SocketAddr, requests: &[String], connections: usize, status: &str) -> Result<Measured, String> {
    let next = AtomicUsize::new(0);
    let start = Instant::now();
    let latencies = thread::scope(|scope| {
        let threads: Vec<_> = (0..connections)
            .map(|_| scope.spawn(|| one_connection(address, requests, &next, status)))
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err("a connection's thread panicked".to_owned()))
            })
            .collect::<Result<Vec<_>, String>>()
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let mut latencies = latencies.concat();
    latencies.sort();
    Ok(Measured {
        per_s: latencies.len() as f64 / seconds,
        latencies,
    })
}

fn one_connection(
    address: SocketAddr,
    requests: &[String],
    next: &AtomicUsize,
    status: &str,
) -> Result<Vec<Duration>, String> {
    let broken = |error: std::io::Error| format!("the connection to {address} failed: {error}");
    let mut stream = TcpStream::connect(address).map_err(broken)?;
    stream.set_nodelay(true).map_err(broken)?;
    stream.set_read_timeout(Some(ANSWER_MAX)).map_err(broken)?;
    let mut reader = BufReader::new(stream.try_clone().map_err(broken)?);
    let mut latencies = Vec::new();
    while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
        let sent = Instant::now();
        stream.write_all(request.as_bytes()).map_err(broken)?;
        let (line, body) = answer(&mut reader).map_err(broken)?;
        latencies.push(sent.elapsed());
        if line.split(' ').nth(1) != Some(status) {
            return Err(format!("{status} was expected, not {line}: {body}"));
        }
    }
    Ok(latencies)
}

/// One answer: its status line and its body, which has a length or comes in chunks.
fn answer(reader: &mut impl BufRead) -> std::io::Result<(String, String)> {
    let mut status = String::new();
    reader.read_line(&mut status)?;
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(|_| std::io::ErrorKind::InvalidData)?;
            }
            chunked |= name.eq_ignore_ascii_case("transfer-encoding") && value.trim().eq_ignore_ascii_case("chunked");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    while chunked {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).map_err(|_| std::io::ErrorKind::InvalidData)?;
        let start = body.len();
        // The chunk, and the end of its line.
        body.resize(start + length + 2, 0);
        reader.read_exact(&mut body[start..])?;
        body.truncate(start + length);
        chunked = length > 0;
    }
    Ok((
        status.trim_end().to_owned(),
        String::from_utf8_lossy(&body).into_owned(),
    ))
}
