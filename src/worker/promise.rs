//! Promises both ways: [`Awaited`] is a promise as a future, [`drive`] makes a future a promise.
//!
//! wasm-bindgen's own futures have two closures for each promise and one queue of tasks for the
//! whole isolate. Here a promise that settles wakes its task at once, and so within the request that
//! it belongs to; where nothing has to be waited for there is no promise at all. `docs/performance.md`
//! has what that saves.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};

/// What a promise comes to.
type Settled = Result<JsValue, JsValue>;

/// How many tasks may be under way. One whose client has gone away is never heard of again, so the
/// oldest is dropped beyond this; an isolate does not have as many alive.
const MAX_TASKS: usize = 1024;

#[wasm_bindgen(module = "/src/worker/promise.mjs")]
extern "C" {
    #[wasm_bindgen(js_name = onSettled)]
    fn on_settled(callback: JsValue);

    fn settle(promise: &Promise, id: u32);
}

thread_local! {
    static LAST_ID: Cell<u32> = const { Cell::new(0) };
    /// The promises that are waited for.
    static WAITING: RefCell<HashMap<u32, Waiting>> = RefCell::new(HashMap::new());
    /// The futures under way, oldest first.
    static TASKS: RefCell<BTreeMap<u32, Task>> = const { RefCell::new(BTreeMap::new()) };
}

#[derive(Default)]
struct Waiting {
    settled: Option<Settled>,
    waker: Option<Waker>,
}

#[derive(Default)]
struct Task {
    /// The future; absent while it is polled.
    future: Option<Pin<Box<dyn Future<Output = Settled>>>>,
    /// Whether it was woken while it was polled.
    woken: bool,
    /// The two ends of its promise, once it has one.
    promise: Option<(Function, Function)>,
}

/// Has to be called once, before anything is awaited.
pub(super) fn listen() {
    let callback = Closure::<dyn Fn(u32, bool, JsValue)>::new(|id, succeeded, result| {
        let waker = WAITING.with_borrow_mut(|waiting| {
            let waiting = waiting.get_mut(&id)?;
            waiting.settled = Some(if succeeded { Ok(result) } else { Err(result) });
            waiting.waker.take()
        });
        if let Some(waker) = waker {
            waker.wake();
        }
    });
    on_settled(callback.into_js_value());
}

fn next_id() -> u32 {
    LAST_ID.set(LAST_ID.get().wrapping_add(1));
    LAST_ID.get()
}

/// A promise as a future.
pub(super) struct Awaited(u32);

impl Awaited {
    pub(super) fn new(promise: &Promise) -> Self {
        let id = next_id();
        WAITING.with_borrow_mut(|waiting| waiting.insert(id, Waiting::default()));
        settle(promise, id);
        Self(id)
    }
}

impl Future for Awaited {
    type Output = Settled;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Settled> {
        WAITING.with_borrow_mut(|waiting| {
            let Some(waiting) = waiting.get_mut(&self.0) else { return Poll::Pending };
            if let Some(settled) = waiting.settled.take() {
                return Poll::Ready(settled);
            }
            waiting.waker = Some(context.waker().clone());
            Poll::Pending
        })
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        // What is dropped may hold a waker, which holds nothing that would come back here.
        let _ = WAITING.with_borrow_mut(|waiting| waiting.remove(&self.0));
    }
}

/// The result of a future: at once if it has one at once, otherwise the promise of it.
pub(super) fn drive(future: impl Future<Output = Settled> + 'static) -> JsValue {
    let id = next_id();
    let task = Task { future: Some(Box::pin(future)), ..Task::default() };
    let lost = TASKS.with_borrow_mut(|tasks| {
        tasks.insert(id, task);
        if tasks.len() > MAX_TASKS { tasks.pop_first() } else { None }
    });
    drop(lost);
    match run(id) {
        Some(Ok(value)) => value,
        Some(Err(error)) => Promise::reject(&error).into(),
        None => Promise::new(&mut |resolve, reject| {
            TASKS.with_borrow_mut(|tasks| {
                if let Some(task) = tasks.get_mut(&id) {
                    task.promise = Some((resolve, reject));
                }
            });
        })
        .into(),
    }
}

/// Polls a task until it has to wait. Its result, if there is nobody yet to whom to give it.
fn run(id: u32) -> Option<Settled> {
    loop {
        let mut future = TASKS.with_borrow_mut(|tasks| {
            let task = tasks.get_mut(&id)?;
            task.woken = task.future.is_none();
            task.future.take()
        })?;
        let waker = Waker::from(Arc::new(TaskId(id)));
        let poll = future.as_mut().poll(&mut Context::from_waker(&waker));
        match poll {
            Poll::Ready(settled) => {
                let task = TASKS.with_borrow_mut(|tasks| tasks.remove(&id));
                let Some((resolve, reject)) = task.and_then(|task| task.promise) else {
                    return Some(settled);
                };
                let (end, result) = match &settled {
                    Ok(value) => (resolve, value),
                    Err(error) => (reject, error),
                };
                // The ends of a promise throw nothing.
                let _ = end.call1(&JsValue::UNDEFINED, result);
                return None;
            }
            Poll::Pending => {
                let again = TASKS.with_borrow_mut(|tasks| {
                    let task = tasks.get_mut(&id)?;
                    task.future = Some(future);
                    Some(std::mem::take(&mut task.woken))
                });
                if again != Some(true) {
                    return None;
                }
            }
        }
    }
}

/// A waker of a task.
struct TaskId(u32);

impl Wake for TaskId {
    fn wake(self: Arc<Self>) {
        // It has its promise by now: nothing settles while it is polled for the first time.
        let _ = run(self.0);
    }
}
