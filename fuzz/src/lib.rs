//! What the fuzz targets share: a gate, a world in which nothing verifies, and a JWS of two texts.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use backstage_cfaccess::config::{AppCode, Config, RawConfig};
use backstage_cfaccess::jwk::PublicKey;
use backstage_cfaccess::jwk::SigningKey;
use backstage_cfaccess::ports::{CatalogPort, Failure, HttpRequest, HttpResponse, Ports};
use base64ct::{Base64UrlUnpadded, Encoding};

/// 2026-11-24T15:06:01Z, in seconds since 1970.
pub const NOW: i64 = 1_795_532_761;

/// The configuration of the gate that is fuzzed. It is not `Sync`, so each thread has its own.
#[must_use]
pub fn config() -> &'static Config {
    thread_local!(static CONFIG: &'static Config = Box::leak(Box::new(read())));
    CONFIG.with(|config| *config)
}

fn read() -> Config {
    let text = |text: &str| Some(text.to_owned());
    let source = RawConfig {
        cfaccess: text(
            r#"{"teamName":"testteam","audience":"aud","serviceTokens":[{"token":"1.access",
            "subject":"bot@example.com"}],"signIn":{"resolvers":[{"resolver":
            "emailMatchingUserEntityProfileEmail"}]}}"#,
        ),
        backstage: text(r#"{"baseUrl":"http://localhost:7007","publicPaths":["/public"]}"#),
        // The key of RFC 7515, appendix A.3.
        signing_keys: text(
            r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"key",
            "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            "d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}]}"#,
        ),
    };
    Config::read(&source, &AppCode::default()).expect("a constant")
}

/// A world in which everything answers at once and no signature verifies.
#[derive(Debug)]
pub struct StubPorts;

impl CatalogPort for StubPorts {
    async fn read_catalog(&self, _: &str) -> Result<Option<String>, Failure> {
        Ok(None)
    }
}

impl Ports for StubPorts {
    async fn fetch(&self, _: &HttpRequest) -> Result<HttpResponse, Failure> {
        // The modulus of RFC 7515, appendix A.2.
        let body = r#"{"keys":[{"kty":"RSA","kid":"key","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}]}"#;
        Ok(HttpResponse { status: 200, body: body.to_owned(), is_html: false })
    }

    async fn fetch_origin(&self, _: &HttpRequest) -> Result<HttpResponse, Failure> {
        Err(Failure(String::new()))
    }

    async fn read_cache(&self, _: &str) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    async fn write_cache(&self, _: &str, _: &str, _: u32) -> Result<(), Failure> {
        Ok(())
    }

    async fn verify_rs256(&self, _: &PublicKey, _: &[u8], _: &[u8]) -> Result<bool, Failure> {
        Ok(false)
    }

    async fn sign_es256(&self, _: &SigningKey, _: &[u8]) -> Result<Vec<u8>, Failure> {
        Err(Failure(String::new()))
    }

    async fn verify_es256(&self, _: &SigningKey, _: &[u8], _: &[u8]) -> Result<bool, Failure> {
        Ok(true)
    }

    async fn sleep(&self, _: u32) {
        std::future::pending().await
    }

    fn var(&self, _: &str) -> Option<String> {
        None
    }

    fn random(&self) -> u32 {
        0
    }
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
