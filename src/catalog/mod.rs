//! What Backstage knows of people: entity refs and the records of the `CATALOG` KV. This folder has
//! never heard of tokens.

mod entity_ref;
mod record;

pub use entity_ref::EntityRef;
pub use record::{Corrupt, Key, Record, UserRecord, decode, encode, fold};
