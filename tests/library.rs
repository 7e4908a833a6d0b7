//! The public API, as the author of a Worker of their own uses it: resolvers in code and by name, the
//! hooks, and the test kit.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy.toml allows them in tests, but takes only functions marked `#[test]` for tests"
)]

#[path = "library/by_name.rs"]
mod by_name;
#[path = "library/context.rs"]
mod context;
#[path = "library/declarations.rs"]
mod declarations;
#[path = "library/hooks.rs"]
mod hooks;
