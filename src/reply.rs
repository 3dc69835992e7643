//! What a refused client gets: a problem document (RFC 9457) of fixed text.

use coin::{Refusal, SCHEME};
use serde_json::json;

/// The answer to a refused request.
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Header lines.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The problem document.
    pub body: String,
    /// The gRPC status that the proxy answers a gRPC request with instead.
    pub grpc_status: i32,
}

/// The answer for a reason. Nothing in it depends on the request.
pub fn reply(refusal: Refusal) -> Reply {
    let mut headers = vec![
        ("content-type", "application/problem+json"),
        ("cache-control", "no-store"),
        ("www-authenticate", SCHEME),
    ];
    if refusal == Refusal::GateUnavailable {
        headers.push(("retry-after", "1"));
    }
    let body = json!({
        "type": format!("/problems/{}", refusal.code()),
        "title": refusal.title(),
        "status": refusal.status(),
        "detail": refusal.detail(),
    });
    Reply {
        status: refusal.status(),
        headers,
        body: body.to_string(),
        grpc_status: grpc_status(refusal.status()),
    }
}

/// The gRPC code for an HTTP status that a refusal has (grpc/grpc, `doc/statuscodes.md`).
fn grpc_status(http_status: u16) -> i32 {
    const INVALID_ARGUMENT: i32 = 3;
    const PERMISSION_DENIED: i32 = 7;
    const UNAVAILABLE: i32 = 14;
    const UNAUTHENTICATED: i32 = 16;
    match http_status {
        400 => INVALID_ARGUMENT,
        401 => UNAUTHENTICATED,
        503 => UNAVAILABLE,
        _ => PERMISSION_DENIED,
    }
}

#[cfg(test)]
mod tests {
    use super::reply;
    use crate::metrics::reasons;

    #[test]
    fn every_refusal_is_a_problem_document() {
        for reason in reasons() {
            let reply = reply(reason);
            let body: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
            assert_eq!(body["type"], format!("/problems/{}", reason.code()));
            assert_eq!(body["status"], reply.status);
            assert!(
                matches!(
                    (reply.status, reply.grpc_status),
                    (400, 3) | (401, 16) | (403, 7) | (503, 14)
                ),
                "{reason}"
            );
            for header in [
                ("content-type", "application/problem+json"),
                ("cache-control", "no-store"),
                ("www-authenticate", "Coin"),
            ] {
                assert!(reply.headers.contains(&header), "{reason}: {header:?}");
            }
        }
    }
}
