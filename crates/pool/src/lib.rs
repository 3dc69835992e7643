//! The pool in Redis: coins that were minted and wait to be handed out.
//!
//! It promises four things. A coin goes in once, whoever pushes it how often, and is handed out once. The same idempotency key gets the same coin
//! again. Nothing says who got which coin: the mint draws each coin's place in the order from the operating system's randomness, and of the key only a
//! hash is kept. What was answered survives a crash of Redis, which [`Pool::open`] makes sure of.
//!
//! Each change is one script, so Redis makes it as a whole or not at all, and repeating it changes nothing. Whoever can read the keys can spend the coins
//! in them. Whoever loses them cannot tell any more which coins are out: an issuance that was pushed before must then not be pushed again.
//!
//! The ledger is told of each coin in the step that puts it in, so that it can log the coin before anybody votes with it.
//!
//! Everything of a campaign is under `hashicoin:{CAMPAIGN}:pool:`, but for what the ledger is told; the braces keep it in one slot of a cluster.
//!
//! | key | what it is |
//! |---|---|
//! | `coins` | hash: serial to record, the token and, after a space, the id of the request that signed it |
//! | `groups` | sorted set: `EXPIRES:VERSION` by expiry; one group for coins that expire together and are of one key version |
//! | `waiting:EXPIRES:VERSION` | sorted set: serials by place; those of the group that are in |
//! | `taken` | hash: hash of an idempotency key to the serial that it got |
//! | `issued` | hash: issuance to the index that it goes on with |
//! | `issuance` | the name of the order that this pool's coins belong to, unless a mint is told another |
//! | `hashicoin:{CAMPAIGN}:issued` | stream: the nullifiers of coins that were made, 32 bytes each, under `coins`; the ledger takes them out |
//! | `quota` | when the whole quota is free again, in microseconds since the epoch |

mod connection;
mod error;

use coin::{Campaign, Serial, SignedCoin, Timestamp};
use redis::Script;
use service::RedisUrl;
use vote::Nullifier;

use connection::Connection;
pub use error::PoolError;

/// The most coins that one script puts in: Redis answers nobody else meanwhile, and Lua hands a command at most some 8,000 arguments.
pub const PUSH_MAX: usize = 1000;

/// A campaign's pool, and one connection to it. Its calls block.
pub struct Pool {
    connection: Connection,
    names: Names,
    push: Script,
    take: Script,
    counts: Script,
}

/// What a coin must be to be worth something.
#[derive(Clone, Copy, Debug)]
pub struct Worth {
    /// It expires after this.
    pub now: Timestamp,
    /// Its key's version is at least this.
    pub min_key_version: u32,
}

/// A coin on its way in.
pub struct Entry {
    /// Its place in its issuance.
    pub index: u32,
    /// The coin.
    pub signed: SignedCoin,
}

/// Coins that go in together: of one issuance, of one expiry, of one key version, in the order of their indices.
pub struct Push<'a> {
    /// The order's name.
    pub issuance: &'a str,
    /// The coins, at most [`PUSH_MAX`].
    pub entries: &'a [Entry],
    /// The id of the request that signed them, if there was one.
    pub request_id: Option<&'a str>,
    /// How many coins that are worth something may wait at most; `None` for any number.
    pub keep: Option<(u64, Worth)>,
}

/// What became of a push.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Coins that went in.
    pub new: u64,
    /// Coins that had gone in before.
    pub known: u64,
    /// Coins that stayed out, because enough wait.
    pub left: u64,
}

/// What became of a taking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The key's coin.
    Coin(SignedCoin),
    /// No coin is left that is worth anything now.
    Empty,
    /// The quota is used up.
    Quota {
        /// When the next coin may be asked for: whole seconds from now, at least 1.
        retry_after_s: u64,
    },
}

/// How many coins are where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// In the pool and worth something now.
    pub waiting: u64,
    /// Handed out.
    pub taken: u64,
}

impl Pool {
    /// Connects, and makes sure that this Redis keeps what it has answered for.
    ///
    /// # Errors
    ///
    /// When Redis does not answer; [`PoolError::Unsafe`] when it could forget or drop coins.
    pub fn open(url: &RedisUrl, campaign: &Campaign) -> Result<Pool, PoolError> {
        let mut pool = Pool {
            connection: Connection::to(url)?,
            names: Names::of(campaign),
            push: Script::new(include_str!("push.lua")),
            take: Script::new(include_str!("take.lua")),
            counts: Script::new(include_str!("counts.lua")),
        };
        pool.connection.require_durability()?;
        Ok(pool)
    }

