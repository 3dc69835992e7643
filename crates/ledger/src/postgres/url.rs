//! Where a Postgres is, without ever showing its password.

use std::env;
use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, TargetSessionAttrs};

/// Data that stays unacknowledged for so long, or a peer that answers no probe for about as long, ends the connection. [`super::link`] has the deadlines for a
/// peer that is there and says nothing.
const PEER_TIMEOUT: Duration = Duration::from_secs(10);

/// The address of a ledger's database: `postgres://USER@HOST:PORT/DATABASE`. Its password is given apart, since everybody on a machine can read the arguments of
/// its programs; neither `Display` nor `Debug` shows it.
#[derive(Clone, Debug)]
pub struct PostgresUrl(Config);

impl PostgresUrl {
    /// The variable of the environment that names the file with the password.
    pub const PASSWORD_FILE: &str = "HASHICOIN_POSTGRES_PASSWORD_FILE";

    /// Whether this is meant to be such an address: a store can also be a file.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with("postgres://") || text.starts_with("postgresql://")
    }

    /// Reads an address.
    ///
    /// # Errors
    ///
    /// A sentence that says what an address looks like, or that a password does not belong there. It does not repeat the text.
    pub fn parse(text: &str) -> Result<PostgresUrl, String> {
        let form = || "give the database's address as postgres://USER@HOST:PORT/DATABASE".to_owned();
        if !PostgresUrl::is_meant(text) {
            return Err(form());
        }
        let mut config = Config::from_str(text).map_err(|_| form())?;
        if config.get_password().is_some() {
            return Err(format!(
                "an address with a password ends up where everybody can read it: leave the password out, and put it into a file that {} names, or into PGPASSWORD",
                PostgresUrl::PASSWORD_FILE
            ));
        }
        if config.get_user().is_none() || config.get_dbname().is_none() || config.get_hosts().len() != 1 {
            return Err(form());
        }
        config
            .application_name("hashicoin-ledger")
            // A standby answers too, with yesterday's votes.
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .connect_timeout(PEER_TIMEOUT)
            .tcp_user_timeout(PEER_TIMEOUT)
            .keepalives(true)
            .keepalives_idle(PEER_TIMEOUT / 2)
            .keepalives_interval(PEER_TIMEOUT / 10)
            .keepalives_retries(5);
        Ok(PostgresUrl(config))
    }

    /// The same address, with the password.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> PostgresUrl {
        self.0.password(password);
        self
    }

    /// The same address, with the password that is the first line of a file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or its first line is empty.
    pub fn with_password_file(self, path: &Path) -> Result<PostgresUrl, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("could not read {}: {error}", path.display()))?;
        match text.lines().next() {
            None | Some("") => Err(format!("{} has no password in its first line", path.display())),
            Some(password) => Ok(self.with_password(password)),
        }
    }

    /// The same address, with the password in the file that the variable [`PostgresUrl::PASSWORD_FILE`] names, else the one in `PGPASSWORD`, else none.
    ///
    /// # Errors
    ///
    /// When the file has none.
    pub fn with_password_from_environment(self) -> Result<PostgresUrl, String> {
        match (env::var_os(PostgresUrl::PASSWORD_FILE), env::var("PGPASSWORD")) {
            (Some(path), _) => self.with_password_file(Path::new(&path)),
            (None, Ok(password)) => Ok(self.with_password(&password)),
            (None, Err(_)) => Ok(self),
        }
    }

    pub(super) fn config(&self) -> &Config {
        &self.0
    }

    pub(super) fn user(&self) -> &str {
        self.0.get_user().unwrap_or_default()
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "postgres://{}@", self.user())?;
        match self.0.get_hosts().first() {
            Some(Host::Tcp(host)) => formatter.write_str(host)?,
            Some(Host::Unix(path)) => write!(formatter, "{}", path.display())?,
            None => {}
        }
        let port = self.0.get_ports().first().copied().unwrap_or(5432);
        write!(formatter, ":{port}/{}", self.0.get_dbname().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::PostgresUrl;

    #[test]
    fn an_address_is_shown_without_what_is_secret() {
        let url = PostgresUrl::parse("postgresql://writer@db.example:6432/hashicoin?sslmode=disable").unwrap();
        let url = url.with_password("hush");
        assert_eq!(url.to_string(), "postgres://writer@db.example:6432/hashicoin");
        assert!(!format!("{url:?}").contains("hush"), "{url:?}");
        let url = PostgresUrl::parse("postgres://writer@localhost/hashicoin").unwrap();
        assert_eq!(url.to_string(), "postgres://writer@localhost:5432/hashicoin");
    }

    #[test]
    fn what_is_no_address_or_shows_a_password_is_refused_without_being_repeated() {
        for (text, said) in [
            ("ledger.sqlite", "postgres://USER@HOST"),
            ("host=localhost user=hush dbname=a", "postgres://USER@HOST"),
            ("postgres://hush@localhost", "postgres://USER@HOST"),
            ("postgres://localhost/hush", "postgres://USER@HOST"),
            ("postgres://a@h1,h2/hush", "postgres://USER@HOST"),
            ("postgres://a@localhost:hush/a", "postgres://USER@HOST"),
            ("postgres://a@localhost/a?hush=1", "postgres://USER@HOST"),
            ("postgres://a:hush@localhost/a", "PGPASSWORD"),
            ("postgres://a@localhost/a?password=hush", "PGPASSWORD"),
        ] {
            let error = PostgresUrl::parse(text).unwrap_err();
            assert!(error.contains(said) && !error.contains("hush"), "{text}: {error}");
        }
    }

    #[test]
    fn a_password_comes_from_the_first_line_of_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        let url = PostgresUrl::parse("postgres://a@localhost/a").unwrap();
        let with = || url.clone().with_password_file(&path);
        assert!(with().unwrap_err().starts_with("could not read"));
        for empty in ["", "\nhush"] {
            std::fs::write(&path, empty).unwrap();
            assert!(with().unwrap_err().contains("has no password in its first line"));
        }
        std::fs::write(&path, "hush\nnotes").unwrap();
        assert_eq!(with().unwrap().config().get_password(), Some(&b"hush"[..]));
    }
}
