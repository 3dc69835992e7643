//! How much memory this program and everything that it started take together.

use std::fs;

/// What the system says of one process.
#[derive(Clone, Copy)]
struct Process {
    id: u32,
    parent: u32,
}

/// In bytes. What several share is counted once, in equal parts; what ends while it is looked at is left out.
pub fn taken() -> u64 {
    family(std::process::id(), &processes())
        .into_iter()
        .filter_map(proportional)
        .sum()
}

/// All processes of the machine that can be seen.
fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            // The program's name, in brackets, may have anything in it; behind it come the state and the parent.
            let (_, behind) = stat.rsplit_once(") ")?;
            let parent = behind.split(' ').nth(1)?.parse().ok()?;
            Some(Process { id, parent })
        })
        .collect()
}

/// A process, its children, theirs, and so on.
fn family(first: u32, processes: &[Process]) -> Vec<u32> {
    let mut family = vec![first];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        let children = processes.iter().filter(|process| process.parent == parent);
        family.extend(children.map(|child| child.id));
        next += 1;
    }
    family
}

/// A process' part of the memory, in bytes.
fn proportional(process: u32) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::{Process, family, processes, taken};

    #[test]
    fn what_children_take_counts() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let found = family(std::process::id(), &processes());
        let is_found = found.contains(&child.id());
        let taken = taken();
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(is_found, "{found:?}");
        assert!(taken > 1 << 20, "{taken}");
    }

    #[test]
    fn strangers_do_not_count() {
        let process = |id, parent| Process { id, parent };
        let all = [
            process(1, 0),
            process(5, 1),
            process(6, 5),
            process(7, 6),
            process(8, 1),
        ];
        assert_eq!(family(5, &all), [5, 6, 7]);
    }
}
