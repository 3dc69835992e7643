//! What every store must do, written against the trait. Each kind of store says `contract!` in its own test binary and changes nothing here.

use std::collections::HashSet;

use tlog::{Hash, TreeHead};
use vote::{IssuedEntry, Nullifier, Totals};

use coin::Timestamp;
use ledger::{
    Appended, Ballot, Batch, Counted, DeadLetter, KeptCheckpoint, LogKind, Position, Progress, QueueState, State,
    Store, StoreError,
};
use serde_json::{Value, json};

use crate::common::{NOW, campaign, nullifier, root, unsigned_coin, vote};

/// Makes empty stores of one kind and opens them again.
pub trait Kind {
    /// The same store, opened (again). The one that was opened before is gone by then.
    fn open_store(&self) -> Box<dyn Store>;
}

pub fn now() -> Timestamp {
    Timestamp::parse(NOW).unwrap()
}

pub fn ballot(number: u64, weights: Value) -> Ballot {
    Ballot::new(unsigned_coin(number), vote(weights))
}

/// A batch without a queue.
pub fn batch<const N: usize>(ballots: [Ballot; N]) -> Batch {
    Batch {
        ballots: ballots.to_vec(),
        counted_at: now(),
        progress: None,
    }
}

/// A batch that consumes a queue up to this entry, with a dead letter at each of these.
pub fn queued<const N: usize>(ballots: [Ballot; N], position: Position, dead: &[Position]) -> Batch {
    let letter = |position: &Position| DeadLetter {
        position: *position,
        code: "coin-expired".to_owned(),
    };
    let progress = Progress {
        position,
        dead_letters: dead.iter().map(letter).collect(),
    };
    Batch {
        progress: Some(progress),
        ..batch(ballots)
    }
}

pub fn at(ms: u64, sequence: u64) -> Position {
    Position { ms, sequence }
}

fn empty() -> State {
    State {
        totals: Totals::zero(campaign().charities()),
        root: Hash::of_nothing(),
        queue: QueueState::START,
    }
}

fn votes(appended: Appended) -> Vec<Counted> {
    appended.entries.into_iter().map(|entry| entry.counted).collect()
}

pub fn begins_empty(kind: &impl Kind) {
    let mut store = kind.open_store();
    assert_eq!(store.recover().unwrap(), empty());
    let mut reader = store.reader().unwrap();
    assert_eq!(reader.find(&nullifier(1)).unwrap(), None);
    assert_eq!(reader.votes_from(0, 10).unwrap(), []);
    assert_eq!(reader.dead_letter(at(1, 0)).unwrap(), None);
}

pub fn numbers_votes_without_a_gap_over_batches_and_repeats(kind: &impl Kind) {
    let mut store = kind.open_store();
    let first = store
        .append(&batch([ballot(1, json!({"a": 1})), ballot(2, json!({"b": 1}))]))
        .unwrap();
    let second = store
        .append(&batch([ballot(2, json!({"b": 1})), ballot(3, json!({"c": 1}))]))
        .unwrap();
    let summary = |appended: &Appended| -> Vec<(u64, bool)> {
        appended
            .entries
            .iter()
            .map(|entry| (entry.counted.index, entry.is_new))
            .collect()
    };
    assert_eq!(summary(&first), [(0, true), (1, true)]);
    assert_eq!(summary(&second), [(1, false), (2, true)]);
    assert_eq!(
        second.state.totals,
        Totals {
            votes: 3,
            units: vec![1_000_000; 3]
        }
    );
}

pub fn keeps_the_first_vote_of_a_nullifier(kind: &impl Kind) {
    let mut store = kind.open_store();
    let first = store.append(&batch([ballot(1, json!({"a": 1}))])).unwrap();
    let later = Batch {
        counted_at: Timestamp::parse("2027-01-01T00:00:00Z").unwrap(),
        ..batch([ballot(1, json!({"b": 1})), ballot(1, json!({"a": 1}))])
    };
    let again = store.append(&later).unwrap();
    for entry in &again.entries {
        assert_eq!(entry.counted, first.entries[0].counted);
        assert!(!entry.is_new);
    }
    assert_eq!(again.state, first.state);
}

