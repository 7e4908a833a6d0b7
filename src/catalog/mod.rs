//! What Backstage knows of people: entity refs and the records of the `CATALOG` KV. This folder has
//! never heard of tokens.

mod entity;
mod entity_ref;
mod index;
mod record;

pub use entity::{Entity, Kind, Membership, User};
pub use entity_ref::EntityRef;
pub use index::Index;
pub use record::{Corrupt, Key, Record, UserRecord, decode, encode, fold};
