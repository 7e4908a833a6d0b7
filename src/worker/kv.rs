//! Workers KV, by hand: the few calls that are needed. `worker::kv` converts its options through
//! serde and brings the printing of floating-point numbers into the module with it.

use js_sys::{Object, Promise, Reflect};
use serde_json::Value;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use super::env::Env;
use super::fetch::describe;
use super::limits::wait;
use super::promise::Awaited;
use crate::catalog::digest;
use crate::ports::Failure;

#[wasm_bindgen]
extern "C" {
    /// `KVNamespace` (Cloudflare Workers KV API).
    type KvNamespace;

    #[wasm_bindgen(method, catch)]
    fn get(this: &KvNamespace, key: &str, options: &Object) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn put(
        this: &KvNamespace,
        key: &str,
        value: &str,
        options: &Object,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn delete(this: &KvNamespace, key: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn list(this: &KvNamespace, options: &Object) -> Result<Promise, JsValue>;
}

/// How long a change that nobody waits for may take, or a page of a list, in milliseconds.
const TIMEOUT_MS: u32 = 10_000;

/// Reads a value, which this location may serve from its cache for `cache_ttl` seconds, in at most
/// `timeout_ms` milliseconds.
pub(super) async fn read(
    env: &Env,
    binding: &'static str,
    key: &str,
    cache_ttl: u32,
    timeout_ms: u32,
) -> Result<Option<String>, Failure> {
    let value = async {
        let promise = namespace(env, binding)?.get(key, &option("cacheTtl", &cache_ttl.into())?)?;
        wait(timeout_ms, &promise).await
    };
    value.await.map(|value| value.as_string()).map_err(|error| failure(binding, &error))
}

/// Writes a value that lives for `ttl` seconds.
pub(super) async fn write(
    env: &Env,
    binding: &'static str,
    key: &str,
    value: &str,
    ttl: u32,
) -> Result<(), Failure> {
    let written = async {
        let life = option("expirationTtl", &ttl.into())?;
        let promise = namespace(env, binding)?.put(key, value, &life)?;
        Awaited::new(&promise).await
    };
    written.await.map(|_| ()).map_err(|error| failure(binding, &error))
}

/// Writes a value that stays, with its digest as metadata, or deletes it.
pub(super) async fn change(
    env: &Env,
    binding: &'static str,
    key: &str,
    value: Option<&str>,
) -> Result<(), Failure> {
    let promise = || {
        let namespace = namespace(env, binding)?;
        let Some(value) = value else { return namespace.delete(key) };
        let metadata = option("h", &JsValue::from_str(&digest(value)))?;
        namespace.put(key, value, &option("metadata", &metadata)?)
    };
    settled(binding, promise()).await.map(|_| ())
}

/// A page of the keys that begin so, as KV has it.
pub(super) async fn list(
    env: &Env,
    binding: &'static str,
    prefix: &str,
    cursor: Option<&str>,
) -> Result<Value, Failure> {
    let promise = || {
        let options = option("prefix", &prefix.into())?;
        if let Some(cursor) = cursor {
            Reflect::set(&options, &"cursor".into(), &cursor.into())?;
        }
        namespace(env, binding)?.list(&options)
    };
    let page = settled(binding, promise()).await?;
    let text = js_sys::JSON::stringify(&page).ok().and_then(|text| text.as_string());
    let text = text.unwrap_or_default();
    serde_json::from_slice(text.as_bytes()).map_err(|error| Failure(format!("{binding}: {error}")))
}

async fn settled(
    binding: &'static str,
    promise: Result<Promise, JsValue>,
) -> Result<JsValue, Failure> {
    let value = match promise {
        Ok(promise) => wait(TIMEOUT_MS, &promise).await,
        Err(error) => Err(error),
    };
    value.map_err(|error| failure(binding, &error))
}

fn namespace(env: &Env, binding: &str) -> Result<KvNamespace, JsValue> {
    let namespace = Reflect::get(env.as_ref(), &JsValue::from_str(binding))?;
    if namespace.is_object() {
        Ok(namespace.unchecked_into())
    } else {
        Err(JsValue::from_str("not bound"))
    }
}

fn option(name: &str, value: &JsValue) -> Result<Object, JsValue> {
    let options = Object::new();
    Reflect::set(&options, &JsValue::from_str(name), value)?;
    Ok(options)
}

fn failure(binding: &str, error: &JsValue) -> Failure {
    Failure(format!("{binding}: {}", describe(error)))
}
