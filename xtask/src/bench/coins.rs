//! Coins out of a directory that the mint has filled.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The token of each coin in a directory.
///
/// # Errors
///
/// When it cannot be read, or holds coins of another form.
pub fn tokens(directory: &Path) -> Result<Vec<String>, String> {
    let read = |error: std::io::Error| format!("could not read {}: {error}", directory.display());
    let mut tokens = Vec::new();
    for entry in fs::read_dir(directory).map_err(read)? {
        let path = entry.map_err(read)?.path();
        if path.to_string_lossy().ends_with(".coin.txt") {
            tokens.push(token(&fs::read_to_string(&path).map_err(read)?)?);
        }
    }
    Ok(tokens)
}

/// The token of a `coin.txt`, as its readers write it; crates/coin has the format.
fn token(coin_txt: &str) -> Result<String, String> {
    let parts = || {
        let (_, coin) = coin_txt.split_once("\n\n")?;
        let (payload, signature) = coin.trim_end().split_at(coin.find("vault:v")?);
        let (version, signature) = signature.strip_prefix("vault:v")?.split_once(':')?;
        let signature = signature.trim_end_matches('=').replace('+', "-").replace('/', "_");
        Some(format!("{}.{version}.{signature}", URL_SAFE_NO_PAD.encode(payload)))
    };
    parts().ok_or_else(|| "hashicoin-mint made a coin.txt in a form that this measurement does not know".to_owned())
}
