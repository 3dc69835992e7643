//! Tessera's POSIX log with its persistent antispam, new and empty each time. It checks no signature. Its antispam looks an entry up before it is added and writes
//! it down afterwards, so that two of the same can both get in; its entries are durable, and under a checkpoint, when the time ends.

use std::path::Path;
use std::process::Command;

use servers::process::run;
use tempfile::TempDir;

/// How long an entry is: as a vote's in the log.
const ENTRY_BYTES: &str = "330";

/// How fast it takes this many entries.
pub fn entries_per_s(program: &Path, entries: u64) -> f64 {
    let directory = TempDir::new().unwrap();
    let mut load = Command::new(program);
    load.arg(directory.path()).arg(entries.to_string()).arg(ENTRY_BYTES);
    let ended = run(&mut load);
    assert_eq!(ended.code(), 0, "{ended:?}");
    let (seconds, places) = ended.stdout.trim().split_once(' ').unwrap();
    assert_eq!(places.parse(), Ok(entries), "distinct entries, each with its place");
    entries as f64 / seconds.parse::<f64>().unwrap()
}
