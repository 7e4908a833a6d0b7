//! Requests and responses between JavaScript's form and the core's. Handles go in and out; nothing
//! is converted that nobody reads, and a body never enters the module.

use std::cell::RefCell;

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Headers, Request, Response, ResponseInit};

use super::fetch::describe;
use super::limits;
use super::promise::Awaited;
use crate::gate::Gate;
use crate::gate::{CONTENT_TYPE, Forward, HeaderEdits, HeaderSource, Reply};

/// How long the origin may take until its response begins, in milliseconds. Cloudflare itself gives
/// up after 100 s; this is for a request that it does not guard.
const ORIGIN_TIMEOUT_MS: u32 = 100_000;

/// The parts of a request's URL, as they came.
pub(super) struct Target<'a> {
    /// `scheme://host[:port]`.
    pub(super) origin: &'a str,
    /// The path.
    pub(super) path: &'a str,
    /// The query with its question mark, or the empty string.
    pub(super) query: &'a str,
}

impl<'a> Target<'a> {
    /// Takes a URL apart as the runtime has it; dots in its path may still stand.
    pub(super) fn of(url: &'a str) -> Self {
        let after_scheme = url.find("://").map_or(0, |at| at + 3);
        let path_at = url
            .get(after_scheme..)
            .and_then(|rest| rest.find(['/', '?', '#']))
            .map_or(url.len(), |at| after_scheme + at);
        let (origin, rest) = url.split_at(path_at);
        let rest = rest.split('#').next().unwrap_or_default();
        let (path, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        Self { origin, path: if path.is_empty() { "/" } else { path }, query }
    }
}

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

/// A request on its way: the same method, body and everything, to the configured origin or to the
/// request's own host, with its headers edited.
struct Onward {
    url: Option<String>,
    removed: String,
    set: String,
}

impl Onward {
    fn new(target: &Target<'_>, gate: &Gate, forward: &Forward) -> Self {
        let HeaderEdits { remove, set } = &forward.edits;
        let origin = gate.config.backstage.origin.as_ref();
        // Neither a name nor a value of a header has a line break.
        let set: Vec<String> = set.iter().map(|(name, value)| format!("{name}\n{value}")).collect();
        Self {
            url: origin.map(|origin| format!("{origin}{}{}", target.path, target.query)),
            removed: remove.join("\n"),
            set: set.join("\n"),
        }
    }
}

/// Sends a request on. The response is returned as it came.
///
/// # Errors
/// Why there is no response, for the log.
pub(super) async fn forward(
    request: &Request,
    target: &Target<'_>,
    gate: &Gate,
    forward: &Forward,
) -> Result<Response, String> {
    let Onward { url, removed, set } = Onward::new(target, gate, forward);
    let promise = limits::forward(request, url.as_deref(), &removed, &set, ORIGIN_TIMEOUT_MS);
    let response = async { Awaited::new(&promise?).await?.dyn_into() };
    response.await.map_err(|error| describe(&error))
}

/// Sends a request on and does not come back: what is left to do, to write `line` with the status of
/// the response, is done over there. If there is none, [`on_unreachable`] has the answer.
pub(super) fn forward_and_log(
    request: &Request,
    target: &Target<'_>,
    gate: &Gate,
    forward: &Forward,
    line: &str,
) -> Result<Promise, JsValue> {
    let Onward { url, removed, set } = Onward::new(target, gate, forward);
    limits::forward_and_log(request, url.as_deref(), &removed, &set, ORIGIN_TIMEOUT_MS, line)
}

/// Has to be called once: how requests are answered whose origin does not answer, and why.
pub(super) fn on_unreachable(answer: fn(&Request, String) -> Result<Response, JsValue>) {
    let callback = Closure::<dyn Fn(Request, JsValue) -> Result<JsValue, JsValue>>::new(
        move |request: Request, why: JsValue| answer(&request, describe(&why)).map(JsValue::from),
    );
    limits::on_unreachable(callback.into_js_value());
}
