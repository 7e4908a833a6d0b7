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
mod shadow;
mod world;

use std::cell::OnceCell;
use std::rc::Rc;

use web_sys::{Request, Response};
use worker::{Context, Env, console_error, console_log, console_warn, event};

use crate::config::{Config, Mode};
use crate::gate::{Decision, Gate};
use crate::http::error_reply;
use crate::json::quote;
use crate::log::Line;
use crate::refusal::Fault;
use crate::task;
use world::World;

thread_local! {
    /// The gate of this isolate, or why there is none. The bindings of an isolate never change.
    static GATE: OnceCell<Rc<Result<Gate, Fault>>> = const { OnceCell::new() };
}

/// Before the first request: a panic shall leave its message in the log.
#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// Answers a request, or forwards it. A panic in here costs the isolate its memory and the request
/// its answer (500, see `entry.mjs`), never its check.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let method = request.method();
    let url = request.url();
    let target = http::Target::of(&url);
    let gate = gate(&env);
    let gate = match gate.as_ref() {
        Ok(gate) => gate,
        Err(fault) => return Ok(http::respond(&misconfigured(fault, &method, &target))?),
    };
    if gate.config.backstage.mode == Mode::Shadow {
        return shadow::answer(&request, &env, &context, gate, &target).await;
    }
    let world = World::new(&env, gate, &target);
    let headers = http::RequestHeaders(request.headers());
    let view = crate::http::Request {
        method: &method,
        path: target.path,
        query: target.query,
        headers: &headers,
    };
    let outcome = gate.decide(&view, clock::now(), &world).await;
    let mut line = outcome.line;
    let response = match outcome.decision {
        Decision::Reply(reply) => http::respond(&reply)?,
        Decision::Forward(forward) => {
            let sent = http::forward(&request, &target, gate, &forward).await;
            match sent {
                Ok(response) => {
                    line.forwarded(response.status());
                    response
                }
                Err(why) => {
                    let stop = Fault::OriginUnreachable(why).into();
                    line.stopped(&stop);
                    http::respond(&gate.stopped(&stop, &view))?
                }
            }
        }
    };
    write(&line);
    if !outcome.later.is_empty() {
        let env = env.clone();
        context.wait_until(afterwards(env, url, outcome.later));
    }
    Ok(response)
}

/// The work that an answer leaves behind.
async fn afterwards(env: Env, url: String, tasks: Vec<task::Task>) {
    let gate = gate(&env);
    let Ok(gate) = gate.as_ref() else { return };
    let world = World::new(&env, gate, &http::Target::of(&url));
    run_tasks(tasks, gate, &world).await;
}

async fn run_tasks(tasks: Vec<task::Task>, gate: &Gate, world: &World<'_>) {
    for failure in task::run(tasks, clock::now().timestamp(), gate, world).await {
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
    match line.level {
        "error" => console_error!("{}", line.to_json()),
        "warn" => console_warn!("{}", line.to_json()),
        _ => console_log!("{}", line.to_json()),
    }
}
