//! The ports in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::jwk::{PublicKey, SigningKey};
use crate::ports::{CatalogPort, Failure, HttpRequest, HttpResponse, Ports};

/// How often a future is polled that waits for nothing but its time limit.
const MAX_POLLS: usize = 1_000;

/// The ports of a trial.
#[derive(Debug, Default)]
pub(super) struct TrialPorts {
    /// The records; `None` while the catalog does not answer.
    pub(super) records: Option<BTreeMap<String, String>>,
    /// Answers by URL.
    pub(super) answers: BTreeMap<String, HttpResponse>,
    pub(super) vars: BTreeMap<String, String>,
    pub(super) cache: RefCell<BTreeMap<String, String>>,
    /// Whether the time limit of the app's code has passed.
    pub(super) is_late: std::cell::Cell<bool>,
}

impl CatalogPort for TrialPorts {
    async fn read_catalog(&self, key: &str) -> Result<Option<String>, Failure> {
        match &self.records {
            Some(records) => Ok(records.get(key).cloned()),
            None => Err(Failure("the catalog of the trial is down".to_owned())),
        }
    }
}

impl Ports for TrialPorts {
    async fn fetch(&self, request: &HttpRequest) -> Result<HttpResponse, Failure> {
        let answer = self.answers.get(&request.url).cloned();
        let answer =
            answer.ok_or_else(|| Failure(format!("the trial has no answer of {}", request.url)))?;
        if answer.body.len() > request.max_bytes {
            return Err(Failure(format!("{}: over {} bytes", request.url, request.max_bytes)));
        }
        Ok(answer)
    }

    async fn fetch_origin(&self, request: &HttpRequest) -> Result<HttpResponse, Failure> {
        Err(Failure(format!("a trial has no origin to answer {}", request.url)))
    }

    async fn read_cache(&self, key: &str) -> Result<Option<String>, Failure> {
        Ok(self.cache.borrow().get(key).cloned())
    }

    async fn write_cache(&self, key: &str, value: &str, _: u32) -> Result<(), Failure> {
        self.cache.borrow_mut().insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    async fn verify_rs256(&self, _: &PublicKey, _: &[u8], _: &[u8]) -> Result<bool, Failure> {
        Err(Failure("a trial verifies nothing".to_owned()))
    }

    async fn sign_es256(&self, _: &SigningKey, _: &[u8]) -> Result<Vec<u8>, Failure> {
        Err(Failure("a trial signs nothing".to_owned()))
    }

    async fn verify_es256(&self, _: &SigningKey, _: &[u8], _: &[u8]) -> Result<bool, Failure> {
        Err(Failure("a trial verifies nothing".to_owned()))
    }

    async fn sleep(&self, _: u32) {
        std::future::poll_fn(|_| if self.is_late.get() { Poll::Ready(()) } else { Poll::Pending })
            .await;
    }

    fn var(&self, name: &str) -> Option<String> {
        self.vars.get(name).cloned()
    }

    fn random(&self) -> u32 {
        0
    }
}

/// Runs a future to its end. The ports answer at once, so one that waits waits for something that will
/// not happen: then its time limit passes.
pub(super) fn block_on<F: Future>(future: F, ports: &TrialPorts) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..MAX_POLLS {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
    }
    ports.is_late.set(true);
    match future.as_mut().poll(&mut context) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
