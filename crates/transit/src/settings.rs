//! Where Vault is and who asks: the variables and the file that the `vault` command reads.

use std::env;
use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;

use service::Failure;

/// What the `vault` command takes when nothing is said.
const DEFAULT_ADDRESS: &str = "https://127.0.0.1:8200";

/// A token. It has no way to be shown.
pub struct Token(String);

impl Token {
    /// What else it may be is Vault's business; this is what fits into a header.
    pub fn parse(text: &str) -> Option<Token> {
        let is_one = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_one.then(|| Token(text.to_owned()))
    }

    /// For the request's header alone.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

/// How to reach Vault.
pub struct Settings {
    /// `http://HOST:PORT` or `https://HOST:PORT`, without a slash at its end.
    pub address: String,
    /// `None` when there is a Vault Agent or Proxy at the address that has one itself.
    pub token: Option<Token>,
    /// The namespace, where Vault has such.
    pub namespace: Option<String>,
    /// The file with the certificates of those who may vouch for Vault (PEM).
    pub ca_file: Option<PathBuf>,
}

impl Settings {
    /// From `VAULT_AGENT_ADDR` or else `VAULT_ADDR`, `VAULT_TOKEN` or else `~/.vault-token`, `VAULT_NAMESPACE` and `VAULT_CACERT`.
    ///
    /// # Errors
    ///
    /// When one of them cannot be used. No token is repeated.
    pub fn from_environment() -> Result<Settings, Failure> {
        let address = variable("VAULT_AGENT_ADDR")
            .or_else(|| variable("VAULT_ADDR"))
            .unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
        let address = address.trim_end_matches('/').to_owned();
        let is_https = address.starts_with("https://");
        if !is_https && !address.starts_with("http://") || address.contains('@') {
            return Err(Failure::Usage(
                "Vault's address is not of the form https://HOST:PORT: set VAULT_ADDR (or VAULT_AGENT_ADDR)".to_owned(),
            ));
        }
        let ca_file = variable("VAULT_CACERT").map(PathBuf::from);
        if is_https && ca_file.is_none() {
            return Err(Failure::Usage(format!(
                "Vault at {address} speaks TLS: name the file with its CA's certificate in VAULT_CACERT, so that the token goes to nobody else"
            )));
        }
        Ok(Settings {
            address,
            token: token()?,
            namespace: variable("VAULT_NAMESPACE"),
            ca_file,
        })
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn token() -> Result<Option<Token>, Failure> {
    let text = match variable("VAULT_TOKEN") {
        Some(text) => text,
        None => match token_file()? {
            Some(text) => text,
            None => return Ok(None),
        },
    };
    let token = Token::parse(text.trim()).ok_or_else(|| {
        Failure::Usage(
            "the Vault token (VAULT_TOKEN, or the file .vault-token in the home directory) is not one: it is empty, or has spaces or other such characters in it"
                .to_owned(),
        )
    })?;
    Ok(Some(token))
}

/// Where `vault login` keeps it.
fn token_file() -> Result<Option<String>, Failure> {
    let Some(home) = variable("HOME") else {
        return Ok(None);
    };
    let path = PathBuf::from(home).join(".vault-token");
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io("read the Vault token", &path, &error)),
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}
