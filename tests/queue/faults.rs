//! A part is killed while votes come in. What was taken is counted, once.

use super::world::{Store, World, start};
use crate::harness::mint::Mint;

/// Votes per test.
const VOTES: usize = 200;

fn with_fault(store: Store, fault: impl FnOnce(&mut World)) {
    let coins = Mint::new().coins("coins", VOTES);
    let mut world = World::start(store);
    world.load(&coins, fault);
    world.settle(&coins);
}

#[test]
fn the_ledger_is_killed_on_sqlite() {
    with_fault(Store::sqlite(), World::kill_ledger);
}

#[test]
fn the_ledger_is_killed_on_postgres() {
    with_fault(Store::postgres(), World::kill_ledger);
}

#[test]
fn the_api_is_killed() {
    with_fault(Store::sqlite(), World::kill_api);
}

#[test]
fn redis_is_killed_and_started_again() {
    with_fault(Store::sqlite(), |world| world.redis.kill_and_start());
}

#[test]
fn postgres_is_killed_and_started_again() {
    with_fault(Store::postgres(), |world| {
        let Store::Postgres(postgres) = &mut world.store else {
            unreachable!("this test is on Postgres");
        };
        postgres.kill_and_start();
    });
}

#[test]
fn of_two_ledgers_the_newest_counts_and_the_other_ends() {
    let coins = Mint::new().coins("coins", VOTES);
    let mut world = World::start(Store::postgres());
    world.load(&coins, |world| {
        let (ledger, address) = start("hashicoin-ledger", &mut world.store.serve(&world.redis));
        let older = std::mem::replace(&mut world.ledger, ledger);
        world.ledger_address = address;
        let ended = older.ended();
        assert!(
            ended.code() == 2 && ended.stderr.contains("another writer"),
            "{ended:?}"
        );
    });
    world.settle(&coins);
}
