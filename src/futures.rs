//! A future with a time limit.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// The output of a future, or `None` if `timer` ends first.
pub(crate) async fn within<F: Future>(
    future: F,
    timer: impl Future<Output = ()>,
) -> Option<F::Output> {
    within_while(future, timer, || true).await
}

/// The same. The timer starts when the future waits and `counts` says that the wait counts: to start one
/// costs as much as to verify a signature.
pub(crate) async fn within_while<F: Future>(
    future: F,
    timer: impl Future<Output = ()>,
    counts: impl Fn() -> bool,
) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut timer = pin!(timer);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if counts() => timer.as_mut().poll(context).map(|()| None),
        Poll::Pending => Poll::Pending,
    })
    .await
}
