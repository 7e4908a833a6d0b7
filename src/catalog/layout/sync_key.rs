//! The keys that say when and how the catalog was written. They begin as the records do, so that one
//! list shows both, and none of them is a record.

/// The marker: what the last run did. Its key is the same in every version of the layout.
pub const MARKER_KEY: &str = "v1:sync";

/// Who wrote last, and what has been removed within a day. It sorts before the claims, so that any number of
/// these leaves it on the first page of a list.
pub const TURN_KEY: &str = "v1:sync:last";

/// The beginning of the key of a run that is writing.
pub const CLAIM_PREFIX: &str = "v1:sync:run:";

/// Whether a key is one of these.
#[must_use]
pub fn is_sync_key(key: &str) -> bool {
    let rest = key.strip_prefix(MARKER_KEY);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

#[cfg(test)]
mod tests {
    use super::super::{PREFIX, RecordKind};
    use super::{CLAIM_PREFIX, MARKER_KEY, TURN_KEY, is_sync_key};

    #[test]
    fn sync_keys_are_listed_with_the_records_and_are_none() {
        for key in [MARKER_KEY, TURN_KEY, &format!("{CLAIM_PREFIX}cron-1-2")] {
            assert!(is_sync_key(key) && key.starts_with(PREFIX), "{key}");
            assert_eq!(RecordKind::of(key), None, "{key}");
        }
        for key in ["v1:synced", "v1:ref:user:default/sync", "v1:email:sync", "sync", "v1:"] {
            assert!(!is_sync_key(key), "{key}");
        }
    }
}
