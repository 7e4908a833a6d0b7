//! The log event of a request: one JSON object, with a reason for every decision.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};

use super::decide::Decision;
use super::request::Request;
use super::route::Route;
use super::waits::Waits;
use crate::access::{Assertion, IdentitySource, Subject};
use crate::error::GateError;
use crate::ports::Failure;
use crate::sign_in::{ResolvedUser, Trace};

/// The longest path that is logged, in characters.
const MAX_PATH: usize = 200;

/// A word that is fixed in the source, or a code of an app's own.
type Word = Cow<'static, str>;

/// A log event. It never holds an assertion or a token. An email is in it only as part of the KV key
/// of a corrupt record, or of the entity ref of a user who is not in the catalog.
///
/// JavaScript completes the lines of forwarded requests (`src/worker/limits.mjs`).
#[derive(Clone, Debug, Serialize)]
pub struct LogEvent {
    /// `info`, `warn` for a refusal, `error` for a fault.
    pub level: Word,
    /// `answered`, `forwarded`, `refused`, `failed`.
    pub outcome: Word,
    route: Word,
    version: Word,
    /// Tells one configuration from another.
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<String>,
    /// Cloudflare's id of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    ray: Option<String>,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<i64>,
    /// The waits for services, in milliseconds.
    #[serde(skip_serializing_if = "Map::is_empty")]
    waits: Map<String, Value>,
    /// The services that failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed: Vec<Word>,
    method: String,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Word>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Word>,
    /// `sub` of the assertion, or the client id of a service token.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<Word>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolver: Option<String>,
    /// Whether the forwarded request got the Backstage token of its caller.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) attached: bool,
    /// The resolvers that were tried before, or instead, each with its code.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tries: Vec<String>,
    /// What resolvers of the app noted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
}

