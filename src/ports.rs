//! The few things that the core asks of the world. `edge/` answers them with JavaScript, the tests
//! with memory, and both can fail on demand.

use crate::access::PublicKey;
use crate::session::SigningKey;

/// A GET that the core wants made. Redirects are never followed: an endpoint of ours that
/// redirects is not the endpoint of ours.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Call {
    /// An absolute URL.
    pub url: String,
    /// Request headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Time limit for the whole answer, in milliseconds.
    pub timeout_ms: u32,
    /// Size limit of the body, in bytes.
    pub max_bytes: usize,
}

/// What came back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// The status, redirects included.
    pub status: u16,
    /// The body, as text. Empty unless the status is 200.
    pub body: String,
}

/// Why the world did not do as asked. The text is for the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure(pub String);

/// The catalog.
#[expect(async_fn_in_trait, reason = "an isolate has one thread")]
pub trait CatalogPort {
    /// Reads a value of the `CATALOG` KV namespace; `None` if there is none.
    ///
    /// # Errors
    /// When KV does not answer.
    async fn read_catalog(&self, key: &str) -> Result<Option<String>, Failure>;

    /// The value of this key was of no use: whoever has kept it need not keep it any longer.
    fn forget(&self, _key: &str) {}
}

/// The world.
///
/// Futures need not be `Send`: a Worker's isolate has one thread.
#[expect(async_fn_in_trait, reason = "an isolate has one thread")]
pub trait Ports: CatalogPort {
    /// Makes a GET request, within its limits.
    ///
    /// # Errors
    /// When there is no whole answer within the limits.
    async fn fetch(&self, call: &Call) -> Result<Answer, Failure>;

    /// Makes a GET request to the origin; the call's `url` is a path there.
    ///
    /// # Errors
    /// When there is no whole answer within the limits.
    async fn fetch_origin(&self, call: &Call) -> Result<Answer, Failure>;

    /// Reads a value of the `ACCESS_CACHE` KV namespace; `None` if there is none.
    ///
    /// # Errors
    /// When KV does not answer.
    async fn read_cache(&self, key: &str) -> Result<Option<String>, Failure>;

    /// Writes a value of the `ACCESS_CACHE` KV namespace that lives for `ttl` seconds.
    ///
    /// # Errors
    /// When KV does not answer.
    async fn write_cache(&self, key: &str, value: &str, ttl: u32) -> Result<(), Failure>;

    /// Whether `signature` is an RSASSA-PKCS1-v1_5 signature with SHA-256 of `message` by `key`
    /// (RFC 7518, section 3.3).
    ///
    /// # Errors
    /// When the question could not be answered, which is not a "no".
    async fn verify_rs256(
        &self,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, Failure>;

    /// The 64 bytes of an ES256 signature, `R || S` (RFC 7518, section 3.4).
    ///
    /// # Errors
    /// When the key cannot sign.
    async fn sign_es256(&self, key: &SigningKey, message: &[u8]) -> Result<Vec<u8>, Failure>;

    /// Whether `signature` is an ES256 signature of `message` by the public half of `key`.
    ///
    /// # Errors
    /// When the question could not be answered, which is not a "no".
    async fn verify_es256(
        &self,
        key: &SigningKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, Failure>;

    /// A random number, evenly spread over `u32`.
    fn random(&self) -> u32;
}
