//! What the tests of the core share: a time, keys, assertions, a set-up and an in-memory world.

mod ask;
mod assertion;
mod exec;
mod keys;
mod lab;
mod outcome;
mod setup;
mod world;

use chrono::{DateTime, Utc};

pub(crate) use ask::{Ask, body_of, code_of, reply_of, sign_in};
pub(crate) use assertion::{Claims, encode, header, header_of, mint, mint_with, payload_of};
pub(crate) use exec::{Latch, block_on, poll_once};
pub(crate) use keys::{OTHER, SIGNER, SIGNER_2, TEAM, TeamKey, certs, jwk_of_modulus, verifies};
pub(crate) use lab::Lab;
pub(crate) use outcome::{
    JWKS, REFRESH, USERINFO, ask_stock, forwarded, log_of, reply_header, token_header, user_token,
    verify_user_token,
};
pub(crate) use setup::{AUDIENCE, ISSUER, Setup};
pub(crate) use world::World;

/// 2026-11-24T15:06:01Z, in seconds since 1970. No test reads a clock.
pub(crate) const NOW: i64 = 1_795_532_761;

/// A second as the core takes it.
pub(crate) fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}
