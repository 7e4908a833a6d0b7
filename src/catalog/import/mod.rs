//! From Backstage's entities to the records in KV: reading and validating entities, the index, and
//! keeping KV in step.

mod backstage_api;
mod entity;
mod entity_reader;
mod fields;
mod hierarchy;
mod index;
mod pages;
mod policy;
mod reconcile;
mod run_state;
mod schema;
mod sync;
mod validators;
mod window;

pub use backstage_api::{LiveUser, live_entity, live_user, percent_encode};
pub use entity::{Entity, Foreign, Group, Kind, Membership, User};
pub use hierarchy::Hierarchy;
pub use index::Index;
pub use pages::{BackstageError, Completeness, PageError, Pages};
pub use policy::{ANNOTATIONS, ImportPolicy};
pub use reconcile::{MAX_REMOVED, Plan, Reconciliation, Write};
pub use run_state::{
    CLAIM_TTL, MAX_PUSH_MS, Marker, RunSource, RunState, Turn, age_seconds, claim_key, run_id,
};
pub use sync::{MAX_KV_CALLS, Summary, SyncPolicy, SyncPorts, sync};
pub use window::{Counts, Window};
