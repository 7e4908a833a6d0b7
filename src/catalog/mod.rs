//! The catalog in KV: the records and their keys, how a user is looked up, and how Backstage's
//! entities become records ([`import`]).

mod cached;
pub mod import;
mod layout;
mod lookup;
#[cfg(any(feature = "cli", feature = "testing"))]
pub mod yaml;

pub use cached::{CachedCatalog, RecordCache};
pub use layout::{
    CLAIM_PREFIX, Corrupt, Key, MARKER_KEY, Metadata, PREFIX, Record, RecordKind, TURN_KEY,
    UserRecord, VERSION, count_groups, decode, digest, encode, fold, is_annotation_name,
    is_field_path, is_sync_key,
};
pub use lookup::{find_record, look_up};
