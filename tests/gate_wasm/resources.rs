//! What the filter takes: bounded work for a request, whatever it is, and no memory that grows.

use super::{configuration, configure, envoy_in, free, request, token, vote, vote_without_coin};
use crate::host::Request;

/// As much as Envoy lets in, 60 KiB of headers in 100 lines, and all of it almost the beginning of a token.
fn large() -> Request {
    let mut request = vote_without_coin();
    let almost = &token("good")[..20];
    for index in 0..97 {
        request
            .headers
            .add(format!("x-{index}").as_bytes(), almost.repeat(30).as_bytes());
    }
    request
}

/// The longest path, made of what the canonicaliser has to look at.
fn long_path() -> Request {
    let path = "/%C3%A9".repeat(8_000);
    request(&[(":method", "POST"), (":path", &path)])
}

/// A signature check costs about 0.7 million units, and the first one by a key, which makes its tables, 59 million. Each limit is about twice what was measured: room for another compiler, not for another loop.
#[test]
fn the_work_for_a_request_is_bounded() {
    let longest = format!("Coin {}", "a".repeat(60_000));
    let longest = request(&[(":method", "POST"), (":path", "/v1/votes"), ("authorization", &longest)]);
    let kinds = [
        ("free", free(), 50_000),
        ("no coin", vote_without_coin(), 200_000),
        ("no coin, 60 KiB of headers", large(), 8_000_000),
        ("a path of 56 KB", long_path(), 40_000_000),
        ("a coin of 60 KB", longest, 1_000_000),
        ("expired", vote("expired"), 300_000),
        ("first signature by a key", vote("stranger"), 120_000_000),
        ("bad signature", vote("stranger"), 1_600_000),
        ("accepted", vote("good"), 1_600_000),
    ];
    let mut envoy = envoy_in("enforce");
    let worker = &mut envoy.workers[0];
    let (mut report, mut within) = (String::new(), true);
    for (name, request, limit) in kinds {
        let before = worker.fuel_used();
        worker.exchange(&request);
        let fuel = worker.fuel_used() - before;
        report += &format!("{fuel:>10} of {limit:>10}  {name}\n");
        within &= fuel <= limit;
    }
    println!("units of fuel for a request:\n{report}");
    assert!(within, "more than the limit:\n{report}");
}

#[test]
fn ten_thousand_requests_leave_no_memory_behind() {
    let mut envoy = envoy_in("enforce");
    let worker = &mut envoy.workers[0];
    let mut with_body = free();
    with_body.body = vec![vec![b'x'; 10_000]; 3];
    let wrong = format!("Coin {}", token("expired"));
    let wrong = request(&[
        (":method", "POST"),
        (":path", "/v1/votes"),
        ("authorization", &wrong),
        ("x-coin-a", "b"),
    ]);
    let mut run = |requests: usize| {
        for index in 0..requests {
            match index % 100 {
                0 => worker.exchange(&vote("good")),
                1 => worker.exchange(&large()),
                index if index % 4 == 0 => worker.exchange(&vote_without_coin()),
                index if index % 4 == 1 => worker.exchange(&wrong),
                index if index % 4 == 2 => worker.exchange(&with_body),
                _ => worker.exchange(&free()),
            };
        }
        assert_eq!(worker.failure(), None);
        worker.memory_bytes()
    };
    let after_a_hundred = run(100);
    assert_eq!(run(10_000), after_a_hundred);
}

#[test]
fn a_hundred_configurations_leave_no_memory_behind() {
    let mut envoy = envoy_in("enforce");
    let mut run = |configurations: u64| {
        for index in 0..configurations {
            let mut configuration = configuration("enforce");
            // A number of its own for each, or the proxy sees nothing new.
            configuration["log_every"] = (configurations * 1_000 + index).into();
            configure(&mut envoy, &configuration);
            envoy.workers[0].exchange(&free());
        }
        envoy.workers[0].memory_bytes()
    };
    let after_ten = run(10);
    assert_eq!(run(100), after_ten);
}
