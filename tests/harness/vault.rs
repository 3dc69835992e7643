//! The real Vault of [`servers`], and requests to it of whoever has a token.

use std::ops::Deref;

use serde_json::Value;
pub use servers::vault::ROOT;

use super::http::{self, Response};

/// A running Vault.
pub struct Vault(servers::Vault);

impl Vault {
    /// Set up, with an audit log.
    pub fn start() -> Vault {
        Vault(servers::Vault::start())
    }

    /// As it comes, with nothing of ours in it.
    pub fn start_bare() -> Vault {
        Vault(servers::Vault::start_bare())
    }

    /// Set up, and speaking TLS with a certificate of its own CA.
    pub fn start_with_tls() -> Vault {
        Vault(servers::Vault::start_with_tls())
    }

    /// A request of whoever has this token.
    pub fn request(&self, token: &str, method: &str, path: &str, body: &Value) -> Response {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let path = format!("/v1/{path}");
        http::exchange(
            self.address,
            &http::request(method, &path, &[("x-vault-token", token)], &body),
        )
    }
}

impl Deref for Vault {
    type Target = servers::Vault;

    fn deref(&self) -> &servers::Vault {
        &self.0
    }
}
