//! Notes, checkpoints, cosignatures and whom to believe.

use proptest::prelude::*;
use tlog::{
    Algorithm, Checkpoint, CheckpointError, Hash, Note, NoteError, Policy, PolicyError, SIZE_MAX, TreeHead,
    VerifierKey, cosigned_message,
};

use crate::keys::{Signer, log, witness};

pub const ORIGIN: &str = "log.example/coins";
const TIME: u64 = 1_679_315_147;

pub fn checkpoint() -> Checkpoint {
    let head = TreeHead {
        size: 7,
        root: Hash([7; 32]),
    };
    Checkpoint::new(ORIGIN, head).unwrap()
}

/// The checkpoint, signed by these.
pub fn signed(checkpoint: &Checkpoint, log: &Signer, witnesses: &[Signer]) -> Note {
    let mut note = Note::new(checkpoint.to_string()).unwrap();
    note.add_signature(&log.key, &log.sign(note.text())).unwrap();
    for witness in witnesses {
        let signature = witness.sign(&cosigned_message(checkpoint, TIME));
        note.add_cosignature(&witness.key, TIME, &signature).unwrap();
    }
    note
}

fn reread(note: &Note) -> Note {
    let text = note.to_string();
    let read = Note::parse(text.as_bytes()).unwrap();
    assert_eq!((&read, read.to_string()), (note, text));
    read
}

#[test]
fn the_specifications_note_verifies() {
    let key = VerifierKey::parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k").unwrap();
    let text = "This is an example message.\n\n\
        — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    let note = Note::parse(text.as_bytes()).unwrap();
    let verified = note.verify([&key]).unwrap();
    assert_eq!(
        (verified.len(), verified[0].key, verified[0].cosigned_at),
        (1, &key, None)
    );
    assert_eq!(note.to_string(), text);
}

#[test]
fn a_note_verifies_for_each_key_that_is_known() {
    let (log, witnesses) = (log(1), [witness(2), witness(3)]);
    let note = reread(&signed(&checkpoint(), &log, &witnesses));
    let found = |keys: &[&VerifierKey]| -> Vec<Option<u64>> {
        note.verify(keys.iter().copied())
            .unwrap()
            .iter()
            .map(|verified| verified.cosigned_at)
            .collect()
    };
    assert_eq!(found(&[&log.key]), [None]);
    assert_eq!(found(&[&witnesses[1].key]), [Some(TIME)]);
    assert_eq!(
        found(&[&witnesses[1].key, &log.key, &witnesses[0].key]),
        [None, Some(TIME), Some(TIME)]
    );
    assert_eq!(note.verify([&witness(4).key]), Err(NoteError::NoKnownKey));
    // The same key for another algorithm, and another key under the same name, are other keys.
    assert_eq!(
        note.verify([&Signer::new(ORIGIN, Algorithm::CosignatureV1, 1).key]),
        Err(NoteError::NoKnownKey)
    );
    assert_eq!(note.verify([&crate::keys::log(9).key]), Err(NoteError::NoKnownKey));
    assert_eq!(note.verify([]), Err(NoteError::NoKnownKey));
}

#[test]
fn one_bad_signature_of_a_known_key_refuses_the_note() {
    let (log, witness) = (log(1), witness(2));
    let note = signed(&checkpoint(), &log, &[]).to_string();
    let cosigned = signed(&checkpoint(), &log, std::slice::from_ref(&witness)).to_string();
    let keys = [&log.key, &witness.key];
    let bad = |text: &str| Note::parse(text.as_bytes()).unwrap().verify(keys).unwrap_err();
    let (line, other) = (
        note.lines().last().unwrap(),
        signed(
            &Checkpoint::parse("o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n").unwrap(),
            &log,
            &[],
        )
        .to_string(),
    );
    let of_another_text = other.lines().last().unwrap();
    assert_eq!(
        bad(&note.replace(line, of_another_text)),
        NoteError::BadSignature(ORIGIN.to_owned())
    );
    // Also behind a good one, and a good one that is cut.
    assert_eq!(
        bad(&format!("{note}{of_another_text}\n")),
        NoteError::BadSignature(ORIGIN.to_owned())
    );
    let cut = format!("{}AAAA", line.split_at(line.len() - 60).0);
    assert_eq!(
        bad(&format!("{note}{cut}\n")),
        NoteError::BadSignature(ORIGIN.to_owned())
    );
    assert_eq!(
        bad(&cosigned.replace("\n7\n", "\n8\n")),
        NoteError::BadSignature(ORIGIN.to_owned())
    );
    // The time is signed too.
    let mut late = Note::parse(note.as_bytes()).unwrap();
    let signature = witness.sign(&cosigned_message(&checkpoint(), TIME));
    let refused = late.add_cosignature(&witness.key, TIME + 1, &signature);
    assert_eq!(refused, Err(NoteError::BadSignature(witness.key.name().to_owned())));
    assert_eq!(late.signatures().len(), 1);
}

