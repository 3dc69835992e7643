//! What the filter says about requests: now and then a line, and never a byte of a client's.

use super::{configuration, configure, envoy, refusal, request, token, vote, vote_without_coin};
use crate::host::abi::LOG_INFO;
use crate::host::{Envoy, HeaderMap, Request};

/// Stands in every place that a client can write to.
const MARK: &str = "m4rk3d";

fn marked(path: &str, coin: &str) -> Request {
    let mut request = request(&[
        (":method", &format!("POST{MARK}")),
        (":path", path),
        (":authority", MARK),
        ("authorization", coin),
        ("cookie", MARK),
        (MARK, MARK),
        (&format!("x-coin-{MARK}"), MARK),
        ("user-agent", MARK),
        ("x-request-id", MARK),
    ]);
    request.body = vec![MARK.as_bytes().to_vec()];
    request.trailers = Some(HeaderMap::new([(MARK, MARK)]));
    request
}

#[test]
fn no_line_and_no_refusal_holds_a_byte_of_the_client_s() {
    let mut envoy = envoy();
    let mut configuration = configuration("enforce");
    configuration["log_every"] = 1.into();
    configure(&mut envoy, &configuration);
    let query = format!("/v1/votes?{MARK}");
    let good = token("good");
    let mut requests = vec![
        marked(&query, MARK),
        marked(&query, &format!("Coin {MARK}")),
        marked(&query, &format!("Coin {MARK}.1.{MARK}")),
        marked(&query, &format!("Coin {}", MARK.repeat(200))),
        marked(&query, &format!("Coin {MARK}, Coin {MARK}")),
        marked(&query, &format!("Coin {}", token("stranger"))),
        marked(&query, &format!("Coin {}", token("key-unknown"))),
        marked(&query, &format!("Coin {}", token("expired"))),
        marked(&format!("/{MARK}//"), &format!("Coin {good}")),
        marked(&format!("/v1/votes?{good}"), MARK),
    ];
    for (name, value) in [
        ("authorization", MARK),
        ("upgrade", MARK),
        (":protocol", MARK),
        ("x_coin_a", MARK),
    ] {
        let mut request = marked(&query, MARK);
        request.headers.add(name.as_bytes(), value.as_bytes());
        requests.push(request);
    }
    let mut without_coin = marked(&query, MARK);
    without_coin.headers.remove(b"authorization");
    requests.push(without_coin);

    for request in &requests {
        let stream = envoy.workers[0].exchange(request);
        refusal(&stream).unwrap_or_else(|| panic!("{:?} is not refused", request.headers));
        let reply = format!("{:?}", stream.reply);
        assert!(!reply.contains(MARK), "{reply}");
        let body = stream.reply.unwrap().body;
        assert!(!String::from_utf8(body).unwrap().contains(MARK));
    }
    let lines = refusals(&envoy);
    assert_eq!(lines.len(), requests.len(), "one line each");
    for line in lines {
        assert!(!line.contains(MARK) && !line.contains(&good[..20]), "{line}");
    }
    assert!(!format!("{:?}", envoy.process.lock().stats).contains(MARK));
}

#[test]
fn an_accepted_coin_leaves_no_line() {
    let mut envoy = envoy();
    configure(&mut envoy, &configuration("enforce"));
    envoy.process.lock().log.clear();
    assert!(refusal(&envoy.workers[0].exchange(&vote("good"))).is_none());
    assert_eq!(envoy.process.lock().log, []);
}

#[test]
fn the_first_refusal_is_logged_and_then_one_in_so_many() {
    for mode in ["enforce", "shadow"] {
        let mut envoy = envoy();
        let mut configuration = configuration(mode);
        configuration["log_every"] = 10.into();
        configure(&mut envoy, &configuration);
        let mut lines = Vec::new();
        for _ in 0..25 {
            envoy.workers[0].exchange(&vote_without_coin());
            lines.push(refusals(&envoy).len());
        }
        assert_eq!(
            (lines[0], lines[9], lines[10], lines[24]),
            (1, 1, 2, 3),
            "{mode}: {lines:?}"
        );
    }
}

/// The lines about refused requests; they are for information, nobody needs to act on them.
fn refusals(envoy: &Envoy) -> Vec<String> {
    let shared = envoy.process.lock();
    let lines = shared
        .log
        .iter()
        .map(|(level, line)| (*level, String::from_utf8(line.clone()).unwrap()));
    let lines: Vec<_> = lines.filter(|(_, line)| line.starts_with("refused: ")).collect();
    assert!(lines.iter().all(|(level, _)| *level == LOG_INFO), "{lines:?}");
    lines.into_iter().map(|(_, line)| line).collect()
}