/// However long none came again, and right after one did.
pub fn finds_a_repeat_after_many_new_votes(kind: &impl Kind) {
    let mut store = kind.open_store();
    let mut numbers = 0..;
    let mut new = || ballot(numbers.next().unwrap(), json!({"a": 1}));
    for _ in 0..2 {
        let ballot = new();
        let first = store.append(&batch([ballot.clone()])).unwrap();
        for _ in 0..70 {
            assert!(store.append(&batch([new()])).unwrap().entries[0].is_new);
        }
        for _ in 0..2 {
            let again = store.append(&batch([new(), ballot.clone(), new()])).unwrap();
            let is_new: Vec<bool> = again.entries.iter().map(|entry| entry.is_new).collect();
            assert_eq!(is_new, [true, false, true]);
            assert_eq!(again.entries[1].counted, first.entries[0].counted);
            assert_eq!(again.entries[2].counted.index, again.entries[0].counted.index + 1);
            assert_eq!(again.leaves.len(), 2);
        }
    }
    let votes = store.recover().unwrap().totals.votes;
    assert_eq!(votes, 2 * (1 + 70 + 4));
    assert_eq!(store.reader().unwrap().votes_from(0, 1000).unwrap().len() as u64, votes);
}

pub fn keeps_the_first_vote_within_one_batch(kind: &impl Kind) {
    let mut store = kind.open_store();
    let batch = batch([
        ballot(1, json!({"a": 1})),
        ballot(1, json!({"b": 1})),
        ballot(1, json!({"a": 1})),
        ballot(2, json!({"c": 1})),
    ]);
    let appended = store.append(&batch).unwrap();
    let new: Vec<bool> = appended.entries.iter().map(|entry| entry.is_new).collect();
    assert_eq!(new, [true, false, false, true]);
    let first = &appended.entries[0].counted;
    assert!(appended.entries[..3].iter().all(|entry| entry.counted == *first));
    assert_eq!(appended.entries[3].counted.index, 1);
    assert_eq!(
        appended.state.totals,
        Totals {
            votes: 2,
            units: vec![1_000_000, 0, 1_000_000]
        }
    );
}

pub fn an_empty_batch_changes_nothing(kind: &impl Kind) {
    let mut store = kind.open_store();
    let appended = store.append(&batch([])).unwrap();
    assert!(appended.entries.is_empty());
    assert_eq!(appended.state, empty());
}

pub fn a_reader_finds_what_was_counted_exactly(kind: &impl Kind) {
    let mut store = kind.open_store();
    let mut reader = store.reader().unwrap();
    let mut split = ballot(7, json!({"a": 1, "c": 2}));
    split.coin.key_version = u32::MAX;
    split.coin.signature = std::array::from_fn(|place| place as u8);
    let coin = split.coin.clone();
    let counted = store.append(&batch([split])).unwrap().entries.remove(0).counted;
    assert_eq!(counted.units, [333_333, 0, 666_667]);
    assert_eq!((&counted.coin, counted.counted_at), (&coin, now()));
    assert_eq!(reader.find(&nullifier(7)).unwrap(), Some(counted));
    assert_eq!(reader.find(&nullifier(8)).unwrap(), None);
}

pub fn what_was_counted_is_there_after_a_recovery_and_a_new_opening(kind: &impl Kind) {
    let mut store = kind.open_store();
    let appended = store
        .append(&batch([ballot(1, json!({"a": 1, "b": 1})), ballot(2, json!({"b": 1}))]))
        .unwrap();
    assert_eq!(store.recover().unwrap(), appended.state);
    drop(store);
    let mut store = kind.open_store();
    assert_eq!(store.recover().unwrap(), appended.state);
    let again = store
        .append(&batch([ballot(2, json!({"b": 1})), ballot(3, json!({"c": 1}))]))
        .unwrap();
    assert_eq!(again.entries[0].counted, appended.entries[1].counted);
    assert_eq!(again.entries[1].counted.index, 2);
}

pub fn a_reader_reads_votes_in_order_from_any_index(kind: &impl Kind) {
    let mut store = kind.open_store();
    let mut reader = store.reader().unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|id| json!({ id: 1 }));
    let mut counted = votes(store.append(&batch([ballot(3, a), ballot(1, b)])).unwrap());
    counted.extend(votes(store.append(&batch([ballot(2, c)])).unwrap()));
    assert_eq!(reader.votes_from(0, 10).unwrap(), counted);
    assert_eq!(reader.votes_from(0, 2).unwrap(), counted[..2]);
    assert_eq!(reader.votes_from(1, 10).unwrap(), counted[1..]);
    assert_eq!(reader.votes_from(3, 10).unwrap(), []);
    assert_eq!(reader.votes_from(0, 0).unwrap(), []);
}

