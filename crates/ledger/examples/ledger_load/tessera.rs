//! Tessera's POSIX log with its persistent antispam, as large as the ledger. Its antispam looks an entry up before it is added and writes it down afterwards, so that two of the
//! same can both get in; its entries are durable, and under a checkpoint, when the time ends, and its antispam's database is not.

use std::path::{Path, PathBuf};
use std::process::Command;

use servers::process::run;
use tempfile::TempDir;

/// How long an entry is: as a vote's in the log.
const ENTRY_BYTES: &str = "330";

/// How many entries are added in one run of the program, which has all of them in memory.
const FILL: u64 = 100_000;

/// Whether each entry has a signature, which is checked before the entry is added.
#[derive(Clone, Copy)]
pub enum Entries {
    Unsigned,
    Signed,
}

/// A log.
pub struct Tessera {
    program: PathBuf,
    directory: TempDir,
    entries: u64,
}

impl Tessera {
    /// With this many entries.
    pub fn filled(program: &Path, entries: u64) -> Tessera {
        let mut tessera = Tessera {
            program: program.to_owned(),
            directory: TempDir::new().unwrap(),
            entries: 0,
        };
        while tessera.entries < entries {
            tessera.entries_per_s(FILL.min(entries - tessera.entries), Entries::Unsigned);
        }
        tessera
    }

    /// Adds this many, and says how fast.
    pub fn entries_per_s(&mut self, entries: u64, kind: Entries) -> f64 {
        let numbers = [self.entries, entries].map(|number| number.to_string());
        let mut load = Command::new(&self.program);
        load.arg(self.directory.path()).args(numbers).arg(ENTRY_BYTES);
        load.arg(match kind {
            Entries::Unsigned => "unsigned",
            Entries::Signed => "signed",
        });
        let ended = run(&mut load);
        assert_eq!(ended.code(), 0, "{ended:?}");
        let (seconds, places) = ended.stdout.trim().split_once(' ').unwrap();
        assert_eq!(places.parse(), Ok(entries), "distinct entries, each with its place");
        self.entries += entries;
        entries as f64 / seconds.parse::<f64>().unwrap()
    }
}
