//! The only folder that knows a JavaScript runtime. It turns a JavaScript request into data, asks
//! the [`Gate`], answers the gate's [`Ports`](crate::ports::Ports), and carries out the decision.
//! It decides nothing.

mod clock;
mod cron;
mod crypto;
mod deadline;
mod env;
mod fetch;
mod http;
mod kv;
mod limits;
mod promise;
mod shadow;
mod world;

use std::cell::OnceCell;
use std::rc::Rc;

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{Request, Response};
use worker_sys::Context;
use worker_sys::{console_error, console_log, console_warn};

use crate::config::{Config, Mode};
use crate::gate::{Decision, Gate, Outcome};
use crate::http::error_reply;
use crate::json::quote;
use crate::log::Line;
use crate::refusal::Fault;
use crate::task::{Task, run};
use env::Env;
use promise::drive;
use world::World;

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
    let world = World::new(&env, gate, &target);
    let Outcome { decision, later, line, .. } = gate.decide(&view, clock::now(), &world).await;
    let response = match decision {
        Decision::Reply(reply) => {
            write(&line);
            http::respond(&reply)?.into()
        }
        Decision::Forward(forward) => {
            http::forward_and_log(&request, &target, gate, &forward, &line.to_json())?.into()
        }
    };
    if !later.is_empty() {
        let env = env.clone();
        keep_alive(&context, afterwards(env, url, later))?;
    }
    Ok(response)
}

fn view<'a>(
    method: &'a str,
    target: &http::Target<'a>,
    headers: &'a http::RequestHeaders,
) -> crate::http::Request<'a> {
    crate::http::Request { method, path: target.path, query: target.query, headers }
}

/// The answer to a request whose origin does not answer.
fn unreachable(request: &Request, why: String) -> Result<Response, JsValue> {
    let (method, url) = (request.method(), request.url());
    let target = http::Target::of(&url);
    let headers = http::RequestHeaders(request.headers());
    let mut line = Line::new(&method, target.path, crate::http::Route::Forward { public: false });
    let stop = Fault::OriginUnreachable(why).into();
    line.stopped(&stop);
    let gate = GATE.with(|cell| cell.get().cloned());
    let reply = match gate.as_deref() {
        Some(Ok(gate)) => gate.stopped(&stop, &view(&method, &target, &headers)),
        // Without a gate nothing is forwarded.
        _ => error_reply(&stop, stop.message(), &method, target.path),
    };
    line.replied(reply.status);
    write(&line);
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
async fn afterwards(env: Env, url: String, tasks: Vec<Task>) {
    let gate = gate(&env);
    let Ok(gate) = gate.as_ref() else { return };
    let world = World::new(&env, gate, &http::Target::of(&url));
    run_tasks(tasks, gate, &world).await;
}

async fn run_tasks(tasks: Vec<Task>, gate: &Gate, world: &World<'_>) {
    for failure in run(tasks, clock::now().timestamp(), gate, world).await {
        let detail = quote(&failure.0);
        console_warn!(r#"{{"level":"warn","outcome":"task failed","detail":{detail}}}"#);
    }
}

fn gate(env: &Env) -> Rc<Result<Gate, Fault>> {
    GATE.with(|cell| {
        let gate = cell.get_or_init(|| {
            let gate = Config::read(&env::source(env)).map(Gate::new).map_err(|problems| {
                let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
                Fault::Misconfigured(problems.join("; "))
            });
            Rc::new(gate)
        });
        Rc::clone(gate)
    })
}

/// Nothing is forwarded under a broken configuration, whatever the path.
fn misconfigured(fault: &Fault, method: &str, target: &http::Target<'_>) -> crate::http::Reply {
    let stop = fault.clone().into();
    let mut line = Line::new(method, target.path, crate::http::Route::Forward { public: false });
    line.stopped(&stop);
    write(&line);
    // There is no gate that could say it more to the point.
    error_reply(&stop, stop.message(), method, &format!("{}{}", target.path, target.query))
}

fn write(line: &Line) {
    log(line.level, &line.to_json());
}

fn log(level: &str, line: &str) {
    match level {
        "error" => console_error!("{line}"),
        "warn" => console_warn!("{line}"),
        _ => console_log!("{line}"),
    }
}
