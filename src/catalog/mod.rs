//! What Backstage knows of people: entity refs and the records of the `CATALOG` KV. This folder has
//! never heard of tokens.

mod diff;
mod entity;
mod entity_ref;
mod index;
mod live;
mod record;

pub use diff::{Comparison, PREFIX, Plan, Write};
pub use entity::{Entity, Kind, Membership, User};
pub use entity_ref::EntityRef;
pub use index::Index;
pub use live::{Pages, live_entity, percent_encode};
pub use record::{Corrupt, Key, Record, UserRecord, decode, digest, encode, fold};
