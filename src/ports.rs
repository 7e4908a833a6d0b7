//! The ports: what the core needs from its surroundings. `worker/` implements them on the Workers
//! runtime, the tests in memory.

use crate::jwk::{PublicKey, SigningKey};

/// A GET request to make. Redirects are never followed, so that credentials never reach another
/// host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HttpRequest {
    /// An absolute URL.
    pub url: String,
    /// Request headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Time limit for the whole answer, in milliseconds.
    pub timeout_ms: u32,
    /// Size limit of the body, in bytes.
    pub max_bytes: usize,
}

/// A response.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HttpResponse {
    /// The status, redirects included.
    pub status: u16,
    /// The body, as text. Empty unless the status is 200.
    pub body: String,
    /// Whether it is a page: its content type is HTML.
    pub is_html: bool,
}

/// Whether a `content-type` is that of a page.
#[cfg(any(feature = "cli", feature = "worker"))]
pub(crate) fn is_html(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("text/html")
        || essence.eq_ignore_ascii_case("application/xhtml+xml")
}

/// Why a port failed. The text is for the log.
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

    /// Drops the value of this key from any cache: it turned out to be corrupt.
    fn forget(&self, _key: &str) {}
}

/// All ports of a request.
///
/// Futures need not be `Send`: a Worker's isolate has one thread.
#[expect(async_fn_in_trait, reason = "an isolate has one thread")]
pub trait Ports: CatalogPort {
    /// Makes a GET request, within its limits.
    ///
    /// # Errors
    /// When there is no whole answer within the limits.
    async fn fetch(&self, call: &HttpRequest) -> Result<HttpResponse, Failure>;

    /// Makes a GET request to the origin; the call's `url` is a path there.
    ///
    /// # Errors
    /// When there is no whole answer within the limits.
    async fn fetch_origin(&self, call: &HttpRequest) -> Result<HttpResponse, Failure>;

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

    /// Returns after this many milliseconds. In a test without a clock it may never return.
    async fn sleep(&self, milliseconds: u32);

    /// A var or secret of the Worker, if it is bound and a string.
    fn var(&self, name: &str) -> Option<String>;

    /// A random number, evenly spread over `u32`.
    fn random(&self) -> u32;
}
