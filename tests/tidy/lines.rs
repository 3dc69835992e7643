//! Rules about lines.

use std::env;

use super::{File, assert_none};
use crate::harness::artifacts::root;

/// This file names what it forbids.
const THIS: &str = "tests/tidy/lines.rs";

/// The lines of a file in which something is, with their numbers.
fn lines_with(file: &File, wrong: impl Fn(&str) -> bool, complaint: &str) -> Vec<String> {
    let lines = file.text.split('\n').enumerate();
    lines
        .filter(|(_, line)| wrong(line))
        .map(|(index, line)| format!("line {}: {complaint}: {}", index + 1, line.trim()))
        .collect()
}

fn ends_in_whitespace(file: &File) -> Vec<String> {
    lines_with(file, |line| line.ends_with([' ', '\t', '\r']), "whitespace at its end")
}

fn ignores_a_test(file: &File) -> Vec<String> {
    if !file.is("rs") || file.path == THIS {
        return vec![];
    }
    lines_with(
        file,
        |line| line.contains("#[ignore"),
        "a test that does not run tests nothing",
    )
}

fn sleeps_in_a_test(file: &File) -> Vec<String> {
    let in_tests = file.path.starts_with("tests/") || file.path.contains("/tests/");
    if !in_tests || !file.is("rs") || [THIS, "tests/servers/src/wait.rs"].contains(&file.path.as_str()) {
        return vec![];
    }
    lines_with(
        file,
        |line| line.contains("sleep("),
        "wait for a condition, with servers::wait",
    )
}

fn leaves_something_to_do(file: &File) -> Vec<String> {
    if file.path == THIS {
        return vec![];
    }
    let marks = ["TODO", "FIXME", "XXX"];
    let is_mark = |word: &str| marks.contains(&word);
    let has_mark = |line: &str| line.split(|c: char| !c.is_alphanumeric()).any(is_mark);
    lines_with(file, has_mark, "do it, or file it")
}

/// Paths of the machine at hand: nobody else has them.
fn names_a_place_of(places: &[String], file: &File) -> Vec<String> {
    let named = |line: &str| places.iter().any(|place| line.contains(place.as_str()));
    lines_with(file, named, "a path of this machine")
}

#[test]
fn no_line_ends_in_whitespace() {
    assert_none(ends_in_whitespace);
    assert_eq!(
        ends_in_whitespace(&File::new("a.md", "a\nb \n")),
        ["line 2: whitespace at its end: b"]
    );
}

#[test]
fn no_test_is_ignored() {
    assert_none(ignores_a_test);
    assert_eq!(ignores_a_test(&File::new("a.rs", "#[test]\n#[ignore]\n")).len(), 1);
}

#[test]
fn no_test_sleeps() {
    assert_none(sleeps_in_a_test);
    assert_eq!(
        sleeps_in_a_test(&File::new("crates/a/tests/a.rs", "thread::sleep(SECOND);\n")).len(),
        1
    );
}

#[test]
fn nothing_is_left_to_do() {
    assert_none(leaves_something_to_do);
    assert_eq!(leaves_something_to_do(&File::new("a.rs", "// TODO: all\n")).len(), 1);
}

#[test]
fn no_file_names_a_path_of_this_machine() {
    let home = env::var("HOME").unwrap_or_default();
    let clone = root().display().to_string();
    let places: Vec<String> = [home, clone]
        .into_iter()
        .filter(|place| place.len() > 1)
        .map(|place| place + "/")
        .collect();
    assert_none(|file| names_a_place_of(&places, file));
    let place = ["/home/me/".to_owned()];
    assert_eq!(
        names_a_place_of(&place, &File::new("a.md", "see /home/me/notes\n")).len(),
        1
    );
}
