//! The stock Worker: its events, on the public API.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll, Wake, Waker};

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::future_to_promise;
use web_sys::Request;
use worker::Env;

use crate::gate::CfAccess;
use crate::worker as cfaccess;

/// Before the first request: a panic leaves its message in the log.
#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// Answers a request: with a response if nothing had to be waited for, else with the promise of one.
///
/// `#[event(fetch)]` of the crate `worker` makes a promise for every request, and an answer from the
/// isolate's caches needs none. Apart from that this is what a Worker of your own does.
///
/// A panic in here costs the isolate its caches and the requests that are not decided yet their answer
/// (500, see `recovery.mjs`), never their check. What is being forwarded goes on.
#[wasm_bindgen]
#[expect(unreachable_pub, reason = "exported to JavaScript")]
#[must_use]
pub fn fetch(request: Request, env: Env, context: JsValue) -> JsValue {
    poll_first(
        async move { cfaccess::answer(&CfAccess::new, &request, env.as_ref(), &context).await },
    )
}

/// Makes a run of the catalog. Resolves to `undefined`, or to why the run was refused or failed:
/// `recovery.mjs` throws that, so that Cloudflare records the event as failed.
///
/// `#[event(scheduled)]` of the crate `worker` has no way to fail.
#[wasm_bindgen]
#[expect(unreachable_pub, reason = "exported to JavaScript")]
pub async fn scheduled(_event: JsValue, env: Env, _context: JsValue) -> Option<String> {
    cfaccess::run_sync(CfAccess::new, &env).await
}

/// What a future comes to at once, or the promise of it.
fn poll_first(future: impl Future<Output = Result<JsValue, JsValue>> + 'static) -> JsValue {
    let mut future: Pin<Box<dyn Future<Output = Result<JsValue, JsValue>>>> = Box::pin(future);
    let relay = Arc::new(Relay::default());
    let waker = Waker::from(Arc::clone(&relay));
    match future.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
        Poll::Ready(Ok(value)) => value,
        Poll::Ready(Err(error)) => Promise::reject(&error).into(),
        Poll::Pending => {
            let rest = poll_fn(move |context| {
                relay.wake_from_now_on(context.waker());
                future.as_mut().poll(&mut TaskContext::from_waker(&waker))
            });
            future_to_promise(rest).into()
        }
    }
}

/// A waker for the first poll, when there is no task yet. It wakes whoever polls the future now: some
/// futures, such as `worker::Delay`, keep the waker of their first poll for good.
#[derive(Default)]
struct Relay(Mutex<Option<Waker>>);

impl Relay {
    fn wake_from_now_on(&self, waker: &Waker) {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !current.as_ref().is_some_and(|current| current.will_wake(waker)) {
            *current = Some(waker.clone());
        }
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        let waker = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Without one, the promise is about to poll for the first time anyway.
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
