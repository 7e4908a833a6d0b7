//! Forwarding. JavaScript does it (`limits.mjs`), so that a request that goes on crosses into the
//! module once: method, body and headers stay where they are.

use chrono::{DateTime, Utc};
use js_sys::Promise;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, Response};

use super::fetch::describe;
use super::respond::{RequestHeaders, respond};
use super::target::Target;
use super::{clock, gate, limits, view, write_line};
use crate::error::{Fault, GateError};
use crate::gate::{Forward, Gate, HOP_HEADER, HeaderEdits, LogEvent, Route, error_answer};

/// How long the origin may take until its response begins, in milliseconds. Cloudflare itself gives
/// up after 100 s; this is for a request that it does not guard.
const ORIGIN_TIMEOUT_MS: u32 = 100_000;

/// A request on its way: the same method, body and everything, to the configured origin or to the
/// request's own host, with its headers edited.
struct Onward {
    url: Option<String>,
    removed: String,
    set: String,
    bodiless: bool,
}

impl Onward {
    fn new(target: &Target<'_>, gate: &Gate, forward: &Forward) -> Self {
        let HeaderEdits { remove, set, drop_body } = &forward.edits;
        let origin = gate.config.backstage.origin.as_ref();
        // Neither a name nor a value of a header has a line break.
        let set = set.iter().map(|(name, value)| format!("{name}\n{value}"));
        let set: Vec<String> = set.chain([format!("{HOP_HEADER}\n1")]).collect();
        Self {
            url: origin.map(|origin| format!("{origin}{}{}", target.path, target.query)),
            removed: remove.join("\n"),
            set: set.join("\n"),
            bodiless: *drop_body,
        }
    }
}

/// Forwards a request. The response is returned as it came.
///
/// # Errors
/// Why there is no response, for the log.
pub(super) async fn forward(
    request: &Request,
    target: &Target<'_>,
    gate: &Gate,
    forward: &Forward,
) -> Result<Response, String> {
    let Onward { url, removed, set, bodiless } = Onward::new(target, gate, forward);
    let url = url.as_deref();
    let promise = limits::forward(request, url, &removed, &set, bodiless, ORIGIN_TIMEOUT_MS);
    let response = async { JsFuture::from(promise?).await?.dyn_into() };
    response.await.map_err(|error| describe(&error))
}

/// Forwards a request without waiting for the response. JavaScript completes the log event with the
/// status and the time since `begun`, and writes it if this request is one of those that are logged or
/// the origin answers with an error of its own. If the origin does not answer, [`unreachable()`] does.
pub(super) fn forward_and_log(
    request: &Request,
    target: &Target<'_>,
    gate: &Gate,
    forward: &Forward,
    log: &LogEvent,
    begun: DateTime<Utc>,
) -> Result<Promise, JsValue> {
    let Onward { url, removed, set, bodiless } = Onward::new(target, gate, forward);
    let share = gate.config.backstage.log_forwarded;
    limits::forward_and_log(
        request,
        url.as_deref(),
        &removed,
        &set,
        bodiless,
        ORIGIN_TIMEOUT_MS,
        &log.to_json(),
        share,
        clock::to_js(begun),
    )
}

/// To be called once: tells JavaScript what answers requests whose origin does not.
pub(super) fn listen() {
    let callback = Closure::<dyn Fn(Request, JsValue, String) -> Result<JsValue, JsValue>>::new(
        move |request: Request, why: JsValue, log: String| {
            unreachable(&request, describe(&why), &log).map(JsValue::from)
        },
    );
    limits::on_unreachable(callback.into_js_value());
}

/// The answer to a forwarded request whose origin does not answer. `log` is its log event as JSON.
fn unreachable(request: &Request, why: String, log: &str) -> Result<Response, JsValue> {
    let (method, url) = (request.method(), request.url());
    let target = Target::of(&url);
    let headers = RequestHeaders(request.headers());
    let error = GateError::from(Fault::OriginUnreachable(why));
    let view = view(&method, &target, &headers);
    let (route, reply) = if let Some(Ok(gate)) = gate::known().as_deref() {
        (gate.route(&view), gate.error_reply(&error, &view))
    } else {
        // Without a gate nothing is forwarded.
        let route = Route::Forward { public: false };
        (route, error_answer(&error, error.message(), &view, route, target.path))
    };
    let mut event = LogEvent::of(&view, route);
    event.ended(&error, None);
    event.answered(reply.status);
    write_line(&event.level, &event.over(log));
    respond(&reply)
}
