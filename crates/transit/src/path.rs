//! Names and mounts in Vault, as a command line gives them.

/// Reads a key's name or a mount's path. What becomes part of a request's path must not be able to lead elsewhere.
///
/// # Errors
///
/// What it has to be made of.
pub fn parse_path(text: &str) -> Result<String, &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/');
    let whole = !text.is_empty() && !text.starts_with('/') && !text.ends_with('/') && !text.contains("//");
    if whole && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("a name in Vault is made of A-Z a-z 0-9 - _, a mount's path also of / between them")
    }
}
