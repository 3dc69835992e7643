//! The pool on a real Redis: in once, out once, also when Redis or the mint is killed.

use std::collections::{BTreeSet, HashSet};
use std::thread;

use coin::{Campaign, Coin, Serial, SignedCoin, Timestamp};
use pool::{Counts, Entry, PUSH_MAX, Pool, PoolError, Push, Pushed, Taken, Worth};

use servers::Redis;
use service::RedisUrl;

const LATE_S: u64 = 2_000_000_000;
/// More than any test takes.
const MANY: u32 = 1_000_000;

/// A moment before [`LATE_S`].
fn now() -> Worth {
    Worth {
        now: Timestamp::from_unix_s(1_000_000_000).unwrap(),
        min_key_version: 1,
    }
}

fn campaign() -> Campaign {
    Campaign::parse("hashiconf-2020").unwrap()
}

fn url(redis: &Redis) -> RedisUrl {
    RedisUrl::from_argument(&redis.url()).unwrap()
}

fn open(redis: &Redis) -> Pool {
    Pool::open(&url(redis), &campaign()).unwrap()
}

/// A coin of no worth: what is in it is not the pool's business.
fn entry(index: u32, expires_s: u64, key_version: u32) -> Entry {
    let mut serial = [0; 16];
    serial[..4].copy_from_slice(&index.to_be_bytes());
    let coin = Coin {
        campaign: campaign(),
        serial: Serial::from_bytes(serial),
        expires: Timestamp::from_unix_s(expires_s).unwrap(),
    };
    let signature = [u8::try_from(key_version).unwrap(); 64];
    let signed = SignedCoin {
        coin,
        key_version,
        signature,
    };
    Entry { index, signed }
}

fn entries(indices: std::ops::Range<u32>) -> Vec<Entry> {
    indices.map(|index| entry(index, LATE_S, 1)).collect()
}

fn push(pool: &mut Pool, entries: &[Entry]) -> Pushed {
    pool.push(&order(entries)).unwrap()
}

fn order(entries: &[Entry]) -> Push<'_> {
    Push {
        issuance: "first",
        entries,
        request_id: Some("2f0b6a5e"),
        keep: None,
    }
}

fn take(pool: &mut Pool, key: u32) -> Taken {
    pool.take(&key_hash(key), now(), MANY).unwrap()
}

fn take_index(pool: &mut Pool, key: u32) -> u32 {
    let Taken::Coin(signed) = take(pool, key) else {
        panic!("no coin for {key}")
    };
    index(&signed)
}

fn index(signed: &SignedCoin) -> u32 {
    u32::from_be_bytes(signed.coin.serial.as_bytes()[..4].try_into().unwrap())
}

fn key_hash(key: u32) -> [u8; 32] {
    let mut hash = [0; 32];
    hash[..4].copy_from_slice(&key.to_be_bytes());
    hash
}

#[test]
fn a_coin_goes_in_once_and_comes_out_once() {
    let redis = Redis::start();
    let mut pool = open(&redis);
    let coins = entries(0..10);
    let went_in = |new, known| Pushed { new, known, left: 0 };
    assert_eq!(push(&mut pool, &coins), went_in(10, 0));
    assert_eq!(push(&mut pool, &coins), went_in(0, 10));
    let taken: BTreeSet<u32> = (0..10).map(|key| take_index(&mut pool, key)).collect();
    assert_eq!(taken, (0..10).collect());
    // Neither more coins nor another way in bring one back that is out.
    assert_eq!(push(&mut pool, &coins), went_in(0, 10));
    assert_eq!(take(&mut pool, 10), Taken::Empty);
    assert_eq!(push(&mut pool, &entries(9..12)), went_in(2, 1));
    assert_eq!(pool.counts(now()).unwrap(), Counts { waiting: 2, taken: 10 });
}

#[test]
fn a_key_gets_the_same_coin_again() {
    let redis = Redis::start();
    let mut pool = open(&redis);
    push(&mut pool, &entries(0..20));
    let first = take(&mut pool, 1);
    assert_ne!(take(&mut pool, 2), first);
    assert_eq!(take(&mut pool, 1), first);
    assert_eq!(pool.counts(now()).unwrap().waiting, 18);
    // Also when its coin is worth nothing any more, and the quota is used up.
    let later = Worth {
        now: Timestamp::MAX,
        min_key_version: 9,
    };
    assert_eq!(pool.take(&key_hash(1), later, 1).unwrap(), first);
}

#[test]
fn coins_leave_in_an_order_that_nobody_can_tell() {
    let redis = Redis::start();
    let mut pool = open(&redis);
    push(&mut pool, &entries(0..50));
    let taken: Vec<u32> = (0..50).map(|key| take_index(&mut pool, key)).collect();
    assert!(!taken.is_sorted(), "{taken:?}");
    // What is kept of a key is its hash, as it came.
    let keys: Vec<Vec<u8>> = redis.ask(&["HKEYS", "hashicoin:{hashiconf-2020}:pool:taken"]);
    assert!(keys.contains(&key_hash(7).to_vec()));
}

