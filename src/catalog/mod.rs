//! The catalog in KV: the records and their keys, how a user is looked up, and how Backstage's
//! entities become records ([`import`]).

mod cached;
pub mod import;
mod key;
mod lookup;
mod record;

pub use cached::{CachedCatalog, RecordCache};
pub use key::{Key, fold, is_annotation_name};
pub use lookup::{find_record, look_up};
pub use record::{Corrupt, PREFIX, Record, UserRecord, decode, digest, encode};
