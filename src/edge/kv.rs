//! Workers KV, by hand: the two calls that are needed. `worker::kv` converts its options through
//! serde and brings the printing of floating-point numbers into the module with it.

use js_sys::{Object, Promise, Reflect};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use super::env::Env;
use super::fetch::describe;
use super::limits::wait;
use super::promise::Awaited;
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
}

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
        let promise = namespace(env, binding)?.get(key, &option("cacheTtl", cache_ttl)?)?;
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
        let promise = namespace(env, binding)?.put(key, value, &option("expirationTtl", ttl)?)?;
        Awaited::new(&promise).await
    };
    written.await.map(|_| ()).map_err(|error| failure(binding, &error))
}

fn namespace(env: &Env, binding: &str) -> Result<KvNamespace, JsValue> {
    let namespace = Reflect::get(env.as_ref(), &JsValue::from_str(binding))?;
    if namespace.is_object() {
        Ok(namespace.unchecked_into())
    } else {
        Err(JsValue::from_str("not bound"))
    }
}

fn option(name: &str, seconds: u32) -> Result<Object, JsValue> {
    let options = Object::new();
    Reflect::set(&options, &JsValue::from_str(name), &JsValue::from(seconds))?;
    Ok(options)
}

fn failure(binding: &str, error: &JsValue) -> Failure {
    Failure(format!("{binding}: {}", describe(error)))
}
