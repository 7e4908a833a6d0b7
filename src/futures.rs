//! A future with a time limit.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// The output of a future, or `None` if `timer` ends first.
pub(crate) async fn within<F: Future>(
    future: F,
    timer: impl Future<Output = ()>,
) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut timer = pin!(timer);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => timer.as_mut().poll(context).map(|()| None),
    })
    .await
}
