//! What time it is.

use std::time::{SystemTime, UNIX_EPOCH};

use coin::Timestamp;
use service::Failure;

/// The time now, in whole seconds.
///
/// # Errors
///
/// When the system's clock is before 1970 or after 9999.
pub fn now() -> Result<Timestamp, Failure> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    since_epoch
        .and_then(|elapsed| Timestamp::from_unix_s(elapsed.as_secs()))
        .ok_or_else(|| Failure::CouldNot("the clock is not between 1970 and 9999: set it".to_owned()))
}
