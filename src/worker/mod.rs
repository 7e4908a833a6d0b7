//! The Workers runtime: a JavaScript request becomes data for the [`Gate`], the gate's
//! [`Ports`](crate::ports::Ports) are implemented on KV, `fetch` and WebCrypto, and its decision
//! becomes a response.
//!
//! These functions are what a Worker of your own calls. They export nothing to JavaScript themselves,
//! and take any type that holds the runtime's objects, so that a new version of the crate `worker` is
//! not a new major version of this one.
//!
//! ```no_run
//! use backstage_cfaccess::{CfAccess, worker as cfaccess};
//! use worker::web_sys::{Request, Response};
//! use worker::{Context, Env, Result, event};
//!
//! fn app() -> CfAccess {
//!     CfAccess::new()
//! }
//!
//! #[event(fetch)]
//! async fn fetch(request: Request, env: Env, ctx: Context) -> Result<Response> {
//!     Ok(cfaccess::fetch(app, &request, &env, &ctx).await)
//! }
//! # fn main() {}
//! ```

mod clock;
mod composition;
mod crypto;
mod env;
mod fetch;
mod forward;
mod gate;
mod kv;
mod limits;
mod respond;
mod runtime_ports;
mod scheduled;
mod shadow;
mod target;

use chrono::{DateTime, Utc};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::future_to_promise;
use web_sys::{Request, Response};
use worker::worker_sys;

pub use composition::{sign_in, verify};
#[cfg(feature = "entry")]
pub(crate) use scheduled::run_sync;
pub use scheduled::scheduled;

use crate::background::BackgroundTask;
use crate::config::Mode;
use crate::error::{Fault, GateError};
use crate::gate::{
    CfAccess, Decision, Gate, HeaderSource, LogEvent, Outcome, Reply, Route, error_answer,
    run_background,
};
use env::Bindings;
use respond::{RequestHeaders, respond};
use runtime_ports::RuntimePorts;
use target::Target;

/// Answers a request of the Worker, or forwards it to the origin. Every error is a response in
/// Backstage's shape.
///
/// `app` is called once for each isolate. `request` is the runtime's own object: a
/// [`worker::Request`] holds one, `request.inner()`.
pub async fn fetch<C: AsRef<JsValue>>(
    app: impl Fn() -> CfAccess,
    request: &Request,
    env: &impl AsRef<JsValue>,
    context: &impl AsRef<C>,
) -> Response {
    match answer(&app, request, env.as_ref(), context.as_ref().as_ref()).await {
        Ok(response) => response.unchecked_into(),
        Err(error) => respond::internal(request, &error),
    }
}

/// A response, or the promise of the origin's.
pub(crate) async fn answer(
    app: &dyn Fn() -> CfAccess,
    request: &Request,
    env: &Bindings,
    context: &JsValue,
) -> Result<JsValue, JsValue> {
    let method = request.method();
    let url = request.url();
    let target = Target::of(&url);
    let headers = RequestHeaders(request.headers());
    let view = view(&method, &target, &headers);
    let now = clock::now();
    let gate = gate::of_isolate(app, env).await;
    let gate = match gate.as_ref() {
        Ok(gate) => gate,
        Err(fault) => return respond(&misconfigured(fault, &view, now)).map(Into::into),
    };
    if gate.config.backstage.mode == Mode::Shadow {
        return shadow::answer(request, env, context, gate, &target).await.map(Into::into);
    }
    let ports = RuntimePorts::new(env, gate, &target);
    let Outcome { decision, background, mut log, .. } = gate.decide(&view, now, &ports).await;
    log.waited(ports.into_waits());
    let response = match decision {
        Decision::Reply(mut reply) => {
            log.took(clock::milliseconds_since(now));
            write(&log);
            if gate.config.backstage.server_timing {
                reply.headers.push(("server-timing", log.server_timing()));
            }
            respond(&reply)?.into()
        }
        Decision::Forward(edits) => {
            forward::forward_and_log(request, &target, gate, &edits, &log, now)?.into()
        }
    };
    run_later(env, context, url, background)?;
    Ok(response)
}

fn view<'a>(
    method: &'a str,
    target: &Target<'a>,
    headers: &'a dyn HeaderSource,
) -> crate::gate::Request<'a> {
    crate::gate::Request { method, path: target.path, query: target.query, headers }
}

/// Does the work that an answer leaves behind, after it was sent.
fn run_later(
    env: &Bindings,
    context: &JsValue,
    url: String,
    tasks: Vec<BackgroundTask>,
) -> Result<(), JsValue> {
    if tasks.is_empty() {
        return Ok(());
    }
    let env = env.clone();
    keep_alive(context, async move {
        if let Some(gate) = gate::known()
            && let Ok(gate) = gate.as_ref()
        {
            run_tasks(tasks, gate, &RuntimePorts::new(&env, gate, &Target::of(&url))).await;
        }
    })
}

async fn run_tasks(tasks: Vec<BackgroundTask>, gate: &Gate, ports: &RuntimePorts<'_>) {
    for failure in run_background(tasks, clock::now(), gate, ports).await {
        write_line("warn", &LogEvent::task_failed(&failure));
    }
}

/// Lets work go on after the answer was sent.
fn keep_alive(context: &JsValue, work: impl Future<Output = ()> + 'static) -> Result<(), JsValue> {
    let promise = future_to_promise(async move {
        work.await;
        Ok(JsValue::UNDEFINED)
    });
    context.unchecked_ref::<worker_sys::Context>().wait_until(&promise)
}

/// Nothing is forwarded under a broken configuration, whatever the path.
fn misconfigured(fault: &Fault, request: &crate::gate::Request<'_>, begun: DateTime<Utc>) -> Reply {
    let error = GateError::from(fault.clone());
    let route = Route::Forward { public: false };
    let mut log = LogEvent::of(request, route);
    log.ended(&error, None);
    let url = format!("{}{}", request.path, request.query);
    let reply = error_answer(&error, error.message(), request, route, &url);
    log.answered(reply.status);
    log.took(clock::milliseconds_since(begun));
    write(&log);
    reply
}

fn write(log: &LogEvent) {
    write_line(&log.level, &log.to_json());
}

fn write_line(level: &str, line: &str) {
    match level {
        "error" => worker::console_error!("{line}"),
        "warn" => worker::console_warn!("{line}"),
        _ => worker::console_log!("{line}"),
    }
}
