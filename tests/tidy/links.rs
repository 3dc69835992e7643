//! Rules about the links between documents.

use std::path::{Component, Path, PathBuf};

use super::{File, assert_none, texts};
use crate::harness::artifacts::root;

/// The files that a Markdown document links to, from the root of the tree. Addresses on the network and anchors are not among them.
fn links(file: &File) -> Vec<PathBuf> {
    if !file.is("md") {
        return vec![];
    }
    let targets = file
        .text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#']).next());
    targets
        .filter(|target| !target.is_empty() && !target.contains(':'))
        .map(|target| from_root(Path::new(&file.path).parent().unwrap_or(Path::new("")), target))
        .collect()
}

fn from_root(directory: &Path, target: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for component in directory.join(target).components() {
        match component {
            Component::ParentDir => assert!(path.pop(), "{target} leaves the tree"),
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path
}

fn links_to_nothing(file: &File) -> Vec<String> {
    let missing = links(file).into_iter().filter(|link| !root().join(link).exists());
    missing
        .map(|link| format!("links to {}, which is not there", link.display()))
        .collect()
}

/// The files in docs/ that no document links to, where `docs/x/` counts for its README.
fn unlinked(files: &[File]) -> Vec<&str> {
    let linked: Vec<PathBuf> = files.iter().flat_map(links).collect();
    let is_linked = |path: &Path| {
        let as_readme = path.file_name().is_some_and(|name| name == "README.md");
        linked
            .iter()
            .any(|link| link == path || as_readme && Some(link.as_path()) == path.parent())
    };
    let docs = files
        .iter()
        .map(|file| file.path.as_str())
        .filter(|path| path.starts_with("docs/"));
    docs.filter(|path| !is_linked(Path::new(path))).collect()
}

#[test]
fn every_link_leads_somewhere() {
    assert_none(links_to_nothing);
    let bad = File::new(
        "docs/a.md",
        "[a](../README.md#b) [b](https://example.org) [c](nowhere.md)",
    );
    assert_eq!(links_to_nothing(&bad), ["links to docs/nowhere.md, which is not there"]);
}

#[test]
fn every_document_is_linked_from_another() {
    assert_eq!(unlinked(&texts()), [""; 0]);
    let files = [
        File::new("README.md", "[a](docs/a.md) [x](docs/x/)"),
        File::new("docs/a.md", ""),
        File::new("docs/b.md", ""),
        File::new("docs/x/README.md", ""),
    ];
    assert_eq!(unlinked(&files), ["docs/b.md"]);
}
