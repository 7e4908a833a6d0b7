//! What the fuzz targets share: configurations, a world in which everything answers at once, keys, and a JWS of two
//! texts.

mod keys;
mod ports;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use backstage_cfaccess::config::{AppCode, Config, RawConfig};
use base64ct::{Base64UrlUnpadded, Encoding};
use chrono::{DateTime, Utc};

pub use keys::{GENUINE, Genuine};
pub use ports::StubPorts;

/// 2026-11-24T15:06:01Z, in seconds since 1970.
pub const NOW: i64 = 1_795_532_761;

/// The same as the core takes it.
#[must_use]
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).expect("a constant")
}

const CFACCESS: &str = r#""teamName":"testteam","audience":"aud","serviceTokens":[{"token":"1.access",
    "subject":"bot@example.com"}],"signIn":{"resolvers":[{"resolver":"emailMatchingUserEntityProfileEmail"}]}"#;

const BACKSTAGE: &str = r#""baseUrl":"http://localhost:7007","publicPaths":["/public"]"#;

/// The stock configuration. It is not `Sync`, so each thread has its own.
#[must_use]
pub fn config() -> &'static Config {
    thread_local!(static CONFIG: &'static Config = read("", ""));
    CONFIG.with(|config| *config)
}

/// One that does more for a verified caller.
#[must_use]
pub fn generous_config() -> &'static Config {
    thread_local!(static CONFIG: &'static Config = read(
        r#","onUserNotFound":"origin","identity":"claims""#,
        r#","trust":"shared-key","attachToken":"non-browser","corsOrigins":["https://app.example.com"]"#,
    ));
    CONFIG.with(|config| *config)
}

fn read(cfaccess: &str, backstage: &str) -> &'static Config {
    let source = RawConfig {
        cfaccess: Some(format!("{{{CFACCESS}{cfaccess}}}")),
        backstage: Some(format!("{{{BACKSTAGE}{backstage}}}")),
        signing_keys: Some(keys::SIGNING_KEYS.to_owned()),
    };
    Box::leak(Box::new(Config::read(&source, &AppCode::default()).expect("a constant")))
}

/// Runs a future that never waits, as none does in [`StubPorts`]'s world.
pub fn block_on<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("no port waits"),
    }
}

/// The input as it is, or, if it has line breaks in it, its first three lines encoded as the parts of
/// a compact JWS: no fuzzer should have to learn base64.
#[must_use]
pub fn compact(text: &str) -> String {
    if text.contains('\n') {
        let parts: Vec<String> = text
            .splitn(3, '\n')
            .map(|part| Base64UrlUnpadded::encode_string(part.as_bytes()))
            .collect();
        parts.join(".")
    } else {
        text.to_owned()
    }
}
