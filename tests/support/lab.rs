//! A gate and its world, to verify one assertion after another.

use std::cell::RefCell;
use std::rc::Rc;

use backstage_cfaccess::access::{AccessIdentity, Assertion, identity_of, verify};
use backstage_cfaccess::background::BackgroundTask;
use backstage_cfaccess::error::GateError;
use backstage_cfaccess::gate::Gate;
use backstage_cfaccess::gate::run_background;
use backstage_cfaccess::ports::Failure;
use backstage_cfaccess::scope::Scope;
use chrono::{DateTime, Utc};

use super::{Setup, World, at, block_on};

/// A gate and its world.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) gate: Gate,
    pub(crate) world: World,
    background: RefCell<Vec<BackgroundTask>>,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::of(&Setup::new())
    }

    pub(crate) fn of(setup: &Setup) -> Self {
        Self { gate: setup.gate(), world: World::new(), background: RefCell::default() }
    }

    pub(crate) fn verify(&self, token: &str, now: i64) -> Result<Assertion, GateError> {
        self.verify_at(token, at(now))
    }

    pub(crate) fn verify_at(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Assertion, GateError> {
        block_on(self.start(token, now))
    }

    /// The verification, for those who want to drive it themselves.
    pub(crate) async fn start(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Assertion, GateError> {
        let scope = Scope::new(now, &self.world);
        let result = verify(token, &scope, &self.gate.config.access, &self.gate.caches.jwks).await;
        self.background.borrow_mut().extend(scope.background.take());
        result
    }

    /// Who the caller of an assertion is to Access.
    pub(crate) fn identify(&self, token: &str, now: i64) -> Result<Rc<AccessIdentity>, GateError> {
        let assertion = self.verify(token, now)?;
        let scope = Scope::new(at(now), &self.world);
        let (access, cache) = (&self.gate.config.access, &self.gate.caches.identities);
        let identity = block_on(identity_of(&assertion, &scope, access, cache));
        self.background.borrow_mut().extend(scope.background.take());
        identity
    }

    /// What is left to do after the answers.
    pub(crate) fn tasks(&self) -> Vec<BackgroundTask> {
        self.background.borrow().clone()
    }

    /// Does it.
    pub(crate) fn run_tasks(&self, now: i64) -> Vec<Failure> {
        let tasks = self.background.take();
        block_on(run_background(tasks, at(now), &self.gate, &self.world))
    }
}