impl LogEvent {
    /// The event of a request on this route.
    #[must_use]
    pub fn new(method: &str, path: &str, route: Route) -> Self {
        Self {
            level: "info".into(),
            outcome: "answered".into(),
            route: route.name().into(),
            version: env!("CARGO_PKG_VERSION").into(),
            config: None,
            ray: None,
            ms: None,
            waits: Map::new(),
            failed: Vec::new(),
            method: method.to_owned(),
            path: path.chars().take(MAX_PATH).collect(),
            status: None,
            code: None,
            detail: None,
            subject: None,
            sub: None,
            identity: None,
            user: None,
            resolver: None,
            attached: false,
            tries: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The event of a background task that failed.
    #[must_use]
    pub fn task_failed(failure: &Failure) -> String {
        #[derive(Serialize)]
        struct TaskFailed<'a> {
            level: &'static str,
            outcome: &'static str,
            detail: &'a str,
        }
        let event = TaskFailed { level: "warn", outcome: "task failed", detail: &failure.0 };
        serde_json::to_string(&event).unwrap_or_default()
    }

    /// The event of a request on this route, with Cloudflare's id of it.
    #[must_use]
    pub fn of(request: &Request<'_>, route: Route) -> Self {
        Self { ray: request.ray(), ..Self::new(request.method, request.path, route) }
    }

    /// Notes how long the request took, in milliseconds.
    pub const fn took(&mut self, milliseconds: i64) {
        self.ms = Some(milliseconds);
    }

    /// Notes the configuration.
    pub fn configured(&mut self, fingerprint: &str) {
        self.config = Some(fingerprint.to_owned());
    }

    /// Notes how long the request waited for services: the sum for each.
    pub fn waited(&mut self, waits: Waits) {
        for wait in waits.into_list() {
            let known = self.waits.get(wait.name).and_then(Value::as_i64).unwrap_or_default();
            self.waits.insert(wait.name.to_owned(), (known + wait.milliseconds).into());
            if wait.is_failed && !self.failed.iter().any(|name| name == wait.name) {
                self.failed.push(wait.name.into());
            }
        }
    }

    /// Where the time went, as a `Server-Timing` header (w3.org/TR/server-timing): the whole request, and
    /// each service that it waited for.
    #[must_use]
    pub fn server_timing(&self) -> String {
        let total = format!("total;dur={}", self.ms.unwrap_or_default());
        let waits = self.waits.iter().map(|(name, ms)| format!("{name};dur={ms}"));
        [total].into_iter().chain(waits).collect::<Vec<_>>().join(", ")
    }

    /// Cloudflare's id of the request.
    #[must_use]
    pub fn ray(&self) -> Option<&str> {
        self.ray.as_deref()
    }

    /// Notes that the request has no assertion.
    pub fn assertion_missing(&mut self, has_cookies: bool) {
        let detail = if has_cookies {
            "no assertion header, and cookies without the authorization cookie"
        } else {
            "neither an assertion header nor any cookie"
        };
        self.detail = Some(detail.to_owned());
    }

    /// Notes a verified assertion.
    pub fn verified(&mut self, assertion: &Assertion) {
        let (subject, id) = match assertion.subject() {
            Subject::User { id, .. } => ("user", id),
            Subject::ServiceToken { client_id } => ("service-token", client_id),
        };
        self.subject = Some(subject.into());
        self.sub = Some(id.clone());
    }

    /// Notes where the identity came from.
    pub fn identified(&mut self, source: IdentitySource) {
        let identity = match source {
            IdentitySource::Cache => "cache",
            IdentitySource::Claims => "claims",
            IdentitySource::ClaimsFallback => "claims, get-identity did not answer",
            IdentitySource::GetIdentity => "get-identity",
            IdentitySource::ServiceToken => "configuration",
        };
        self.identity = Some(identity.into());
    }

    /// Notes that a cached session was used, and its user.
    pub fn reused(&mut self, user: &str) {
        self.identity = Some("session".into());
        self.user = Some(user.to_owned());
    }

    /// Notes which resolvers did not sign the caller in, and what they noted.
    pub fn traced(&mut self, trace: &Trace) {
        self.tries = trace.take_tries();
        self.notes = trace.take_notes();
    }

    /// Notes why the origin does not know the user.
    pub fn not_registered(&mut self, why: &str) {
        self.notes.push(format!("not registered with the origin: {why}"));
    }

    /// Notes the user, and the resolver that found them.
    pub fn signed_in(&mut self, user: &ResolvedUser) {
        self.user = Some(user.user.clone());
        self.resolver = Some(user.resolver.clone());
    }

    /// Notes why the request ended early; `why` is the cause, where the code alone does not say it.
    pub fn ended(&mut self, error: &GateError, why: Option<String>) {
        self.code = Some(error.code().to_owned().into());
        match error {
            GateError::Refusal(refusal) => {
                (self.level, self.outcome) = ("warn".into(), "refused".into());
                let detail = why.or_else(|| refusal.detail().map(str::to_owned));
                self.detail = detail.or_else(|| self.detail.take());
            }
            GateError::Fault(fault) => {
                (self.level, self.outcome) = ("error".into(), "failed".into());
                self.detail = Some(fault.detail());
            }
        }
    }

    /// Notes what was decided.
    pub fn decided(&mut self, decision: &Decision) {
        match decision {
            Decision::Forward(_) => self.outcome = "forwarded".into(),
            Decision::Reply(reply) => self.status = Some(reply.status),
        }
    }

    /// Notes the status of the answer.
    pub const fn answered(&mut self, status: u16) {
        self.status = Some(status);
    }

    /// A line of the same request as JSON, with what this event knows better. A forwarded request
    /// carries its line until the origin answers or does not.
    #[must_use]
    pub fn over(&self, line: &str) -> String {
        let read = |text: &str| serde_json::from_str::<Map<_, _>>(text).unwrap_or_default();
        let mut fields = read(line);
        fields.extend(read(&self.to_json()));
        Value::Object(fields).to_string()
    }

    /// The event as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| format!("{{\"log\":\"{error}\"}}"))
    }
}
