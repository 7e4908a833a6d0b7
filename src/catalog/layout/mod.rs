//! The layout of the `CATALOG` KV: its version, the kinds of records with their keys, the values, and
//! the metadata of a key. The Worker, cron, the command line and the tests share it.

mod key;
mod kind;
mod metadata;
mod record;
mod sync_key;

pub use key::{Key, fold, is_annotation_name, is_field_path};
pub use kind::{PREFIX, RecordKind};
pub use metadata::{Metadata, count_groups, digest};
pub use record::{Corrupt, Record, UserRecord, decode, encode};
pub use sync_key::{CLAIM_PREFIX, MARKER_KEY, TURN_KEY, is_sync_key};

/// The version of the layout.
pub const VERSION: u64 = 1;

/// The oldest version whose records this program reads. A release reads what the one before it has written.
const OLDEST: u64 = 1;
