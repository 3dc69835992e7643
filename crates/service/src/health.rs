//! The answer to "are you well?": one word for the whole, one for each dependency.

use serde_json::{Map, Value, json};

/// The state of each dependency, by name.
///
/// Says only *which* dependency fails. Why it fails goes to the log: the answer is read by strangers.
#[derive(Clone, Debug, Default)]
pub struct Health {
    dependencies: Map<String, Value>,
    failing: bool,
}

impl Health {
    /// Adds a dependency.
    #[must_use]
    pub fn with(mut self, name: &str, works: bool) -> Health {
        let word = if works { "ok" } else { "failing" };
        self.dependencies.insert(name.to_owned(), Value::from(word));
        self.failing |= !works;
        self
    }

    /// Whether every dependency works.
    pub fn is_ok(&self) -> bool {
        !self.failing
    }

    /// `{"status":"ok","dependencies":{"ledger":"ok"}}`, with `"failing"` for `"ok"` where something fails.
    pub fn to_json(&self) -> Value {
        let status = if self.is_ok() { "ok" } else { "failing" };
        json!({"status": status, "dependencies": self.dependencies})
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Health;

    #[test]
    fn one_failing_dependency_fails_the_whole() {
        let health = Health::default().with("ledger", true);
        assert_eq!(
            (health.is_ok(), health.to_json()),
            (true, json!({"status": "ok", "dependencies": {"ledger": "ok"}}))
        );
        let health = Health::default().with("ledger", false).with("pool", true);
        assert_eq!(
            (health.is_ok(), health.to_json()),
            (
                false,
                json!({"status": "failing", "dependencies": {"ledger": "failing", "pool": "ok"}})
            )
        );
    }
}
