//! `mode: "shadow"`: every request goes on as it is, the origin's response goes back as it is, and
//! only then, in the background, the gate is asked what it would have done.

use wasm_bindgen::JsValue;
use web_sys::{Request, Response};
use worker_sys::Context;
use worker_sys::{console_log, console_warn};

use super::env::Env;
use super::http::{self, RequestHeaders, Target};
use super::runtime_ports::RuntimePorts;
use super::{clock, fetch, keep_alive, run_tasks};
use crate::background::BackgroundTask;
use crate::error::Fault;
use crate::gate::Gate;
use crate::gate::{Comparison, OriginAnswer, Snapshot};
use crate::gate::{Forward, HeaderEdits, HeaderSource, Route};

/// The largest answer of the origin that is compared, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// Forwards a request unchanged, and leaves the comparison behind.
pub(super) async fn answer(
    request: &Request,
    env: &Env,
    context: &Context,
    gate: &Gate,
    target: &Target<'_>,
) -> Result<Response, JsValue> {
    let snapshot = snapshot(request, target);
    let unchanged = Forward { edits: HeaderEdits::default() };
    let response = match http::forward(request, target, gate, &unchanged).await {
        Ok(response) => response,
        Err(why) => {
            let stop = Fault::OriginUnreachable(why).into();
            return http::respond(&gate.error_reply(&stop, &snapshot.request()));
        }
    };
    let route = gate.route(&snapshot.request());
    // A body is read only where there is something to compare, from a copy of the stream.
    let copy = match route {
        Route::Refresh => response.clone().ok(),
        Route::Forward { public: false } => None,
        _ => return Ok(response),
    };
    let status = response.status();
    keep_alive(context, judge(env.clone(), request.url(), snapshot, status, copy))?;
    Ok(response)
}

/// Asks the gate, and writes down where it differs from the origin.
async fn judge(env: Env, url: String, snapshot: Snapshot, status: u16, response: Option<Response>) {
    let body = match response {
        Some(response) => fetch::read(&response, MAX_BODY).await.ok().flatten(),
        None => None,
    };
    let gate = super::gate(&env);
    let Ok(gate) = gate.as_ref() else { return };
    let ports = RuntimePorts::new(&env, gate, &Target::of(&url));
    let outcome = gate.decide(&snapshot.request(), clock::now(), &ports).await;
    let theirs = OriginAnswer { status, body };
    let comparison =
        Comparison::of(outcome.route, &outcome.decision, outcome.error.as_ref(), &theirs);
    match comparison {
        Some(comparison) if comparison.differs() => console_warn!("{}", comparison.to_json()),
        Some(comparison) => console_log!("{}", comparison.to_json()),
        None => {}
    }
    // The origin has just issued a token itself.
    let tasks = outcome
        .background
        .into_iter()
        .filter(|task| !matches!(task, BackgroundTask::RegisterWithOrigin { .. }))
        .collect();
    run_tasks(tasks, gate, &ports).await;
}

fn snapshot(request: &Request, target: &Target<'_>) -> Snapshot {
    let headers = RequestHeaders(request.headers());
    let values = headers.names().into_iter().filter_map(|name| {
        let value = headers.get(&name)?;
        Some((name, value))
    });
    Snapshot {
        method: request.method(),
        path: target.path.to_owned(),
        query: target.query.to_owned(),
        headers: values.collect(),
    }
}
