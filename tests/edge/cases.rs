//! The end-to-end table: one row per request.

use crate::edge::{assert_passes, assert_refused};
use crate::harness::envoy::{Envoy, bootstrap, replace};
use crate::harness::http::{exchange, request};
use crate::harness::world::World;

/// A vote for one charity.
pub const VOTE: &str = r#"{"weights":{"clean-water":1}}"#;

/// A request, and the reason for which the gate refuses it.
struct Case {
    name: &'static str,
    request: Vec<u8>,
    status: u16,
    problem: &'static str,
}

/// A vote with these headers beside the content type.
pub fn vote(target: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    request(
        "POST",
        target,
        &[&[("content-type", "application/json")], headers].concat(),
        VOTE,
    )
}

#[test]
fn what_must_be_refused_is_refused_and_the_api_sees_nothing() {
    let world = World::start();
    for case in refused(&world).into_iter().chain(misspelt_paths(&world)) {
        assert_refused(case.name, &world, case.status, case.problem, || {
            exchange(world.envoy.address, &case.request)
        });
    }
    assert_eq!(world.api.requests(), 0);
}

#[test]
fn what_may_pass_passes_once() {
    let world = World::start();
    let send = |bytes: Vec<u8>| exchange(world.envoy.address, &bytes);
    for path in ["/", "/v1/charities", "/v1/tally", "/problems/coin-expired"] {
        assert_passes(path, &world, "coin_gate_free", 200, || {
            send(request("GET", path, &[], ""))
        });
    }
    let coin = world.coin().header();
    let first = assert_passes("a good coin", &world, "coin_gate_accepted", 202, || {
        send(vote("/v1/votes", &[("authorization", &coin)]))
    });
    let again = assert_passes(
        "the same coin, the same vote",
        &world,
        "coin_gate_accepted",
        202,
        || send(vote("/v1/votes", &[("authorization", &coin)])),
    );
    assert_eq!(first.text(), again.text());
    let other = request(
        "POST",
        "/v1/votes",
        &[("content-type", "application/json"), ("authorization", &coin)],
        r#"{"weights":{"open-books":1}}"#,
    );
    let spent = assert_passes("the same coin, another vote", &world, "coin_gate_accepted", 409, || {
        send(other)
    });
    assert_eq!(spent.problem(), "coin-spent");
    assert_eq!(spent.json()["first"]["id"], first.json()["id"]);

    let coin = world.coin().header();
    let chunked = format!(
        "POST /v1/votes HTTP/1.1\r\nhost: hashicoin.test\r\nconnection: close\r\ncontent-type: application/json\r\nauthorization: {coin}\r\n\
         transfer-encoding: chunked\r\n\r\n5\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        &VOTE[..5],
        VOTE.len() - 5,
        &VOTE[5..]
    );
    assert_passes("a good coin, chunked", &world, "coin_gate_accepted", 202, || {
        send(chunked.into_bytes())
    });

    // A gated path in another case is another path: a coin lets it through, and the API does not have it.
    let coin = world.coin().header();
    assert_passes("/V1/VOTES with a coin", &world, "coin_gate_accepted", 404, || {
        send(vote("/V1/VOTES", &[("authorization", &coin)]))
    });
    assert_eq!(world.api.votes("counted"), 2);
}

/// As Consul's sidecars have it: Envoy has tidied the path before the gate looks. Whatever the spelling, a vote without a coin stays outside.
#[test]
fn no_spelling_passes_either_when_envoy_normalises_paths_first() {
    let mut world = World::start();
    let mut text = bootstrap(world.api.address);
    replace(&mut text, "normalize_path: false", "normalize_path: true");
    replace(&mut text, "merge_slashes: false", "merge_slashes: true");
    replace(&mut text, "KEEP_UNCHANGED", "UNESCAPE_AND_FORWARD");
    world.envoy = Envoy::start_with(&text);
    for target in MISSPELT_VOTES {
        let response = exchange(world.envoy.address, &vote(target, &[]));
        assert!(
            matches!(response.problem().as_str(), "coin-missing" | "path-not-canonical"),
            "{target}: {response:?}"
        );
    }
    assert_eq!((world.envoy.upstream_requests(), world.api.requests()), (0, 0));
}

/// A header that Envoy does not know comes line by line; the gate counts the lines.
#[test]
fn in_a_header_of_its_own_a_second_coin_is_a_second_line() {
    let mut world = World::start();
    let mut text = bootstrap(world.api.address);
    replace(&mut text, "\"mode\":", "\"header\": \"x-vote-coin\", \"mode\":");
    world.envoy = Envoy::start_with(&text);
    let (first, second) = (world.coin().header(), world.coin().header());
    let lines: [(_, &[(&str, &str)], _, _); 4] = [
        (
            "two coins",
            &[("x-vote-coin", &first), ("x-vote-coin", &second)],
            400,
            "coin-duplicate",
        ),
        (
            "the same coin twice",
            &[("x-vote-coin", &first), ("X-Vote-Coin", &first)],
            400,
            "coin-duplicate",
        ),
        (
            "a twin with underscores",
            &[("x-vote-coin", &first), ("X_Vote_Coin", "x")],
            400,
            "coin-underscore-twin",
        ),
        (
            "a coin in Authorization",
            &[("authorization", &first)],
            400,
            "coin-second-carrier",
        ),
    ];
    for (name, headers, status, problem) in lines {
        assert_refused(name, &world, status, problem, || {
            exchange(world.envoy.address, &vote("/v1/votes", headers))
        });
    }
    assert_eq!(world.api.requests(), 0);
}

