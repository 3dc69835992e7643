//! The smallest server of static files, and servers that mean harm.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

/// What a server does with a request: the path, without what follows a `?`, and where the answer goes.
type Answer = dyn Fn(&str, &mut TcpStream) -> std::io::Result<()> + Send + Sync;

/// A server on a free port of this machine. Its threads end with the test's process.
pub struct Server(SocketAddr);

impl Server {
    /// Serves the files of a directory, and knows nothing of what they are.
    pub fn of_files(root: PathBuf) -> Server {
        Server::start(move |path, stream| match std::fs::read(root.join(path)) {
            Ok(bytes) => respond(stream, "200 OK", &bytes),
            Err(_) => respond(stream, "404 Not Found", b"nothing here"),
        })
    }

    /// Serves whatever this answers.
    pub fn start(answer: impl Fn(&str, &mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answer: Arc<Answer> = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let answer = Arc::clone(&answer);
                // Whoever hangs up ends his connection, and nothing else.
                thread::spawn(move || serve(&stream, &*answer));
            }
        });
        Server(address)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.0)
    }
}

fn serve(stream: &TcpStream, answer: &Answer) -> Option<()> {
    let mut requests = BufReader::new(stream.try_clone().ok()?).take(u64::MAX);
    let mut stream = stream.try_clone().ok()?;
    loop {
        let mut line = String::new();
        requests.read_line(&mut line).ok().filter(|count| *count > 0)?;
        let target = line.split(' ').nth(1)?.trim_start_matches('/').to_owned();
        while line.trim_end() != "" {
            line.clear();
            requests.read_line(&mut line).ok()?;
        }
        answer(target.split('?').next()?, &mut stream).ok()?;
    }
}

/// A whole answer.
pub fn respond(stream: &mut TcpStream, status: &str, body: &[u8]) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat())
}
