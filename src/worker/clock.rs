//! The only reader of a clock.

use chrono::{DateTime, Utc};

/// Now. In a Worker time stands still between two I/O operations.
pub(super) fn now() -> DateTime<Utc> {
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "whole milliseconds, far below 2^53"
    )]
    let milliseconds = js_sys::Date::now() as i64;
    DateTime::from_timestamp_millis(milliseconds).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
