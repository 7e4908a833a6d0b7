//! What Backstage knows of people: entity refs and the records of the `CATALOG` KV. This folder has
//! never heard of tokens.

mod diff;
mod entity;
mod entity_reader;
mod entity_ref;
mod form;
mod index;
mod key;
mod live;
mod lookup;
mod record;
mod remembered;
mod sync;

pub use diff::{Comparison, PREFIX, Plan, Write};
pub use entity::{Entity, Group, Kind, Membership, User};
pub use entity_ref::EntityRef;
pub use index::Index;
pub use key::{Key, fold, is_annotation_name};
pub use live::{LiveUser, Pages, live_entity, live_user, percent_encode};
pub use lookup::look_up;
pub use record::{Corrupt, Record, UserRecord, decode, digest, encode};
pub use remembered::{Records, Remembered};
pub use sync::{MAX_KV_CALLS, Summary, SyncPorts, sync};
