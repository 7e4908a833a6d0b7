//! A question over HTTP, within a time limit and a size limit.

use std::time::Duration;

use serde_json::Value;

use super::super::super::http::agent;
use super::super::hosts::host_in;

/// The longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The largest answer, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// An answer, as far as it matters.
pub(super) struct Answer {
    pub(super) status: u16,
    /// The text of a JSON answer as a value; `null` for anything else.
    pub(super) json: Value,
    pub(super) location: Option<String>,
    pub(super) allowed_origin: Option<String>,
    pub(super) allows_credentials: bool,
}

impl Answer {
    /// The code of one of the Worker's own errors.
    pub(super) fn code(&self) -> Option<&str> {
        self.json.pointer("/error/code")?.as_str()
    }

    /// Whether Access asks for a login.
    pub(super) fn is_login(&self) -> bool {
        let leads_to_access =
            self.location.as_deref().is_some_and(|it| it.contains("/cdn-cgi/access/login"));
        // The emulator answers in Backstage's shape what is no navigation.
        let is_emulator = self.code() == Some("access_session_missing");
        leads_to_access || is_emulator || (matches!(self.status, 401 | 403) && self.json.is_null())
    }

    /// How messages describe it.
    pub(super) fn shown(&self) -> String {
        match (&self.location, self.code()) {
            (Some(location), _) => format!("{} to {}", self.status, host_in(location)),
            (None, Some(code)) => format!("{} {code}", self.status),
            (None, None) => self.status.to_string(),
        }
    }
}

/// Asks one question.
///
/// # Errors
/// Why there is no answer.
pub(super) fn ask(method: &str, url: &str, headers: &[(String, String)]) -> Result<Answer, String> {
    let agent = agent(TIMEOUT);
    let mut request = if method == "OPTIONS" { agent.options(url) } else { agent.get(url) };
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut response = request.call().map_err(|error| error.to_string())?;
    let header = |name: &str| {
        response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let (location, allowed_origin) = (header("location"), header("access-control-allow-origin"));
    let allows_credentials =
        header("access-control-allow-credentials").is_some_and(|value| value == "true");
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(MAX_BYTES).read_to_string();
    let json = body.ok().and_then(|body| serde_json::from_str(&body).ok()).unwrap_or_default();
    Ok(Answer { status, json, location, allowed_origin, allows_credentials })
}
