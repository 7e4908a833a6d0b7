//! The ports as a [`SignInContext`](super::SignInContext) uses them, without their type.

use std::pin::Pin;

use crate::background::BackgroundTask;
use crate::cache::Bounded;
use crate::catalog::{CachedCatalog, Key, Record, find_record};
use crate::error::{GateError, Refusal};
use crate::ports::{Failure, HttpRequest, HttpResponse, Ports};
use crate::scope::Scope;

/// A future of a service.
pub(super) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Values that resolvers cache in the isolate, by their key.
pub type CustomCache = Bounded<String, String>;

/// What a context needs from its surroundings.
pub(super) trait Services {
    /// Reads a record; `None` if there is none.
    fn record<'a>(&'a self, key: Key<'a>) -> Boxed<'a, Result<Option<Record>, GateError>>;

    fn fetch<'a>(&'a self, request: &'a HttpRequest) -> Boxed<'a, Result<HttpResponse, Failure>>;

    fn read_cache<'a>(&'a self, key: &'a str) -> Boxed<'a, Option<String>>;

    fn write_cache(&self, key: String, value: String, ttl: u32);

    fn isolate_cache(&self) -> &CustomCache;

    fn var(&self, name: &str) -> Option<String>;

    /// The refusal, with its cause for the log.
    fn explain(&self, refusal: Refusal, why: String) -> GateError;

    /// In seconds since 1970.
    fn now(&self) -> i64;
}

/// The services of one request.
pub(super) struct RequestServices<'a, 'c, P> {
    pub(super) scope: &'a Scope<'a, P>,
    pub(super) catalog: &'a CachedCatalog<'c, P>,
    pub(super) cache: &'a CustomCache,
}

impl<P: Ports> Services for RequestServices<'_, '_, P> {
    fn record<'a>(&'a self, key: Key<'a>) -> Boxed<'a, Result<Option<Record>, GateError>> {
        Box::pin(find_record(key, self.catalog))
    }

    fn fetch<'a>(&'a self, request: &'a HttpRequest) -> Boxed<'a, Result<HttpResponse, Failure>> {
        Box::pin(self.scope.ports.fetch(request))
    }

    fn read_cache<'a>(&'a self, key: &'a str) -> Boxed<'a, Option<String>> {
        // A cache that fails is an empty one.
        Box::pin(async { self.scope.ports.read_cache(key).await.ok().flatten() })
    }

    fn write_cache(&self, key: String, value: String, ttl: u32) {
        self.scope.background.push(BackgroundTask::WriteCache { key, value, ttl });
    }

    fn isolate_cache(&self) -> &CustomCache {
        self.cache
    }

    fn var(&self, name: &str) -> Option<String> {
        self.scope.ports.var(name)
    }

    fn explain(&self, refusal: Refusal, why: String) -> GateError {
        self.scope.cause.explain(refusal, why)
    }

    fn now(&self) -> i64 {
        self.scope.seconds()
    }
}
