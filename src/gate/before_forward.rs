//! What the code of an app may do with a request that is forwarded.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::header_edits::{HOP_HEADER, HeaderEdits, is_identity_header, same_name};
use super::request::HeaderSource;
use crate::access::{Assertion, Subject};
use crate::error::Rejection;

/// Headers that say how a message is framed or where it goes (RFC 9110, section 7.6.1; RFC 9112,
/// section 6). The runtime sets them.
const FRAMING_HEADERS: [&str; 8] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The verified caller of a request.
#[derive(Clone, Debug)]
pub struct Caller(Rc<Assertion>);

impl Caller {
    pub(crate) const fn new(assertion: Rc<Assertion>) -> Self {
        Self(assertion)
    }

    /// The signed email, if the caller is a user.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.0.email()
    }

    /// The client id, if the caller is a service token.
    #[must_use]
    pub fn service_token(&self) -> Option<&str> {
        match self.0.subject() {
            Subject::ServiceToken { client_id } => Some(client_id),
            Subject::User { .. } => None,
        }
    }

    /// The claims of the assertion.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        self.0.claims()
    }
}

/// Changes to the headers of a forwarded request. They can neither undo the removal of identity
/// headers nor set one.
pub struct Edits<'a> {
    changes: &'a mut HeaderEdits,
    /// The caller's headers.
    headers: &'a dyn HeaderSource,
    assertion_header: &'a str,
}

impl fmt::Debug for Edits<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Edits").field(&self.changes).finish()
    }
}

impl<'a> Edits<'a> {
    pub(super) const fn new(
        changes: &'a mut HeaderEdits,
        headers: &'a dyn HeaderSource,
        assertion_header: &'a str,
    ) -> Self {
        Self { changes, headers, assertion_header }
    }

    /// Sets a header, in place of any that the caller sent. That includes other spellings: many
    /// servers read `x_a` as `x-a`.
    ///
    /// # Errors
    /// 500 `header_not_allowed` for a name that is not a token (RFC 9110, section 5.6.2), that frames
    /// the message, or by which the origin might tell who the caller is; and for a value with
    /// characters other than visible ASCII and spaces.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> Result<(), Rejection> {
        let (name, value) = (name.to_ascii_lowercase(), value.into());
        self.check(&name)?;
        if !value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Err(not_allowed(format!("the value of `{name}` is no plain text")));
        }
        self.take_off(&name);
        self.changes.set.push((name, value));
        Ok(())
    }

    /// Removes a header that the caller sent, in every spelling.
    ///
    /// # Errors
    /// As [`set`](Self::set), for the name.
    pub fn remove(&mut self, name: &str) -> Result<(), Rejection> {
        let name = name.to_ascii_lowercase();
        self.check(&name)?;
        self.take_off(&name);
        Ok(())
    }

    /// Removes every spelling of a header.
    fn take_off(&mut self, name: &str) {
        self.changes.set.retain(|(other, _)| !same_name(other, name));
        let spellings = self.headers.names().into_iter().filter(|it| same_name(it, name));
        self.changes.remove.extend(spellings);
    }

    fn check(&self, name: &str) -> Result<(), Rejection> {
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(not_allowed(format!("`{name}` is no header name")));
        }
        if FRAMING_HEADERS.contains(&name) {
            return Err(not_allowed(format!("`{name}` frames the message")));
        }
        if same_name(name, HOP_HEADER) {
            return Err(not_allowed(format!("`{name}` is the Worker's own")));
        }
        if is_identity_header(name, self.assertion_header) {
            return Err(not_allowed(format!("`{name}` speaks for the identity of the caller")));
        }
        Ok(())
    }
}

fn not_allowed(detail: String) -> Rejection {
    Rejection::internal("header_not_allowed", detail)
}

/// A hook of the app, erased.
pub(super) trait DynBeforeForward {
    fn call<'a, 'b: 'a>(
        &'a self,
        caller: &'a Caller,
        edits: &'a mut Edits<'b>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Rejection>> + 'a>>;
}

impl<F> DynBeforeForward for F
where
    F: AsyncFn(&Caller, &mut Edits<'_>) -> Result<(), Rejection> + 'static,
{
    fn call<'a, 'b: 'a>(
        &'a self,
        caller: &'a Caller,
        edits: &'a mut Edits<'b>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Rejection>> + 'a>> {
        Box::pin(self(caller, edits))
    }
}
