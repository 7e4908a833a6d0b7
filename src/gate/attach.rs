//! `BACKSTAGE.attachToken`: requests of machines to the backend get the Backstage token of their caller,
//! so that a script needs no second exchange.
//!
//! Whoever may have a token attached can act with nothing but the assertion, which a browser sends on
//! its own. So nothing that a page of another site could have caused gets one.

use std::rc::Rc;

use super::decide::Decision;
use super::request::{HeaderSource, cookie};
use super::request_scope::RequestScope;
use super::route::is_plain;
use crate::access::Assertion;
use crate::config::{AttachToken, BackstageConfig};
use crate::error::GateError;
use crate::ports::Ports;

const AUTHORIZATION: &str = "authorization";

impl<P: Ports> RequestScope<'_, P> {
    /// The forwarded request, with the token of its caller if they get one.
    ///
    /// # Errors
    /// As a refresh: a caller who has no session has no token.
    pub(super) async fn with_token(
        &self,
        assertion: &Rc<Assertion>,
        mut decision: Decision,
    ) -> Result<Decision, GateError> {
        if let Decision::Forward(forward) = &mut decision
            && self.gets_token(assertion)
        {
            let session = self.session_in_time(assertion).await?;
            let value = format!("Bearer {}", session.token());
            forward.edits.set.push((AUTHORIZATION.to_owned(), value));
            self.log(|log| log.attached = true);
        }
        Ok(decision)
    }

    fn gets_token(&self, assertion: &Assertion) -> bool {
        let BackstageConfig { attach_token, auth_path, .. } = &self.gate.config.backstage;
        let headers = self.request.headers;
        let is_user = assertion.email().is_some();
        let is_machine = match attach_token {
            AttachToken::Never => false,
            AttachToken::ServiceTokens => !is_user && is_sent_by_a_service(headers),
            AttachToken::NonBrowser if is_user => self.shows_no_browser(),
            AttachToken::NonBrowser => is_sent_by_a_service(headers),
        };
        let below_api = auth_path.strip_suffix("auth").unwrap_or_default();
        is_machine
            && is_plain(self.request.path)
            && self.request.path.starts_with(below_api)
            && headers.get(AUTHORIZATION).is_none()
    }

    /// Whether nothing in the request shows a browser (Fetch Metadata Request Headers, W3C), and the
    /// assertion came in the header with no authorization cookie beside it.
    fn shows_no_browser(&self) -> bool {
        let access = &self.gate.config.access;
        let (headers, name) = (self.request.headers, &access.authorization_cookie_name);
        let cookies = headers.get("cookie").unwrap_or_default();
        let names = headers.names();
        cookie(&cookies.replace(',', ";"), name).is_none()
            && headers.get(&access.jwt_header_name).is_some_and(|value| !value.is_empty())
            && names.iter().all(|name| name != "origin" && !name.starts_with("sec-fetch-"))
    }
}

/// Whether no page has caused the request of a service token. Node's `fetch` sends `Sec-Fetch-Mode`, as
/// a browser does, and only browsers send `Sec-Fetch-Site` and `Origin`.
fn is_sent_by_a_service(headers: &dyn HeaderSource) -> bool {
    headers.get("origin").is_none() && headers.get("sec-fetch-site").is_none()
}
