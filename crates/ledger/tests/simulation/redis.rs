//! A Redis in memory, as far as the ledger speaks to one, and connections to it that break.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

use ledger::Position;
use redis::{ConnectionLike, RedisError, RedisResult, Value};
use vote::Nullifier;

use crate::simulation::dice::Fault;
use crate::simulation::world::{Inner, World};
use crate::trouble::Trouble;

/// What it holds. It syncs every change, so a restart loses nothing.
#[derive(Default)]
pub struct Redis {
    pub keys: BTreeMap<String, String>,
    pub stream: Option<Stream>,
    /// The stream in which mints announce coins, by the place of each entry in it.
    pub announced: BTreeMap<u64, Vec<Nullifier>>,
    /// How many there were. Each has an id of its own here, also when Redis was set back; else one could be deleted in place of another, with both clocks in the same millisecond.
    announcements: u64,
    /// How often each key was changed, for WATCH.
    changes: HashMap<String, u64>,
    /// Which start of the server this is; connections to an earlier one are dead.
    pub start: u64,
}

/// A stream of votes.
#[derive(Default)]
pub struct Stream {
    pub entries: BTreeMap<(u64, u64), [Vec<u8>; 2]>,
    pub last: (u64, u64),
}

impl Redis {
    /// Forgets everything.
    pub fn empty(&mut self) {
        for key in std::mem::take(&mut self.keys).into_keys() {
            self.touch(&key);
        }
        self.stream = None;
        self.announced.clear();
    }

    /// A mint says which coins it has made.
    pub fn announce(&mut self, coins: Vec<Nullifier>) {
        self.announcements += 1;
        self.announced.insert(self.announcements, coins);
    }

    /// Whoever watches this key finds it changed.
    fn touch(&mut self, key: &str) {
        *self.changes.entry(key.to_owned()).or_default() += 1;
    }

    fn set(&mut self, key: &str, value: &str) {
        self.touch(key);
        self.keys.insert(key.to_owned(), value.to_owned());
    }

    fn changes(&self, key: &str) -> u64 {
        self.changes.get(key).copied().unwrap_or_default()
    }
}

