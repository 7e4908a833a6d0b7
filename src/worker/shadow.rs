//! `mode: "shadow"`: every request is forwarded unchanged, the origin's response is returned
//! unchanged, and only then, in the background, the gate decides what it would have done.

use wasm_bindgen::JsValue;
use web_sys::{Request, Response};

use super::env::Bindings;
use super::respond::{RequestHeaders, respond};
use super::runtime_ports::RuntimePorts;
use super::target::Target;
use super::{clock, fetch, forward, gate, keep_alive, run_tasks, write, write_line};
use crate::background::BackgroundTask;
use crate::error::{Fault, GateError};
use crate::gate::{
    Comparison, Forward, Gate, HOP_HEADER, HeaderEdits, HeaderSource, LogEvent, OriginAnswer,
    Route, Snapshot,
};

/// The largest answer of the origin that is compared, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// Forwards a request unchanged, and leaves the comparison for afterwards.
pub(super) async fn answer(
    request: &Request,
    env: &Bindings,
    context: &JsValue,
    gate: &Gate,
    target: &Target<'_>,
) -> Result<Response, JsValue> {
    let snapshot = snapshot(request, target);
    let route = gate.route(&snapshot.request());
    if snapshot.get(HOP_HEADER).is_some() {
        return stopped(gate, &snapshot, route, Fault::ForwardLoop);
    }
    let unchanged = Forward { edits: HeaderEdits::default() };
    let response = match forward::forward(request, target, gate, &unchanged).await {
        Ok(response) => response,
        Err(why) => return stopped(gate, &snapshot, route, Fault::OriginUnreachable(why)),
    };
    // A body is read only where there is something to compare, from a copy of the stream.
    let copy = match route {
        Route::Refresh => response.clone().ok(),
        Route::Forward { public: false } => None,
        _ => return Ok(response),
    };
    let status = response.status();
    keep_alive(context, compare(env.clone(), request.url(), snapshot, status, copy))?;
    Ok(response)
}

/// The answer to a request that the origin does not get or does not answer.
fn stopped(
    gate: &Gate,
    snapshot: &Snapshot,
    route: Route,
    fault: Fault,
) -> Result<Response, JsValue> {
    let error = GateError::from(fault);
    let reply = gate.error_reply(&error, &snapshot.request());
    let mut log = LogEvent::of(&snapshot.request(), route);
    log.ended(&error, None);
    log.answered(reply.status);
    write(&log);
    respond(&reply)
}

/// Asks the gate, and logs where it differs from the origin.
async fn compare(
    env: Bindings,
    url: String,
    snapshot: Snapshot,
    status: u16,
    response: Option<Response>,
) {
    let body = match response {
        Some(response) => fetch::read(&response, MAX_BODY).await.ok().flatten(),
        None => None,
    };
    let gate = gate::known();
    let Some(Ok(gate)) = gate.as_deref() else { return };
    let ports = RuntimePorts::new(&env, gate, &Target::of(&url));
    let outcome = gate.decide(&snapshot.request(), clock::now(), &ports).await;
    let theirs = OriginAnswer { status, body };
    let comparison =
        Comparison::of(outcome.route, &outcome.decision, outcome.error.as_ref(), &theirs);
    if let Some(mut comparison) = comparison {
        comparison.ray = outcome.log.ray().map(str::to_owned);
        write_line(comparison.level(), &comparison.to_json());
    }
    // The origin has just issued a token itself.
    let is_ours =
        |task: &BackgroundTask| !matches!(task, BackgroundTask::RegisterWithOrigin { .. });
    let tasks = outcome.background.into_iter().filter(is_ours).collect();
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
