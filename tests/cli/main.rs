//! The command line: the binary is run as a person runs it, in a folder of its own. Here belongs
//! what is seen from outside (files, output, exit codes); the rules of the catalog index are tested
//! in `index.rs`, on the library.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy.toml allows them in tests, but takes only functions marked `#[test]` for tests"
)]

mod annotation;
mod bad_input;
mod build;
mod completeness;
mod doctor;
mod forms;
mod index;
mod keygen;
mod push;
mod reconciliation;
mod resolve;
mod resolve_against;
mod resolve_property;
mod resolve_shapes;
mod sandbox;
mod server;
mod status;
mod terminal;
mod verify;

#[allow(dead_code, unused_imports, reason = "the tests of the core use what these do not")]
#[path = "../support/mod.rs"]
mod support;
