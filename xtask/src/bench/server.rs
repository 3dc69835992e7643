//! Servers of a measurement: started on a free port, waited for, ended when dropped.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take to come up.
const UP_MAX: Duration = Duration::from_secs(60);

/// A running server.
pub struct Server(Child);

impl Server {
    /// Starts it, with all that it says in `logs/NAME.log`, and waits until `is_up`.
    ///
    /// # Errors
    ///
    /// When it cannot be started, ends, or does not come up; the message says where its log is.
    pub fn start(
        name: &str,
        command: &mut Command,
        logs: &Path,
        mut is_up: impl FnMut() -> bool,
    ) -> Result<Server, String> {
        let path = logs.join(format!("{name}.log"));
        let log = File::create(&path).map_err(|error| format!("could not write {}: {error}", path.display()))?;
        let also = log.try_clone().map_err(|error| error.to_string())?;
        let child = command.stdin(Stdio::null()).stdout(log).stderr(also).spawn();
        let mut server = Server(child.map_err(|error| format!("could not start {name}: {error}"))?);
        let deadline = Instant::now() + UP_MAX;
        while !is_up() {
            let has_ended = server.0.try_wait().is_ok_and(|status| status.is_some());
            if has_ended || Instant::now() > deadline {
                let said = std::fs::read_to_string(&path).unwrap_or_default();
                let last: Vec<&str> = said.lines().rev().take(5).collect();
                let last: Vec<&str> = last.into_iter().rev().collect();
                return Err(format!("{name} did not come up:\n{}", last.join("\n")));
            }
            pause();
        }
        Ok(server)
    }
}

impl Server {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, or ends now.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A loopback address that nobody listens on.
///
/// # Errors
///
/// When there is none.
pub fn free_address() -> Result<SocketAddr, String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|error| format!("no free port: {error}"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is where a measurement waits for its servers"
)]
fn pause() {
    thread::sleep(Duration::from_millis(20));
}
