//! A request, and what is to be seen of the answer.

use std::collections::BTreeMap;

use backstage_cfaccess::SignedIn;
use backstage_cfaccess::error::GateError;
use backstage_cfaccess::gate::{Decision, Gate, Outcome};
use backstage_cfaccess::gate::{HeaderSource, Reply, Request};
use serde_json::Value;

use super::{Claims, NOW, Setup, World, at, block_on};

/// A request that is asked of a gate.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    method: String,
    path: String,
    query: String,
    headers: Headers,
    now: i64,
}

#[derive(Clone, Debug, Default)]
struct Headers(BTreeMap<String, String>);

impl HeaderSource for Headers {
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(&name.to_ascii_lowercase()).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

impl Ask {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: Headers::default(),
            now: NOW,
        }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// What the sign-in page asks, with an assertion.
    pub(crate) fn refresh(assertion: &str) -> Self {
        Self::get("/api/auth/cfaccess/refresh").header("cf-access-jwt-assertion", assertion)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.0.insert(name.to_ascii_lowercase(), value.to_owned());
        self
    }

    pub(crate) fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    pub(crate) fn at(mut self, now: i64) -> Self {
        self.now = now;
        self
    }

    /// The request, for those who want to drive its future themselves.
    pub(crate) fn request(&self) -> Request<'_> {
        Request {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
        }
    }

    pub(crate) fn of(&self, gate: &Gate, world: &World) -> Outcome {
        block_on(gate.decide(&self.request(), at(self.now), world))
    }
}

/// Signs the caller with these claims in, by these resolvers and the claims alone.
pub(crate) fn sign_in(
    claims: &Claims,
    resolvers: &[Value],
    world: &World,
) -> Result<SignedIn, GateError> {
    let setup = Setup::new().cfaccess("identity", "claims".into()).resolvers(&resolvers.into());
    let (gate, ask) = (setup.gate(), Ask::refresh(&claims.mint()));
    block_on(gate.sign_in(&ask.request(), at(NOW), world)).result
}

/// The answer, where the gate answered.
pub(crate) fn reply_of(outcome: &Outcome) -> &Reply {
    match &outcome.decision {
        Decision::Reply(reply) => reply,
        Decision::Forward(_) => panic!("forwarded: {}", outcome.log.to_json()),
    }
}

/// The body of the answer.
pub(crate) fn body_of(outcome: &Outcome) -> Value {
    serde_json::from_str(reply_of(outcome).body.as_ref().unwrap()).unwrap()
}

/// `forwarded`, `200` or the code of the error.
pub(crate) fn code_of(outcome: &Outcome) -> String {
    match &outcome.decision {
        Decision::Forward(_) => "forwarded".to_owned(),
        Decision::Reply(reply) if reply.status < 400 => reply.status.to_string(),
        Decision::Reply(_) => body_of(outcome)["error"]["code"].as_str().unwrap().to_owned(),
    }
}
