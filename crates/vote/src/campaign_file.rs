//! The campaign file: which campaign, what is donated, who may be voted for.
//!
//! It is read whole or refused with every mistake at once, and past [`CampaignFile::parse`] nothing can hold a bad value. A key that is
//! not known is refused: a misspelt one must not mean its default.

use std::fmt;
use std::sync::Arc;

use coin::Campaign;
use serde_json::{Map, Value, json};

use crate::unique_keys::UniqueKeys;

/// The most charities that a campaign has.
pub const CHARITIES_MAX: usize = 64;
/// The longest id of a charity, in bytes.
const ID_BYTES_MAX: usize = 32;
/// The longest name of a charity, in characters.
const NAME_CHARS_MAX: usize = 80;
/// The longest sentence about a charity, in characters.
const ABOUT_CHARS_MAX: usize = 400;
/// The largest donation, in minor units: the largest whole number that every JSON reader keeps exact (2^53 - 1).
const MINOR_UNITS_MAX: u64 = (1 << 53) - 1;

/// A campaign as its file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignFile {
    campaign: Campaign,
    donation: Donation,
    charities: Charities,
    has_issuance_log: bool,
}

/// What is donated, all charities together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Donation {
    /// ISO 4217: three upper-case letters.
    pub currency: String,
    /// The amount in the currency's minor unit (cents for USD); at least 1.
    pub minor_units: u64,
}

/// One charity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charity {
    /// A slug: 1 to 32 bytes of `[a-z0-9-]`, unique in the campaign.
    pub id: String,
    /// What people read, one line.
    pub name: String,
    /// One sentence about it, one line.
    pub about: String,
}

/// The charities in the campaign's order, which decides ties and is the order of every answer. Never empty; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charities(Arc<[Charity]>);

/// Everything that is wrong with a campaign file, one sentence each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignFileError(Vec<String>);

