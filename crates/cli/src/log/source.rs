//! Where a log is published: on a server, or in a directory that mirrors one. Either may be hostile, and of no file more is read than asked for.

use std::fmt;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use service::Failure;

use crate::http::{Base, Client, Fetched};

/// How many requests are under way at once for each processor: answers take their time on the network.
const REQUESTS_PER_PROCESSOR: usize = 4;

/// A server's address or a directory, as it is given.
#[derive(Clone, Debug)]
pub enum Place {
    /// Asked over HTTP.
    Server(Base),
    /// Read from disk.
    Directory(PathBuf),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Place, String> {
        if text.contains("://") {
            return Base::parse(text).map(Place::Server);
        }
        Ok(Place::Directory(PathBuf::from(text)))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Server(base) => base.fmt(formatter),
            Place::Directory(path) => path.display().fmt(formatter),
        }
    }
}

/// A place that files are fetched from, by their paths from the root and without a slash before them.
pub enum Source {
    /// Over connections that are kept open.
    Server(Client),
    /// From disk. What follows a `?` in a path is ignored, as a file server does.
    Directory(PathBuf),
    /// Over connections that are kept open, and every file that comes is written under the same path into a directory. What has a `?` in its path is not.
    Mirrored(Client, PathBuf),
}

impl Source {
    /// The place, with the longest time that a server gets for one answer.
    pub fn new(place: &Place, patience: Duration) -> Source {
        match place {
            Place::Server(base) => Source::Server(Client::with_patience(base.clone(), patience)),
            Place::Directory(path) => Source::Directory(path.clone()),
        }
    }

    /// Whether what is there may change while it is read.
    pub fn is_live(&self) -> bool {
        !matches!(self, Source::Directory(_))
    }

    /// How many threads are worth while.
    pub fn lanes(&self) -> usize {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        match self {
            Source::Server(_) | Source::Mirrored(..) => processors * REQUESTS_PER_PROCESSOR,
            Source::Directory(_) => processors,
        }
    }

    /// Fetches a file of at most so many bytes.
    ///
    /// # Errors
    ///
    /// When there is no answer, or one that says neither what the file is nor that there is none.
    pub fn fetch(&self, path: &str, bytes_max: u64) -> Result<Fetched, Failure> {
        match self {
            Source::Server(client) => client.file(&format!("/{path}"), bytes_max),
            Source::Mirrored(client, root) => {
                let fetched = client.file(&format!("/{path}"), bytes_max)?;
                if let Fetched::Bytes(bytes) = &fetched
                    && !path.contains('?')
                {
                    write(&root.join(path), bytes)?;
                }
                Ok(fetched)
            }
            Source::Directory(root) => {
                let path = root.join(path.split('?').next().unwrap_or_default());
                let file = match File::open(&path) {
                    Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Fetched::Missing),
                    other => other.map_err(|error| Failure::io("open", &path, &error))?,
                };
                let length = file.metadata().map_or(0, |metadata| metadata.len()).min(bytes_max);
                // One more, so that the end is seen without more room for it.
                let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
                let mut file = file.take(bytes_max + 1);
                file.read_to_end(&mut bytes)
                    .map_err(|error| Failure::io("read", &path, &error))?;
                if bytes.len() as u64 > bytes_max {
                    return Ok(Fetched::TooLong);
                }
                Ok(Fetched::Bytes(bytes))
            }
        }
    }

    /// Fetches a file without which nothing can be checked.
    ///
    /// # Errors
    ///
    /// As [`Source::fetch`], and when it is not there or too long.
    pub fn need(&self, path: &str, bytes_max: u64) -> Result<Vec<u8>, Failure> {
        match self.fetch(path, bytes_max)? {
            Fetched::Bytes(bytes) => Ok(bytes),
            Fetched::Missing => Err(Failure::CouldNot(format!(
                "{self} has no /{path}, so no log is published there: check the address or the directory"
            ))),
            Fetched::TooLong => Err(Failure::CouldNot(format!(
                "/{path} of {self} has more than {bytes_max} bytes, which no log has there: check the address or the directory"
            ))),
        }
    }
}

/// Writes a file, and the directories that it is in.
///
/// # Errors
///
/// When the disk does not take it.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory).map_err(|error| Failure::io("create", directory, &error))?;
    fs::write(path, bytes).map_err(|error| Failure::io("write", path, &error))
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Server(client) | Source::Mirrored(client, _) => client.base().fmt(formatter),
            Source::Directory(path) => path.display().fmt(formatter),
        }
    }
}
