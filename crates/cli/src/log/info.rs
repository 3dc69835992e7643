//! `log.json`: what a log says about itself.

use service::Failure;
use vote::LogInfo;

use super::{LOG_JSON, LOG_JSON_BYTES_MAX, Source};

/// Fetches it.
///
/// # Errors
///
/// [`Failure::CouldNot`] when it is not there, [`Failure::Refused`] when it is not in its form: then whoever publishes the log does it wrong.
pub fn info(source: &Source) -> Result<LogInfo, Failure> {
    let text = source.need(LOG_JSON, LOG_JSON_BYTES_MAX)?;
    LogInfo::parse(&text).map_err(|error| Failure::Refused(format!("/{LOG_JSON} of {source}: {error}")))
}
