//! The bindings.

use wasm_bindgen::JsValue;

use crate::config::RawConfig;

/// The object of all bindings.
pub(super) type Bindings = JsValue;

/// The configuration as it is bound. Vars may be objects or strings; both become text, since
/// serde-wasm-bindgen mishandles `undefined` in what is optional.
pub(super) fn raw_config(env: &Bindings) -> RawConfig {
    RawConfig {
        cfaccess: text(env, "CFACCESS"),
        backstage: text(env, "BACKSTAGE"),
        signing_keys: string(env, "SIGNING_KEYS"),
    }
}

/// The token with which the cron handler reads the origin's catalog.
pub(super) fn catalog_token(env: &Bindings) -> Option<String> {
    string(env, "CATALOG_TOKEN").map(|token| token.trim().to_owned()).filter(|it| !it.is_empty())
}

/// A binding as JSON text; `None` if it is not bound.
fn text(env: &Bindings, name: &str) -> Option<String> {
    let value = binding(env, name)?;
    js_sys::JSON::stringify(&value).ok().and_then(|text| text.as_string())
}

/// A binding that is a string, or an object in place of the string of one.
fn string(env: &Bindings, name: &str) -> Option<String> {
    binding(env, name)?.as_string().or_else(|| text(env, name))
}

/// A var or secret that is a string.
pub(super) fn text_var(env: &Bindings, name: &str) -> Option<String> {
    binding(env, name)?.as_string()
}

fn binding(env: &Bindings, name: &str) -> Option<JsValue> {
    js_sys::Reflect::get(env, &JsValue::from_str(name))
        .ok()
        .filter(|value| !value.is_undefined() && !value.is_null())
}
