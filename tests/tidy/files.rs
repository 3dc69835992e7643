//! Rules about whole files.

use super::{File, assert_none, tree};

/// How a file of each kind says what it is.
const FIRST_LINES: [(&str, &[&str]); 10] = [
    ("rs", &["//! ", "// "]),
    ("toml", &["# "]),
    ("yaml", &["# "]),
    ("yml", &["# "]),
    ("sql", &["-- "]),
    ("js", &["/*", "// "]),
    ("css", &["/*"]),
    ("wat", &[";; "]),
    ("sh", &["#!"]),
    ("hcl", &["# "]),
];

/// The longest `main.rs`, in lines: parse, check, build, run, exit code.
const MAIN_LINES_MAX: usize = 60;

fn says_what_it_is(file: &File) -> Vec<String> {
    // A package says it in `description`.
    if file.path.ends_with("Cargo.toml") && file.text.contains("\ndescription = ") {
        return vec![];
    }
    let wanted = FIRST_LINES.iter().find(|(extension, _)| file.is(extension));
    match wanted {
        Some((_, starts)) if !starts.iter().any(|start| file.text.starts_with(start)) => {
            vec![format!(
                "begins with no comment ({}) that says what it is",
                starts.join("or ")
            )]
        }
        _ => vec![],
    }
}

fn main_is_short(file: &File) -> Vec<String> {
    let lines = file.text.lines().count();
    if file.path.ends_with("src/main.rs") && lines > MAIN_LINES_MAX {
        return vec![format!(
            "{lines} lines; a main is at most {MAIN_LINES_MAX}: move what it does into modules"
        )];
    }
    vec![]
}

fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0'))
}

#[test]
fn every_source_file_says_what_it_is() {
    assert_none(says_what_it_is);
    assert_eq!(says_what_it_is(&File::new("a.rs", "use std::fs;\n")).len(), 1);
    assert_eq!(says_what_it_is(&File::new("a/Cargo.toml", "[package]\n")).len(), 1);
}

#[test]
fn every_main_is_short() {
    assert_none(main_is_short);
    assert_eq!(
        main_is_short(&File::new("crates/a/src/main.rs", &"\n".repeat(MAIN_LINES_MAX + 1))).len(),
        1
    );
}

#[test]
fn no_file_is_binary() {
    let binaries: Vec<String> = tree()
        .into_iter()
        .filter(|(_, bytes)| !is_text(bytes))
        .map(|(path, _)| path)
        .collect();
    assert!(binaries.is_empty(), "binary files: {binaries:?}");
    assert!(!is_text(b"\0asm") && !is_text(b"\xff"));
}
