//! Workers KV, through the crate `worker`, with a time limit on every call.
//!
//! The one exception is [`read`], which is on the path of a sign-in: `worker::kv` converts its options
//! through serde, and looks up all functions of the namespace for one call.

use std::time::Duration;

use js_sys::{Object, Promise, Reflect};
use serde_json::{Value, json};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::{Delay, KvError, KvStore};

use super::env::Bindings;
use super::fetch::describe;
use super::limits::wait;
use crate::catalog::import::CLAIM_TTL;
use crate::catalog::{CLAIM_PREFIX, Metadata, is_sync_key};
use crate::futures::within;
use crate::ports::Failure;

#[wasm_bindgen]
extern "C" {
    /// `KVNamespace.get` (Cloudflare Workers KV API).
    type ReadableNamespace;

    #[wasm_bindgen(method, catch)]
    fn get(this: &ReadableNamespace, key: &str, options: &Object) -> Result<Promise, JsValue>;
}

/// How long a write, a deletion or a page of a list may take. No request waits for them.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Reads a value, which this location may serve from its cache for `cache_ttl` seconds, in at most
/// `timeout_ms` milliseconds.
pub(super) async fn read(
    env: &Bindings,
    binding: &'static str,
    key: &str,
    cache_ttl: u32,
    timeout_ms: u32,
) -> Result<Option<String>, Failure> {
    let value = async {
        let namespace = Reflect::get(env, &JsValue::from_str(binding))?;
        if !namespace.is_object() {
            return Err(JsValue::from_str("not bound"));
        }
        let options = Object::new();
        Reflect::set(&options, &JsValue::from_str("cacheTtl"), &cache_ttl.into())?;
        let promise = namespace.unchecked_ref::<ReadableNamespace>().get(key, &options)?;
        wait(timeout_ms, &promise).await
    };
    let value = value.await.map_err(|error| failure(binding, &describe(&error)))?;
    Ok(value.as_string())
}

/// Writes a value that lives for `ttl` seconds.
pub(super) async fn write(
    env: &Bindings,
    binding: &'static str,
    key: &str,
    value: &str,
    ttl: u32,
) -> Result<(), Failure> {
    limited(binding, async {
        namespace(env, binding)?.put(key, value)?.expiration_ttl(ttl.into()).execute().await
    })
    .await
}

/// Writes a value of the catalog with its metadata, or deletes it.
pub(super) async fn change(
    env: &Bindings,
    binding: &'static str,
    key: &str,
    value: Option<&str>,
) -> Result<(), Failure> {
    limited(binding, async {
        let namespace = namespace(env, binding)?;
        let Some(value) = value else { return namespace.delete(key).await };
        let put = namespace.put(key, value)?;
        let put = if is_sync_key(key) {
            put.metadata(value)?
        } else {
            put.metadata(Metadata::of(value))?
        };
        let is_claim = key.starts_with(CLAIM_PREFIX);
        if is_claim { put.expiration_ttl(CLAIM_TTL) } else { put }.execute().await
    })
    .await
}

/// A page of the keys that begin with `prefix`, as KV has it.
pub(super) async fn list(
    env: &Bindings,
    binding: &'static str,
    prefix: &str,
    cursor: Option<&str>,
) -> Result<Value, Failure> {
    let page = limited(binding, async {
        let list = namespace(env, binding)?.list().prefix(prefix.to_owned());
        match cursor {
            Some(cursor) => list.cursor(cursor.to_owned()).execute().await,
            None => list.execute().await,
        }
    })
    .await?;
    let keys: Vec<Value> = page
        .keys
        .into_iter()
        .map(|key| json!({ "name": key.name, "metadata": key.metadata }))
        .collect();
    let (is_last, cursor) = (page.list_complete, page.cursor);
    Ok(json!({ "keys": keys, "list_complete": is_last, "cursor": cursor }))
}

fn namespace(env: &Bindings, binding: &str) -> Result<KvStore, KvError> {
    KvStore::from_this(env, binding)
}

/// The output of a call, unless it takes too long.
async fn limited<T>(
    binding: &'static str,
    call: impl Future<Output = Result<T, KvError>>,
) -> Result<T, Failure> {
    match within(call, Delay::from(TIMEOUT)).await {
        Some(result) => result.map_err(|error| failure(binding, &error.to_string())),
        None => Err(failure(binding, "no answer in time")),
    }
}

fn failure(binding: &str, why: &str) -> Failure {
    Failure(format!("{binding}: {why}"))
}