pub fn the_queue_goes_forward_with_the_votes(kind: &impl Kind) {
    let mut store = kind.open_store();
    let first = queued(
        [
            ballot(1, json!({"a": 1})),
            ballot(1, json!({"b": 1})),
            ballot(2, json!({"b": 1})),
        ],
        at(7, 3),
        &[at(7, 1)],
    );
    let expected = QueueState {
        position: at(7, 3),
        accepted: 2,
        refused: 1,
        dead_lettered: 1,
    };
    assert_eq!(store.append(&first).unwrap().state.queue, expected);
    // Dead letters alone, and entries after the last of them.
    let second = store.append(&queued([], at(8, 0), &[at(7, 4), at(8, 0)])).unwrap();
    let third = queued([ballot(1, json!({"a": 1}))], at(u64::MAX >> 1, u64::MAX >> 1), &[]);
    let third = store.append(&third).unwrap();
    assert_eq!(second.state.totals, third.state.totals);
    assert_eq!(
        third.state.queue,
        QueueState {
            position: at(u64::MAX >> 1, u64::MAX >> 1),
            accepted: 2,
            refused: 2,
            dead_lettered: 3
        }
    );
    assert_eq!(store.recover().unwrap(), third.state);
    drop(store);
    assert_eq!(kind.open_store().recover().unwrap(), third.state);
}

pub fn dead_letters_are_found_by_their_position(kind: &impl Kind) {
    let mut store = kind.open_store();
    let mut reader = store.reader().unwrap();
    let mut batch = queued([], at(5, 2), &[at(5, 1), at(5, 2)]);
    batch.progress.as_mut().unwrap().dead_letters[1].code = "vote-malformed".to_owned();
    store.append(&batch).unwrap();
    for letter in batch.progress.unwrap().dead_letters {
        assert_eq!(reader.dead_letter(letter.position).unwrap(), Some(letter));
    }
    for position in [at(5, 0), at(1, 5), at(2, 5)] {
        assert_eq!(reader.dead_letter(position).unwrap(), None, "{position}");
    }
}

pub fn without_progress_the_queue_stays_where_it_is(kind: &impl Kind) {
    let mut store = kind.open_store();
    let before = store.append(&queued([], at(5, 2), &[at(5, 2)])).unwrap().state;
    let after = store.append(&batch([ballot(1, json!({"a": 1}))])).unwrap().state;
    assert_eq!(after.queue, before.queue);
    assert_eq!(after.totals.votes, 1);
}

pub fn what_was_passed_is_not_counted_again(kind: &impl Kind) {
    let mut store = kind.open_store();
    let before = store
        .append(&queued([ballot(1, json!({"a": 1}))], at(5, 2), &[at(5, 1)]))
        .unwrap()
        .state;
    for position in [at(5, 2), at(5, 1), at(4, 9), Position::START] {
        let error = store.append(&queued([ballot(2, json!({"a": 1}))], position, &[at(5, 1)]));
        let passed = at(5, 2);
        assert!(
            matches!(&error, Err(StoreError::Passed { position: p, passed: q }) if (*p, *q) == (position, passed)),
            "{error:?}"
        );
        assert_eq!(store.recover().unwrap(), before);
    }
    assert_eq!(store.reader().unwrap().find(&nullifier(2)).unwrap(), None);
}

pub fn a_batch_that_fails_in_its_middle_leaves_nothing(kind: &impl Kind) {
    let mut store = kind.open_store();
    // One entry cannot be two dead letters.
    let bad = queued([ballot(1, json!({"a": 1}))], at(5, 2), &[at(5, 1), at(5, 1)]);
    let error = store.append(&bad);
    assert!(matches!(error, Err(StoreError::Backend(_))), "{error:?}");
    assert_eq!(store.recover().unwrap(), empty());
    let mut reader = store.reader().unwrap();
    assert_eq!(reader.find(&nullifier(1)).unwrap(), None);
    assert_eq!(reader.dead_letter(at(5, 1)).unwrap(), None);
    let good = store
        .append(&queued([ballot(1, json!({"b": 1}))], at(5, 2), &[at(5, 1)]))
        .unwrap();
    assert_eq!(good.entries[0].counted.index, 0);
}

