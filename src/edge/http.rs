//! Requests and responses between JavaScript's form and the core's. Handles go in and out; nothing
//! is converted that nobody reads, and a body never enters the module.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Headers, Request, RequestInit, Response, ResponseInit};

use super::fetch::{describe, send};
use crate::gate::Gate;
use crate::http::{CONTENT_TYPE, Forward, HeaderSource, Reply};

/// How long the origin may take until its response begins, in milliseconds. Cloudflare itself gives
/// up after 100 s; this is for a request that it does not guard.
const ORIGIN_TIMEOUT_MS: u32 = 100_000;

/// The parts of a request's URL, as they came.
pub(super) struct Target<'a> {
    /// `scheme://host[:port]`.
    pub(super) origin: &'a str,
    /// The path.
    pub(super) path: &'a str,
    /// The query with its question mark, or the empty string.
    pub(super) query: &'a str,
}

impl<'a> Target<'a> {
    /// Takes a URL apart as the runtime has it; dots in its path may still stand.
    pub(super) fn of(url: &'a str) -> Self {
        let after_scheme = url.find("://").map_or(0, |at| at + 3);
        let path_at = url
            .get(after_scheme..)
            .and_then(|rest| rest.find(['/', '?', '#']))
            .map_or(url.len(), |at| after_scheme + at);
        let (origin, rest) = url.split_at(path_at);
        let rest = rest.split('#').next().unwrap_or_default();
        let (path, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        Self { origin, path: if path.is_empty() { "/" } else { path }, query }
    }
}

/// The headers of a request, read one by one as they are asked for.
pub(super) struct RequestHeaders(pub(super) Headers);

impl HeaderSource for RequestHeaders {
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).ok().flatten()
    }

    fn names(&self) -> Vec<String> {
        self.0.keys().into_iter().flatten().filter_map(|name| name.as_string()).collect()
    }
}

/// A response of our own.
pub(super) fn respond(reply: &Reply) -> Result<Response, JsValue> {
    let headers = Headers::new()?;
    headers.set("cache-control", "no-store")?;
    if reply.body.is_some() {
        headers.set("content-type", CONTENT_TYPE)?;
    }
    for (name, value) in &reply.headers {
        headers.set(name, value)?;
    }
    let init = ResponseInit::new();
    init.set_status(reply.status);
    init.set_headers(&headers);
    Response::new_with_opt_str_and_init(reply.body.as_deref(), &init)
}

/// Sends a request on: a copy with the same method, body and everything, to the configured origin or
/// to the request's own host, with its headers edited. The response is returned as it came.
///
/// # Errors
/// Why there is no response, for the log.
pub(super) async fn forward(
    request: &Request,
    target: &Target<'_>,
    gate: &Gate,
    forward: &Forward,
) -> Result<Response, String> {
    let copy = match &gate.config.backstage.origin {
        // The Fetch standard reads a Request in the place of the init like any other.
        Some(origin) => Request::new_with_str_and_init(
            &format!("{origin}{}{}", target.path, target.query),
            request.unchecked_ref::<RequestInit>(),
        ),
        None => Request::new_with_request(request),
    };
    let copy = copy.map_err(|error| describe(&error))?;
    let headers = copy.headers();
    for name in &forward.edits.remove {
        headers.delete(name).map_err(|error| describe(&error))?;
    }
    for (name, value) in &forward.edits.set {
        headers.set(name, value).map_err(|error| describe(&error))?;
    }
    send(&copy, ORIGIN_TIMEOUT_MS).await.map_err(|error| describe(&error))
}