#[test]
fn a_key_counts_once_and_its_newest_signature_stays() {
    let (log, witness) = (log(1), witness(2));
    let mut note = signed(&checkpoint(), &log, std::slice::from_ref(&witness));
    let signature = witness.sign(&cosigned_message(&checkpoint(), TIME + 5));
    note.add_cosignature(&witness.key, TIME + 5, &signature).unwrap();
    assert_eq!(note.signatures().len(), 2);
    let twice = format!("{note}{}\n", note.to_string().lines().last().unwrap());
    let twice = Note::parse(twice.as_bytes()).unwrap();
    assert_eq!(twice.signatures().len(), 3);
    let verified = twice.verify([&witness.key]).unwrap();
    assert_eq!((verified.len(), verified[0].cosigned_at), (1, Some(TIME + 5)));
}

#[test]
fn a_witness_signs_checkpoints_alone_and_for_no_time_that_is_too_late() {
    let witness = witness(2);
    let mut note = Note::new("no checkpoint\n").unwrap();
    let message = format!("cosignature/v1\ntime {TIME}\nno checkpoint\n");
    assert!(
        note.add_cosignature(&witness.key, TIME, &witness.sign(&message))
            .is_err()
    );
    let mut note = Note::new(checkpoint().to_string()).unwrap();
    for (time, is_good) in [
        (0, true),
        (1 << 62, true),
        ((1 << 63) - 1, true),
        (1 << 63, false),
        (u64::MAX, false),
    ] {
        let signature = witness.sign(&cosigned_message(&checkpoint(), time));
        assert_eq!(
            note.add_cosignature(&witness.key, time, &signature).is_ok(),
            is_good,
            "{time}"
        );
    }
}

