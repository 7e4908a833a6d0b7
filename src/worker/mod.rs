//! The only folder that knows a JavaScript runtime. It turns a JavaScript request into data, asks
//! the [`Gate`], answers the gate's [`Ports`](crate::ports::Ports), and carries out the decision.
//! It decides nothing.

mod clock;
mod crypto;
mod deadline;
mod env;
mod fetch;
mod http;
mod kv;
mod limits;
mod promise;
mod runtime_ports;
mod scheduled;
mod shadow;

use std::cell::OnceCell;
use std::rc::Rc;

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{Request, Response};
use worker_sys::Context;
use worker_sys::{console_error, console_log, console_warn};

use crate::background::BackgroundTask;
use crate::config::Mode;
use crate::error::Fault;
use crate::gate::{CfAccess, Decision, Gate, LogEvent, Outcome, error_reply, run_background};
use crate::json::to_json_string;
use env::Env;
use promise::drive;
use runtime_ports::RuntimePorts;

thread_local! {
    /// The gate of this isolate, or why there is none. The bindings of an isolate never change.
    static GATE: OnceCell<Rc<Result<Gate, Fault>>> = const { OnceCell::new() };
}

/// Before the first request: a panic shall leave its message in the log.
#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
    promise::listen();
    http::on_unreachable(unreachable);
}

/// Answers a request, or forwards it: with a response where nothing had to be waited for, otherwise
/// with the promise of one. `worker`'s own event macro has a promise and two conversions for every
/// request; half of all answers are from memory.
///
/// A panic in here costs the isolate its memory and the request its answer (500, see `entry.mjs`),
/// never its check.
#[wasm_bindgen]
#[must_use]
pub fn fetch(request: Request, env: Env, context: Context) -> JsValue {
    drive(answer(request, env, context))
}

/// A response, or the promise of the origin's.
async fn answer(request: Request, env: Env, context: Context) -> Result<JsValue, JsValue> {
    let method = request.method();
    let url = request.url();
    let target = http::Target::of(&url);
    let gate = gate(&env);
    let gate = match gate.as_ref() {
        Ok(gate) => gate,
        Err(fault) => {
            return http::respond(&misconfigured(fault, &method, &target)).map(Into::into);
        }
    };
    if gate.config.backstage.mode == Mode::Shadow {
        return shadow::answer(&request, &env, &context, gate, &target).await.map(Into::into);
    }
    let headers = http::RequestHeaders(request.headers());
    let view = view(&method, &target, &headers);
    let ports = RuntimePorts::new(&env, gate, &target);
    let Outcome { decision, background, log: event, .. } =
        gate.decide(&view, clock::now(), &ports).await;
    let response = match decision {
        Decision::Reply(reply) => {
            write(&event);
            http::respond(&reply)?.into()
        }
        Decision::Forward(forward) => {
            http::forward_and_log(&request, &target, gate, &forward, &event.to_json())?.into()
        }
    };
    if !background.is_empty() {
        let env = env.clone();
        keep_alive(&context, afterwards(env, url, background))?;
    }
    Ok(response)
}

fn view<'a>(
    method: &'a str,
    target: &http::Target<'a>,
    headers: &'a http::RequestHeaders,
) -> crate::gate::Request<'a> {
    crate::gate::Request { method, path: target.path, query: target.query, headers }
}

/// The answer to a request whose origin does not answer.
fn unreachable(request: &Request, why: String) -> Result<Response, JsValue> {
    let (method, url) = (request.method(), request.url());
    let target = http::Target::of(&url);
    let headers = http::RequestHeaders(request.headers());
    let mut event =
        LogEvent::new(&method, target.path, crate::gate::Route::Forward { public: false });
    let stop = Fault::OriginUnreachable(why).into();
    event.ended(&stop);
    let gate = GATE.with(|cell| cell.get().cloned());
    let reply = match gate.as_deref() {
        Some(Ok(gate)) => gate.error_reply(&stop, &view(&method, &target, &headers)),
        // Without a gate nothing is forwarded.
        _ => error_reply(&stop, stop.message(), &method, target.path),
    };
    event.answered(reply.status);
    write(&event);
    http::respond(&reply)
}

/// Lets work go on after the answer was sent.
fn keep_alive(context: &Context, work: impl Future<Output = ()> + 'static) -> Result<(), JsValue> {
    let work = drive(async move {
        work.await;
        Ok(JsValue::UNDEFINED)
    });
    context.wait_until(&Promise::resolve(&work))
}

/// The work that an answer leaves behind.
async fn afterwards(env: Env, url: String, tasks: Vec<BackgroundTask>) {
    let gate = gate(&env);
    let Ok(gate) = gate.as_ref() else { return };
    let ports = RuntimePorts::new(&env, gate, &http::Target::of(&url));
    run_tasks(tasks, gate, &ports).await;
}

async fn run_tasks(tasks: Vec<BackgroundTask>, gate: &Gate, ports: &RuntimePorts<'_>) {
    for failure in run_background(tasks, clock::now(), gate, ports).await {
        let detail = to_json_string(&failure.0);
        console_warn!(r#"{{"level":"warn","outcome":"task failed","detail":{detail}}}"#);
    }
}

fn gate(env: &Env) -> Rc<Result<Gate, Fault>> {
    GATE.with(|cell| {
        let gate = cell.get_or_init(|| {
            let gate = Gate::of(CfAccess::new(), &env::source(env)).map_err(|problems| {
                let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
                Fault::Misconfigured(problems.join("; "))
            });
            Rc::new(gate)
        });
        Rc::clone(gate)
    })
}

/// Nothing is forwarded under a broken configuration, whatever the path.
fn misconfigured(fault: &Fault, method: &str, target: &http::Target<'_>) -> crate::gate::Reply {
    let stop = fault.clone().into();
    let mut event =
        LogEvent::new(method, target.path, crate::gate::Route::Forward { public: false });
    event.ended(&stop);
    write(&event);
    // There is no gate that could say it more to the point.
    error_reply(&stop, stop.message(), method, &format!("{}{}", target.path, target.query))
}

fn write(event: &LogEvent) {
    log(&event.level, &event.to_json());
}

fn log(level: &str, line: &str) {
    match level {
        "error" => console_error!("{line}"),
        "warn" => console_warn!("{line}"),
        _ => console_log!("{line}"),
    }
}