impl CampaignFileError {
    /// The mistakes, in the order in which they were looked for.
    pub fn mistakes(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for CampaignFileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for CampaignFileError {}

impl CampaignFile {
    /// Reads a campaign file from its text.
    ///
    /// # Errors
    ///
    /// [`CampaignFileError`] with every mistake: not JSON, a key that is missing, unknown, repeated or of the wrong kind, a value outside its range, a charity's id
    /// used twice.
    pub fn parse(text: &[u8]) -> Result<CampaignFile, CampaignFileError> {
        let one = |error: serde_json::Error| CampaignFileError(vec![format!("not JSON that means one thing: {error}")]);
        let UniqueKeys = serde_json::from_slice(text).map_err(one)?;
        let value: Value = serde_json::from_slice(text).map_err(one)?;
        let mut mistakes = Vec::new();
        let read = read_file(&value, &mut mistakes);
        match read {
            Some(file) if mistakes.is_empty() => Ok(file),
            _ => Err(CampaignFileError(mistakes)),
        }
    }

    /// The file's JSON, which reads back as the same campaign.
    pub fn to_json(&self) -> Value {
        let charity = |charity: &Charity| json!({"id": charity.id, "name": charity.name, "about": charity.about});
        let mut file = json!({
            "campaign": self.campaign.as_str(),
            "donation": {"currency": self.donation.currency, "minor_units": self.donation.minor_units},
            "charities": self.charities.iter().map(charity).collect::<Vec<_>>(),
        });
        if self.has_issuance_log {
            file["issuance_log"] = json!(true);
        }
        file
    }

    /// The campaign whose coins count.
    pub fn campaign(&self) -> &Campaign {
        &self.campaign
    }

    /// What is donated.
    pub fn donation(&self) -> &Donation {
        &self.donation
    }

    /// The charities, in order.
    pub fn charities(&self) -> &Charities {
        &self.charities
    }

    /// Whether the coins that are issued stand in a public log of their own, and no other coin counts.
    pub fn has_issuance_log(&self) -> bool {
        self.has_issuance_log
    }
}

impl Charities {
    /// The charities, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Charity> {
        self.0.iter()
    }

    /// How many there are; at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a campaign without charities does not parse")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a charity has this id.
    pub fn contains(&self, id: &str) -> bool {
        self.iter().any(|charity| charity.id == id)
    }
}

// Each reader notes its mistakes and goes on, so that one reading finds them all; its value is used only if there were none.

fn read_file(value: &Value, mistakes: &mut Vec<String>) -> Option<CampaignFile> {
    let keys = ["campaign", "donation", "charities"];
    let object = read_object(value, "the file", &keys, &["issuance_log"], mistakes)?;
    let campaign = read_with(object, "campaign", "", "1 to 32 of a-z, 0-9 and -", mistakes, |value| {
        Campaign::parse(value.as_str()?)
    });
    let donation = object.get("donation").and_then(|value| read_donation(value, mistakes));
    let charities = object
        .get("charities")
        .and_then(|value| read_charities(value, mistakes));
    let has_issuance_log = match object.contains_key("issuance_log") {
        true => read_with(object, "issuance_log", "", "true or false", mistakes, Value::as_bool),
        false => Some(false),
    };
    Some(CampaignFile {
        campaign: campaign?,
        donation: donation?,
        charities: charities?,
        has_issuance_log: has_issuance_log?,
    })
}

fn read_donation(value: &Value, mistakes: &mut Vec<String>) -> Option<Donation> {
    let object = read_object(value, "donation", &["currency", "minor_units"], &[], mistakes)?;
    let currency = read_with(
        object,
        "currency",
        "donation.",
        "three letters A-Z (ISO 4217)",
        mistakes,
        |value| {
            let text = value.as_str()?;
            let code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
            code.then(|| text.to_owned())
        },
    );
    let range = format!("a whole number from 1 to {MINOR_UNITS_MAX}");
    let minor_units = read_with(object, "minor_units", "donation.", &range, mistakes, |value| {
        value.as_u64().filter(|amount| (1..=MINOR_UNITS_MAX).contains(amount))
    });
    Some(Donation {
        currency: currency?,
        minor_units: minor_units?,
    })
}

fn read_charities(value: &Value, mistakes: &mut Vec<String>) -> Option<Charities> {
    let Some(entries) = value
        .as_array()
        .filter(|entries| (1..=CHARITIES_MAX).contains(&entries.len()))
    else {
        mistakes.push(format!("charities must be a list of 1 to {CHARITIES_MAX}"));
        return None;
    };
    let charities: Vec<Option<Charity>> = entries
        .iter()
        .enumerate()
        .map(|(position, entry)| read_charity(entry, position, mistakes))
        .collect();
    let charities = charities.into_iter().collect::<Option<Vec<_>>>()?;
    for (position, charity) in charities.iter().enumerate() {
        if let Some(first) = charities
            .iter()
            .take(position)
            .position(|earlier| earlier.id == charity.id)
        {
            mistakes.push(format!(
                "charities[{position}].id is that of charities[{first}]; each needs its own"
            ));
        }
    }
    Some(Charities(charities.into()))
}

fn read_charity(value: &Value, position: usize, mistakes: &mut Vec<String>) -> Option<Charity> {
    let object = read_object(
        value,
        &format!("charities[{position}]"),
        &["id", "name", "about"],
        &[],
        mistakes,
    )?;
    let at = format!("charities[{position}].");
    let slug = format!("1 to {ID_BYTES_MAX} of a-z, 0-9 and -");
    let id = read_with(object, "id", &at, &slug, mistakes, |value| {
        let text = value.as_str()?;
        let sized = (1..=ID_BYTES_MAX).contains(&text.len());
        let slug = text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        (sized && slug).then(|| text.to_owned())
    });
    let name = read_line(object, "name", &at, NAME_CHARS_MAX, mistakes);
    let about = read_line(object, "about", &at, ABOUT_CHARS_MAX, mistakes);
    Some(Charity {
        id: id?,
        name: name?,
        about: about?,
    })
}

/// Reads one line of text for people.
fn read_line(
    object: &Map<String, Value>,
    key: &str,
    at: &str,
    chars_max: usize,
    mistakes: &mut Vec<String>,
) -> Option<String> {
    let rule = format!("one line of 1 to {chars_max} characters, without spaces around it");
    read_with(object, key, at, &rule, mistakes, |value| {
        let text = value.as_str()?;
        let sized = (1..=chars_max).contains(&text.chars().count());
        let line = text.trim() == text && !text.chars().any(char::is_control);
        (sized && line).then(|| text.to_owned())
    })
}

/// Takes an object with all of these keys, and perhaps the others; `None` only if it is no object.
fn read_object<'a>(
    value: &'a Value,
    what: &str,
    keys: &[&str],
    others: &[&str],
    mistakes: &mut Vec<String>,
) -> Option<&'a Map<String, Value>> {
    let Some(object) = value.as_object() else {
        mistakes.push(format!("{what} must be an object with {}", keys.join(", ")));
        return None;
    };
    for key in keys.iter().filter(|key| !object.contains_key(**key)) {
        mistakes.push(format!("{what} has no \"{key}\""));
    }
    let known = [keys, others].concat();
    for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
        mistakes.push(format!(
            "{what} has an unknown key {key:?}; known are {}",
            known.join(", ")
        ));
    }
    Some(object)
}

