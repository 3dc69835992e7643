//! Where Redis is, without ever showing its password.
//!
//! Everybody on a machine can read the arguments of its programs, so a password comes by the environment alone.

use std::env;
use std::fmt;

use crate::Failure;

/// The schemes that are spoken. TLS is the sidecar's.
const SCHEMES: [&str; 2] = ["redis://", "redis+unix://"];

/// The address of a Redis: `redis://HOST:PORT[/DB]` or `redis+unix:///PATH`, from the environment also with `USER:PASSWORD@` in it.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(String);

impl RedisUrl {
    /// The variable of the environment that an address with a password comes by.
    pub const VARIABLE: &str = "HASHICOIN_REDIS_URL";

    /// Reads an address that is an argument.
    ///
    /// # Errors
    ///
    /// A sentence that says what an address looks like, or that a password does not belong there. It does not repeat the text.
    pub fn from_argument(text: &str) -> Result<RedisUrl, String> {
        let url = RedisUrl::parse(text)?;
        if url.has_secret() {
            return Err(format!(
                "everybody on this machine can read a password that is an argument: put the address into the variable {}",
                RedisUrl::VARIABLE
            ));
        }
        Ok(url)
    }

    /// The address that was given as an argument, else the one in the environment.
    ///
    /// # Errors
    ///
    /// When there is neither, or the one in the environment is none.
    pub fn or_from_environment(given: Option<&RedisUrl>) -> Result<RedisUrl, Failure> {
        if let Some(url) = given {
            return Ok(url.clone());
        }
        let variable = RedisUrl::VARIABLE;
        let text = env::var(variable).map_err(|_| {
            Failure::Usage(format!(
                "no Redis to go to: give its address, or put it into the variable {variable}"
            ))
        })?;
        RedisUrl::parse(&text).map_err(|error| Failure::Usage(format!("{variable}: {error}")))
    }

    /// The whole address. May hold a password: for the client library alone.
    pub fn secret(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Result<RedisUrl, String> {
        if SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
            Ok(RedisUrl(text.to_owned()))
        } else {
            Err("give Redis' address as redis://HOST:PORT or redis+unix:///PATH".to_owned())
        }
    }

    /// A Unix socket's password stands in the query, any other's before an `@`.
    fn has_secret(&self) -> bool {
        self.0.contains('@') || self.0.contains('?')
    }
}

impl fmt::Display for RedisUrl {
    /// The address without what may be secret in it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("redis", ""));
        let place = rest.rsplit('@').next().unwrap_or_default();
        let place = place.split('?').next().unwrap_or_default();
        write!(formatter, "{scheme}://{place}")
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RedisUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::RedisUrl;

    #[test]
    fn a_password_is_no_argument_and_is_never_shown() {
        for good in [
            "redis://127.0.0.1:6379",
            "redis://redis/1",
            "redis+unix:///run/redis.sock",
        ] {
            assert_eq!(RedisUrl::from_argument(good).unwrap().to_string(), good);
        }
        for (secret, shown) in [
            ("redis://:hunter2@127.0.0.1:6379", "redis://127.0.0.1:6379"),
            ("redis://me:hunter2@h%40x@redis:1/2", "redis://redis:1/2"),
            (
                "redis+unix:///run/redis.sock?pass=hunter2",
                "redis+unix:///run/redis.sock",
            ),
        ] {
            let refused = RedisUrl::from_argument(secret).unwrap_err();
            assert!(!refused.contains("hunter2"), "{refused}");
            let url = RedisUrl::parse(secret).unwrap();
            assert_eq!((url.secret(), url.to_string().as_str()), (secret, shown));
            assert_eq!(format!("{url:?}"), format!("RedisUrl({shown})"));
        }
        for bad in ["", "127.0.0.1:6379", "http://127.0.0.1", "rediss://127.0.0.1"] {
            assert!(RedisUrl::from_argument(bad).is_err(), "{bad:?}");
        }
    }
}
