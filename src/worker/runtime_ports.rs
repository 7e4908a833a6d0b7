//! The core's [`Ports`], answered by the runtime.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::crypto::{self, Purpose};
use super::env::{self, Bindings};
use super::target::Target;
use super::{clock, fetch, kv};
use crate::gate::{Gate, Waits};
use crate::jwk::PublicKey;
use crate::jwk::SigningKey;
use crate::ports::{CatalogPort, Failure, HttpRequest, HttpResponse, Ports};

/// How long a location may serve a cached value from KV's own cache, in seconds: KV's default.
const CACHE_TTL: u32 = 60;

/// Time limits of the two namespaces, in milliseconds; a cold read of KV takes tens of them, at
/// times hundreds. Without the catalog there is no answer, without the cache there is a fetch.
const CATALOG_TIMEOUT_MS: u32 = 3_000;
const CACHE_TIMEOUT_MS: u32 = 1_000;

/// The runtime, as one request sees it.
pub(super) struct RuntimePorts<'a> {
    env: &'a Bindings,
    gate: &'a Gate,
    origin: &'a str,
    waits: Waits,
}

impl<'a> RuntimePorts<'a> {
    pub(super) fn new(env: &'a Bindings, gate: &'a Gate, target: &Target<'a>) -> Self {
        let origin = gate.config.backstage.origin.as_deref().unwrap_or(target.origin);
        Self { env, gate, origin, waits: Waits::default() }
    }

    /// How long the request waited for each service.
    pub(super) fn into_waits(self) -> Waits {
        self.waits
    }

    /// The output of a call, whose time is noted even if it is given up before it ends.
    async fn timed<T>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let mut wait = Wait { waits: &self.waits, name, begun: clock::now(), is_failed: true };
        let result = call.await;
        wait.is_failed = result.is_err();
        result
    }
}

/// A call that has begun; it is noted when this is dropped.
struct Wait<'a> {
    waits: &'a Waits,
    name: &'static str,
    begun: DateTime<Utc>,
    is_failed: bool,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.waits.note(self.name, clock::milliseconds_since(self.begun), self.is_failed);
    }
}

impl CatalogPort for RuntimePorts<'_> {
    async fn read_catalog(&self, key: &str) -> Result<Option<String>, Failure> {
        let max_age = self.gate.config.sign_in.catalog_max_age;
        let call = kv::read(self.env, "CATALOG", key, max_age, CATALOG_TIMEOUT_MS);
        self.timed(Waits::CATALOG, call).await
    }
}

impl Ports for RuntimePorts<'_> {
    async fn fetch(&self, call: &HttpRequest) -> Result<HttpResponse, Failure> {
        self.timed(Waits::of_fetch(&call.url), fetch::call(call, &call.url)).await
    }

    async fn fetch_origin(&self, call: &HttpRequest) -> Result<HttpResponse, Failure> {
        self.timed(Waits::ORIGIN, fetch::call_origin(call, self.origin)).await
    }

    async fn read_cache(&self, key: &str) -> Result<Option<String>, Failure> {
        let call = kv::read(self.env, "ACCESS_CACHE", key, CACHE_TTL, CACHE_TIMEOUT_MS);
        self.timed(Waits::of_cache(key), call).await
    }

    async fn write_cache(&self, key: &str, value: &str, ttl: u32) -> Result<(), Failure> {
        kv::write(self.env, "ACCESS_CACHE", key, value, ttl).await
    }

    async fn verify_rs256(
        &self,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, Failure> {
        crypto::verify(Purpose::VerifyRs256, key.fingerprint, &key.jwk, message, signature).await
    }

    async fn sign_es256(&self, key: &SigningKey, message: &[u8]) -> Result<Vec<u8>, Failure> {
        crypto::sign(key.fingerprint, &key.jwk, message).await
    }

    async fn verify_es256(
        &self,
        key: &SigningKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, Failure> {
        crypto::verify(Purpose::VerifyEs256, key.fingerprint, &key.jwk, message, signature).await
    }

    async fn sleep(&self, milliseconds: u32) {
        worker::Delay::from(Duration::from_millis(milliseconds.into())).await;
    }

    fn var(&self, name: &str) -> Option<String> {
        env::text_var(self.env, name)
    }

    fn random(&self) -> u32 {
        // Without a random number every isolate refreshes at the same age, which is only less even.
        getrandom::u32().unwrap_or(0)
    }
}