/// Reads one value by its rule. That it is missing was noted by [`read_object`].
fn read_with<T>(
    object: &Map<String, Value>,
    key: &str,
    at: &str,
    rule: &str,
    mistakes: &mut Vec<String>,
    read: impl FnOnce(&Value) -> Option<T>,
) -> Option<T> {
    let result = read(object.get(key)?);
    if result.is_none() {
        mistakes.push(format!("{at}{key} must be {rule}"));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::{CHARITIES_MAX, CampaignFile};
    use serde_json::{Value, json};

    fn good() -> Value {
        json!({
            "campaign": "c",
            "donation": {"currency": "USD", "minor_units": 100},
            "charities": [{"id": "a", "name": "A", "about": "A."}, {"id": "b", "name": "B", "about": "B."}],
        })
    }

    fn mistakes(file: &Value) -> Vec<String> {
        CampaignFile::parse(file.to_string().as_bytes())
            .unwrap_err()
            .mistakes()
            .to_vec()
    }

    #[test]
    fn the_shipped_example_is_a_campaign() {
        let file = CampaignFile::parse(include_bytes!("../../../examples/campaign.json")).unwrap();
        assert_eq!(file.campaign().as_str(), "hashiconf-2020");
        assert_eq!(file.donation().minor_units, 10_000_000);
        assert!((4..=6).contains(&file.charities().len()));
        assert!(file.charities().contains("clean-water"));
        assert_eq!(CampaignFile::parse(file.to_json().to_string().as_bytes()), Ok(file));
    }

    #[test]
    fn coins_are_logged_if_the_file_says_so() {
        for (value, is_logged) in [(None, false), (Some(false), false), (Some(true), true)] {
            let mut written = good();
            if let Some(value) = value {
                written["issuance_log"] = json!(value);
            }
            let file = CampaignFile::parse(written.to_string().as_bytes()).unwrap();
            assert_eq!(file.has_issuance_log(), is_logged);
            assert_eq!(CampaignFile::parse(file.to_json().to_string().as_bytes()), Ok(file));
        }
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let file = json!({
            "campain": "c",
            "donation": {"currency": "usd", "minor_units": 0, "minor_unit": 5},
            "charities": [{"id": "A", "name": " A", "about": "two\nlines"}, {"id": "b", "about": ""}, 7],
        });
        assert_eq!(
            mistakes(&file),
            [
                "the file has no \"campaign\"",
                "the file has an unknown key \"campain\"; known are campaign, donation, charities, issuance_log",
                "donation has an unknown key \"minor_unit\"; known are currency, minor_units",
                "donation.currency must be three letters A-Z (ISO 4217)",
                "donation.minor_units must be a whole number from 1 to 9007199254740991",
                "charities[0].id must be 1 to 32 of a-z, 0-9 and -",
                "charities[0].name must be one line of 1 to 80 characters, without spaces around it",
                "charities[0].about must be one line of 1 to 400 characters, without spaces around it",
                "charities[1] has no \"name\"",
                "charities[1].about must be one line of 1 to 400 characters, without spaces around it",
                "charities[2] must be an object with id, name, about",
            ]
        );
    }

    #[test]
    fn each_bad_value_is_refused_alone() {
        assert!(CampaignFile::parse(good().to_string().as_bytes()).is_ok());
        let many: Vec<Value> = (0..=CHARITIES_MAX)
            .map(|n| json!({"id": n.to_string(), "name": "N", "about": "N."}))
            .collect();
        for (pointer, value) in [
            ("/campaign", json!("Has Spaces")),
            ("/campaign", json!(7)),
            ("/donation", json!([])),
            ("/donation/currency", json!("US")),
            ("/donation/currency", json!("US1")),
            ("/donation/minor_units", json!(-1)),
            ("/donation/minor_units", json!(1.5)),
            ("/donation/minor_units", json!(1_u64 << 53)),
            ("/charities", json!({})),
            ("/charities", json!([])),
            ("/charities", json!(many)),
            ("/charities/1/id", json!("a")),
            ("/charities/1/id", json!("")),
            ("/charities/1/id", json!("b/c")),
            ("/charities/1/id", json!("x".repeat(33))),
            ("/charities/1/name", json!("")),
            ("/charities/1/name", json!("x".repeat(81))),
            ("/charities/1/about", json!("x".repeat(401))),
            ("/charities/1/about", json!(null)),
            ("/issuance_log", json!("yes")),
        ] {
            let mut file = good();
            file["issuance_log"] = json!(true);
            *file.pointer_mut(pointer).unwrap() = value.clone();
            assert_eq!(mistakes(&file).len(), 1, "{pointer} {value}");
        }
        assert_eq!(
            mistakes(&json!([])),
            ["the file must be an object with campaign, donation, charities"]
        );
        for (text, named) in [
            ("{", "EOF"),
            (
                r#"{"campaign":"a","campaign":"b"}"#,
                "the key \"campaign\" stands twice",
            ),
        ] {
            let error = CampaignFile::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(
                error.starts_with("not JSON that means one thing: ") && error.contains(named),
                "{error}"
            );
        }
    }
}
