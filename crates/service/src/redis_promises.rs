//! What a Redis must promise before a vote or a coin is entrusted to it.
//!
//! Whoever is told "queued" or "in the pool" holds Redis' word that it is on the disk. A server with other settings gives that word and may break it, so it is
//! not asked.

use std::collections::BTreeMap;

/// The settings, as `CONFIG GET` names them, and the value that each must have.
const PROMISES: [(&str, &str, &str); 3] = [
    ("appendonly", "yes", "what it keeps is gone when it stops"),
    ("appendfsync", "always", "it answers before the disk has it"),
    (
        "maxmemory-policy",
        "noeviction",
        "it drops what it keeps when it runs out of memory",
    ),
];

/// The settings that a Redis is asked for (`CONFIG GET`).
pub const REDIS_SETTINGS: [&str; 3] = [PROMISES[0].0, PROMISES[1].0, PROMISES[2].0];

/// What is wrong with a Redis' settings, one sentence each; none if what it answers for is safe with it.
pub fn broken_redis_promises(settings: &BTreeMap<String, String>) -> Vec<String> {
    let broken = PROMISES.iter().filter_map(|(name, wanted, why)| {
        let value = settings.get(*name).map_or("unknown", String::as_str);
        (value != *wanted).then(|| format!("its {name} is {value}, so {why}: set it to {wanted}"))
    });
    broken.collect()
}

#[cfg(test)]
mod tests {
    use super::{PROMISES, broken_redis_promises};

    #[test]
    fn each_setting_is_held_to_its_value() {
        let good = || PROMISES.map(|(name, value, _)| (name.to_owned(), value.to_owned()));
        assert!(broken_redis_promises(&good().into()).is_empty());
        for (name, value) in [
            ("appendonly", "no"),
            ("appendfsync", "everysec"),
            ("maxmemory-policy", "allkeys-lru"),
        ] {
            let mut settings: std::collections::BTreeMap<String, String> = good().into();
            settings.insert(name.to_owned(), value.to_owned());
            let broken = broken_redis_promises(&settings);
            assert!(
                broken.len() == 1 && broken[0].contains(name) && broken[0].contains(value),
                "{broken:?}"
            );
            settings.remove(name);
            assert_eq!(broken_redis_promises(&settings).len(), 1, "{name} unknown");
        }
    }
}