/// Does one command. What the command shows to others must be so in the database, and what it removes decided there.
fn command(inner: &mut Inner, words: &[String]) -> Value {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let redis = &mut inner.redis;
    match words.as_slice() {
        ["GET", key] => redis.keys.get(*key).map_or(Value::Nil, |value| bulk(value)),
        ["SET", key, value] | ["SET", key, value, "EX", _] | ["SETEX", key, _, value] => {
            redis.set(key, value);
            inner.was_told(key, value);
            Value::Okay
        }
        ["MSET", pairs @ ..] => {
            let (pairs, rest) = pairs.as_chunks();
            assert!(rest.is_empty() && !pairs.is_empty(), "a key without a value, or none");
            for [key, value] in pairs {
                redis.set(key, value);
            }
            for [key, value] in pairs {
                inner.was_told(key, value);
            }
            Value::Okay
        }
        ["EXISTS", _] => Value::Int(redis.stream.is_some().into()),
        ["XGROUP", "CREATE", _, _, "$", "MKSTREAM"] => {
            redis.stream.get_or_insert_default();
            Value::Okay
        }
        ["XGROUP", "DESTROY", ..] => Value::Int(1),
        ["UNLINK", _] => {
            inner.was_forgotten();
            Value::Int(1)
        }
        ["XREVRANGE", _, "+", "-", "COUNT", "1"] => {
            let last = redis.announced.last_key_value();
            Value::Array(last.map(announcement).into_iter().collect())
        }
        ["XRANGE", _, "-", up_to, "COUNT", count] => {
            let (_, last) = place(up_to);
            let count: usize = count.parse().expect("how many entries at most");
            let range = redis.announced.range(..=last);
            Value::Array(range.take(count).map(announcement).collect())
        }
        ["XDEL", _, ids @ ..] => {
            for id in ids {
                let (_, place) = place(id);
                let coins = inner.redis.announced.remove(&place);
                inner.was_taken(&coins.unwrap_or_default());
            }
            Value::Int(ids.len() as i64)
        }
        ["XSETID", _, id] => {
            let Some(stream) = &mut redis.stream else {
                return no_such_key();
            };
            // As Redis does it: an id is not given twice.
            if stream.entries.keys().any(|above| *above > place(id)) {
                return smaller_than_the_top();
            }
            stream.last = place(id);
            Value::Okay
        }
        ["XINFO", "STREAM", _] => {
            let Some(stream) = &redis.stream else {
                return no_such_key();
            };
            let (length, last) = (stream.entries.len() as i64, id(stream.last));
            let [length_name, last_name] = ["length", "last-generated-id"].map(bulk);
            Value::Array(vec![length_name, Value::Int(length), last_name, bulk(&last)])
        }
        ["XREAD", "COUNT", count, "STREAMS", key, after]
        | ["XREAD", "COUNT", count, "BLOCK", _, "STREAMS", key, after] => {
            let ((ms, sequence), key) = (place(after), *key);
            let count: usize = count.parse().expect("how many entries at most");
            let Some(stream) = &redis.stream else { return Value::Nil };
            let waiting = stream.entries.range((ms, sequence + 1)..);
            let mut waiting: Vec<Value> = waiting.map(|(place, fields)| entry(*place, fields)).collect();
            if waiting.is_empty() {
                return Value::Nil;
            }
            // As if the others had come a moment later.
            waiting.truncate(count.min(1 + inner.dice.below(waiting.len())));
            Value::Array(vec![Value::Array(vec![bulk(key), Value::Array(waiting)])])
        }
        ["XRANGE", _, "-", up_to] => {
            let entries = redis.stream.iter().flat_map(|stream| &stream.entries);
            let range = entries.take_while(|(place_of, _)| **place_of <= place(up_to));
            Value::Array(range.map(|(place, fields)| entry(*place, fields)).collect())
        }
        ["XTRIM", _, "MINID", first] => {
            let kept = redis.stream.as_mut().map(|stream| {
                let kept = stream.entries.split_off(&place(first));
                std::mem::replace(&mut stream.entries, kept)
            });
            let cut: Vec<(u64, u64)> = kept.into_iter().flatten().map(|(place, _)| place).collect();
            for (ms, sequence) in &cut {
                let (ms, sequence) = (*ms, *sequence);
                inner.was_cut_off(Position { ms, sequence });
            }
            Value::Int(cut.len() as i64)
        }
        ["PUBLISH", ..] => Value::Int(0),
        other => panic!("the model of Redis does not know {other:?}: teach it"),
    }
}

/// A connection.
pub struct Connection {
    world: Arc<World>,
    writer: usize,
    start: u64,
    watched: Vec<(String, u64)>,
}

impl Connection {
    pub fn open(world: &Arc<World>, writer: usize) -> Result<Connection, Trouble> {
        let start = world.step(writer, "connects to Redis", |inner| {
            (!inner.dice.rolls(Fault::NotSent)).then_some(inner.redis.start)
        });
        Ok(Connection {
            world: Arc::clone(world),
            writer,
            start: start.ok_or_else(broken)?,
            watched: Vec::new(),
        })
    }

    /// Sends these commands together; an answer each, unless the connection breaks.
    fn send(&mut self, commands: &[Vec<String>]) -> RedisResult<Vec<Value>> {
        let world = Arc::clone(&self.world);
        let what = commands.first().and_then(|words| words.first());
        let what = format!(
            "sends Redis {} and {} more",
            what.map_or("", |name| name),
            commands.len() - 1
        );
        world.step(self.writer, &what, |inner| {
            if inner.redis.start != self.start || inner.dice.rolls(Fault::NotSent) {
                inner.say(|| "Redis did not hear it".to_owned());
                return Err(broken());
            }
            let is_lost = inner.dice.rolls(Fault::NotAnswered);
            let is_atomic = commands[0] == ["MULTI"];
            // Of commands that are no transaction a part may be done.
            let done = if is_lost && !is_atomic {
                1 + inner.dice.below(commands.len())
            } else {
                commands.len()
            };
            let answers = self.execute(inner, &commands[..done]);
            if is_lost {
                inner.say(|| "Redis' answer was lost".to_owned());
                return Err(broken());
            }
            Ok(answers)
        })
    }

