//! The clock of the command line.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in seconds since 1970.
pub(super) fn now() -> i64 {
    now_ms() / 1_000
}

/// Now, in milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "native, and the one clock of the command line")]
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
