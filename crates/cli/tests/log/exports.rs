//! `hashicoin export`: a copy that is as good as the log, or none.

use std::fs;
use std::path::Path;
use std::process::Command;

use servers::process::run;

use crate::draft::{Draft, write};
use crate::server::Server;
use crate::{VOTES, audit, audit_directory, hashicoin, published};

/// What is done to a published log.
type Change<'a> = &'a dyn Fn(&Path);

fn export(url: &str, directory: &Path) -> servers::process::Ended {
    hashicoin(&["export", url, directory.to_str().unwrap(), "--timeout", "1"])
}

#[test]
fn an_export_is_as_good_as_the_log() {
    let draft = Draft::with_issued(VOTES);
    let original = published(&draft);
    let place = tempfile::tempdir().unwrap();
    let copy = place.path().join("copy");
    let exported = export(&Server::of_files(original.path().to_owned()).url(), &copy);
    assert_eq!(exported.code(), 0, "{exported:?}");
    assert!(exported.stdout.starts_with("exported 600 entries to "), "{exported:?}");
    // Byte for byte, and nothing else.
    let difference = run(Command::new("diff").arg("-r").arg(original.path()).arg(&copy));
    assert_eq!(
        (difference.code(), difference.stdout.as_str()),
        (0, ""),
        "{difference:?}"
    );
    let (code, json) = audit_directory(&copy);
    assert_eq!(code, 0, "{json}");
    // Any file server will do.
    let (code, json) = audit(&Server::of_files(copy.clone()).url(), &[]);
    assert_eq!(code, 0, "{json}");

    let again = export(&Server::of_files(original.path().to_owned()).url(), &copy);
    assert_eq!(again.code(), 1, "{again:?}");
    assert!(again.stderr.contains("is not empty"), "{again:?}");
}

#[test]
fn what_does_not_fit_together_is_not_kept() {
    let draft = Draft::new(VOTES);
    let rows: [(&str, Change<'_>, i32, &str); 4] = [
        (
            "a tile of another tree",
            &|root| write(&root.join("v1/log/tile/0/001"), [7; 256 * 32]),
            1,
            "does not fit together, and nothing was kept: entry 256: ",
        ),
        (
            "a checkpoint of nobody",
            &|root| {
                let mut other = draft.clone();
                other.log_key = crate::draft::key_pair(9);
                write(&root.join("v1/log/checkpoint"), other.checkpoint(VOTES));
            },
            1,
            "no key that is trusted here signed this",
        ),
        (
            "a tally of fewer votes",
            &|root| write(&root.join("v1/tally"), draft.tally_of(599).to_string()),
            2,
            "the tally has 599 votes, and the checkpoint beside it 600",
        ),
        (
            "no tally",
            &|root| fs::remove_file(root.join("v1/tally")).unwrap(),
            2,
            "has no /v1/tally",
        ),
    ];
    for (name, change, code, words) in rows {
        let original = published(&draft);
        change(original.path());
        let place = tempfile::tempdir().unwrap();
        let ended = export(
            &Server::of_files(original.path().to_owned()).url(),
            &place.path().join("copy"),
        );
        assert_eq!(ended.code(), code, "{name}: {ended:?}");
        assert!(ended.stderr.contains(words), "{name}: {ended:?}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "{name}");
    }
}