    fn execute(&mut self, inner: &mut Inner, commands: &[Vec<String>]) -> Vec<Value> {
        if let [multi, commands @ .., exec] = commands
            && multi == &["MULTI"]
        {
            assert_eq!(exec, &["EXEC"]);
            let is_stale = self
                .watched
                .drain(..)
                .any(|(key, changes)| inner.redis.changes(&key) != changes);
            let mut answers = vec![Value::Okay; commands.len() + 1];
            answers.push(if is_stale {
                inner.say(|| "Redis did not do it: a key has changed".to_owned());
                Value::Nil
            } else {
                Value::Array(commands.iter().map(|words| command(inner, words)).collect())
            });
            return answers;
        }
        let answer = |words: &Vec<String>| match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["WATCH", key] => {
                self.watched.push(((*key).to_owned(), inner.redis.changes(key)));
                Value::Okay
            }
            ["UNWATCH"] => {
                self.watched.clear();
                Value::Okay
            }
            _ => command(inner, words),
        };
        commands.iter().map(answer).collect()
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command(&mut self, packed: &[u8]) -> RedisResult<Value> {
        Ok(self.send(&unpacked(packed))?.remove(0))
    }

    fn req_packed_commands(&mut self, packed: &[u8], offset: usize, count: usize) -> RedisResult<Vec<Value>> {
        let mut answers = self.send(&unpacked(packed))?.split_off(offset);
        answers.truncate(count);
        Ok(answers)
    }

    fn get_db(&self) -> i64 {
        0
    }

    fn check_connection(&mut self) -> bool {
        true
    }

    fn is_open(&self) -> bool {
        true
    }
}

fn broken() -> RedisError {
    io::Error::from(io::ErrorKind::ConnectionReset).into()
}

/// The commands in a message: lists of words with their lengths before them (RESP).
fn unpacked(mut packed: &[u8]) -> Vec<Vec<String>> {
    fn line<'a>(packed: &mut &'a [u8]) -> &'a str {
        let end = packed
            .iter()
            .position(|byte| *byte == b'\r')
            .expect("an end of the line");
        let line = std::str::from_utf8(&packed[1..end]).expect("a number");
        *packed = &packed[end + 2..];
        line
    }
    let mut commands = Vec::new();
    while !packed.is_empty() {
        let words = line(&mut packed).parse().expect("how many words there are");
        let word = |_| {
            let length: usize = line(&mut packed).parse().expect("how long the word is");
            let word = String::from_utf8_lossy(&packed[..length]).into_owned();
            packed = &packed[length + 2..];
            word
        };
        commands.push((0..words).map(word).collect());
    }
    commands
}

/// What Redis says of a stream that is not there.
fn no_such_key() -> Value {
    redis::parse_redis_value(b"-ERR no such key\r\n").expect("an answer of Redis'")
}

/// What Redis says of an id below the last entry's.
fn smaller_than_the_top() -> Value {
    redis::parse_redis_value(b"-ERR The ID specified in XSETID is smaller than the target stream top item\r\n")
        .expect("an answer of Redis'")
}

fn bulk(text: &str) -> Value {
    Value::BulkString(text.as_bytes().to_vec())
}

fn id((ms, sequence): (u64, u64)) -> String {
    Position { ms, sequence }.to_string()
}

fn place(id: &str) -> (u64, u64) {
    let position = Position::parse(id).expect("an id of a stream");
    (position.ms, position.sequence)
}

fn announcement((place, coins): (&u64, &Vec<Nullifier>)) -> Value {
    let bytes = coins.iter().flat_map(|nullifier| *nullifier.as_bytes()).collect();
    let fields = vec![bulk("coins"), Value::BulkString(bytes)];
    Value::Array(vec![bulk(&id((1, *place))), Value::Array(fields)])
}

fn entry(place: (u64, u64), [token, weights]: &[Vec<u8>; 2]) -> Value {
    let field = |bytes: &Vec<u8>| Value::BulkString(bytes.clone());
    let fields = vec![bulk("token"), field(token), bulk("weights"), field(weights)];
    Value::Array(vec![bulk(&id(place)), Value::Array(fields)])
}
