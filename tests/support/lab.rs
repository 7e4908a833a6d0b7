//! A gate and its world, to verify one assertion after another.

use std::cell::RefCell;
use std::rc::Rc;

use backstage_cfaccess::access::{AccessIdentity, Assertion, identity_of, verify};
use backstage_cfaccess::gate::Gate;
use backstage_cfaccess::ports::Failure;
use backstage_cfaccess::refusal::Stop;
use backstage_cfaccess::task::{Task, run};
use chrono::{DateTime, Utc};

use super::{Setup, World, at, block_on};

/// A gate and its world.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) gate: Gate,
    pub(crate) world: World,
    later: RefCell<Vec<Task>>,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::of(&Setup::new())
    }

    pub(crate) fn of(setup: &Setup) -> Self {
        Self { gate: setup.gate(), world: World::new(), later: RefCell::default() }
    }

    pub(crate) fn verify(&self, compact: &str, now: i64) -> Result<Assertion, Stop> {
        self.verify_at(compact, at(now))
    }

    pub(crate) fn verify_at(&self, compact: &str, now: DateTime<Utc>) -> Result<Assertion, Stop> {
        block_on(self.start(compact, now))
    }

    /// The verification, for those who want to drive it themselves.
    pub(crate) async fn start(&self, compact: &str, now: DateTime<Utc>) -> Result<Assertion, Stop> {
        let mut later = Vec::new();
        let (access, keys) = (&self.gate.config.access, &self.gate.memory.keys);
        let result = verify(compact, now, access, keys, &self.world, &mut later).await;
        self.later.borrow_mut().extend(later);
        result
    }

    /// Who the caller of an assertion is to Access.
    pub(crate) fn identify(&self, compact: &str, now: i64) -> Result<Rc<AccessIdentity>, Stop> {
        let assertion = self.verify(compact, now)?;
        let mut later = Vec::new();
        let (access, memory) = (&self.gate.config.access, &self.gate.memory.identities);
        let identity =
            identity_of(&assertion, compact, now, access, memory, &self.world, &mut later);
        let identity = block_on(identity);
        self.later.borrow_mut().extend(later);
        identity
    }

    /// What is left to do after the answers.
    pub(crate) fn tasks(&self) -> Vec<Task> {
        self.later.borrow().clone()
    }

    /// Does it.
    pub(crate) fn run_tasks(&self, now: i64) -> Vec<Failure> {
        let tasks = self.later.take();
        block_on(run(tasks, now, &self.gate, &self.world))
    }
}