#[test]
fn a_coin_that_is_worth_nothing_stays_in() {
    let redis = Redis::start();
    let mut pool = open(&redis);
    let at = |seconds| Worth {
        now: Timestamp::from_unix_s(seconds).unwrap(),
        min_key_version: 1,
    };
    push(&mut pool, &[entry(1, 100, 1)]);
    push(&mut pool, &[entry(2, LATE_S, 1)]);
    push(&mut pool, &[entry(3, LATE_S, 3)]);
    // In its last second it is good, and it leaves before those that keep.
    assert_eq!(pool.counts(at(99)).unwrap().waiting, 3);
    assert_eq!(pool.counts(at(100)).unwrap().waiting, 2);
    let newest = Worth {
        min_key_version: 2,
        ..at(100)
    };
    assert_eq!(pool.counts(newest).unwrap().waiting, 1);
    let Taken::Coin(signed) = pool.take(&key_hash(1), newest, MANY).unwrap() else {
        panic!()
    };
    assert_eq!(index(&signed), 3);
    assert_eq!(pool.take(&key_hash(2), newest, MANY).unwrap(), Taken::Empty);
    let Taken::Coin(signed) = pool.take(&key_hash(3), at(99), MANY).unwrap() else {
        panic!()
    };
    assert_eq!(index(&signed), 1);
    assert_eq!(pool.counts(at(99)).unwrap(), Counts { waiting: 1, taken: 2 });
}

#[test]
fn the_quota_is_shared_and_comes_back() {
    let redis = Redis::start();
    let (mut one, mut other) = (open(&redis), open(&redis));
    push(&mut one, &entries(0..10));
    let ask = |pool: &mut Pool, key| pool.take(&key_hash(key), now(), 2).unwrap();
    assert!(matches!(ask(&mut one, 1), Taken::Coin(_)) && matches!(ask(&mut other, 2), Taken::Coin(_)));
    let refused = ask(&mut one, 3);
    // A third of the quota's time may have passed, not more, unless the machine stood still for 15 s.
    let Taken::Quota { retry_after_s } = refused else {
        panic!("{refused:?}")
    };
    assert!((15..=30).contains(&retry_after_s), "{retry_after_s}");
    assert!(
        matches!(ask(&mut other, 2), Taken::Coin(_)),
        "who has a coin gets it again"
    );
    // Redis' clock has gone on by two minutes, as far as the quota can see.
    let quota = "hashicoin:{hashiconf-2020}:pool:quota";
    let free_at: u64 = redis.ask(&["GET", quota]);
    let _: () = redis.ask(&["SET", quota, &(free_at - 120_000_000).to_string()]);
    assert!(matches!(ask(&mut other, 3), Taken::Coin(_)));
    // An empty pool says so, whatever the quota.
    let mut empty = Pool::open(&url(&redis), &Campaign::parse("other").unwrap()).unwrap();
    assert_eq!(ask(&mut empty, 1), Taken::Empty);
}

#[test]
fn no_more_coins_wait_than_are_to_be_kept() {
    let redis = Redis::start();
    let mut pool = open(&redis);
    let keep = |pool: &mut Pool, entries: &[Entry], keep| {
        let push = Push {
            keep: Some((keep, now())),
            ..order(entries)
        };
        let Pushed { new, known, left } = pool.push(&push).unwrap();
        (new, known, left)
    };
    assert_eq!(keep(&mut pool, &entries(0..4), 6), (4, 0, 0));
    assert_eq!(pool.next_index("first").unwrap(), 4);
    assert_eq!(keep(&mut pool, &entries(4..8), 6), (2, 0, 2));
    assert_eq!(
        pool.next_index("first").unwrap(),
        6,
        "the index goes on after the last that went in"
    );
    assert_eq!(keep(&mut pool, &entries(4..8), 6), (0, 2, 2));
    take_index(&mut pool, 1);
    assert_eq!(keep(&mut pool, &entries(6..8), 6), (1, 0, 1));
    // Coins that are worth nothing do not count as waiting.
    let late = Timestamp::from_unix_s(LATE_S).unwrap();
    let later = Worth {
        now: late,
        min_key_version: 1,
    };
    let coins = [entry(20, LATE_S + 1, 1)];
    let push = Push {
        keep: Some((1, later)),
        ..order(&coins)
    };
    assert_eq!(pool.push(&push).unwrap().new, 1);
    assert_eq!(pool.counts(later).unwrap().waiting, 1);
}

