//! An answer of our own, and the one mapping from refusals and faults to answers.

use serde::Serialize;

use super::page::{is_navigation, page};
use super::request::Request;
use super::route::Route;
use crate::error::GateError;

/// The content type of every body.
pub const CONTENT_TYPE: &str = "application/json; charset=utf-8";

/// An answer of the Worker's own. It carries `cache-control: no-store` unless its headers say otherwise:
/// all but the JWK Set say something about one caller at one moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Headers beyond `cache-control` and `content-type`, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// A JSON document, or nothing.
    pub body: Option<String>,
}

impl Reply {
    /// An answer with a JSON body.
    #[must_use]
    pub const fn json(status: u16, body: String) -> Self {
        Self { status, headers: Vec::new(), body: Some(body) }
    }

    /// Takes the body off and leaves what describes it, as an answer to HEAD (RFC 9110, section
    /// 9.3.2).
    pub fn without_body(&mut self) {
        if self.body.take().is_some() {
            self.headers.push(("content-type", CONTENT_TYPE.to_owned()));
        }
    }
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: Error<'a>,
    request: RequestLine<'a>,
    response: Response,
}

#[derive(Serialize)]
struct Error<'a> {
    name: &'static str,
    message: &'a str,
    code: &'a str,
}

#[derive(Serialize)]
struct RequestLine<'a> {
    method: &'a str,
    url: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    status_code: u16,
}

/// The answer to a request that was stopped, in Backstage's error shape
/// (`@backstage/errors`, `ErrorResponseBody`) with our code added.
///
/// `message` is [`GateError::message`] or a sentence more to the point; `url` is what the caller asked for: relative to the auth plugin below it, as the official
/// provider says it.
#[must_use]
pub fn error_reply(stop: &GateError, message: &str, method: &str, url: &str) -> Reply {
    let (status, name, retry_after) = match stop {
        GateError::Refusal(refusal) => (refusal.status(), refusal.name(), None),
        GateError::Fault(fault) => (fault.status(), fault.name(), fault.retry_after()),
    };
    let body = ErrorBody {
        error: Error { name, message, code: stop.code() },
        request: RequestLine { method, url },
        response: Response { status_code: status },
    };
    // Strings and a number: there is nothing that could not be written.
    let mut reply = Reply::json(status, serde_json::to_string(&body).unwrap_or_default());
    if let Some(seconds) = retry_after {
        reply.headers.push(("retry-after", seconds.to_string()));
    }
    reply
}

/// The answer to a request that was stopped: a page for a browser that navigates, else JSON.
#[must_use]
pub fn error_answer(
    stop: &GateError,
    message: &str,
    request: &Request<'_>,
    route: Route,
    url: &str,
) -> Reply {
    let reply = error_reply(stop, message, request.method, url);
    if is_navigation(request, route) {
        return page(stop, message, request.ray().as_deref(), reply);
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::error_reply;
    use crate::error::{Fault, Refusal};

    #[test]
    fn an_error_has_backstages_shape_and_our_code() {
        let stop = Refusal::AssertionMissing.into();
        let reply = error_reply(&stop, "Missing", "GET", "/cfaccess/refresh");
        let body: serde_json::Value = serde_json::from_str(&reply.body.unwrap()).unwrap();
        assert_eq!(reply.status, 401);
        assert_eq!(body["error"]["name"], "AuthenticationError");
        assert_eq!(body["error"]["code"], "assertion_missing");
        assert_eq!(
            body["request"],
            serde_json::json!({ "method": "GET", "url": "/cfaccess/refresh" })
        );
        assert_eq!(body["response"]["statusCode"], 401);
    }

    #[test]
    fn a_fault_that_may_pass_says_when_to_come_back_and_leaks_nothing() {
        let fault = Fault::KeysUnavailable("certs endpoint: connect ECONNREFUSED".into());
        let stop = fault.into();
        let reply = error_reply(&stop, stop.message(), "GET", "/");
        assert_eq!(reply.status, 503);
        assert_eq!(reply.headers, [("retry-after", "10".to_owned())]);
        assert!(!reply.body.unwrap().contains("ECONNREFUSED"));
    }

    #[test]
    fn codes_are_distinct_and_of_one_form() {
        let codes: std::collections::BTreeSet<_> = Refusal::ALL.iter().map(Refusal::code).collect();
        assert_eq!(codes.len(), Refusal::ALL.len());
        assert!(codes.iter().all(|code| code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
    }
}
