//! What a Worker of one's own may use on routes of its own.

use chrono::{DateTime, Utc};

use super::before_forward::Caller;
use super::decide::Gate;
use super::log_event::LogEvent;
use super::refresh::SignedInCaller;
use super::request::Request;
use super::request_scope::RequestScope;
use super::route::Route;
use crate::background::BackgroundTask;
use crate::error::GateError;
use crate::ports::Ports;
use crate::scope::Scope;

/// A caller and their Backstage user.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedIn {
    user: String,
    ownership: Vec<String>,
}

impl SignedIn {
    /// The canonical entity ref of the user.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// What the user owns, their own ref first.
    #[must_use]
    pub fn ownership(&self) -> &[String] {
        &self.ownership
    }
}

/// The answer to a question about the caller of a request.
#[derive(Debug)]
pub struct Checked<T> {
    /// The answer, or why there is none.
    pub result: Result<T, GateError>,
    /// What to do afterwards.
    pub background: Vec<BackgroundTask>,
    /// The log event, which lacks the status.
    pub log: LogEvent,
}

impl Gate {
    /// Verifies the caller of a request, on any route.
    pub async fn verify<P: Ports>(
        &self,
        request: &Request<'_>,
        now: DateTime<Utc>,
        ports: &P,
    ) -> Checked<Caller> {
        let scope = self.own_route(request, now, ports);
        let result = scope.assertion().await.map(Caller::new);
        checked(scope, result)
    }

    /// Verifies the caller of a request and resolves their Backstage user, on any route.
    pub async fn sign_in<P: Ports>(
        &self,
        request: &Request<'_>,
        now: DateTime<Utc>,
        ports: &P,
    ) -> Checked<SignedIn> {
        let scope = self.own_route(request, now, ports);
        let signed_in = async {
            let assertion = scope.assertion().await?;
            let SignedInCaller { user, .. } = scope.sign_in(&assertion).await?;
            Ok(SignedIn { user: user.user, ownership: user.ownership })
        };
        let result = signed_in.await;
        checked(scope, result)
    }

    fn own_route<'a, P>(
        &'a self,
        request: &'a Request<'a>,
        now: DateTime<Utc>,
        ports: &'a P,
    ) -> RequestScope<'a, P> {
        RequestScope::new(self, request, Route::Own, Scope::new(now, ports))
    }
}

fn checked<P, T>(scope: RequestScope<'_, P>, result: Result<T, GateError>) -> Checked<T> {
    if let Err(error) = &result {
        scope.ended(error);
    }
    let (log, scope) = scope.finish();
    Checked { result, background: scope.background.take(), log }
}