pub fn the_tree_is_that_of_the_votes_whatever_the_batches(kind: &impl Kind) {
    let mut store = kind.open_store();
    let mut reader = store.reader().unwrap();
    let mut next = 0;
    // Past the first tile and up to its edge, with repeats in all places.
    for size in [1, 2, 252, 1, 1, 255, 0, 1, 7] {
        let new = (next..next + size).map(|number| ballot(number, json!({"a": 1, "b": number % 3 + 1})));
        let repeated = (0..next.min(3)).map(|number| ballot(number, json!({"c": 1})));
        let batch = Batch {
            ballots: repeated
                .chain(new)
                .chain((0..next.min(1)).map(|_| ballot(0, json!({"a": 1}))))
                .collect(),
            ..batch([])
        };
        let state = store.append(&batch).unwrap().state;
        next += size;
        let votes = reader.votes_from(0, 1_000).unwrap();
        let leaves: Vec<Hash> = votes
            .iter()
            .map(|vote| Hash::of_leaf(vote.log_entry().to_text().as_bytes()))
            .collect();
        assert_eq!((state.totals.votes, leaves.len() as u64), (next, next));
        assert_eq!(state.root, root(&leaves), "{next}");
        for (index, tile) in (0..).zip(leaves.chunks(256)) {
            assert_eq!(
                reader.tile(LogKind::Votes, 0, index).unwrap(),
                tile,
                "tile {index} of {next}"
            );
        }
        let above: Vec<Hash> = leaves.chunks_exact(256).map(root).collect();
        assert_eq!(reader.tile(LogKind::Votes, 1, 0).unwrap(), above);
        assert_eq!(reader.tile(LogKind::Votes, 2, 0).unwrap(), []);
        assert_eq!(store.recover().unwrap(), state);
    }
    drop(store);
    kind.open_store();
}

fn checkpoint(size: u64, note: &str) -> KeptCheckpoint {
    let note = note.to_owned();
    KeptCheckpoint { size, note }
}

pub fn checkpoints_are_kept_in_order_and_never_change(kind: &impl Kind) {
    let mut store = kind.open_store();
    let mut log = store.log(LogKind::Votes).unwrap();
    assert_eq!(log.reader().last_checkpoint(LogKind::Votes).unwrap(), None);
    assert_eq!(log.reader().checkpoints_from(LogKind::Votes, 0, 10).unwrap(), []);
    let head = |state: State| state.tree_head();
    assert_eq!(log.tree_head().unwrap(), head(empty()));
    log.keep_checkpoint(&checkpoint(0, "none")).unwrap();
    let state = store
        .append(&batch([1, 2, 3].map(|number| ballot(number, json!({"a": 1})))))
        .unwrap()
        .state;
    assert_eq!(log.tree_head().unwrap(), head(state));
    for size in [2, 3] {
        log.keep_checkpoint(&checkpoint(size, &format!("of {size}"))).unwrap();
    }
    // Once more, because nobody knew whether it was kept.
    log.keep_checkpoint(&checkpoint(3, "of 3")).unwrap();
    let kept = [checkpoint(0, "none"), checkpoint(2, "of 2"), checkpoint(3, "of 3")];
    for bad in [
        checkpoint(3, "another of 3"),
        checkpoint(2, "of 2"),
        checkpoint(1, "of 1"),
        checkpoint(4, "of more than there are"),
    ] {
        let error = log.keep_checkpoint(&bad);
        assert!(matches!(error, Err(StoreError::Damaged(_))), "{bad:?}: {error:?}");
    }
    drop((store, log));
    let mut reader = kind.open_store().reader().unwrap();
    assert_eq!(reader.checkpoints_from(LogKind::Votes, 0, 10).unwrap(), kept);
    assert_eq!(reader.checkpoints_from(LogKind::Votes, 0, 2).unwrap(), kept[..2]);
    assert_eq!(reader.checkpoints_from(LogKind::Votes, 1, 10).unwrap(), kept[1..]);
    assert_eq!(reader.checkpoints_from(LogKind::Votes, 4, 10).unwrap(), []);
    assert_eq!(reader.last_checkpoint(LogKind::Votes).unwrap(), Some(kept[2].clone()));
}

