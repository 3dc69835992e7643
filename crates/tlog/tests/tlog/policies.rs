//! Policies as files: what they say, and what is none.

use tlog::{Policy, PolicyFile};

use crate::keys::{log, witness};
use crate::notes::{ORIGIN, checkpoint, signed};

fn text(lines: &str) -> String {
    let [a, b, c] = [2, 3, 4].map(|number| witness(number).key);
    let log = log(1).key;
    let vkeys = format!(
        "# Who looks after the log.\nlog {log} http://log.example\n\nwitness a {a} http://a.example\n\twitness  b\t{b}\nwitness c {c} http://c.example/x\n"
    );
    vkeys + lines
}

#[test]
fn a_file_says_how_many_of_whom() {
    for (lines, quorum, witnesses) in [
        ("quorum none\n", 0, 0),
        ("quorum b", 1, 1),
        ("group g 2 a b c\nquorum g\n", 2, 3),
        ("group g all a c\nquorum g\n", 2, 2),
        ("group g any a b c\ngroup h any a\nquorum g\n", 0, 0),
        ("group g any b c\ngroup h all a\nquorum g\n", 1, 2),
    ] {
        let file = PolicyFile::parse(&text(lines));
        if lines.contains("h any a") {
            assert!(file.unwrap_err().contains("is in a group already"));
            continue;
        }
        let file = file.unwrap();
        assert_eq!(
            (file.quorum, file.witnesses.len(), file.logs.len()),
            (quorum, witnesses, 1),
            "{lines}"
        );
    }
    let file = PolicyFile::parse(&text("group g 2 a b c\nquorum g\n")).unwrap();
    let urls: Vec<Option<&str>> = file.witnesses.iter().map(|witness| witness.url.as_deref()).collect();
    assert_eq!(urls, [Some("http://a.example"), None, Some("http://c.example/x")]);
    let policy: Policy = file.policy(ORIGIN, vec![log(1).key]).unwrap();
    let checkpoint = checkpoint();
    for (by, holds) in [(vec![2], false), (vec![2, 4], true), (vec![2, 9], false)] {
        let witnesses: Vec<_> = by.iter().map(|number| witness(*number)).collect();
        let note = signed(&checkpoint, &log(1), &witnesses);
        assert_eq!(policy.open(&note).is_ok(), holds, "{by:?}");
    }
}

#[test]
fn what_is_no_policy_is_refused_with_its_line() {
    let again = format!("witness d {}\nquorum none\n", witness(2).key);
    for (lines, said) in [
        ("", "no line \"quorum"),
        ("quorum d\n", "line 7: \"d\" stands in no line above"),
        ("quorum a\nquorum a\n", "line 8: a policy has one quorum"),
        ("quorum a b\n", "line 7: a policy has one quorum"),
        ("group g 0 a\nquorum g\n", "from 1 to 1"),
        ("group g 3 a b\nquorum g\n", "from 1 to 2"),
        ("group g some a b\nquorum g\n", "\"some\" is not"),
        ("group g any\nquorum g\n", "\"group\" begins no line of a policy"),
        ("group g any a a\nquorum g\n", "\"a\" is in a group already"),
        (
            "group g any a\ngroup h any g\nquorum h\n",
            "\"g\" is no witness of a line above",
        ),
        ("group a any b\nquorum a\n", "\"a\" stands above already"),
        ("group none any b\nquorum a\n", "\"none\" stands above already"),
        ("witness\nquorum a\n", "\"witness\" begins no line"),
        ("observer x\nquorum a\n", "\"observer\" begins no line"),
        ("witness d vkey\nquorum a\n", "line 7:"),
        (&again, "the name or the key of \"d\" stands above already"),
    ] {
        let error = PolicyFile::parse(&text(lines)).unwrap_err();
        assert!(error.contains(said), "{lines:?}: {error}");
    }
}
