//! A program that a test started: watched, and gone when the test is.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use crate::wait::{wait_for, wait_up_to};

/// How long a program may take to end once it was asked to, before it is made to.
const END_WITHIN: Duration = Duration::from_secs(15);

/// A running program. Dropping it ends it, and shows what it wrote if the test failed.
pub struct Process {
    name: String,
    child: Child,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

/// How a program ended, and what it wrote.
#[derive(Debug)]
pub struct Ended {
    /// As the system says it.
    pub status: ExitStatus,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

impl Ended {
    /// The exit code; fails if a signal ended the program.
    pub fn code(&self) -> i32 {
        self.status
            .code()
            .unwrap_or_else(|| panic!("ended by a signal: {self:?}"))
    }
}

impl Process {
    /// Starts a program with no input.
    pub fn start(name: &str, command: &mut Command) -> Process {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}: {command:?}"));
        let (stdout, stdout_reader) = collect(child.stdout.take().unwrap());
        let (stderr, stderr_reader) = collect(child.stderr.take().unwrap());
        Process {
            name: name.to_owned(),
            child,
            stdout,
            stderr,
            readers: vec![stdout_reader, stderr_reader],
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.lock().unwrap().clone()
    }

    /// What it wrote to standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// The first whole line of standard output.
    pub fn first_line(&mut self) -> String {
        self.line_or_end()
            .unwrap_or_else(|status| panic!("{} ended: {status}\n{}", self.name, self.stderr()))
    }

    /// The first whole line of standard output, or how the program ended without one.
    pub fn line_or_end(&mut self) -> Result<String, ExitStatus> {
        wait_for(&format!("the first line of {}", self.name.clone()), || {
            // In this order: what it wrote before it ended counts.
            let status = self.status();
            let stdout = self.stdout();
            match (stdout.split_once('\n'), status) {
                (Some((line, _)), _) => Ok(Ok(line.to_owned())),
                (None, Some(status)) => Ok(Err(status)),
                (None, None) => Err(format!("stdout {stdout:?}, stderr {}", self.stderr())),
            }
        })
    }

    /// Whether it has not ended yet.
    pub fn runs(&mut self) -> bool {
        self.status().is_none()
    }

    /// Fails if the program has ended.
    pub fn still_runs(&mut self) {
        if let Some(status) = self.status() {
            panic!("{} ended: {status}\n{}", self.name, self.stderr());
        }
    }

    /// How it ended, if it has; all that it wrote is read then.
    fn status(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().unwrap()?;
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        Some(status)
    }

    /// Asks it to end (SIGTERM).
    pub fn terminate(&self) {
        self.signal(Signal::SIGTERM);
    }

    /// Asks it to end as Ctrl-C does (SIGINT).
    pub fn interrupt(&self) {
        self.signal(Signal::SIGINT);
    }

    /// Asks it to end without tidying up (SIGQUIT), if it knows a difference.
    pub fn quit(&self) {
        self.signal(Signal::SIGQUIT);
    }

    /// Stops it where it is (SIGSTOP), until it goes on.
    pub fn stop(&self) {
        self.signal(Signal::SIGSTOP);
        waitid(Id::Pid(self.pid()), WaitPidFlag::WSTOPPED | WaitPidFlag::WNOWAIT).unwrap();
    }

    /// Lets it go on after [`stop`](Process::stop) (SIGCONT).
    pub fn go_on(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Ends it at once (SIGKILL), and waits until it has ended and holds nothing any more: no lock, no port. Its end can still be asked for.
    pub fn kill(&self) {
        self.signal(Signal::SIGKILL);
        waitid(Id::Pid(self.pid()), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).unwrap();
    }

    fn signal(&self, signal: Signal) {
        // The child is not waited for yet, so its id is still its own.
        kill(self.pid(), signal).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    /// Waits for its end.
    pub fn ended(mut self) -> Ended {
        let name = self.name.clone();
        let status = wait_for(&format!("the end of {name}"), || {
            self.status()
                .ok_or_else(|| format!("it runs; stderr {}", self.stderr()))
        });
        Ended {
            status,
            stdout: self.stdout(),
            stderr: self.stderr(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Asked first: a program that started others (`hashicoin dev`) ends them too. An error here means that it has ended already.
        if matches!(self.child.try_wait(), Ok(None)) {
            self.terminate();
            let _ = wait_up_to(END_WITHIN, || match self.child.try_wait() {
                Ok(None) => Err(String::new()),
                _ => Ok(()),
            });
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!(
                "---- {}: stdout\n{}\n---- {}: stderr\n{}",
                self.name,
                self.stdout(),
                self.name,
                self.stderr()
            );
        }
    }
}

/// Runs a program to its end.
pub fn run(command: &mut Command) -> Ended {
    let name = command.get_program().to_string_lossy().into_owned();
    Process::start(&name, command).ended()
}

/// Gathers a stream's lines as they come.
fn collect(stream: impl Read + Send + 'static) -> (Arc<Mutex<String>>, JoinHandle<()>) {
    let text = Arc::new(Mutex::new(String::new()));
    let written = Arc::clone(&text);
    let reader = thread::spawn(move || {
        let mut lines = BufReader::new(stream);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            written.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    });
    (text, reader)
}

#[test]
fn a_program_is_read_to_its_last_byte() {
    let script = "echo one; printf two; echo three >&2; exit 4";
    let mut process = Process::start("sh", Command::new("sh").args(["-c", script]));
    assert_eq!(process.first_line(), "one");
    let ended = process.ended();
    assert_eq!(
        (ended.code(), ended.stdout.as_str(), ended.stderr.as_str()),
        (4, "one\ntwo", "three\n")
    );
}

#[test]
#[should_panic(expected = "sh ended: exit status: 3")]
fn a_program_that_ends_early_is_not_waited_for() {
    Process::start("sh", Command::new("sh").args(["-c", "exit 3"])).first_line();
}

#[test]
fn a_dropped_program_is_gone() {
    let process = Process::start("tail", Command::new("tail").args(["-f", "/dev/null"]));
    let id = Pid::from_raw(i32::try_from(process.id()).unwrap());
    drop(process);
    assert!(kill(id, None).is_err(), "it still runs");
}
