//! Whatever a host call answers, the filter neither traps nor lets through what it could not check; and in shadow mode it never changes a request.

use super::{UNAVAILABLE, configuration, configure, envoy, envoy_in, free, refusal, upstream, vote, vote_without_coin};
use crate::capabilities::host_calls;
use crate::host::{Effect, Envoy, Fault, HeaderMap, Request, Stream};

/// Every status that the ABI has but OK, and numbers that it has not.
const STATUSES: [u32; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 255, 0x8000_0000, u32::MAX];

/// How a request ends.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Passed,
    Refused(String),
    /// Neither with the service nor answered.
    Held,
}

fn end(stream: &Stream) -> End {
    match (refusal(stream), &stream.upstream) {
        (Some(code), _) => End::Refused(code),
        (None, Some(_)) => End::Passed,
        (None, None) => End::Held,
    }
}

/// One request for each verdict, with something to strip where something is let through, and how it ends if nothing is wrong.
fn requests() -> [(Request, End); 3] {
    let (mut free, mut vote) = (free(), vote("good"));
    free.headers.add(b"x-coin-role", b"admin");
    vote.headers.add(b"x-coin-role", b"admin");
    [
        (free, End::Passed),
        (vote, End::Passed),
        (vote_without_coin(), End::Refused("coin-missing".to_owned())),
    ]
}

fn exchange(envoy: &mut Envoy, fault: Option<Fault>, request: &Request) -> Stream {
    let context = format!("{fault:?}");
    envoy.process.lock().faults.order(fault);
    let stream = envoy.workers[0].exchange(request);
    envoy.process.lock().faults.order(None);
    assert_eq!(envoy.workers[0].failure(), None, "{context}");
    stream
}

#[test]
fn a_call_that_fails_at_a_request_refuses_it_or_does_not_matter() {
    let mut envoy = envoy_in("enforce");
    for call in host_calls() {
        for status in STATUSES {
            for (request, undisturbed) in requests() {
                let needs_coin = !request.headers.all("authorization").is_empty();
                let passes = undisturbed == End::Passed;
                let expected = match call {
                    "proxy_get_header_map_pairs" => End::Refused(UNAVAILABLE.to_owned()),
                    "proxy_get_current_time_nanoseconds" | "proxy_replace_header_map_value" if needs_coin => {
                        End::Refused(UNAVAILABLE.to_owned())
                    }
                    "proxy_remove_header_map_value" if passes => End::Refused(UNAVAILABLE.to_owned()),
                    "proxy_send_local_response" if !passes => End::Held,
                    _ => undisturbed,
                };
                let fault = Fault {
                    call,
                    nth: None,
                    effect: Effect::Status(status),
                };
                let stream = exchange(&mut envoy, Some(fault), &request);
                assert_eq!(end(&stream), expected, "{call} answers {status}: {:?}", request.headers);
            }
        }
    }
    for (request, undisturbed) in requests() {
        assert_eq!(
            end(&exchange(&mut envoy, None, &request)),
            undisturbed,
            "after all that"
        );
    }
}

#[test]
fn a_verdict_header_that_is_not_set_refuses_the_request_whichever_it_is() {
    let mut envoy = envoy_in("enforce");
    for nth in 1..=5 {
        let fault = Fault {
            call: "proxy_replace_header_map_value",
            nth: Some(nth),
            effect: Effect::Status(2),
        };
        let stream = exchange(&mut envoy, Some(fault), &vote("good"));
        let expected = if nth <= 4 {
            End::Refused(UNAVAILABLE.to_owned())
        } else {
            End::Passed
        };
        assert_eq!(end(&stream), expected, "the call number {nth} of four");
    }
}

#[test]
fn a_refusal_that_cannot_be_sent_holds_the_request_with_all_that_follows() {
    let mut envoy = envoy_in("enforce");
    let mut request = vote_without_coin();
    request.body = vec![b"{}".to_vec()];
    request.trailers = Some(HeaderMap::new([("t", "1")]));
    let effect = Effect::Status(u32::MAX);
    let fault = Fault {
        call: "proxy_send_local_response",
        nth: None,
        effect,
    };
    let stream = exchange(&mut envoy, Some(fault), &request);
    assert_eq!(end(&stream), End::Held);
    assert!(
        !stream.callbacks.contains(&"proxy_on_request_body"),
        "{:?}",
        stream.callbacks
    );
}

#[test]
fn a_map_that_is_no_map_refuses_the_request() {
    let mut envoy = envoy_in("enforce");
    let map = free().headers.marshal();
    let mut maps = vec![
        b"\xff\xff\xff\xff".to_vec(),
        b"\0\0\0\0".to_vec(),
        vec![0xff; 64],
        [&map[..], b"\0"].concat(),
    ];
    maps.extend((0..map.len()).map(|length| map[..length].to_vec()));
    for map in maps {
        let context = map.escape_ascii().to_string();
        let fault = Fault {
            call: "proxy_get_header_map_pairs",
            nth: None,
            effect: Effect::Bytes(map),
        };
        let stream = exchange(&mut envoy, Some(fault), &free());
        assert!(matches!(end(&stream), End::Refused(_)), "{context}");
    }
}

