//! The route table: which requests need no coin.
//!
//! Ordered, first match wins, and a request that no route matches needs a coin. So an empty table gates everything, and a forgotten
//! route costs a refusal, never a hole.

use serde_json::{Map, Value};

use crate::path::canonical_path;

/// The most routes that a configuration may have.
pub const ROUTES_MAX: usize = 64;

/// One row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// The methods that the row is about; empty for all.
    methods: Vec<String>,
    place: Place,
    coin_required: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// This path and no other.
    Path(String),
    /// Every path below; ends in `/`, so that `/public/` does not match `/publicity`.
    Prefix(String),
}

/// Whether a request needs a coin: the first route that matches decides, and without one it does.
pub fn coin_required(routes: &[Route], method: &[u8], path: &[u8]) -> bool {
    routes
        .iter()
        .find(|route| route.matches(method, path))
        .is_none_or(|route| route.coin_required)
}

impl Route {
    /// Reads one row: `{"methods": […], "path": "…" or "prefix": "…", "coin": "none" or "required"}`; all mistakes, each after `at`, go to
    /// `mistakes`.
    pub fn read(at: &str, value: &Value, mistakes: &mut Vec<String>) -> Option<Route> {
        let Some(fields) = value.as_object() else {
            mistakes.push(format!("{at}: a route is an object"));
            return None;
        };
        for name in fields
            .keys()
            .filter(|name| !["methods", "path", "prefix", "coin"].contains(&name.as_str()))
        {
            mistakes.push(format!(
                "{at}.{name}: unknown key; a route has methods, path or prefix, and coin"
            ));
        }
        let methods = read_methods(at, fields, mistakes);
        let place = read_place(at, fields, mistakes);
        let coin_required = match fields.get("coin").and_then(Value::as_str) {
            Some("none") => Some(false),
            Some("required") => Some(true),
            _ => {
                mistakes.push(format!("{at}.coin: must be \"none\" or \"required\""));
                None
            }
        };
        Some(Route {
            methods: methods?,
            place: place?,
            coin_required: coin_required?,
        })
    }

    fn matches(&self, method: &[u8], path: &[u8]) -> bool {
        // Methods are case-sensitive (RFC 9110, section 9.1).
        let method_ok = self.methods.is_empty() || self.methods.iter().any(|name| name.as_bytes() == method);
        method_ok
            && match &self.place {
                Place::Path(exact) => exact.as_bytes() == path,
                Place::Prefix(prefix) => path.starts_with(prefix.as_bytes()),
            }
    }
}

fn read_methods(at: &str, fields: &Map<String, Value>, mistakes: &mut Vec<String>) -> Option<Vec<String>> {
    let Some(value) = fields.get("methods") else {
        return Some(Vec::new());
    };
    let methods: Option<Vec<String>> = value
        .as_array()
        .filter(|methods| !methods.is_empty())
        .and_then(|methods| {
            let name = |method: &Value| method.as_str().filter(|name| is_method(name)).map(str::to_owned);
            methods.iter().map(name).collect()
        });
    if methods.is_none() {
        mistakes.push(format!(
            "{at}.methods: must be a list of methods in upper case, such as [\"GET\"]; leave it out for all methods"
        ));
    }
    methods
}

fn is_method(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
}

fn read_place(at: &str, fields: &Map<String, Value>, mistakes: &mut Vec<String>) -> Option<Place> {
    let (key, value) = match (fields.get("path"), fields.get("prefix")) {
        (Some(path), None) => ("path", path),
        (None, Some(prefix)) => ("prefix", prefix),
        _ => {
            mistakes.push(format!("{at}: needs either a path or a prefix"));
            return None;
        }
    };
    let text = value
        .as_str()
        .filter(|text| canonical_path(text.as_bytes()) == Some(text.as_bytes()));
    let Some(text) = text else {
        mistakes.push(format!("{at}.{key}: must be a path in canonical form, without a query"));
        return None;
    };
    if key == "path" {
        return Some(Place::Path(text.to_owned()));
    }
    if !text.ends_with('/') {
        mistakes.push(format!("{at}.prefix: must end in \"/\"; for one path use \"path\""));
        return None;
    }
    Some(Place::Prefix(text.to_owned()))
}
