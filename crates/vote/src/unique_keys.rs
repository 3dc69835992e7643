//! Whether a JSON text names no key twice in one object. JSON allows it, and readers differ over which value counts; a file that people write must mean one
//! thing.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A JSON value of any kind in which no object names a key twice. Holds nothing: it is read only to see whether it can be.
pub(crate) struct UniqueKeys;

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<UniqueKeys, D::Error> {
        deserializer.deserialize_any(UniqueKeys)
    }
}

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = UniqueKeys;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueKeys, A::Error> {
        let mut seen = BTreeSet::new();
        while let Some((key, UniqueKeys)) = map.next_entry::<String, UniqueKeys>()? {
            if let Some(twice) = seen.replace(key) {
                return Err(A::Error::custom(format!("the key {twice:?} stands twice")));
            }
        }
        Ok(UniqueKeys)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<UniqueKeys, A::Error> {
        while let Some(UniqueKeys) = list.next_element()? {}
        Ok(UniqueKeys)
    }

    fn visit_bool<E>(self, _: bool) -> Result<UniqueKeys, E> {
        Ok(UniqueKeys)
    }

    fn visit_i64<E>(self, _: i64) -> Result<UniqueKeys, E> {
        Ok(UniqueKeys)
    }

    fn visit_u64<E>(self, _: u64) -> Result<UniqueKeys, E> {
        Ok(UniqueKeys)
    }

    fn visit_f64<E>(self, _: f64) -> Result<UniqueKeys, E> {
        Ok(UniqueKeys)
    }

    fn visit_str<E>(self, _: &str) -> Result<UniqueKeys, E> {
        Ok(UniqueKeys)
    }

    fn visit_unit<E>(self) -> Result<UniqueKeys, E> {
        Ok(UniqueKeys)
    }
}

#[cfg(test)]
mod tests {
    use super::UniqueKeys;

    #[test]
    fn a_repeated_key_is_found_at_any_depth() {
        let read = |text: &str| {
            serde_json::from_str::<UniqueKeys>(text)
                .map(drop)
                .map_err(|error| error.to_string())
        };
        for good in [
            "{}",
            "7",
            r#"{"a":{"a":[{"a":null},{"a":-1.5}]},"b":true,"c":"a","d":-1}"#,
        ] {
            assert_eq!(read(good), Ok(()), "{good}");
        }
        // An escape is another spelling of the same key.
        for bad in [
            r#"{"a":1,"a":1}"#,
            r#"[{"b":{"a":1,"c":2,"a":3}}]"#,
            r#"{"a":1,"\u0061":2}"#,
        ] {
            assert!(read(bad).unwrap_err().contains("the key \"a\" stands twice"), "{bad}");
        }
    }
}
