//! A request that a resolver makes.

use std::collections::HashMap;

use serde::de::DeserializeOwned;

use crate::error::Rejection;
use crate::ports::{HttpRequest, HttpResponse};

/// The default and the longest time limit, in milliseconds. A refresh must answer within 8 s.
const TIMEOUT_MS: u32 = 2_000;
const MAX_TIMEOUT_MS: u32 = 4_000;

/// The default and the largest size limit of a body, in bytes.
const SIZE: usize = 256 * 1024;
const MAX_SIZE: usize = 1024 * 1024;

/// A GET request with a time limit and a size limit. Redirects are not followed, so that credentials
/// in its headers never reach another host.
#[derive(Clone, Debug)]
pub struct Fetch<'a> {
    url: &'a str,
    headers: HashMap<String, String>,
    timeout_ms: u32,
    max_bytes: usize,
}

impl<'a> Fetch<'a> {
    /// A request to this absolute URL, with 2 s and 256 KiB as its limits.
    #[must_use]
    pub fn get(url: &'a str) -> Self {
        Self { url, headers: HashMap::new(), timeout_ms: TIMEOUT_MS, max_bytes: SIZE }
    }

    /// With this header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_ascii_lowercase(), value.into());
        self
    }

    /// With this time limit for the whole answer, in milliseconds; 4,000 at the most.
    #[must_use]
    pub fn timeout_ms(self, milliseconds: u32) -> Self {
        Self { timeout_ms: milliseconds.min(MAX_TIMEOUT_MS), ..self }
    }

    /// With this size limit for the body, in bytes; 1 MiB at the most.
    #[must_use]
    pub fn max_bytes(self, bytes: usize) -> Self {
        Self { max_bytes: bytes.min(MAX_SIZE), ..self }
    }

    pub(super) fn request(self) -> HttpRequest {
        HttpRequest {
            url: self.url.to_owned(),
            headers: self.headers.into_iter().collect(),
            timeout_ms: self.timeout_ms,
            max_bytes: self.max_bytes,
        }
    }
}

/// The answer to a [`Fetch`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fetched(pub(super) HttpResponse);

impl Fetched {
    /// The status, redirects included.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.0.status
    }

    /// The body. Empty unless the status is 200.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.body
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// 500 `resolver_failed` if the status is not 200 or the body is not JSON of this shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Rejection> {
        if self.0.status != 200 {
            return Err(Rejection::failed(format_args!("status {}", self.0.status)));
        }
        Ok(serde_json::from_str(&self.0.body)?)
    }
}
