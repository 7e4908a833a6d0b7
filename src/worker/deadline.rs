//! The time limit of a call that is read to its end.

use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortController, AbortSignal};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(handler: &js_sys::Function, milliseconds: u32) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// Aborts when its time has come, unless it is dropped before.
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
