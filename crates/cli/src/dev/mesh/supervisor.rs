//! Keeps the parts running: what dies is started again, as an init system would, and every process id is written down as it changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use service::Failure;

use crate::dev::child::Child;
use crate::dev::wait::Watched;

/// How often the parts are looked after.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long after its start a part that died is started again, at the soonest.
const START_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// A part that ran as long as this did not fail to start.
const LONG_ENOUGH: Duration = Duration::from_secs(10);

/// So many starts without one that was long enough, and the part is given up. Generous: parts wait for others by dying.
const STARTS_MAX: u32 = 60;

/// Starts parts, and starts them again. Dropping it asks them to end, the last one first.
pub struct Supervisor {
    shared: Arc<Mutex<Parts>>,
    over: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Parts {
    /// `mesh.json`
    file: PathBuf,
    logs: PathBuf,
    /// What stands in the file beside the parts.
    facts: Map<String, Value>,
    parts: Vec<Part>,
    given_up: Option<String>,
}

struct Part {
    name: &'static str,
    command: Command,
    addresses: Value,
    /// Whether it is switched off in the end, not asked to end.
    is_machine: bool,
    child: Option<Child>,
    started: Instant,
    starts: u32,
    short_lives: u32,
}

impl Supervisor {
    /// Looks after nothing yet. `facts` are written to `file` with the parts; logs go to `logs`.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub fn new(file: PathBuf, logs: PathBuf, facts: Map<String, Value>) -> Result<Supervisor, Failure> {
        let shared = Arc::new(Mutex::new(Parts {
            file,
            logs,
            facts,
            parts: Vec::new(),
            given_up: None,
        }));
        let (over, is_over) = mpsc::channel();
        let watched = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("supervisor".to_owned())
            .spawn(move || {
                while is_over.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                    lock(&watched).look();
                }
            })
            .map_err(|error| Failure::CouldNot(format!("could not start a thread: {error}")))?;
        Ok(Supervisor {
            shared,
            over: Some(over),
            thread: Some(thread),
        })
    }

    /// Starts a part and keeps it running from now on. `addresses` are written down for whoever wants to speak to it.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(&self, name: &'static str, command: Command, addresses: Value) -> Result<PartOf<'_>, Failure> {
        self.start_part(name, command, addresses, false)
    }

    /// As [`start`](Supervisor::start), for what is a machine with all that runs on it: in the end it is switched off.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start_machine(&self, name: &'static str, command: Command, addresses: Value) -> Result<(), Failure> {
        self.start_part(name, command, addresses, true).map(drop)
    }

    fn start_part(
        &self,
        name: &'static str,
        command: Command,
        addresses: Value,
        is_machine: bool,
    ) -> Result<PartOf<'_>, Failure> {
        let mut parts = lock(&self.shared);
        let mut part = Part {
            name,
            command,
            addresses,
            is_machine,
            child: None,
            started: Instant::now(),
            starts: 0,
            short_lives: 0,
        };
        part.start(&parts.logs)?;
        parts.parts.push(part);
        parts.write()?;
        Ok(PartOf { supervisor: self, name })
    }

    /// Writes something down beside the parts, about what somebody else keeps running.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn note(&self, name: &str, fact: Value) -> Result<(), Failure> {
        let mut parts = lock(&self.shared);
        parts.facts.insert(name.to_owned(), fact);
        parts.write()
    }

    /// Its name and process id, in the order of their starts.
    pub fn pids(&self) -> Vec<(&'static str, u32)> {
        let parts = lock(&self.shared);
        let pid = |part: &Part| Some((part.name, part.child.as_ref()?.id()));
        parts.parts.iter().filter_map(pid).collect()
    }

    fn still_run(&self) -> Result<(), Failure> {
        match &lock(&self.shared).given_up {
            None => Ok(()),
            Some(why) => Err(Failure::CouldNot(why.clone())),
        }
    }

    fn last_words_of(&self, name: &str) -> String {
        let parts = lock(&self.shared);
        let part = parts.parts.iter().find(|part| part.name == name);
        part.and_then(|part| part.child.as_ref())
            .map(Child::last_words)
            .unwrap_or_default()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.over = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let mut parts = lock(&self.shared);
        // All are asked, and then each is waited for: most of the time that a part takes to end is its own.
        for part in parts.parts.iter_mut().rev() {
            let end = if part.is_machine {
                Child::switch_off
            } else {
                Child::ask_to_end
            };
            part.child.iter_mut().for_each(end);
        }
        while let Some(part) = parts.parts.pop() {
            drop(part);
        }
    }
}

/// One part, for whoever waits for it.
pub struct PartOf<'a> {
    supervisor: &'a Supervisor,
    name: &'static str,
}

impl Watched for PartOf<'_> {
    fn still_runs(&mut self) -> Result<(), Failure> {
        self.supervisor.still_run()
    }

    fn last_words(&self) -> String {
        self.supervisor.last_words_of(self.name)
    }
}

impl Watched for &Supervisor {
    fn still_runs(&mut self) -> Result<(), Failure> {
        self.still_run()
    }

    fn last_words(&self) -> String {
        format!("the parts' logs are in {}", lock(&self.shared).logs.display())
    }
}

impl Part {
    fn start(&mut self, logs: &Path) -> Result<(), Failure> {
        self.started = Instant::now();
        self.starts += 1;
        self.child = Some(Child::start(self.name, &mut self.command, logs)?);
        Ok(())
    }
}

impl Parts {
    /// Starts again what died; gives up what dies again and again.
    fn look(&mut self) {
        if self.given_up.is_some() {
            return;
        }
        let mut changed = false;
        for part in &mut self.parts {
            let Some(Err(ended)) = part.child.as_mut().map(Child::still_runs) else {
                continue;
            };
            let lived = part.started.elapsed();
            if lived < START_AGAIN_AFTER {
                continue;
            }
            part.short_lives = if lived < LONG_ENOUGH { part.short_lives + 1 } else { 0 };
            let started = if part.short_lives < STARTS_MAX {
                part.start(&self.logs)
            } else {
                Err(ended)
            };
            if let Err(failure) = started {
                self.given_up = Some(failure.to_string());
                return;
            }
            changed = true;
        }
        if changed && let Err(failure) = self.write() {
            self.given_up = Some(failure.to_string());
        }
    }

    /// Whoever reads the file finds the old one or the new one, never half of it.
    fn write(&self) -> Result<(), Failure> {
        let parts: Vec<Value> = self.parts.iter().map(|part| part.to_json(&self.logs)).collect();
        let mut mesh = self.facts.clone();
        mesh.insert("parts".to_owned(), Value::Array(parts));
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{:#}\n", Value::Object(mesh)))
            .and_then(|()| fs::rename(&new, &self.file))
            .map_err(|error| Failure::io("write", &self.file, &error))
    }
}

impl Part {
    fn to_json(&self, logs: &Path) -> Value {
        json!({
            "name": self.name,
            "pid": self.child.as_ref().map(Child::id),
            "starts": self.starts,
            "log": logs.join(format!("{}.log", self.name)),
            "addresses": self.addresses,
        })
    }
}

/// A thread that panicked with the lock did not leave a list of parts half changed.
fn lock(parts: &Mutex<Parts>) -> MutexGuard<'_, Parts> {
    parts.lock().unwrap_or_else(PoisonError::into_inner)
}