#[test]
fn an_issuance_goes_on_where_it_was() {
    let redis = Redis::start();
    let mut pool = open(&redis);
    assert_eq!(pool.next_index("first").unwrap(), 0);
    push(&mut pool, &entries(0..3));
    push(&mut pool, &entries(1..2));
    assert_eq!(pool.next_index("first").unwrap(), 3);
    assert_eq!(pool.next_index("second").unwrap(), 0);
    assert_eq!(pool.issuance("mine").unwrap(), "mine");
    assert_eq!(pool.issuance("another").unwrap(), "mine");
}

#[test]
fn what_went_in_can_be_looked_up() {
    let redis = Redis::start();
    let mut pool = open(&redis);
    let coins = entries(0..3);
    push(&mut pool, &coins[..2]);
    let untraced = Push {
        request_id: None,
        ..order(&coins[2..])
    };
    pool.push(&untraced).unwrap();
    take_index(&mut pool, 1);
    let serials: Vec<Serial> = entries(0..4).iter().map(|entry| entry.signed.coin.serial).collect();
    let found = pool.find(&serials).unwrap();
    let expected: Vec<Option<SignedCoin>> = coins
        .into_iter()
        .map(|entry| Some(entry.signed))
        .chain([None])
        .collect();
    assert_eq!(found, expected);
    let request_ids: Vec<Option<String>> = serials.iter().map(|serial| pool.request_id(serial).unwrap()).collect();
    let traced = Some("2f0b6a5e".to_owned());
    assert_eq!(request_ids, [traced.clone(), traced, None, None]);
}

#[test]
fn many_hands_never_get_the_same_coin() {
    let redis = Redis::start();
    let coins = entries(0..400);
    let taken: Vec<u32> = thread::scope(|scope| {
        let mints: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| push(&mut open(&redis), &coins).new))
            .collect();
        let pushed: u64 = mints.into_iter().map(|mint| mint.join().unwrap()).sum();
        assert_eq!(pushed, 400, "two mints of one issuance");
        let hands: Vec<_> = (0..4)
            .map(|hand| {
                let redis = &redis;
                scope.spawn(move || {
                    let mut pool = open(redis);
                    (0..100)
                        .map(|key| take_index(&mut pool, hand * 1000 + key))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        hands.into_iter().flat_map(|hand| hand.join().unwrap()).collect()
    });
    assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 400);
}

#[test]
fn a_killed_redis_forgets_nothing_and_the_connection_comes_back() {
    let mut redis = Redis::start();
    let mut pool = open(&redis);
    push(&mut pool, &entries(0..100));
    let first = take(&mut pool, 1);
    redis.kill_and_start();
    assert_eq!(take(&mut pool, 1), first);
    assert_eq!(pool.counts(now()).unwrap(), Counts { waiting: 99, taken: 1 });
    assert_eq!(push(&mut pool, &entries(0..101)).new, 1);
    redis.kill();
    let error = pool.counts(now()).unwrap_err();
    assert!(matches!(error, PoolError::Redis(..)), "{error}");
    assert!(error.to_string().contains("check that it runs"), "{error}");
}

#[test]
fn a_redis_that_could_lose_coins_is_refused() {
    for (settings, named) in [
        (&[][..], "appendonly"),
        (&["--appendonly", "yes"], "appendfsync"),
        (
            &[
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
                "--maxmemory-policy",
                "allkeys-lru",
            ],
            "maxmemory-policy",
        ),
    ] {
        let redis = Redis::start_with(settings);
        let error = Pool::open(&url(&redis), &campaign()).err().unwrap().to_string();
        assert!(error.contains(named) && error.contains("coins are not safe"), "{error}");
    }
}

#[test]
fn somebody_else_s_record_is_not_handed_out() {
    let redis = Redis::start();
    let mut pool = open(&redis);
    push(&mut pool, &entries(0..1));
    let serial = entry(0, LATE_S, 1).signed.coin.serial.to_string();
    let _: () = redis.ask(&["HSET", "hashicoin:{hashiconf-2020}:pool:coins", &serial, "no coin"]);
    assert!(matches!(pool.take(&key_hash(1), now(), MANY), Err(PoolError::NoCoin)));
}

#[test]
fn a_push_is_of_one_group_and_not_too_large() {
    let redis = Redis::start();
    let coins = entries(0..u32::try_from(PUSH_MAX).unwrap());
    assert_eq!(push(&mut open(&redis), &coins).new, PUSH_MAX as u64);
    for bad in [
        entries(0..u32::try_from(PUSH_MAX).unwrap() + 1),
        vec![entry(0, LATE_S, 1), entry(1, LATE_S, 2)],
        vec![entry(0, LATE_S, 1), entry(1, LATE_S + 1, 1)],
    ] {
        let url = url(&redis);
        let pushed = thread::spawn(move || push(&mut Pool::open(&url, &campaign()).unwrap(), &bad)).join();
        assert!(pushed.is_err());
    }
}