fn refused(world: &World) -> Vec<Case> {
    let coins = [world.coin().token, world.coin().token];
    let good = format!("Coin {}", coins[0]);
    let second = format!("Coin {}", coins[1]);
    let list = format!("{good}, {second}");
    let bearer = format!("Bearer {}", coins[0]);
    let lower = format!("coin {}", coins[0]);
    let query = format!("/v1/votes?coin={}", coins[0]);
    let cookie = format!("theme=dark; coin={}", coins[0]);
    let in_body = request(
        "POST",
        "/v1/votes",
        &[("content-type", "application/json")],
        &format!(r#"{{"weights":{{"clean-water":1}},"authorization":"{good}"}}"#),
    );
    let chunked = "POST /v1/votes HTTP/1.1\r\nhost: hashicoin.test\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
                   2\r\n{}\r\n0\r\nauthorization: Coin x\r\n\r\n";
    let authorization = ("authorization", good.as_str());
    let case = |name, request, status, problem| Case {
        name,
        request,
        status,
        problem,
    };
    vec![
        case("no coin", vote("/v1/votes", &[]), 401, "coin-missing"),
        case(
            "no coin, other methods",
            request("DELETE", "/v1/votes", &[], ""),
            401,
            "coin-missing",
        ),
        case("no coin, chunked, with a trailer", chunked.into(), 401, "coin-missing"),
        case(
            "a path in another case, no coin",
            vote("/V1/VOTES", &[]),
            401,
            "coin-missing",
        ),
        case(
            "a path with a last slash, no coin",
            vote("/v1/coins/", &[]),
            401,
            "coin-missing",
        ),
        // Envoy joins the lines of a header that it knows, with a comma.
        case(
            "two coins",
            vote("/v1/votes", &[authorization, ("authorization", &second)]),
            400,
            "coin-list",
        ),
        case(
            "the same coin twice",
            vote("/v1/votes", &[authorization, ("Authorization", &good)]),
            400,
            "coin-list",
        ),
        case(
            "a comma",
            vote("/v1/votes", &[("authorization", &list)]),
            400,
            "coin-list",
        ),
        case(
            "Bearer",
            vote("/v1/votes", &[("authorization", &bearer)]),
            401,
            "coin-wrong-scheme",
        ),
        case(
            "the scheme in lower case",
            vote("/v1/votes", &[("authorization", &lower)]),
            401,
            "coin-wrong-scheme",
        ),
        case(
            "an empty header",
            vote("/v1/votes", &[("authorization", "")]),
            401,
            "coin-wrong-scheme",
        ),
        case("a coin in the query", vote(&query, &[]), 400, "coin-second-carrier"),
        case(
            "a coin in the query beside one in the header",
            vote(&query, &[authorization]),
            400,
            "coin-second-carrier",
        ),
        case(
            "a coin in a cookie",
            vote("/v1/votes", &[("cookie", &cookie)]),
            400,
            "coin-second-carrier",
        ),
        case(
            "a coin in another header",
            vote("/v1/votes", &[("x-vote", &good)]),
            400,
            "coin-second-carrier",
        ),
        case("a coin in the body", in_body, 401, "coin-missing"),
        case(
            "a verdict from outside",
            vote("/v1/votes", &[("x-coin-serial", "1")]),
            401,
            "coin-missing",
        ),
        case(
            "an underscore twin of a verdict",
            vote("/v1/votes", &[authorization, ("X_Coin_Serial", "1")]),
            400,
            "coin-underscore-twin",
        ),
    ]
}

/// Spellings of the free path for a coin, of which only one is free.
const MISSPELT_COINS: [&str; 2] = ["/v1/%63oins", "/v1/./coins"];

/// Spellings of the path for a vote that are not the canonical one.
const MISSPELT_VOTES: [&str; 19] = [
    "//v1/votes",
    "/v1//votes",
    "/./v1/votes",
    "/v1/./votes",
    "/v1/x/../votes",
    "/v1/votes/.",
    "/v1/votes/..",
    "/v1%2fvotes",
    "/v1%2Fvotes",
    "/v1%5Cvotes",
    "/v1\\votes",
    "/v1/vote%73",
    "/v1/%2e/votes",
    "/v1/%252Fvotes",
    "/v1/votes;x",
    "/v1/votes%3Bx",
    "/v1/votes%3F",
    "/v1/votes%23",
    "/v1/coins;/../votes",
];

fn misspelt_paths(world: &World) -> Vec<Case> {
    // With a coin, so that nothing but the spelling is wrong.
    let good = world.coin().header();
    let case = |target: &&'static str| Case {
        name: target,
        request: vote(target, &[("authorization", &good)]),
        status: 400,
        problem: "path-not-canonical",
    };
    MISSPELT_VOTES.iter().chain(&MISSPELT_COINS).map(case).collect()
}
