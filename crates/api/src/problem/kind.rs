//! The problems that are the API's own, in one table. Those of the coin are [`coin::Refusal`]'s.

use axum::http::StatusCode;

/// A problem of the API itself. Codes are stable: scripts match them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The body of a vote is not what a vote's body is.
    VoteMalformed,
    /// A vote for a charity that the campaign does not have.
    VoteUnknownCharity,
    /// No vote with this id.
    VoteUnknown,
    /// The vote is counted, and no checkpoint covers it yet.
    ReceiptPending,
    /// No usable `Idempotency-Key`.
    IdempotencyKeyMissing,
    /// No coin is left to hand out.
    PoolEmpty,
    /// Coins were handed out faster than the quota allows.
    QuotaExceeded,
    /// This server hands out no coins.
    CoinsSwitchedOff,
    /// Nothing is at this address.
    NotFound,
    /// Something is at this address, but not for this method.
    MethodNotAllowed,
    /// The body took too long to arrive.
    RequestTimeout,
    /// The body is too long.
    BodyTooLarge,
    /// The body is of another type than JSON.
    UnsupportedMediaType,
    /// Too much is going on.
    Busy,
    /// A part that the answer needs is away.
    Unavailable,
    /// The vote was taken, and what came of it is not known yet.
    OutcomeUnknown,
    /// Something failed that should not.
    InternalError,
}

/// What the outside sees of a problem.
pub struct Words {
    /// The stable code.
    pub code: &'static str,
    /// The status of the answer.
    pub status: StatusCode,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// What is wrong and what to do about it.
    pub detail: &'static str,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 17] = [
        Kind::VoteMalformed,
        Kind::VoteUnknownCharity,
        Kind::VoteUnknown,
        Kind::ReceiptPending,
        Kind::IdempotencyKeyMissing,
        Kind::PoolEmpty,
        Kind::QuotaExceeded,
        Kind::CoinsSwitchedOff,
        Kind::NotFound,
        Kind::MethodNotAllowed,
        Kind::RequestTimeout,
        Kind::BodyTooLarge,
        Kind::UnsupportedMediaType,
        Kind::Busy,
        Kind::Unavailable,
        Kind::OutcomeUnknown,
        Kind::InternalError,
    ];

    /// What the outside sees of it.
    pub fn words(self) -> Words {
        let (code, status, title, detail) = match self {
            Kind::VoteMalformed => (
                "vote-malformed",
                StatusCode::BAD_REQUEST,
                "The body is not a vote",
                "Send {\"weights\": {\"<charity id>\": <whole number from 1 to 1000000>, …}}, each charity once and nothing else. The coin is not spent.",
            ),
            Kind::VoteUnknownCharity => (
                "vote-unknown-charity",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The campaign does not have this charity",
                "Vote for charities that GET /v1/charities lists, by their id. The coin is not spent.",
            ),
            Kind::VoteUnknown => (
                "vote-unknown",
                StatusCode::NOT_FOUND,
                "There is no such vote",
                "No vote with this id was counted. Take the address from the Location header of the answer to the vote.",
            ),
            Kind::ReceiptPending => (
                "receipt-pending",
                StatusCode::SERVICE_UNAVAILABLE,
                "There is no receipt yet",
                "The vote is counted, and the log has not been signed since. Ask again after the seconds that Retry-After names.",
            ),
            Kind::IdempotencyKeyMissing => (
                "idempotency-key-missing",
                StatusCode::BAD_REQUEST,
                "An idempotency key is required",
                "Send one header Idempotency-Key with 16 to 64 random characters of A-Z, a-z, 0-9, - and _. The same key gets the same coin again.",
            ),
            Kind::PoolEmpty => (
                "pool-empty",
                StatusCode::SERVICE_UNAVAILABLE,
                "No coin is left",
                "All coins have been handed out. Ask again when more have been minted.",
            ),
            Kind::QuotaExceeded => (
                "quota-exceeded",
                StatusCode::TOO_MANY_REQUESTS,
                "Coins are handed out more slowly than this",
                "Ask again, with the same Idempotency-Key, after the seconds that Retry-After names.",
            ),
            Kind::CoinsSwitchedOff => (
                "coins-switched-off",
                StatusCode::FORBIDDEN,
                "This server hands out no coins",
                "Use a coin that you were given otherwise.",
            ),
            Kind::NotFound => (
                "not-found",
                StatusCode::NOT_FOUND,
                "Nothing is here",
                "There is nothing at this address. Check the path.",
            ),
            Kind::MethodNotAllowed => (
                "method-not-allowed",
                StatusCode::METHOD_NOT_ALLOWED,
                "Not with this method",
                "The Allow header lists the methods that this address takes.",
            ),
            Kind::RequestTimeout => (
                "request-timeout",
                StatusCode::REQUEST_TIMEOUT,
                "The request took too long to arrive",
                "The body did not arrive in time, and nothing was done. Send the request again.",
            ),
            Kind::BodyTooLarge => (
                "body-too-large",
                StatusCode::PAYLOAD_TOO_LARGE,
                "The body is too long",
                "A body has at most 16384 bytes.",
            ),
            Kind::UnsupportedMediaType => (
                "unsupported-media-type",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "The body must be JSON",
                "Send the body as it is, without Content-Encoding, and the header Content-Type: application/json, without parameters.",
            ),
            Kind::Busy => (
                "busy",
                StatusCode::SERVICE_UNAVAILABLE,
                "Too much is going on",
                "Nothing was done. Send the request again after the seconds that Retry-After names.",
            ),
            Kind::Unavailable => (
                "unavailable",
                StatusCode::SERVICE_UNAVAILABLE,
                "A part of this service is away",
                "Nothing was done. Send the request again after the seconds that Retry-After names.",
            ),
            Kind::OutcomeUnknown => (
                "outcome-unknown",
                StatusCode::SERVICE_UNAVAILABLE,
                "The outcome is not known yet",
                "The vote may have been counted or not. Send the same request again: nothing is counted twice, and the answer will be the first one's.",
            ),
            Kind::InternalError => (
                "internal-error",
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something failed on this side",
                "The server's log says what. Sending the same request again is safe.",
            ),
        };
        Words {
            code,
            status,
            title,
            detail,
        }
    }
}
