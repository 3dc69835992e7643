//! The system's clock.

use std::time::{SystemTime, UNIX_EPOCH};

use coin::Timestamp;

/// Now. A clock that shows a time before 1970 or after 9999 is broken; it is read as the far future, in which every coin has expired.
pub fn now() -> Timestamp {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| Timestamp::from_unix_s(since.as_secs()))
        .unwrap_or(Timestamp::MAX)
}
