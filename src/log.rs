//! The log line: one JSON object per request, with a reason for every decision.

use serde::Serialize;

use crate::access::{Assertion, IdentitySource, Subject};
use crate::gate::Decision;
use crate::http::Route;
use crate::refusal::Stop;
use crate::signin::SignedIn;

/// One line. It names no assertion and no token. An email is in it only as part of the KV key of a
/// corrupt record, or of the entity ref of a user who is in no catalog.
#[derive(Debug, Serialize)]
pub struct Line {
    /// `info`, `warn` for a refusal, `error` for a fault.
    pub level: &'static str,
    /// `answered`, `forwarded`, `refused`, `failed`.
    pub outcome: &'static str,
    route: &'static str,
    method: String,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
}

/// The longest path that is logged, in bytes.
const MAX_PATH: usize = 200;

impl Line {
    /// A line for a request.
    #[must_use]
    pub fn new(method: &str, path: &str, route: Route) -> Self {
        Self {
            level: "info",
            outcome: "answered",
            route: route.name(),
            method: method.to_owned(),
            path: path.chars().take(MAX_PATH).collect(),
            status: None,
            code: None,
            detail: None,
            subject: None,
            identity: None,
            user: None,
        }
    }

    /// Notes a verified assertion.
    pub fn verified(&mut self, assertion: &Assertion) {
        self.subject = Some(match assertion.subject() {
            Subject::User { .. } => "user",
            Subject::ServiceToken { .. } => "service-token",
        });
    }

    /// Notes where the identity came from.
    pub fn identified(&mut self, source: IdentitySource) {
        self.identity = Some(match source {
            IdentitySource::Cache => "cache",
            IdentitySource::Claims => "claims",
            IdentitySource::ClaimsForWant => "claims, get-identity did not answer",
            IdentitySource::GetIdentity => "get-identity",
            IdentitySource::ServiceToken => "configuration",
        });
    }

    /// Notes that a session was given out again, and whose.
    pub fn reused(&mut self, user: &str) {
        self.identity = Some("session");
        self.user = Some(user.to_owned());
    }

    /// Notes the user.
    pub fn signed_in(&mut self, user: &SignedIn) {
        self.user = Some(user.user.clone());
    }

    /// Notes a finer reason.
    pub fn note(&mut self, detail: &str) {
        self.detail = Some(detail.to_owned());
    }

    /// Notes why the request was stopped.
    pub fn stopped(&mut self, stop: &Stop) {
        self.code = Some(stop.code());
        match stop {
            Stop::Refusal(refusal) => {
                self.level = "warn";
                self.outcome = "refused";
                if let Some(detail) = refusal.detail() {
                    self.note(detail);
                }
            }
            Stop::Fault(fault) => {
                self.level = "error";
                self.outcome = "failed";
                self.detail = Some(fault.detail());
            }
        }
    }

    /// Notes what was decided.
    pub fn settled(&mut self, decision: &Decision) {
        match decision {
            Decision::Forward(_) => self.outcome = "forwarded",
            Decision::Reply(reply) => self.status = Some(reply.status),
        }
    }

    /// Notes the status of the answer.
    pub const fn replied(&mut self, status: u16) {
        self.status = Some(status);
    }

    /// The line as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| format!("{{\"log\":\"{error}\"}}"))
    }
}
