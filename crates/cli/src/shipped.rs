//! The configuration files that people start from, with nothing but what differs per site put in.

use service::Failure;

/// Puts in what differs. Each thing to replace must be there: a file that changed without this program would go out half filled.
///
/// # Errors
///
/// When the built-in file has not each of them exactly once.
pub fn fill(name: &str, shipped: &str, replacements: &[(impl AsRef<str>, String)]) -> Result<String, Failure> {
    let mut text = shipped.to_owned();
    for (from, to) in replacements {
        let from = from.as_ref();
        if shipped.matches(from).count() != 1 {
            return Err(Failure::CouldNot(format!(
                "the built-in {name} does not have {from:?} exactly once: build this program anew"
            )));
        }
        text = text.replace(from, to);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn what_is_there_once_is_replaced_and_everything_else_is_a_mistake() {
        let filled = fill("file", "a = 1\nb = 2\n", &[("a = 1", "a = 3".to_owned())]);
        assert_eq!(filled.unwrap(), "a = 3\nb = 2\n");
        for shipped in ["b = 2\n", "a = 1\na = 1\n"] {
            assert!(fill("file", shipped, &[("a = 1", String::new())]).is_err());
        }
    }
}
