//! CORS (Fetch standard, section 3.2) for a front end that is served
//! from another origin than the backend, as Backstage's `backend.cors` allows.

use super::reply::Reply;
use super::request::Request;

/// The methods of the refresh route.
const METHODS: &str = "GET, HEAD, POST, OPTIONS";

/// The CORS headers of an answer, if the request comes from a configured origin. `vary` is set
/// whenever any origin is configured, since the answer then depends on it.
#[must_use]
pub fn cors_headers(request: &Request<'_>, origins: &[String]) -> Vec<(&'static str, String)> {
    if origins.is_empty() {
        return Vec::new();
    }
    let mut headers = vec![("vary", "origin".to_owned())];
    if let Some(origin) = request.headers.get("origin")
        && origins.contains(&origin)
    {
        headers.push(("access-control-allow-origin", origin));
        headers.push(("access-control-allow-credentials", "true".to_owned()));
    }
    headers
}

/// Whether this is a CORS preflight from a configured origin. It asks before the browser sends
/// anything, so it has no credentials, and the origin answers it.
pub(super) fn is_allowed_preflight(request: &Request<'_>, origins: &[String]) -> bool {
    request.method == "OPTIONS"
        && request.headers.get("access-control-request-method").is_some_and(|it| !it.is_empty())
        && request.headers.get("origin").is_some_and(|origin| origins.contains(&origin))
}

/// The answer to OPTIONS on the refresh route: 204 with `allow`, and what a preflight asks for if
/// it comes from a configured origin.
#[must_use]
pub fn preflight(request: &Request<'_>, origins: &[String]) -> Reply {
    let mut headers = vec![("allow", METHODS.to_owned())];
    let cors = cors_headers(request, origins);
    if cors.len() > 1 {
        headers.push(("access-control-allow-methods", METHODS.to_owned()));
        if let Some(asked) = request.headers.get("access-control-request-headers") {
            headers.push(("access-control-allow-headers", asked));
        }
    }
    headers.extend(cors);
    Reply { status: 204, headers, body: None }
}
