//! Why a request is turned away: one enum, with the code, status and words of each reason in one table.
//!
//! Codes are stable. They stand in problem types (`/problems/<code>`), in metric names (with `_` for `-`) and in what people's scripts match.
//! The words are fixed text: nothing that a client sent is ever repeated to it.

use std::fmt;

/// The reasons for which a request that should carry a coin is refused, in the order in which they are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// The gate could not do its work: a call to the proxy failed, or the clock is unreadable.
    GateUnavailable,
    /// The path has more than one spelling, and this is not the canonical one.
    PathNotCanonical,
    /// CONNECT, `Upgrade` or extended CONNECT, also where no coin is required.
    UpgradeRefused,
    /// A header whose name differs from the coin's, or from a verdict's, only by `_` for `-`.
    UnderscoreTwin,
    /// The coin header is there more than once.
    Duplicate,
    /// A coin outside its header.
    SecondCarrier,
    /// No coin header.
    Missing,
    /// A comma in the coin header.
    List,
    /// The coin header is not of the scheme `Coin`.
    WrongScheme,
    /// The token is longer than [`crate::TOKEN_BYTES_MAX`].
    TooLong,
    /// The token is not three parts in canonical form.
    Malformed,
    /// The payload is not the one spelling of a coin.
    PayloadMalformed,
    /// No key of this version.
    KeyUnknown,
    /// The key's version is below the minimum.
    KeyRetired,
    /// A coin of another campaign.
    WrongCampaign,
    /// The coin's time is over.
    Expired,
    /// The signature is not that key's over these bytes.
    BadSignature,
    /// The coin is not in the log of issued coins. Only the ledger can say this.
    NotIssued,
    /// The coin has voted already, otherwise. Only the ledger can say this.
    Spent,
}

/// What the outside sees of a refusal.
struct Words {
    code: &'static str,
    status: u16,
    title: &'static str,
    detail: &'static str,
}

impl Refusal {
    /// Every reason, in the order in which they are looked for.
    pub const ALL: [Refusal; 19] = [
        Refusal::GateUnavailable,
        Refusal::PathNotCanonical,
        Refusal::UpgradeRefused,
        Refusal::UnderscoreTwin,
        Refusal::Duplicate,
        Refusal::SecondCarrier,
        Refusal::Missing,
        Refusal::List,
        Refusal::WrongScheme,
        Refusal::TooLong,
        Refusal::Malformed,
        Refusal::PayloadMalformed,
        Refusal::KeyUnknown,
        Refusal::KeyRetired,
        Refusal::WrongCampaign,
        Refusal::Expired,
        Refusal::BadSignature,
        Refusal::NotIssued,
        Refusal::Spent,
    ];

    /// The stable code, such as `coin-expired`.
    pub fn code(self) -> &'static str {
        self.words().code
    }

    /// The HTTP status of the answer.
    pub fn status(self) -> u16 {
        self.words().status
    }

    /// What is wrong, in a few words.
    pub fn title(self) -> &'static str {
        self.words().title
    }

    /// What is wrong and what to do about it.
    pub fn detail(self) -> &'static str {
        self.words().detail
    }

    /// Whether this takes the ledger to say; all the others can be told from the request, the keys and the time.
    pub fn takes_the_ledger(self) -> bool {
        matches!(self, Refusal::NotIssued | Refusal::Spent)
    }

    fn words(self) -> Words {
        let (code, status, title, detail) = match self {
            Refusal::GateUnavailable => (
                "gate-unavailable",
                503,
                "The coin could not be checked",
                "The gate could not do its work, so it let nothing through. Send the request again in a moment.",
            ),
            Refusal::PathNotCanonical => (
                "path-not-canonical",
                400,
                "The path is not in canonical form",
                "Send the path without empty, dot or dot-dot segments, semicolons, backslashes or needless percent-encoding.",
            ),
            Refusal::UpgradeRefused => (
                "upgrade-refused",
                400,
                "A coin cannot open a tunnel",
                "CONNECT and protocol upgrades are refused. Send an ordinary request.",
            ),
            Refusal::UnderscoreTwin => (
                "coin-underscore-twin",
                400,
                "A header's name could be taken for the coin's",
                "A header differs from a coin header only by an underscore. Send each header under its own name.",
            ),
            Refusal::Duplicate => (
                "coin-duplicate",
                400,
                "More than one coin header",
                "Send exactly one coin, in exactly one header line.",
            ),
            Refusal::SecondCarrier => (
                "coin-second-carrier",
                400,
                "A coin in the wrong place",
                "A coin travels in its header only, never in the address, a cookie or another header. Treat the coin as shown to others.",
            ),
            Refusal::Missing => (
                "coin-missing",
                401,
                "A coin is required",
                "Send one coin in the header: Authorization: Coin <token>.",
            ),
            Refusal::List => (
                "coin-list",
                400,
                "More than one value in the coin header",
                "Send one coin, without a comma.",
            ),
            Refusal::WrongScheme => (
                "coin-wrong-scheme",
                401,
                "The header does not carry a coin",
                "Begin the header's value with \"Coin\", in this case, and one space: Authorization: Coin <token>.",
            ),
            Refusal::TooLong => (
                "coin-too-long",
                400,
                "The coin is too long",
                "A coin's token has at most 512 bytes.",
            ),
            Refusal::Malformed => (
                "coin-malformed",
                400,
                "This is not a coin's token",
                "A token is a payload, a key version and a signature with dots between them, in base64url without padding. Copy it whole.",
            ),
            Refusal::PayloadMalformed => (
                "coin-payload-malformed",
                400,
                "The coin does not say what a coin says",
                "The payload must be a version-1 coin in its one spelling. Use the token exactly as it was minted.",
            ),
            Refusal::KeyUnknown => (
                "coin-key-unknown",
                403,
                "The coin's key is not known here",
                "No public key of this version is known. If the key was rotated a moment ago, try again shortly.",
            ),
            Refusal::KeyRetired => (
                "coin-key-retired",
                403,
                "The coin's key is retired",
                "Coins of this key version no longer count. Ask for a new coin.",
            ),
            Refusal::WrongCampaign => (
                "coin-wrong-campaign",
                403,
                "The coin is for another campaign",
                "Spend the coin in the campaign that it names.",
            ),
            Refusal::Expired => (
                "coin-expired",
                403,
                "The coin has expired",
                "Coins count until the time they name. Ask for a new coin.",
            ),
            Refusal::BadSignature => (
                "coin-bad-signature",
                403,
                "The signature does not verify",
                "The coin was not signed by this campaign's key, or it was changed. Use the coin exactly as it was minted.",
            ),
            Refusal::NotIssued => (
                "coin-not-issued",
                403,
                "The coin is not in the log of issued coins",
                "The signature is good, but whoever issues this campaign's coins has not logged this one, so it does not count. Ask whoever gave it to you.",
            ),
            Refusal::Spent => (
                "coin-spent",
                409,
                "The coin has been spent",
                "This coin has voted already, for something else. A coin counts once.",
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

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

impl std::error::Error for Refusal {}
