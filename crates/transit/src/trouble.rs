//! What Vault's refusals mean: which of them pass, and what a person can do about the others.

use std::time::Duration;

use service::Failure;

/// Why a request was not answered as it should have been.
pub enum Trouble {
    /// It may pass: worth asking again.
    Passing {
        /// What is wrong, as the rest of a sentence that begins with Vault.
        what: String,
        /// How long Vault asked to be left alone.
        wait: Option<Duration>,
    },
    /// Asking again changes nothing.
    Final(Failure),
}

/// Judges a status other than 200. `said` is what Vault wrote, on one line; `place` names Vault and the path; `role` is whose token is wanted.
pub fn of_status(status: u16, said: &str, place: &str, role: &str, retry_after_s: Option<u64>) -> Trouble {
    let refused = |advice: &str| Trouble::Final(Failure::Refused(format!("{place}: {status} {said}: {advice}")));
    let passing = |what: &str| Trouble::Passing {
        what: format!("{what} ({status} {said})"),
        wait: retry_after_s.map(Duration::from_secs),
    };
    match status {
        429 => passing("is over its rate limit"),
        503 => passing("is sealed or not ready"),
        412 | 472 | 473 => passing("is a standby that lags behind"),
        500..=599 => passing("failed"),
        400 => refused(
            "the key does not sign this: is it an ed25519 key that is not derived, and there at all? (`vault read transit/keys/NAME`)",
        ),
        403 => refused(&format!(
            "the token has expired, was revoked, or has no policy for this: get a new one (`vault token create -role={role}`), and put it into VAULT_TOKEN",
        )),
        404 => refused(
            "there is no such key or mount: run vault/setup.sh, or look at the names of both and at VAULT_NAMESPACE",
        ),
        300..=399 => refused("this Vault sends on to another: give the active one's address in VAULT_ADDR"),
        _ => refused("Vault does not do this: is VAULT_ADDR the address of a Vault?"),
    }
}

/// Judges an attempt that got no answer.
pub fn of_error(error: &ureq::Error, place: &str) -> Trouble {
    match error {
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
            untrusted(error, place)
        }
        // What a failed handshake comes as.
        ureq::Error::Io(io) if io.kind() == std::io::ErrorKind::InvalidData => untrusted(error, place),
        _ => Trouble::Passing {
            what: format!("does not answer ({error})"),
            wait: None,
        },
    }
}

fn untrusted(error: &ureq::Error, place: &str) -> Trouble {
    Trouble::Final(Failure::Refused(format!(
        "{place}: {error}: check VAULT_ADDR, and that VAULT_CACERT is the certificate of Vault's own CA"
    )))
}
