//! Time limits.

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, AbortSignal};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(handler: &js_sys::Function, milliseconds: u32) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// Waits for a promise, but not longer than `milliseconds`: then it fails with a message. What the
/// promise stands for goes on without anybody.
pub(super) async fn within(milliseconds: u32, promise: Promise) -> Result<JsValue, JsValue> {
    let mut timer = JsValue::UNDEFINED;
    let limit = Promise::new(&mut |_, reject| {
        let late = reject.bind1(&JsValue::NULL, &JsValue::from_str("no answer in time"));
        timer = set_timeout(late.unchecked_ref(), milliseconds);
    });
    let result = JsFuture::from(Promise::race(&Array::of2(&promise, &limit))).await;
    clear_timeout(&timer);
    result
}

/// Aborts when its time has come, unless it is dropped before. Unlike `AbortSignal.timeout` it can
/// be called off when the headers are there, so that a long download or a WebSocket lives on.
pub(super) struct Deadline {
    controller: AbortController,
    timer: JsValue,
    _handler: Closure<dyn FnMut()>,
}

impl Deadline {
    pub(super) fn after(milliseconds: u32) -> Result<Self, JsValue> {
        let controller = AbortController::new()?;
        let aborted = controller.clone();
        let handler = Closure::<dyn FnMut()>::new(move || aborted.abort());
        let timer = set_timeout(handler.as_ref().unchecked_ref(), milliseconds);
        Ok(Self { controller, timer, _handler: handler })
    }

    pub(super) fn signal(&self) -> AbortSignal {
        self.controller.signal()
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        clear_timeout(&self.timer);
    }
}