#[test]
fn what_a_witness_signs_is_the_specifications() {
    let head = TreeHead {
        size: 20_852_163,
        root: Hash::parse("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=").unwrap(),
    };
    let checkpoint = Checkpoint::new("example.com/behind-the-sofa", head).unwrap();
    assert_eq!(
        cosigned_message(&checkpoint, 1_679_315_147),
        "cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    );
}

#[test]
fn another_form_is_no_note() {
    let good = signed(&checkpoint(), &log(1), &[]).to_string();
    let (text, signature) = good.split_at(good.find('—').unwrap());
    let line = signature.trim_end();
    for (bad, error) in [
        (String::new(), NoteError::Form),
        (text.to_owned(), NoteError::Form),
        (good.trim_end().to_owned(), NoteError::Form),
        (format!("{good}\n"), NoteError::Form),
        (format!("{text}{signature}{signature}x"), NoteError::Form),
        (good.replace('—', "-"), NoteError::Form),
        (good.replace("— ", "—"), NoteError::Form),
        (good.replace("— ", "—  "), NoteError::Form),
        (good.replace("— log.example/coins", "— log+example"), NoteError::Form),
        (good.replace("— log.example/coins", "— "), NoteError::Form),
        (format!("{text}{line} \n"), NoteError::Form),
        (format!("{text}{line}\r\n"), NoteError::Form),
        (format!("{text}— a AAAAAA==\n"), NoteError::Form),
        (format!("{text}— a AAAAAAB=\n"), NoteError::Form),
        (format!("{text}— a AAAAAAA\n"), NoteError::Form),
        (good.replacen("log", "l\tog", 1), NoteError::Text),
        (good.replacen("log", "l\rog", 1), NoteError::Text),
        (good.replacen("log", "l\0og", 1), NoteError::Text),
        (format!("{text}{}", "— a AAAAAAA=\n".repeat(101)), NoteError::Form),
    ] {
        assert_eq!(Note::parse(bad.as_bytes()), Err(error), "{bad:?}");
    }
    assert_eq!(Note::parse(&[good.as_bytes(), b"\xff"].concat()), Err(NoteError::Text));
    assert!(Note::parse(format!("{text}{}", "— a AAAAAAA=\n".repeat(100)).as_bytes()).is_ok());
    assert_eq!(Note::new("no end"), Err(NoteError::Text));
    assert_eq!(Note::new(""), Err(NoteError::Text));
}

#[test]
fn a_text_may_have_empty_lines() {
    let log = log(1);
    for text in ["\n", "a\n\n", "\n\na\n\n\nb\n", "— a AAAAAAA=\n\nmore\n"] {
        let mut note = Note::new(text).unwrap();
        note.add_signature(&log.key, &log.sign(text)).unwrap();
        assert_eq!(reread(&note).text(), text);
    }
}

#[test]
fn a_checkpoint_keeps_its_extension_lines() {
    let text = "o\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nmore\nand more\n";
    let checkpoint = Checkpoint::parse(text).unwrap();
    assert_eq!(
        (
            checkpoint.origin(),
            checkpoint.head().size,
            checkpoint.extensions().len()
        ),
        ("o", 0, 2)
    );
    assert_eq!(checkpoint.head().root, Hash::of_nothing());
    assert_eq!(checkpoint.to_string(), text);
    assert!(cosigned_message(&checkpoint, 1).ends_with("\nmore\nand more\n"));
}

#[test]
fn another_form_is_no_checkpoint() {
    let good = checkpoint().to_string();
    for (bad, error) in [
        (String::new(), CheckpointError::Lines),
        ("o\n".to_owned(), CheckpointError::Lines),
        ("o\n7\n".to_owned(), CheckpointError::Lines),
        (good.trim_end().to_owned(), CheckpointError::Lines),
        (format!("{good}\n"), CheckpointError::Lines),
        (format!("{good}a\n\nb\n"), CheckpointError::Lines),
        (format!("\n{good}"), CheckpointError::Lines),
        (good.replace("\n7\n", "\n07\n"), CheckpointError::Size),
        (good.replace("\n7\n", "\n+7\n"), CheckpointError::Size),
        (good.replace("\n7\n", "\n-7\n"), CheckpointError::Size),
        (good.replace("\n7\n", "\n7 \n"), CheckpointError::Size),
        (good.replace("\n7\n", "\n4611686018427387905\n"), CheckpointError::Size),
        (good.replace("\n7\n", "\n18446744073709551616\n"), CheckpointError::Size),
        (good.replace("=\n", "\n"), CheckpointError::Root),
        (good.replace("c=\n", "d=\n"), CheckpointError::Root),
        (good.replace("=\n", " =\n"), CheckpointError::Root),
    ] {
        assert_eq!(Checkpoint::parse(&bad), Err(error), "{bad:?}");
    }
    let head = *checkpoint().head();
    assert_eq!(Checkpoint::new("", head), Err(CheckpointError::Lines));
    assert_eq!(Checkpoint::new("a\n9", head), Err(CheckpointError::Lines));
    assert_eq!(
        Checkpoint::new(
            "a",
            TreeHead {
                size: SIZE_MAX + 1,
                ..head
            }
        ),
        Err(CheckpointError::Size)
    );
}

#[test]
fn a_policy_wants_its_log_and_so_many_witnesses() {
    let (checkpoint, log) = (checkpoint(), log(1));
    let both = || vec![witness(2).key, witness(3).key];
    let alone = Policy::new(ORIGIN, vec![log.key.clone()]);
    let one = signed(&checkpoint, &log, &[witness(2)]);
    let two = signed(&checkpoint, &log, &[witness(2), witness(3)]);
    let none = signed(&checkpoint, &log, &[]);
    assert_eq!(alone.open(&none), Ok(checkpoint.clone()));
    for quorum in 0..=2 {
        let policy = alone.clone().with_witnesses(both(), quorum).unwrap();
        for (signed, note) in [&none, &one, &two].into_iter().enumerate() {
            let expected = if signed >= quorum {
                Ok(checkpoint.clone())
            } else {
                Err(PolicyError::TooFewWitnesses { signed, quorum })
            };
            assert_eq!(policy.open(note), expected);
        }
    }
    assert_eq!(
        alone.clone().with_witnesses(both(), 3).unwrap_err(),
        PolicyError::OutOfReach {
            quorum: 3,
            witnesses: 2
        }
    );
    let other = Policy::new("log.example/other", vec![log.key.clone()]);
    assert_eq!(
        other.open(&none),
        Err(PolicyError::OtherOrigin {
            wanted: "log.example/other".to_owned(),
            found: ORIGIN.to_owned()
        })
    );
    let unsigned_by_log = Policy::new(ORIGIN, vec![crate::keys::log(9).key])
        .with_witnesses(both(), 1)
        .unwrap();
    assert_eq!(unsigned_by_log.open(&two), Err(PolicyError::NotByTheLog));
    assert_eq!(
        Policy::new(ORIGIN, vec![]).open(&two),
        Err(PolicyError::Note(NoteError::NoKnownKey))
    );
    let mut no_checkpoint = Note::new("a\n").unwrap();
    no_checkpoint.add_signature(&log.key, &log.sign("a\n")).unwrap();
    assert_eq!(
        alone.open(&no_checkpoint),
        Err(PolicyError::Checkpoint(CheckpointError::Lines))
    );
    assert_eq!(
        alone.with_witnesses(vec![log.key], 0).unwrap_err(),
        PolicyError::NotAWitness(ORIGIN.to_owned())
    );
}

#[test]
fn a_witness_under_two_names_is_one() {
    let (checkpoint, log) = (checkpoint(), log(1));
    let twins = ["a", "b"].map(|name| Signer::new(name, Algorithm::CosignatureV1, 2));
    let keys: Vec<VerifierKey> = twins
        .iter()
        .map(|twin| twin.key.clone())
        .chain([witness(3).key])
        .collect();
    let note = signed(&checkpoint, &log, &twins);
    let policy = Policy::new(ORIGIN, vec![log.key]);
    assert_eq!(
        policy.clone().with_witnesses(keys[..2].to_vec(), 2).unwrap_err(),
        PolicyError::OutOfReach {
            quorum: 2,
            witnesses: 1
        }
    );
    let policy = policy.with_witnesses(keys, 2).unwrap();
    assert_eq!(
        policy.open(&note),
        Err(PolicyError::TooFewWitnesses { signed: 1, quorum: 2 })
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_changed_byte_is_believed(at: usize, byte: u8) {
        let (log, witness) = (log(1), witness(2));
        let policy = Policy::new(ORIGIN, vec![log.key.clone()]).with_witnesses(vec![witness.key.clone()], 1).unwrap();
        let good = signed(&checkpoint(), &log, &[witness]).to_string().into_bytes();
        let mut changed = good.clone();
        let at = at % changed.len();
        changed[at] = byte;
        prop_assume!(changed != good);
        if let Ok(note) = Note::parse(&changed) {
            prop_assert_eq!(note.to_string().into_bytes(), changed);
            prop_assert!(policy.open(&note).is_err());
        }
    }

    #[test]
    fn a_checkpoint_reads_back(origin in "[^\\n]{1,40}", size in 0..=SIZE_MAX, root: [u8; 32]) {
        let checkpoint = Checkpoint::new(&origin, TreeHead { size, root: Hash(root) }).unwrap();
        prop_assert_eq!(Checkpoint::parse(&checkpoint.to_string()), Ok(checkpoint));
    }
}
