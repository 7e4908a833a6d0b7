//! Sign-ins on trial: the Worker's own gate, with records from anywhere and a caller that no Access has
//! let in. `cfaccess resolve` and `cfaccess catalog` ask it who can sign in, and as which user.

mod caller;
mod changes;
pub(super) mod changes_report;
mod observer;
mod ports;
mod token_size;

use std::rc::Rc;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::CliError;
use super::clock;
use super::es256::NewKey;
use super::ports::block_on;
use super::wrangler::Deployment;
use crate::config::{AppCode, Config, RawConfig};
use crate::error::{Fault, GateError};
use crate::gate::{Gate, TrialOutcome};
use crate::sign_in::ResolvedUser;

pub(super) use caller::Caller;
pub(super) use changes::Changes;
pub(super) use observer::{Found, Outcome, Step};
pub(super) use ports::{MemoryRecords, Records};
pub(super) use token_size::{NODE_LIMIT, OTHER_HEADERS, large_tokens};

use observer::Observer;
use ports::TrialPorts;

/// A gate with the configuration of a deployment.
pub(super) struct Trial {
    gate: Gate,
    observer: Rc<Observer>,
    now: DateTime<Utc>,
}

/// How a sign-in ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) result: Result<ResolvedUser, GateError>,
    /// What the log says of a refusal or a fault beyond its code.
    pub(super) detail: Option<String>,
    /// What resolvers noted.
    pub(super) notes: Vec<String>,
    /// The resolvers that were asked, in order.
    pub(super) steps: Vec<Step>,
}

impl Ended {
    /// The resolver that is code of a Worker of one's own, and at which the sign-in ended, because this
    /// program does not have that code.
    pub(super) fn unknown_resolver(&self) -> Option<&str> {
        let last = self.steps.last()?;
        let is_unknown = self.result.is_err() && last.resolver.contains('/');
        is_unknown.then_some(last.resolver.as_str())
    }
}

/// The lengths of a user's tokens, in characters.
#[derive(Debug)]
pub(super) struct TokenLengths {
    /// The token that the user gets, unless it is too long for Backstage.
    pub(super) token: Result<usize, Fault>,
    /// The token that carries the ownership refs in any case.
    pub(super) with_ownership: Result<usize, Fault>,
}

/// The configuration of a deployment, as the Worker reads it. The signing key is a secret, and another one
/// takes its place here.
///
/// # Errors
/// Every problem, each with its place.
pub(super) fn config(deployment: &Deployment, place: &str) -> Result<Config, CliError> {
    let source = RawConfig {
        cfaccess: deployment.var("CFACCESS"),
        backstage: deployment.var("BACKSTAGE"),
        signing_keys: Some(signing_keys()),
    };
    Config::read(&source, &AppCode::unknown()).map_err(|problems| {
        CliError(problems.iter().map(|problem| format!("{place}: {problem}")).collect())
    })
}

/// A set of a new signing key, in the place of the secret.
pub(super) fn signing_keys() -> String {
    json!({ "keys": [NewKey::random(None).to_jwk()] }).to_string()
}

impl Trial {
    /// A trial with this configuration.
    pub(super) fn new(mut config: Config) -> Self {
        let observer = Rc::<Observer>::default();
        let resolvers = std::mem::take(&mut config.sign_in.resolvers);
        config.sign_in.resolvers =
            resolvers.into_iter().map(|it| observer::observed(it, &observer)).collect();
        // Every resolver shows all that it reads.
        config.sign_in.catalog_max_age = 0;
        let now = DateTime::from_timestamp(clock::now(), 0).unwrap_or_default();
        Self { gate: Gate::new(config), observer, now }
    }

    /// The configuration.
    pub(super) const fn config(&self) -> &Config {
        &self.gate.config
    }

    /// Signs a caller in, by these records.
    pub(super) fn sign_in(&self, caller: &Caller, records: &dyn Records) -> Ended {
        let ports = TrialPorts::new(records, &self.observer, caller.document());
        let assertion = Rc::new(caller.assertion(self.now.timestamp()));
        self.observer.take();
        let outcome = block_on(self.gate.try_sign_in(&assertion, self.now, &ports));
        let TrialOutcome { result, notes, detail, .. } = outcome;
        Ended { result, detail, notes, steps: self.observer.take() }
    }

    /// How long the tokens of a user are.
    pub(super) fn token_lengths(&self, user: &ResolvedUser) -> TokenLengths {
        let records = MemoryRecords::default();
        let ports = TrialPorts::new(&records, &self.observer, None);
        let [token, with_ownership] = block_on(self.gate.try_tokens(user, self.now, &ports))
            .map(|token| token.map(|it| it.len()));
        TokenLengths { token, with_ownership }
    }
}
