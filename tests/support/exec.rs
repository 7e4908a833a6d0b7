//! Just enough of an executor: the world answers at once, so a future that waits is a mistake,
//! unless a test made it wait with a [`Latch`].

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Runs a future that never waits.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    match poll_once(pin!(future)) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future waits for something that no test will do"),
    }
}

/// Drives a future as far as it gets.
pub(crate) fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Holds an answer back until it is opened, so that a test can put two requests in any order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latch(Rc<Cell<bool>>);

impl Latch {
    pub(crate) fn open(&self) {
        self.0.set(true);
    }

    pub(crate) async fn wait(&self) {
        poll_fn(|_| if self.0.get() { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}
