//! What the author of a sign-in resolver returns to end a sign-in.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use super::{CustomError, Fault, GateError, Refusal};

/// Why a resolver, a transform or an ownership resolver of your own does not sign the caller in.
///
/// It does not implement [`Error`], so that `?` turns any error into a `Rejection`: that is a 500 with
/// the code `resolver_failed`, whose text goes to the log and never to the caller.
///
/// A code of your own is 1 to 40 of the characters `a-z 0-9 _`, and none of the Worker's codes. The
/// sentence is sent to the caller: put nothing into it that they must not read.
#[derive(Clone)]
pub struct Rejection(pub(crate) GateError);

impl Rejection {
    /// No user matches. The next resolver is tried; after the last one the caller gets 404
    /// `user_not_found`, like Backstage's `NotFoundError`.
    #[must_use]
    pub fn not_found() -> Self {
        Self(Refusal::UserNotFound.into())
    }

    /// Several users match: 409 `user_ambiguous`, like Backstage's `ConflictError`.
    #[must_use]
    pub fn conflict() -> Self {
        Self(Refusal::UserAmbiguous.into())
    }

    /// The caller may not sign in: 403, like Backstage's `NotAllowedError`.
    #[must_use]
    pub fn not_allowed(code: &'static str, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::custom(403, code, sentence, None)
    }

    /// The caller must log in again: 401, like Backstage's `AuthenticationError`.
    #[must_use]
    pub fn unauthenticated(code: &'static str, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::custom(401, code, sentence, None)
    }

    /// Something that the decision needs is not available: 503 with `retry-after`, in seconds, like
    /// Backstage's `ServiceUnavailableError`.
    #[must_use]
    pub fn unavailable(
        code: &'static str,
        sentence: impl Into<Cow<'static, str>>,
        retry_after: u32,
    ) -> Self {
        Self::custom(503, code, sentence, Some(retry_after))
    }

    /// A mistake in the resolver or in what it depends on: 500. `detail` goes to the log only.
    #[must_use]
    pub fn internal(code: &'static str, detail: impl fmt::Display) -> Self {
        match CustomError::new(500, code, "Internal error") {
            Ok(error) => Self(Fault::Custom(Rc::new(error.detail(detail.to_string()))).into()),
            Err(why) => Self::failed(why),
        }
    }

    /// A 500 `resolver_failed` with this text in the log.
    #[must_use]
    pub fn failed(detail: impl fmt::Display) -> Self {
        Self(Fault::ResolverFailed(detail.to_string()).into())
    }

    fn custom(
        status: u16,
        code: &'static str,
        sentence: impl Into<Cow<'static, str>>,
        retry_after: Option<u32>,
    ) -> Self {
        match CustomError::new(status, code, sentence) {
            Ok(error) if status >= 500 => {
                Self(Fault::Custom(Rc::new(error.retry_after(retry_after))).into())
            }
            Ok(error) => Self(Refusal::Custom(Rc::new(error)).into()),
            Err(why) => Self::failed(why),
        }
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.status()
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        self.0.code()
    }

    /// The sentence for the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        self.0.message()
    }

    /// What the log says beyond that.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        self.0.detail()
    }

    /// Whether the next resolver is tried.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.0 == GateError::Refusal(Refusal::UserNotFound)
    }
}

impl fmt::Debug for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Rejection")
            .field("status", &self.status())
            .field("code", &self.code())
            .field("message", &self.message())
            .field("detail", &self.detail())
            .finish()
    }
}

impl<E: Error> From<E> for Rejection {
    fn from(error: E) -> Self {
        Self::failed(error)
    }
}

#[cfg(test)]
mod tests {
    use super::Rejection;

    fn parsed(text: &str) -> Result<i32, Rejection> {
        Ok(text.parse::<i32>()?)
    }

    #[test]
    fn question_mark_on_an_error_is_a_500_whose_text_stays_in_the_log() {
        let rejection = parsed("x").unwrap_err();
        assert_eq!((rejection.status(), rejection.code()), (500, "resolver_failed"));
        assert!(!rejection.message().contains("digit"));
        assert!(rejection.detail().unwrap().contains("invalid digit"));
        assert_eq!(parsed("7").unwrap(), 7);
    }

    #[test]
    fn each_constructor_has_its_status_and_code() {
        for (rejection, status, code) in [
            (Rejection::not_found(), 404, "user_not_found"),
            (Rejection::conflict(), 409, "user_ambiguous"),
            (Rejection::not_allowed("contractor", "No"), 403, "contractor"),
            (Rejection::unauthenticated("stale", "Log in again"), 401, "stale"),
            (Rejection::unavailable("hr_down", "Later", 5), 503, "hr_down"),
            (Rejection::internal("hr_broken", "why"), 500, "hr_broken"),
        ] {
            assert_eq!((rejection.status(), rejection.code()), (status, code));
            assert_eq!(rejection.is_not_found(), status == 404);
        }
    }

    #[test]
    fn invalid_or_taken_code_is_a_500_that_says_so_in_the_log() {
        for code in ["", "Contractor", "a b", "user_not_found", "internal", "a-b", "ä"] {
            let rejection = Rejection::not_allowed(code, "No");
            assert_eq!((rejection.status(), rejection.code()), (500, "resolver_failed"), "{code}");
            assert!(rejection.detail().unwrap().contains(&format!("`{code}`")), "{code}");
        }
        let long = "abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrst";
        assert_eq!(Rejection::not_allowed(long, "No").status(), 500);
    }
}
