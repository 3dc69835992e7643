//! A program that this one started, and stops again, whatever happens.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use service::Failure;

use super::wait::Watched;

/// Longer than the API takes to finish what it began.
const END_WITHIN: Duration = Duration::from_secs(15);

/// How often it is looked at while it ends.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How much of a log is shown when its program ended.
const LAST_LINES: usize = 15;

/// A running program. Dropping it asks it to end (SIGTERM), waits, and kills it if it will not.
///
/// Only a SIGKILL of this process itself leaves it behind; nothing can be run then.
pub struct Child {
    name: &'static str,
    process: process::Child,
    log: PathBuf,
}

impl Child {
    /// Starts a program with no input; standard error goes to `DIR/NAME.log`, standard output to `DIR/NAME.out`, after what is there.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(name: &'static str, command: &mut Command, directory: &Path) -> Result<Child, Failure> {
        let log = directory.join(format!("{name}.log"));
        let open = |path: &Path| {
            let mut options = OpenOptions::new();
            let file = options.create(true).append(true).open(path);
            file.map_err(|error| Failure::io("open", path, &error))
        };
        let process = command
            .stdin(Stdio::null())
            .stdout(open(&directory.join(format!("{name}.out")))?)
            .stderr(open(&log)?)
            // A group of its own: Ctrl-C reaches this program alone, which then stops the parts in order.
            .process_group(0)
            .spawn()
            .map_err(|error| Failure::io("start", Path::new(command.get_program()), &error))?;
        Ok(Child { name, process, log })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Asks it to end (SIGTERM), and does not wait.
    pub fn ask_to_end(&mut self) {
        // Not waited for if it runs, so the id is still its own.
        if !self.ended()
            && let Ok(id) = i32::try_from(self.process.id())
        {
            let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
    }

    /// Ends it now (SIGKILL): for what has nothing to finish.
    pub fn switch_off(&mut self) {
        // Fails only when it has ended already.
        let _ = self.process.kill();
    }

    fn ended(&mut self) -> bool {
        !matches!(self.process.try_wait(), Ok(None))
    }
}

impl Watched for Child {
    fn still_runs(&mut self) -> Result<(), Failure> {
        match self.process.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(Failure::CouldNot(format!(
                "{} ended: {status}\n{}",
                self.name,
                self.last_words()
            ))),
            Err(error) => Err(Failure::CouldNot(format!(
                "could not look after {}: {error}",
                self.name
            ))),
        }
    }

    fn last_words(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
        format!("the end of {}'s log:\n{}", self.name, last.join("\n"))
    }
}

impl Drop for Child {
    #[expect(
        clippy::disallowed_methods,
        reason = "looks again and again until it has ended, with an end of its own"
    )]
    fn drop(&mut self) {
        if self.ended() {
            return;
        }
        self.ask_to_end();
        let deadline = Instant::now() + END_WITHIN;
        while !self.ended() && Instant::now() < deadline {
            thread::sleep(LOOK_EVERY);
        }
        // Both fail only when it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
