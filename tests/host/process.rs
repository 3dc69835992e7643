//! What all VMs of one proxy share: statistics, shared data, log, clock. Also what only a mock has: faults, and a count of the calls made.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use super::fault::Faults;
use super::metrics::Stats;
use super::shared_data::SharedData;

/// The shared part of a proxy.
#[derive(Clone, Debug, Default)]
pub struct Process(Arc<Mutex<Shared>>);

/// What is in it.
#[derive(Debug, Default)]
pub struct Shared {
    /// Metrics by name.
    pub stats: Stats,
    /// `proxy_get_shared_data` and its twin.
    pub shared_data: SharedData,
    /// Every line logged: level and bytes.
    pub log: Vec<(u32, Vec<u8>)>,
    /// The time, in nanoseconds since the Unix epoch.
    pub now_unix_ns: u64,
    /// The fault in force.
    pub faults: Faults,
    /// How often each host call was made.
    pub calls: BTreeMap<&'static str, u64>,
}

impl Process {
    /// The shared part, for as long as the guard lives.
    pub fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().expect("no test panics while it holds the lock")
    }
}
