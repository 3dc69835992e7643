//! A policy as a file (c2sp.org/tlog-policy): logs, witnesses with their addresses, and how many of them have to sign.
//!
//! ```text
//! log <vkey> [<url>]
//! witness <name> <vkey> [<url>]
//! group <name> all|any|<k> <witness>…
//! quorum <witness>|<group>|none
//! ```
//!
//! A group of groups is refused: a number of witnesses is all that is asked for here.

use crate::{Policy, PolicyError, VerifierKey};

/// A policy as it was written.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    /// The keys of the logs. Without any, the reader knows the log from elsewhere.
    pub logs: Vec<VerifierKey>,
    /// Those whose signatures count towards the quorum.
    pub witnesses: Vec<PolicyWitness>,
    /// How many of them have to sign.
    pub quorum: usize,
}

/// A witness that a policy names.
#[derive(Clone, Debug)]
pub struct PolicyWitness {
    /// Its name in the file, and nowhere else.
    pub name: String,
    /// Its key.
    pub key: VerifierKey,
    /// Where checkpoints are submitted to it (c2sp.org/tlog-witness).
    pub url: Option<String>,
}

impl PolicyFile {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// What is wrong in which line, from 1.
    pub fn parse(text: &str) -> Result<PolicyFile, String> {
        let mut file = Reading::default();
        for (number, line) in (1_u32..).zip(text.split('\n')) {
            let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
            if words.first().is_some_and(|first| !first.starts_with('#')) {
                file.line(&words).map_err(|what| format!("line {number}: {what}"))?;
            }
        }
        let (witnesses, quorum) = file.quorum.ok_or("no line \"quorum <name>\"")?;
        Ok(PolicyFile {
            logs: file.logs,
            witnesses,
            quorum,
        })
    }

    /// Which checkpoints of this log are believed, signed by one of these keys and by the quorum.
    ///
    /// # Errors
    ///
    /// As [`Policy::with_witnesses`].
    pub fn policy(&self, origin: &str, log_keys: Vec<VerifierKey>) -> Result<Policy, PolicyError> {
        let keys = self.witnesses.iter().map(|witness| witness.key.clone()).collect();
        Policy::new(origin, log_keys).with_witnesses(keys, self.quorum)
    }
}

/// A file that is read.
#[derive(Default)]
struct Reading {
    logs: Vec<VerifierKey>,
    witnesses: Vec<PolicyWitness>,
    /// Name, members, how many.
    groups: Vec<(String, Vec<PolicyWitness>, usize)>,
    quorum: Option<(Vec<PolicyWitness>, usize)>,
}

impl Reading {
    fn line(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            ["log", key] | ["log", key, _] => self.logs.push(parse_key(key)?),
            ["witness", name, key, url @ ..] if url.len() <= 1 => {
                let key = parse_key(key)?;
                let same = |known: &PolicyWitness| known.key.public_key() == key.public_key();
                if self.is_taken(name) || self.witnesses.iter().any(same) {
                    return Err(format!("the name or the key of {name:?} stands above already"));
                }
                self.witnesses.push(PolicyWitness {
                    name: (*name).to_owned(),
                    key,
                    url: url.first().map(|url| (*url).to_owned()),
                });
            }
            ["group", name, count, members @ ..] if !members.is_empty() => {
                if self.is_taken(name) {
                    return Err(format!("the name {name:?} stands above already"));
                }
                let mut found: Vec<PolicyWitness> = Vec::new();
                for member in members {
                    let witness = self.witnesses.iter().find(|witness| witness.name == *member);
                    let witness = witness.ok_or_else(|| {
                        format!("{member:?} is no witness of a line above (a group of groups is not read here)")
                    })?;
                    let mut grouped = self.groups.iter().flat_map(|(_, members, _)| members).chain(&found);
                    if grouped.any(|known| known.name == *member) {
                        return Err(format!("{member:?} is in a group already"));
                    }
                    found.push(witness.clone());
                }
                let count = match *count {
                    "all" => found.len(),
                    "any" => 1,
                    count => count
                        .parse()
                        .ok()
                        .filter(|count| (1..=found.len()).contains(count))
                        .ok_or_else(|| {
                            format!(
                                "{count:?} is not \"all\", \"any\" or a number from 1 to {}",
                                found.len()
                            )
                        })?,
                };
                self.groups.push(((*name).to_owned(), found, count));
            }
            ["quorum", name] if self.quorum.is_none() => self.quorum = Some(self.named(name)?),
            ["quorum", ..] => return Err("a policy has one quorum, of one name".to_owned()),
            [word, ..] => {
                return Err(format!(
                    "{word:?} begins no line of a policy, or the line has not its parts"
                ));
            }
            [] => {}
        }
        Ok(())
    }

    fn is_taken(&self, name: &str) -> bool {
        let mut groups = self.groups.iter().map(|(name, ..)| name);
        name == "none" || self.witnesses.iter().any(|witness| witness.name == name) || groups.any(|known| known == name)
    }

    fn named(&self, name: &str) -> Result<(Vec<PolicyWitness>, usize), String> {
        if name == "none" {
            return Ok((vec![], 0));
        }
        if let Some((_, members, count)) = self.groups.iter().find(|(known, ..)| known == name) {
            return Ok((members.clone(), *count));
        }
        let witness = self.witnesses.iter().find(|witness| witness.name == name);
        witness
            .map(|witness| (vec![witness.clone()], 1))
            .ok_or_else(|| format!("{name:?} stands in no line above"))
    }
}

fn parse_key(text: &str) -> Result<VerifierKey, String> {
    VerifierKey::parse(text).map_err(|error| error.to_string())
}
