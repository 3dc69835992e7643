//! A TCP proxy that cuts a connection at a message of the test's choice, such as a COMMIT to Postgres.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// What happens at the next such message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It does not reach the server.
    Before,
    /// The server has done it, and its answer is lost.
    After,
    /// It does not reach the server, and neither does the end of the client's connection: what a machine that is switched off looks like from both sides. Until
    /// [`Proxy::release`].
    Silence,
    /// The client's connection breaks, and it is under way to the server until [`Proxy::release`].
    Late,
}

/// Stands between a client and a server of loopback for as long as the process lives.
pub struct Proxy {
    address: SocketAddr,
    next: Arc<Next>,
}

struct Next {
    /// What the message has in it.
    at: &'static [u8],
    cut: Mutex<Option<Cut>>,
    is_released: Mutex<bool>,
    released: Condvar,
}

impl Proxy {
    /// In front of the Postgres at this address, to cut at COMMIT.
    pub fn to(server: SocketAddr) -> Proxy {
        Proxy::to_cut_at(b"COMMIT\0", server)
    }

    /// In front of the server at this address, to cut at messages with this in them.
    pub fn to_cut_at(at: &'static [u8], server: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let next = Arc::new(Next {
            at,
            cut: Mutex::default(),
            is_released: Mutex::default(),
            released: Condvar::new(),
        });
        let shared = Arc::clone(&next);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, next) = (client.unwrap(), Arc::clone(&shared));
                let server = TcpStream::connect(server).unwrap();
                thread::spawn(move || forward(&client, &server, &next));
            }
        });
        Proxy { address, next }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts the next connection that sends such a message.
    pub fn cut(&self, cut: Cut) {
        *self.next.cut.lock().unwrap() = Some(cut);
    }

    /// Whether nothing is to be cut any more.
    pub fn has_cut(&self) -> bool {
        self.next.cut.lock().unwrap().is_none()
    }

    /// Lets arrive what was kept back: a message that is late, the end of a connection that is silent.
    pub fn release(&self) {
        *self.next.is_released.lock().unwrap() = true;
        self.next.released.notify_all();
    }
}

impl Next {
    /// Waits for [`Proxy::release`].
    fn wait_for_release(&self) {
        let is_released = self.is_released.lock().unwrap();
        let waited = self.released.wait_while(is_released, |is_released| !*is_released);
        drop(waited.unwrap());
    }
}

/// One connection, both ways. A client that is answered before it asks on has at most one message under way.
fn forward(client: &TcpStream, server: &TcpStream, next: &Next) {
    let cut = Arc::new(Mutex::new(None));
    let answers = {
        let (mut from, mut to, cut) = (
            server.try_clone().unwrap(),
            client.try_clone().unwrap(),
            Arc::clone(&cut),
        );
        thread::spawn(move || {
            let mut buffer = [0; 65536];
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                match *cut.lock().unwrap() {
                    // The answer: it is done, and nobody hears of it.
                    Some(Cut::After) => break,
                    Some(Cut::Silence) => {}
                    _ if to.write_all(&buffer[..read]).is_err() => break,
                    _ => {}
                }
            }
            if *cut.lock().unwrap() != Some(Cut::Silence) {
                let _ = to.shutdown(Shutdown::Both);
            }
        })
    };
    let mut buffer = [0; 65536];
    let (mut from, mut to) = (client, server);
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let message = &buffer[..read];
        if message.windows(next.at.len()).any(|part| part == next.at) {
            *cut.lock().unwrap() = next.cut.lock().unwrap().take();
        }
        match *cut.lock().unwrap() {
            Some(Cut::Before) => break,
            Some(Cut::Silence) => {}
            Some(Cut::Late) => {
                let _ = client.shutdown(Shutdown::Both);
                next.wait_for_release();
                let _ = to.write_all(message);
                // Its answer finds nobody.
                let _ = answers.join();
                return;
            }
            _ if to.write_all(message).is_err() => break,
            _ => {}
        }
    }
    if *cut.lock().unwrap() == Some(Cut::Silence) {
        next.wait_for_release();
    }
    // For the server the client is gone.
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
    let _ = answers.join();
}
