//! The only reader of a clock.

use chrono::{DateTime, Utc};

/// How long it is since then, in milliseconds.
pub(super) fn milliseconds_since(then: DateTime<Utc>) -> i64 {
    (now() - then).num_milliseconds()
}

/// Milliseconds since 1970, as JavaScript counts them.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "far below 2^53")]
pub(super) const fn to_js(time: DateTime<Utc>) -> f64 {
    time.timestamp_millis() as f64
}

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