    /// Puts coins in, each once. Which coins are worth something is not looked at: the mint has verified them.
    ///
    /// # Errors
    ///
    /// When Redis does not answer. Whether the coins are in is unknown then, and pushing them again puts none in twice.
    ///
    /// # Panics
    ///
    /// When there are more than [`PUSH_MAX`] coins, or of several expiries or key versions: these are mistakes of the caller.
    pub fn push(&mut self, push: &Push<'_>) -> Result<Pushed, PoolError> {
        let Some(first) = push.entries.first() else {
            return Ok(Pushed::default());
        };
        assert!(push.entries.len() <= PUSH_MAX, "too many coins for one script");
        let (expires, version) = (first.signed.coin.expires, first.signed.key_version);
        let of_the_group = |entry: &Entry| entry.signed.coin.expires == expires && entry.signed.key_version == version;
        assert!(push.entries.iter().all(of_the_group), "coins of several groups");

        let group = format!("{}:{version}", expires.unix_s());
        let mut call = self.push.prepare_invoke();
        for name in [&self.names.coins, &self.names.groups, &self.names.issued] {
            call.key(name);
        }
        call.key(format!("{}{group}", self.names.waiting))
            .key(&self.names.to_log);
        call.arg(&group).arg(expires.unix_s()).arg(push.issuance);
        match push.keep {
            None => call.arg("").arg("").arg(""),
            Some((keep, worth)) => call.arg(keep).arg(worth.now.unix_s()).arg(worth.min_key_version),
        };
        call.arg(&self.names.waiting);
        for (entry, place) in push.entries.iter().zip(places(push.entries.len())?) {
            let mut record = entry.signed.to_token();
            if let Some(request_id) = push.request_id {
                record.push(' ');
                record.push_str(request_id);
            }
            call.arg(entry.index).arg(entry.signed.coin.serial.to_string());
            call.arg(place).arg(record);
            call.arg(&Nullifier::of(&entry.signed.coin.serial).as_bytes()[..]);
        }
        let (new, known, left) = self.connection.run(|connection| call.invoke(connection))?;
        Ok(Pushed { new, known, left })
    }

    /// Tells the ledger of coins that are made for another place than this pool, so that it logs them. Telling it twice changes nothing.
    ///
    /// # Errors
    ///
    /// When Redis does not answer. Whether the ledger is told is unknown then.
    pub fn tell_of(&mut self, serials: &[Serial]) -> Result<(), PoolError> {
        for serials in serials.chunks(PUSH_MAX) {
            let nullifiers: Vec<u8> = serials
                .iter()
                .flat_map(|serial| *Nullifier::of(serial).as_bytes())
                .collect();
            let mut add = redis::cmd("XADD");
            add.arg(&self.names.to_log).arg("*").arg("coins").arg(nullifiers);
            self.connection.run(|connection| add.exec(connection))?;
        }
        Ok(())
    }

    /// The key's coin: the one that it got before, or the next, if the quota of so many coins per minute allows it. The quota is the campaign's: however
    /// many servers hand out, they share it.
    ///
    /// # Errors
    ///
    /// When Redis does not answer, or holds something that is no coin. Asking again with the same key gets the coin that may have left.
    pub fn take(&mut self, key_hash: &[u8; 32], worth: Worth, per_minute: u32) -> Result<Taken, PoolError> {
        let mut call = self.take.prepare_invoke();
        for name in [
            &self.names.coins,
            &self.names.groups,
            &self.names.taken,
            &self.names.quota,
        ] {
            call.key(name);
        }
        call.arg(&key_hash[..])
            .arg(worth.now.unix_s())
            .arg(worth.min_key_version);
        call.arg(&self.names.waiting).arg(per_minute.max(1));
        let (outcome, value): (String, String) = self.connection.run(|connection| call.invoke(connection))?;
        match outcome.as_str() {
            "empty" => Ok(Taken::Empty),
            "quota" => Ok(Taken::Quota {
                retry_after_s: value.parse().unwrap_or(1),
            }),
            _ => read(&value).map(|(signed, _)| Taken::Coin(signed)),
        }
    }

