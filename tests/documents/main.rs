//! The documentation agrees with the program: its blocks parse, its configurations are accepted, its
//! commands exist. Links, error codes and log fields: `tests/build/documents.test.mjs`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy.toml allows them in tests, but takes only functions marked `#[test]` for tests"
)]

mod blocks;
mod codes;
mod commands;
mod markdown;
mod schema;
mod terraform;
mod workflows;
