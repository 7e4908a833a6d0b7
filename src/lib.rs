//! Backstage sign-in behind Cloudflare Access, answered at the edge.
//!
//! ```text
//! edge      a JavaScript request
//!  │ http     its route and where its assertion is
//!  │ access   bytes → a verified assertion, or a refusal
//!  ├───────── a forwarded request leaves here
//!  │ signin   asks catalog for the user
//!  │ session  the token and the answer
//! edge      a JavaScript response
//! ```
//!
//! [`gate`] puts the rooms in order; each knows only what stands above it in the list of modules.
//! Everything but `edge` and `cli` is pure: no clock, no I/O, no JavaScript type. `now` and the
//! [`ports`] come in as arguments.

pub mod refusal;

pub mod cache;
pub mod json;
pub mod ports;

pub mod config;
pub mod http;

pub mod access;
pub mod catalog;
pub mod session;
pub mod signin;

pub mod gate;
pub mod log;
pub mod shadow;
pub mod task;

#[cfg(target_arch = "wasm32")]
pub mod edge;

#[cfg(not(target_arch = "wasm32"))]
pub mod cli;
