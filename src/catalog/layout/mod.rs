//! The layout of the `CATALOG` KV: its version, the kinds of records with their keys, the values, and
//! the metadata of a key. The Worker, cron, the command line and the tests share it.

mod key;
mod kind;
mod metadata;
mod record;

pub use key::{Key, fold, is_annotation_name, is_field_path};
pub use kind::{PREFIX, RecordKind};
pub use metadata::{Metadata, count_groups, digest};
pub use record::{Corrupt, Record, UserRecord, decode, encode};

/// The version of the layout. A record of another version is corrupt to this program.
const VERSION: u64 = 1;