#[test]
fn no_change_of_a_byte_in_the_map_traps_or_makes_a_coin_good() {
    let mut envoy = envoy_in("enforce");
    // Nothing that holds a signature, so that the walk is quick; the coin is missing whatever the byte becomes.
    let map = vote_without_coin().headers.marshal();
    for at in 0..map.len() {
        for bit in 0..8 {
            let mut map = map.clone();
            map[at] ^= 1 << bit;
            let fault = Fault {
                call: "proxy_get_header_map_pairs",
                nth: None,
                effect: Effect::Bytes(map),
            };
            let stream = exchange(&mut envoy, Some(fault), &vote_without_coin());
            assert!(matches!(end(&stream), End::Refused(_)), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn in_shadow_mode_and_switched_off_nothing_changes_a_request() {
    for mode in ["shadow", "off"] {
        let mut envoy = envoy_in(mode);
        for call in host_calls() {
            for effect in STATUSES.map(Effect::Status) {
                for (request, _) in requests() {
                    let fault = Fault {
                        call,
                        nth: None,
                        effect: effect.clone(),
                    };
                    let stream = exchange(&mut envoy, Some(fault), &request);
                    assert_eq!(upstream(&stream), &request.headers, "{mode}: {call}: {effect:?}");
                }
            }
        }
        for bytes in [&b""[..], b"\xff\xff\xff\xff"] {
            let effect = Effect::Bytes(bytes.to_vec());
            let fault = Fault {
                call: "proxy_get_header_map_pairs",
                nth: None,
                effect,
            };
            let stream = exchange(&mut envoy, Some(fault), &vote_without_coin());
            assert_eq!(upstream(&stream), &vote_without_coin().headers);
        }
    }
}

#[test]
fn a_configuration_that_cannot_be_read_is_refused() {
    let good = configuration("enforce").to_string().into_bytes();
    let cut = good[..good.len() - 1].to_vec();
    let effects = STATUSES
        .map(Effect::Status)
        .into_iter()
        .chain([Effect::Bytes(Vec::new()), Effect::Bytes(cut)]);
    for effect in effects {
        let mut envoy = envoy();
        let context = format!("{effect:?}");
        envoy.process.lock().faults.order(Some(Fault {
            call: "proxy_get_buffer_bytes",
            nth: None,
            effect,
        }));
        assert!(envoy.configure(&good).is_err(), "{context}");
        assert_eq!(
            envoy.process.lock().stats.counter("coin_gate_config_rejected"),
            1,
            "{context}"
        );
    }
}

#[test]
fn metrics_and_logs_that_fail_cost_the_metrics_and_logs_alone() {
    for call in [
        "proxy_define_metric",
        "proxy_increment_metric",
        "proxy_record_metric",
        "proxy_log",
    ] {
        for status in STATUSES {
            let mut envoy = envoy();
            envoy.process.lock().faults.order(Some(Fault {
                call,
                nth: None,
                effect: Effect::Status(status),
            }));
            configure(&mut envoy, &configuration("enforce"));
            for (request, expected) in requests() {
                let stream = envoy.workers[0].exchange(&request);
                assert_eq!(end(&stream), expected, "{call} answers {status}");
            }
            assert_eq!(envoy.workers[0].failure(), None, "{call} answers {status}");
        }
    }
}

#[test]
fn one_metric_that_is_not_defined_leaves_the_others() {
    let mut envoy = envoy();
    // The third of all, in the trial; then the workers' definitions go through.
    let effect = Effect::Status(10);
    envoy.process.lock().faults.order(Some(Fault {
        call: "proxy_define_metric",
        nth: Some(3),
        effect,
    }));
    configure(&mut envoy, &configuration("enforce"));
    envoy.process.lock().faults.order(None);
    envoy.workers[0].exchange(&vote_without_coin());
    assert_eq!(envoy.process.lock().stats.counter("coin_gate_refused_coin_missing"), 1);
}

#[test]
fn a_clock_far_off_refuses_and_does_not_trap() {
    let mut envoy = envoy_in("enforce");
    for (now_unix_ns, expected) in [
        (0, End::Passed),
        (u64::MAX, End::Refused("coin-expired".to_owned())),
        (i64::MAX.cast_unsigned(), End::Refused("coin-expired".to_owned())),
    ] {
        envoy.process.lock().now_unix_ns = now_unix_ns;
        assert_eq!(
            end(&exchange(&mut envoy, None, &vote("good"))),
            expected,
            "{now_unix_ns}"
        );
    }
}

#[test]
fn keys_that_are_no_good_keys_are_refused_with_their_configuration() {
    // Of small order; not on the curve; not reduced; of another length.
    for key in [
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "/////////////////////////////////////////38=",
        "AAAA",
    ] {
        let mut configuration = configuration("enforce");
        configuration["keys"]["data"]["keys"]["2"]["public_key"] = key.into();
        assert!(
            envoy().configure(configuration.to_string().as_bytes()).is_err(),
            "{key}"
        );
    }
}

#[test]
fn headers_that_are_gone_refuse_the_request() {
    let mut envoy = envoy_in("enforce");
    let fault = Fault {
        call: "proxy_get_header_map_pairs",
        nth: None,
        effect: Effect::Bytes(HeaderMap::default().marshal()),
    };
    let stream = exchange(&mut envoy, Some(fault), &free());
    assert!(matches!(end(&stream), End::Refused(_)));
}
