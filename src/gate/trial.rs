//! A sign-in without a request, for `testing`.

use std::rc::Rc;

use chrono::{DateTime, Utc};

use super::decide::Gate;
use super::request::{HeaderSource, Request};
use super::request_scope::RequestScope;
use super::route::Route;
use crate::access::Assertion;
use crate::error::GateError;
use crate::ports::Ports;
use crate::scope::Scope;
use crate::sign_in::ResolvedUser;

/// How a sign-in ended, and how it came to that.
#[derive(Clone, Debug)]
pub(crate) struct TrialOutcome {
    pub(crate) result: Result<ResolvedUser, GateError>,
    pub(crate) tries: Vec<String>,
    pub(crate) notes: Vec<String>,
}

/// A request without headers.
struct NoHeaders;

impl HeaderSource for NoHeaders {
    fn get(&self, _: &str) -> Option<String> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Gate {
    /// Resolves the user of an assertion.
    pub(crate) async fn try_sign_in<P: Ports>(
        &self,
        assertion: &Rc<Assertion>,
        now: DateTime<Utc>,
        ports: &P,
    ) -> TrialOutcome {
        let request = Request { method: "GET", path: "/", query: "", headers: &NoHeaders };
        let scope = RequestScope::new(self, &request, Route::Own, Scope::new(now, ports));
        let result = scope.sign_in(assertion).await.map(|caller| caller.user);
        let (log, _) = scope.finish();
        TrialOutcome { result, tries: log.tries, notes: log.notes }
    }
}
