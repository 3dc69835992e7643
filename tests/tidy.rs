//! Rules about the tree itself. Each is a function from what it judges to its complaints; one test asks it about the tree, another about a small
//! bad example, so that no rule is wired to nothing.

mod arrows;
mod files;
mod lines;
mod links;

use std::process::Command;

use crate::harness::artifacts::root;
use crate::harness::process::run;

/// A file of the tree, as git sees it.
struct File {
    /// From the root, with `/`.
    path: String,
    text: String,
}

impl File {
    fn new(path: &str, text: &str) -> File {
        File {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    fn is(&self, extension: &str) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, found)| found == extension)
    }
}

/// Every file that is in git or would be with the next `git add`, with its bytes.
fn tree() -> Vec<(String, Vec<u8>)> {
    let mut list = Command::new("git");
    list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = run(list.current_dir(root()));
    assert_eq!(listed.code(), 0, "{listed:?}");
    let paths = listed.stdout.split_terminator('\0');
    // A file that is listed and cannot be read was deleted, or is being written anew this very moment.
    let tree: Vec<_> = paths
        .filter_map(|path| Some((path.to_owned(), std::fs::read(root().join(path)).ok()?)))
        .collect();
    assert!(tree.len() > 100, "the tree has {} files: is this a clone?", tree.len());
    tree
}

/// Every file of the tree as text.
fn texts() -> Vec<File> {
    let text = |(path, bytes): (String, Vec<u8>)| File {
        path,
        text: String::from_utf8_lossy(&bytes).into_owned(),
    };
    tree().into_iter().map(text).collect()
}

/// Asks a rule about every file, and fails with all its complaints.
fn assert_none(rule: impl Fn(&File) -> Vec<String>) {
    let complain = |file: &File| {
        rule(file)
            .into_iter()
            .map(|complaint| format!("{}: {complaint}", file.path))
            .collect::<Vec<_>>()
    };
    let complaints: Vec<String> = texts().iter().flat_map(complain).collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}
