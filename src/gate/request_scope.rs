//! What every step of the gate needs to know about its request.

use std::cell::RefCell;
use std::ops::Deref;

use super::decide::Gate;
use super::log_event::LogEvent;
use super::request::Request;
use super::route::Route;
use crate::error::GateError;
use crate::scope::Scope;

/// One request on its way through the gate.
pub(super) struct RequestScope<'a, P> {
    pub(super) gate: &'a Gate,
    pub(super) request: &'a Request<'a>,
    pub(super) route: Route,
    log: RefCell<LogEvent>,
    scope: Scope<'a, P>,
}

impl<'a, P> RequestScope<'a, P> {
    pub(super) fn new(
        gate: &'a Gate,
        request: &'a Request<'a>,
        route: Route,
        scope: Scope<'a, P>,
    ) -> Self {
        let mut log = LogEvent::of(request, route);
        log.configured(&gate.config.fingerprint);
        Self { gate, request, route, log: RefCell::new(log), scope }
    }

    /// Notes something in the log event of the request.
    pub(super) fn log(&self, note: impl FnOnce(&mut LogEvent)) {
        note(&mut self.log.borrow_mut());
    }

    /// Notes why the request ended early.
    pub(super) fn ended(&self, error: &GateError) {
        let why = self.cause.take(error);
        self.log(|log| log.ended(error, why));
    }

    /// The log event and the scope, once the request is decided.
    pub(super) fn finish(self) -> (LogEvent, Scope<'a, P>) {
        let mut log = self.log.into_inner();
        log.notes.extend(self.scope.take_notes());
        (log, self.scope)
    }
}

/// The time, the ports and the background tasks.
impl<'a, P> Deref for RequestScope<'a, P> {
    type Target = Scope<'a, P>;

    fn deref(&self) -> &Scope<'a, P> {
        &self.scope
    }
}
