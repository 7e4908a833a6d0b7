//! Time limits on the path of every request; `limits.mjs` says what each function does.

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;
use web_sys::Request;

#[wasm_bindgen(module = "/src/worker/limits.mjs")]
extern "C" {
    fn within(milliseconds: u32, promise: &Promise) -> Promise;

    #[wasm_bindgen(catch)]
    pub(super) fn forward(
        request: &Request,
        url: Option<&str>,
        removed: &str,
        set: &str,
        bodiless: bool,
        milliseconds: u32,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = forwardAndLog)]
    pub(super) fn forward_and_log(
        request: &Request,
        url: Option<&str>,
        removed: &str,
        set: &str,
        bodiless: bool,
        milliseconds: u32,
        line: &str,
        share: f64,
        begun: f64,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_name = onUnreachable)]
    pub(super) fn on_unreachable(callback: JsValue);
}

/// Waits for a promise, but not longer than `milliseconds`: then it fails with a message. What the
/// promise stands for goes on unobserved.
pub(super) async fn wait(milliseconds: u32, promise: &Promise) -> Result<JsValue, JsValue> {
    JsFuture::from(within(milliseconds, promise)).await
}