    /// How many coins are in and how many are out.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub fn counts(&mut self, worth: Worth) -> Result<Counts, PoolError> {
        let mut call = self.counts.prepare_invoke();
        call.key(&self.names.groups).key(&self.names.taken);
        call.arg(worth.now.unix_s())
            .arg(worth.min_key_version)
            .arg(&self.names.waiting);
        let (waiting, taken) = self.connection.run(|connection| call.invoke(connection))?;
        Ok(Counts { waiting, taken })
    }

    /// What ever went in under these serials, in their order.
    ///
    /// # Errors
    ///
    /// When Redis does not answer, or holds something that is no coin.
    pub fn find(&mut self, serials: &[Serial]) -> Result<Vec<Option<SignedCoin>>, PoolError> {
        let mut found = Vec::with_capacity(serials.len());
        for serials in serials.chunks(PUSH_MAX) {
            let mut command = redis::cmd("HMGET");
            command.arg(&self.names.coins);
            for serial in serials {
                command.arg(serial.to_string());
            }
            let records: Vec<Option<String>> = self.connection.run(|connection| command.query(connection))?;
            for record in records {
                found.push(
                    record
                        .map(|record| read(&record))
                        .transpose()?
                        .map(|(signed, _)| signed),
                );
            }
        }
        Ok(found)
    }

    /// The id of the request that signed a coin, if the coin is known and has one.
    ///
    /// # Errors
    ///
    /// As [`Pool::find`].
    pub fn request_id(&mut self, serial: &Serial) -> Result<Option<String>, PoolError> {
        let mut command = redis::cmd("HGET");
        command.arg(&self.names.coins).arg(serial.to_string());
        let record: Option<String> = self.connection.run(|connection| command.query(connection))?;
        Ok(record
            .map(|record| read(&record))
            .transpose()?
            .and_then(|(_, request_id)| request_id))
    }

    /// The index that an issuance goes on with: one above the highest that went in, 0 for one that is not known.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub fn next_index(&mut self, issuance: &str) -> Result<u32, PoolError> {
        let mut command = redis::cmd("HGET");
        command.arg(&self.names.issued).arg(issuance);
        let next: Option<u32> = self.connection.run(|connection| command.query(connection))?;
        Ok(next.unwrap_or(0))
    }

    /// The name of the order that this pool's coins belong to: the one that is written there, else `proposed`, which is written there now.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub fn issuance(&mut self, proposed: &str) -> Result<String, PoolError> {
        let mut set = redis::cmd("SET");
        set.arg(&self.names.issuance).arg(proposed).arg("NX").arg("GET");
        let written: Option<String> = self.connection.run(|connection| set.query(connection))?;
        Ok(written.unwrap_or_else(|| proposed.to_owned()))
    }
}

/// The names of a campaign's keys.
struct Names {
    coins: String,
    groups: String,
    /// How the names of the waiting sets begin.
    waiting: String,
    taken: String,
    issued: String,
    issuance: String,
    quota: String,
    /// What the ledger has to log.
    to_log: String,
}

impl Names {
    fn of(campaign: &Campaign) -> Names {
        let name = |what: &str| format!("hashicoin:{{{campaign}}}:pool:{what}");
        Names {
            coins: name("coins"),
            groups: name("groups"),
            waiting: name("waiting:"),
            taken: name("taken"),
            issued: name("issued"),
            issuance: name("issuance"),
            quota: name("quota"),
            to_log: format!("hashicoin:{{{campaign}}}:issued"),
        }
    }
}

/// A record's coin, and the id of the request that signed it.
fn read(record: &str) -> Result<(SignedCoin, Option<String>), PoolError> {
    let (token, request_id) = match record.split_once(' ') {
        Some((token, request_id)) => (token, Some(request_id.to_owned())),
        None => (record, None),
    };
    let signed = SignedCoin::from_token(token.as_bytes()).map_err(|_| PoolError::NoCoin)?;
    Ok((signed, request_id))
}

/// As many places in the order of handing out, at random: they say nothing about when or in which order coins were minted. Redis orders by floating-point
/// numbers, which are exact up to 53 bits.
fn places(count: usize) -> Result<Vec<u64>, PoolError> {
    let mut random = vec![0_u8; count * size_of::<u64>()];
    getrandom::fill(&mut random).map_err(PoolError::Random)?;
    let (numbers, _) = random.as_chunks();
    Ok(numbers.iter().map(|bytes| u64::from_le_bytes(*bytes) >> 11).collect())
}
