//! GET requests within limits of time and size.

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortSignal, Headers, ReadableStreamDefaultReader, Request, RequestInit, RequestRedirect,
    Response,
};

use crate::gate::HOP_HEADER;
use crate::ports::{Failure, HttpRequest, HttpResponse, is_html};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_name = fetch)]
    fn global_fetch(request: &Request, init: &RequestInit) -> Result<js_sys::Promise, JsValue>;
}

/// Makes a [`HttpRequest`]: redirects are never followed, which would carry the caller's credentials to
/// another place; the time limit is for the whole answer, the body is read up to its limit, and
/// only if the status is 200.
pub(super) async fn call(call: &HttpRequest, url: &str) -> Result<HttpResponse, Failure> {
    let failed = |error: JsValue| Failure(format!("{}: {}", call.url, describe(&error)));
    let headers = Headers::new().map_err(failed)?;
    for (name, value) in &call.headers {
        headers.set(name, value).map_err(failed)?;
    }
    let init = RequestInit::new();
    init.set_headers(&headers);
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(&AbortSignal::timeout_with_u32(call.timeout_ms)));
    let request = Request::new_with_str_and_init(url, &init).map_err(failed)?;
    let promise = global_fetch(&request, &RequestInit::new()).map_err(failed)?;
    let response: Response =
        JsFuture::from(promise).await.and_then(JsCast::dyn_into).map_err(failed)?;
    let status = response.status();
    let body = if status == 200 {
        read(&response, call.max_bytes)
            .await
            .map_err(failed)?
            .ok_or_else(|| Failure(format!("{}: over {} bytes", call.url, call.max_bytes)))?
    } else {
        String::new()
    };
    let kind = response.headers().get("content-type").map_err(failed)?;
    Ok(HttpResponse { status, body, is_html: kind.as_deref().is_some_and(is_html) })
}

/// Makes a [`HttpRequest`] of the origin, marked as the Worker's.
pub(super) async fn call_origin(call: &HttpRequest, origin: &str) -> Result<HttpResponse, Failure> {
    let mut call = call.clone();
    call.headers.push((HOP_HEADER.to_owned(), "1".to_owned()));
    self::call(&call, &format!("{origin}{}", call.url)).await
}

/// The body as text; `None` if it is longer than `max_bytes`. What is not UTF-8 is an error.
pub(super) async fn read(response: &Response, max_bytes: usize) -> Result<Option<String>, JsValue> {
    let Some(stream) = response.body() else { return Ok(Some(String::new())) };
    let reader: ReadableStreamDefaultReader = stream.get_reader().dyn_into()?;
    let mut bytes = Vec::new();
    loop {
        let chunk = JsFuture::from(reader.read()).await?;
        if Reflect::get(&chunk, &JsValue::from_str("done"))?.is_truthy() {
            break;
        }
        let chunk: Uint8Array = Reflect::get(&chunk, &JsValue::from_str("value"))?.dyn_into()?;
        bytes.extend_from_slice(&chunk.to_vec());
        if bytes.len() > max_bytes {
            // Not awaited: the answer is known.
            let _ = reader.cancel();
            return Ok(None);
        }
    }
    String::from_utf8(bytes).map(Some).map_err(|_| JsValue::from_str("not UTF-8"))
}

/// What a thrown value says, for the log.
pub(super) fn describe(error: &JsValue) -> String {
    error
        .dyn_ref::<js_sys::Error>()
        .map(|error| String::from(error.message()))
        .or_else(|| error.as_string())
        .unwrap_or_else(|| format!("{error:?}"))
}
