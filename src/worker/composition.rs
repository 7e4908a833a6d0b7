//! For routes that a Worker of your own answers itself.

use wasm_bindgen::JsValue;
use web_sys::{Request, Response};

use super::env::Bindings;
use super::respond::{self, RequestHeaders, respond};
use super::runtime_ports::RuntimePorts;
use super::target::Target;
use super::{clock, gate, misconfigured, run_later, view, write};
use crate::gate::{Caller, CfAccess, Checked, SignedIn};

/// Verifies the caller of a request. A route that you answer without it is public.
///
/// # Errors
/// The response to send: 401, 403 or 503 in Backstage's shape.
pub async fn verify<C: AsRef<JsValue>>(
    app: impl Fn() -> CfAccess,
    request: &Request,
    env: &impl AsRef<JsValue>,
    context: &impl AsRef<C>,
) -> Result<Caller, Response> {
    let checked = async |question: Question<'_>| {
        question.gate.verify(&question.request, clock::now(), question.ports).await
    };
    ask(&app, request, env.as_ref(), context.as_ref().as_ref(), checked).await
}

/// Verifies the caller of a request and resolves their Backstage user, with the app's resolvers.
///
/// # Errors
/// As [`verify`], and 404, 409 or the resolver's own.
pub async fn sign_in<C: AsRef<JsValue>>(
    app: impl Fn() -> CfAccess,
    request: &Request,
    env: &impl AsRef<JsValue>,
    context: &impl AsRef<C>,
) -> Result<SignedIn, Response> {
    let checked = async |question: Question<'_>| {
        question.gate.sign_in(&question.request, clock::now(), question.ports).await
    };
    ask(&app, request, env.as_ref(), context.as_ref().as_ref(), checked).await
}

/// What a question is asked with.
struct Question<'a> {
    gate: &'a crate::gate::Gate,
    request: crate::gate::Request<'a>,
    ports: &'a RuntimePorts<'a>,
}

async fn ask<T>(
    app: &dyn Fn() -> CfAccess,
    request: &Request,
    env: &Bindings,
    context: &JsValue,
    question: impl AsyncFnOnce(Question<'_>) -> Checked<T>,
) -> Result<T, Response> {
    let internal = |error: JsValue| respond::internal(request, &error);
    let (method, url) = (request.method(), request.url());
    let target = Target::of(&url);
    let headers = RequestHeaders(request.headers());
    let view = view(&method, &target, &headers);
    let begun = clock::now();
    let gate = gate::of_isolate(app, env).await;
    let gate = match gate.as_ref() {
        Ok(gate) => gate,
        Err(fault) => {
            return Err(respond(&misconfigured(fault, &view, begun)).unwrap_or_else(internal));
        }
    };
    let ports = RuntimePorts::new(env, gate, &target);
    let Checked { result, background, mut log } =
        question(Question { gate, request: view, ports: &ports }).await;
    log.waited(ports.into_waits());
    log.took(clock::milliseconds_since(begun));
    run_later(env, context, url.clone(), background).map_err(internal)?;
    let error = match result {
        Ok(value) => {
            write(&log);
            return Ok(value);
        }
        Err(error) => error,
    };
    let reply = gate.error_reply(&error, &view);
    log.answered(reply.status);
    write(&log);
    Err(respond(&reply).unwrap_or_else(internal))
}
