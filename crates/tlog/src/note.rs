//! Notes (c2sp.org/signed-note): a text, a blank line, and a line for each signature.
//!
//! ```text
//! <text, of any lines>
//!
//! — <name> <base64 of key id and signature>
//! ```

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::VerifierKey;
use crate::verifier_key::is_name;

/// The most signatures that are read: some for each of a log's keys and its witnesses.
const SIGNATURES_MAX: usize = 100;

/// A text and what stands under it as signatures. It has one spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// A signature line. Whether it is good is not said here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    key_id: u32,
    signature: Vec<u8>,
}

/// A key whose signature is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified<'a> {
    /// The key.
    pub key: &'a VerifierKey,
    /// For a witness's, when it signed, in seconds since 1970.
    pub cosigned_at: Option<u64>,
}

/// Why a note is none, or is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// No text that can be signed.
    #[error("a note's text is UTF-8, ends in a newline, and has no other control character")]
    Text,
    /// Not in the form of a note.
    #[error(
        "a note is a text, an empty line, and 1 to {SIGNATURES_MAX} lines of \"— <name> <base64>\", the last one ended too"
    )]
    Form,
    /// A known key did not make what is said to be its signature.
    #[error(
        "the signature of {0:?} is not its own over this text: text or signature was changed, or made by another key"
    )]
    BadSignature(String),
    /// Nothing but unknown keys.
    #[error("no key that is trusted here signed this: give the signer's key if you trust it")]
    NoKnownKey,
}

impl Note {
    /// A note that nobody signed yet.
    ///
    /// # Errors
    ///
    /// [`NoteError::Text`].
    pub fn new(text: impl Into<String>) -> Result<Note, NoteError> {
        let text = text.into();
        let is_control = |character: char| character < ' ' && character != '\n';
        if !text.ends_with('\n') || text.contains(is_control) {
            return Err(NoteError::Text);
        }
        let signatures = vec![];
        Ok(Note { text, signatures })
    }

    /// Reads a note, and checks no signature.
    ///
    /// # Errors
    ///
    /// [`NoteError::Text`] or [`NoteError::Form`]; whatever [`fmt::Display`] does not write is refused.
    pub fn parse(bytes: &[u8]) -> Result<Note, NoteError> {
        let text = str::from_utf8(bytes).map_err(|_| NoteError::Text)?;
        // Texts may have empty lines, signatures not: the last one is between them.
        let (text, lines) = text.rsplit_once("\n\n").ok_or(NoteError::Form)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Form)?;
        let lines = lines.split('\n').take(SIGNATURES_MAX.saturating_add(1));
        let signatures: Option<Vec<NoteSignature>> = lines.map(NoteSignature::parse).collect();
        let signatures = signatures
            .filter(|signatures| signatures.len() <= SIGNATURES_MAX)
            .ok_or(NoteError::Form)?;
        Ok(Note {
            signatures,
            ..Note::new(format!("{text}\n"))?
        })
    }

    /// The text, to be ignored until [`Note::verify`] says whose it is.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Checks the signatures of known keys; others are ignored. Gives each key that signed, once.
    ///
    /// # Errors
    ///
    /// [`NoteError::BadSignature`] if only one of a known key is bad, [`NoteError::NoKnownKey`] if there is none.
    pub fn verify<'a>(
        &self,
        keys: impl IntoIterator<Item = &'a VerifierKey> + Clone,
    ) -> Result<Vec<Verified<'a>>, NoteError> {
        let mut verified: Vec<Verified<'a>> = Vec::new();
        for signature in &self.signatures {
            let Some(key) = keys.clone().into_iter().find(|key| signature.is_named_after(key)) else {
                continue;
            };
            let cosigned_at = key
                .check(&self.text, &signature.signature)
                .ok_or_else(|| NoteError::BadSignature(key.name().to_owned()))?;
            if verified.iter().all(|earlier| earlier.key != key) {
                verified.push(Verified { key, cosigned_at });
            }
        }
        if verified.is_empty() {
            return Err(NoteError::NoKnownKey);
        }
        Ok(verified)
    }

    /// Adds a log's signature over the text, in the place of an earlier one by the same key.
    ///
    /// # Errors
    ///
    /// [`NoteError::BadSignature`], with nothing added: whoever was asked to sign answered something else.
    pub fn add_signature(&mut self, key: &VerifierKey, signature: &[u8; 64]) -> Result<(), NoteError> {
        self.add(key, signature.to_vec())
    }

    /// Adds a witness's signature over [`crate::cosigned_message`] with this time, in the place of an earlier one by the same key.
    ///
    /// # Errors
    ///
    /// As [`Note::add_signature`].
    pub fn add_cosignature(&mut self, key: &VerifierKey, time: u64, signature: &[u8; 64]) -> Result<(), NoteError> {
        self.add(key, [&time.to_be_bytes(), signature.as_slice()].concat())
    }

    fn add(&mut self, key: &VerifierKey, signature: Vec<u8>) -> Result<(), NoteError> {
        if key.check(&self.text, &signature).is_none() {
            return Err(NoteError::BadSignature(key.name().to_owned()));
        }
        self.signatures.retain(|earlier| !earlier.is_named_after(key));
        self.signatures.push(NoteSignature {
            name: key.name().to_owned(),
            key_id: key.id(),
            signature,
        });
        Ok(())
    }
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.text)?;
        for line in &self.signatures {
            let bytes = [&line.key_id.to_be_bytes(), line.signature.as_slice()].concat();
            writeln!(formatter, "— {} {}", line.name, STANDARD.encode(bytes))?;
        }
        Ok(())
    }
}

impl NoteSignature {
    fn parse(line: &str) -> Option<NoteSignature> {
        let (name, bytes) = line.strip_prefix("— ")?.split_once(' ')?;
        let bytes = STANDARD.decode(bytes).ok()?;
        let (key_id, signature) = bytes.split_first_chunk()?;
        if !is_name(name) || signature.is_empty() {
            return None;
        }
        Some(NoteSignature {
            name: name.to_owned(),
            key_id: u32::from_be_bytes(*key_id),
            signature: signature.to_vec(),
        })
    }

    fn is_named_after(&self, key: &VerifierKey) -> bool {
        self.name == key.name() && self.key_id == key.id()
    }

    /// Who is said to have signed.
    pub fn name(&self) -> &str {
        &self.name
    }
}