pub fn issued_coins_are_a_log_of_their_own_each_in_it_once(kind: &impl Kind) {
    let mut store = kind.open_store();
    let mut reader = store.reader().unwrap();
    let mut log = store.log(LogKind::Issued).unwrap();
    let coins = |numbers: &[u64]| numbers.iter().copied().map(nullifier).collect::<Vec<Nullifier>>();
    // Repeats in all places, nothing at all, and past the first tile.
    let many: Vec<u64> = (0..300).collect();
    let mut expected = Vec::new();
    for numbers in [&[][..], &[7, 8, 7], &[8, 9, 7], &many, &many] {
        store.issue(&coins(numbers), now()).unwrap();
        for nullifier in coins(numbers) {
            let entry = IssuedEntry {
                nullifier,
                issued_at: now(),
            };
            if !expected.contains(&entry) {
                expected.push(entry);
            }
        }
        assert_eq!(reader.issued_from(0, 1_000).unwrap(), expected);
        let leaves: Vec<Hash> = expected
            .iter()
            .map(|entry| Hash::of_leaf(entry.to_text().as_bytes()))
            .collect();
        let head = TreeHead {
            size: leaves.len() as u64,
            root: root(&leaves),
        };
        assert_eq!(log.tree_head().unwrap(), head);
        for (index, tile) in (0..).zip(leaves.chunks(256)) {
            assert_eq!(reader.tile(LogKind::Issued, 0, index).unwrap(), tile);
        }
        let above: Vec<Hash> = leaves.chunks_exact(256).map(root).collect();
        assert_eq!(reader.tile(LogKind::Issued, 1, 0).unwrap(), above);
        store.recover().unwrap();
    }
    assert_eq!(reader.issued_from(299, 1_000).unwrap(), expected[299..]);
    assert_eq!(reader.issued_from(5, 2).unwrap(), expected[5..7]);
    assert_eq!(reader.issued_from(1_000, 2).unwrap(), []);
    let found = reader.find_issued(&coins(&[0, 299, 300])).unwrap();
    assert_eq!(found, HashSet::from_iter(coins(&[0, 299])));
    // Nothing of it is the votes'.
    log.keep_checkpoint(&checkpoint(300, "of the coins")).unwrap();
    assert_eq!(reader.last_checkpoint(LogKind::Votes).unwrap(), None);
    assert_eq!(store.recover().unwrap(), empty());
    store.append(&batch([ballot(7, json!({"a": 1}))])).unwrap();
    drop((store, log));
    let mut store = kind.open_store();
    assert_eq!(store.recover().unwrap().totals.votes, 1);
    let kept = reader.last_checkpoint(LogKind::Issued).unwrap();
    assert_eq!(kept, Some(checkpoint(300, "of the coins")));
    store.issue(&coins(&[300]), now()).unwrap();
    assert_eq!(reader.issued_from(300, 10).unwrap().len(), 1);
}

/// One test per clause, against one kind of store. The list is here, so that no kind can leave a clause out.
macro_rules! contract {
    ($kind:expr) => {
        contract! { $kind;
            begins_empty
            numbers_votes_without_a_gap_over_batches_and_repeats
            keeps_the_first_vote_of_a_nullifier
            finds_a_repeat_after_many_new_votes
            keeps_the_first_vote_within_one_batch
            an_empty_batch_changes_nothing
            a_reader_finds_what_was_counted_exactly
            what_was_counted_is_there_after_a_recovery_and_a_new_opening
            a_reader_reads_votes_in_order_from_any_index
            the_queue_goes_forward_with_the_votes
            dead_letters_are_found_by_their_position
            without_progress_the_queue_stays_where_it_is
            what_was_passed_is_not_counted_again
            a_batch_that_fails_in_its_middle_leaves_nothing
            the_tree_is_that_of_the_votes_whatever_the_batches
            checkpoints_are_kept_in_order_and_never_change
            issued_coins_are_a_log_of_their_own_each_in_it_once
        }
    };
    ($kind:expr; $($clause:ident)+) => {
        $(
            #[test]
            fn $clause() {
                crate::contract::$clause(&$kind);
            }
        )+
    };
}
