//! docs/verify.md: what it says about checking without our code is run as it stands there, and Go's programs accept what `audit` does.

use std::fs;
use std::path::Path;
use std::process::Command;

use servers::process::{Ended, run};
use servers::tools::tool;

use crate::VOTES;
use crate::draft::{Draft, write};

/// The vote that the receipt is of.
const INDEX: usize = 400;

/// The commands of the page, one block after the other.
fn commands() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/verify.md");
    let page = fs::read_to_string(page).unwrap();
    let blocks: Vec<&str> = page
        .split("```sh\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap())
        .collect();
    assert_eq!(blocks.len(), 4, "the page has other blocks than this test knows");
    blocks.concat()
}

/// Publishes a draft as the page has it, and the receipt of one vote of it.
fn lay_out(draft: &Draft, root: &Path) {
    draft.publish(&root.join("copy"));
    let receipt = crate::receipts::receipt_in(draft, INDEX, VOTES);
    write(&root.join("vote.tlog-proof"), receipt.to_string());
}

fn by_hand(draft: &Draft, root: &Path) -> Ended {
    let mut shell = Command::new("sh");
    shell.args(["-euc", &commands()]).current_dir(root);
    run(shell.env("VKEY", draft.verifier_key().to_string()))
}

#[test]
fn the_page_checks_what_is_true_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let draft = Draft::new(VOTES);
    lay_out(&draft, directory.path());
    let good = by_hand(&draft, directory.path());
    assert_eq!(good.code(), 0, "does it want openssl or python3? {good:?}");
    assert_eq!(
        good.stdout.matches("Signature Verified Successfully").count(),
        2,
        "{good:?}"
    );
    assert!(good.stdout.contains("entry 400 is in the tree of 600"), "{good:?}");
    assert!(
        good.stdout.contains("have the root that was signed, and add up"),
        "{good:?}"
    );

    let mut other = draft.clone();
    other.log_key = crate::draft::key_pair(9);
    assert_ne!(by_hand(&other, directory.path()).code(), 0, "another key");
    for (file, from, to) in [
        ("vote.tlog-proof", "index 400", "index 401"),
        ("vote.tlog-proof", "\n600\n", "\n601\n"),
        ("copy/v1/tally", "\"votes\":600", "\"votes\":601"),
    ] {
        let path = directory.path().join(file);
        let good = fs::read_to_string(&path).unwrap();
        let bad = good.replace(from, to);
        assert_ne!(bad, good);
        write(&path, bad);
        assert_ne!(by_hand(&draft, directory.path()).code(), 0, "{file}: {to}");
        write(&path, good);
    }
}

#[test]
fn the_programs_of_others_accept_what_we_do() {
    let directory = tempfile::tempdir().unwrap();
    let draft = Draft::new(VOTES);
    lay_out(&draft, directory.path());
    let log = directory.path().join("copy/v1/log");
    fs::rename(directory.path().join("vote.tlog-proof"), log.join("vote.tlog-proof")).unwrap();
    let checked = run(Command::new(tool("tlog-check"))
        .arg(&log)
        .arg(draft.verifier_key().to_string()));
    assert_eq!(checked.code(), 0, "{checked:?}");
    assert_eq!(checked.stdout, "entries: 600, receipts: 1, growths: 0\n");

    let receipt = log.join("vote.tlog-proof");
    let good = fs::read_to_string(&receipt).unwrap();
    write(&receipt, good.replacen("\nextra ", "\nextra QUJD", 1));
    let checked = run(Command::new(tool("tlog-check"))
        .arg(&log)
        .arg(draft.verifier_key().to_string()));
    assert!(checked.stderr.contains("is not the log's entry"), "{checked:?}");
}
