//! What a log says about itself, `log.json`: whose keys sign it, whose keys sign its coins, and what the votes in it are about.
//!
//! ```text
//! {"origin":"hashicoin/<campaign>", "verifier_keys":[…], "witness_policy":"…" or null, "coin_keys":{…}, "campaign":{…}}
//! ```
//!
//! The campaign says whether there is a log of the coins that were issued besides, signed with the same keys. Nobody signs this file: who does not trust its publisher takes keys and policy from elsewhere.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::unique_keys::UniqueKeys;
use crate::{CampaignFile, CampaignFileError};

/// What a log says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogInfo {
    /// What the votes are about. The log's name follows from it, see [`LogInfo::origin`].
    pub campaign: CampaignFile,
    /// The log's keys (c2sp.org/signed-note), as text: they are taken apart by whoever checks signatures. At least one.
    pub verifier_keys: Vec<String>,
    /// Which witnesses have to sign checkpoints besides (c2sp.org/tlog-policy), as text.
    pub witness_policy: Option<String>,
    /// The public keys of the coins, as Vault writes them; `coin::Keyring` reads them.
    pub coin_keys: Value,
}

/// Why a text is no `log.json`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogInfoError {
    /// Not JSON, or not these keys with these kinds of value.
    #[error("not the JSON of a log.json: {0}")]
    Form(String),
    /// A log without a key that signs it.
    #[error("verifier_keys is empty: a log has at least one key")]
    NoKey,
    /// The campaign is none.
    #[error("campaign: {0}")]
    Campaign(#[from] CampaignFileError),
    /// A log that does not have the name that its campaign gives it.
    #[error("an origin is {found:?}, and that of this campaign is {wanted:?}")]
    Origin {
        /// The name that follows from the campaign.
        wanted: String,
        /// The name that stands there.
        found: String,
    },
}

/// The file as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    origin: String,
    verifier_keys: Vec<String>,
    witness_policy: Option<String>,
    coin_keys: Value,
    campaign: Value,
}

impl LogInfo {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// [`LogInfoError`]. A key that is not known, or stands twice, is refused.
    pub fn parse(text: &[u8]) -> Result<LogInfo, LogInfoError> {
        let form = |error: serde_json::Error| LogInfoError::Form(error.to_string());
        let UniqueKeys = serde_json::from_slice(text).map_err(form)?;
        let written: Written = serde_json::from_slice(text).map_err(form)?;
        if written.verifier_keys.is_empty() {
            return Err(LogInfoError::NoKey);
        }
        let info = LogInfo {
            campaign: CampaignFile::parse(written.campaign.to_string().as_bytes())?,
            verifier_keys: written.verifier_keys,
            witness_policy: written.witness_policy,
            coin_keys: written.coin_keys,
        };
        let (wanted, found) = (info.origin(), written.origin);
        if found != wanted {
            return Err(LogInfoError::Origin { wanted, found });
        }
        Ok(info)
    }

    /// The file's JSON.
    pub fn to_json(&self) -> Value {
        serde_json::json!({
            "origin": self.origin(),
            "verifier_keys": self.verifier_keys,
            "witness_policy": self.witness_policy,
            "coin_keys": self.coin_keys,
            "campaign": self.campaign.to_json(),
        })
    }

    /// The log's name, see [`CampaignFile::log_origin`].
    pub fn origin(&self) -> String {
        self.campaign.log_origin()
    }
}

impl CampaignFile {
    /// The name of the campaign's log, under which it signs: `hashicoin/<campaign>`.
    pub fn log_origin(&self) -> String {
        format!("hashicoin/{}", self.campaign())
    }

    /// The name of the log of the coins that were issued, if there is one: `hashicoin/<campaign>/issued`.
    pub fn issued_origin(&self) -> Option<String> {
        self.has_issuance_log().then(|| format!("{}/issued", self.log_origin()))
    }
}

#[cfg(test)]
mod tests {
    use super::{LogInfo, LogInfoError};
    use serde_json::{Value, json};

    fn good() -> Value {
        json!({
            "origin": "hashicoin/c",
            "verifier_keys": ["hashicoin/c+00000000+AQ=="],
            "witness_policy": null,
            "coin_keys": {"keys": {}},
            "campaign": {
                "campaign": "c",
                "donation": {"currency": "USD", "minor_units": 100},
                "charities": [{"id": "a", "name": "A", "about": "A."}],
            },
        })
    }

    fn parse(json: &Value) -> Result<LogInfo, LogInfoError> {
        LogInfo::parse(json.to_string().as_bytes())
    }

    #[test]
    fn what_is_read_is_written_the_same() {
        let with_policy = json!("log hashicoin/c+00000000+AQ==\nquorum none\n");
        for witness_policy in [with_policy, json!(null)] {
            let mut json = good();
            json["witness_policy"] = witness_policy;
            let info = parse(&json).unwrap();
            assert_eq!(info.to_json(), json);
            assert_eq!(info.origin(), "hashicoin/c");
            assert_eq!(info.campaign.issued_origin(), None);
            json["campaign"]["issuance_log"] = json!(true);
            let info = parse(&json).unwrap();
            assert_eq!(info.to_json(), json);
            assert_eq!(info.campaign.issued_origin().as_deref(), Some("hashicoin/c/issued"));
        }
    }

    #[test]
    fn what_is_no_log_json_is_refused_with_its_reason() {
        let with = |pointer: &str, value: Value| {
            let mut json = good();
            *json.pointer_mut(pointer).unwrap() = value;
            parse(&json).unwrap_err().to_string()
        };
        let mut more = good();
        more["keys"] = json!([]);
        for (found, wanted) in [
            (parse(&more).unwrap_err().to_string(), "unknown field `keys`"),
            (parse(&json!({})).unwrap_err().to_string(), "missing field `origin`"),
            (
                with("/origin", json!("hashicoin/d")),
                "\"hashicoin/d\", and that of this campaign is \"hashicoin/c\"",
            ),
            (with("/verifier_keys", json!([])), "verifier_keys is empty"),
            (with("/verifier_keys", json!([1])), "invalid type"),
            (with("/witness_policy", json!(1)), "invalid type"),
            (
                with("/campaign/charities", json!([])),
                "campaign: charities must be a list",
            ),
        ] {
            assert!(found.contains(wanted), "{found}");
        }
        let twice = good().to_string().replacen('{', r#"{"origin":"hashicoin/d","#, 1);
        let error = LogInfo::parse(twice.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("the key \"origin\" stands twice"), "{error}");
    }
}
