//! Requests and responses between JavaScript's form and the core's. Only what the core reads is
//! converted, and no body of a request enters the module.

use std::cell::RefCell;

use js_sys::Array;
use wasm_bindgen::JsValue;
use web_sys::{Headers, Request, Response, ResponseInit};

use super::fetch::describe;
use super::target::Target;
use super::view;
use crate::error::{Fault, GateError};
use crate::gate::{CONTENT_TYPE, HeaderSource, LogEvent, Reply, Route, error_reply};

/// The headers of a request, read one by one as they are asked for.
pub(super) struct RequestHeaders(pub(super) Headers);

impl HeaderSource for RequestHeaders {
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).ok().flatten()
    }

    fn names(&self) -> Vec<String> {
        // Joined over there: one crossing and not one for each.
        let names = Array::from(&self.0.keys()).join("\n");
        names.as_string().map_or_else(Vec::new, |names| names.lines().map(str::to_owned).collect())
    }
}

thread_local! {
    /// What a response is made with, by status and by whether it has a body, for the many that have
    /// no header of their own.
    static INITS: RefCell<Vec<((u16, bool), ResponseInit)>> = const { RefCell::new(Vec::new()) };
}

/// A response of our own.
pub(super) fn respond(reply: &Reply) -> Result<Response, JsValue> {
    let body = reply.body.as_deref();
    if !reply.headers.is_empty() {
        return Response::new_with_opt_str_and_init(body, &init(reply)?);
    }
    let kind = (reply.status, body.is_some());
    let known = INITS.with_borrow(|inits| {
        inits.iter().find(|(known, _)| *known == kind).map(|(_, init)| init.clone())
    });
    if let Some(init) = known {
        return Response::new_with_opt_str_and_init(body, &init);
    }
    let init = init(reply)?;
    INITS.with_borrow_mut(|inits| inits.push((kind, init.clone())));
    Response::new_with_opt_str_and_init(body, &init)
}

fn init(reply: &Reply) -> Result<ResponseInit, JsValue> {
    let headers = Headers::new()?;
    headers.set("cache-control", "no-store")?;
    if reply.body.is_some() {
        headers.set("content-type", CONTENT_TYPE)?;
    }
    for (name, value) in &reply.headers {
        headers.set(name, value)?;
    }
    let init = ResponseInit::new();
    init.set_status(reply.status);
    init.set_headers(&headers);
    Ok(init)
}

/// The answer to a request that could not even be answered with an error: the runtime refused to make
/// the response.
pub(super) fn internal(request: &Request, error: &JsValue) -> Response {
    let (method, url) = (request.method(), request.url());
    let headers = RequestHeaders(request.headers());
    let view = view(&method, &Target::of(&url), &headers);
    let fault = GateError::from(Fault::Crypto(describe(error)));
    let mut log = LogEvent::of(&view, Route::Forward { public: false });
    log.ended(&fault, None);
    super::write(&log);
    let reply = error_reply(&fault, fault.message(), view.method, view.path);
    respond(&reply).unwrap_or_else(|_| Response::error())
}
