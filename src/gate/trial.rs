//! A sign-in without a request, for `testing` and for `cfaccess resolve`.

use std::rc::Rc;

use chrono::{DateTime, Utc};

use super::decide::Gate;
use super::request::{HeaderSource, Request};
use super::request_scope::RequestScope;
use super::route::Route;
use crate::access::Assertion;
#[cfg(feature = "cli")]
use crate::backstage::OwnershipClaim;
#[cfg(feature = "cli")]
use crate::error::Fault;
use crate::error::GateError;
use crate::ports::Ports;
use crate::scope::Scope;
use crate::sign_in::ResolvedUser;

/// How a sign-in ended, and how it came to that.
#[derive(Clone, Debug)]
pub(crate) struct TrialOutcome {
    pub(crate) result: Result<ResolvedUser, GateError>,
    #[cfg(feature = "testing")]
    pub(crate) tries: Vec<String>,
    pub(crate) notes: Vec<String>,
    /// What the log says of a refusal or a fault beyond its code.
    #[cfg(feature = "cli")]
    pub(crate) detail: Option<String>,
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
        #[cfg(feature = "cli")]
        let detail = result.as_ref().err().and_then(|it| scope.cause.take(it).or(it.detail()));
        let (log, _) = scope.finish();
        TrialOutcome {
            result,
            #[cfg(feature = "testing")]
            tries: log.tries,
            notes: log.notes,
            #[cfg(feature = "cli")]
            detail,
        }
    }

    /// The token that a user gets now, and the one that carries the ownership refs in any case.
    #[cfg(feature = "cli")]
    pub(crate) async fn try_tokens<P: Ports>(
        &self,
        user: &ResolvedUser,
        now: DateTime<Utc>,
        ports: &P,
    ) -> [Result<String, Fault>; 2] {
        let request = Request { method: "GET", path: "/", query: "", headers: &NoHeaders };
        let scope = RequestScope::new(self, &request, Route::Own, Scope::new(now, ports));
        let expires_at = now.timestamp() + i64::from(self.config.backstage.token_life);
        let claim = scope.ownership_claim(user);
        [
            scope.issue_token(user, claim, expires_at).await,
            scope.issue_token(user, OwnershipClaim::Always, expires_at).await,
        ]
    }
}
