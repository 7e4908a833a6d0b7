//! Why a request was refused, in more words than its code has; for the log only.

use std::cell::RefCell;

use crate::error::{GateError, Refusal};

/// The longest value of a caller that is quoted, in characters.
const MAX_QUOTED: usize = 100;

/// The cause of the last refusal of a request.
///
/// It is kept beside the refusal, which stays one value for each code: a resolver of an app may answer
/// with another refusal, and then this cause is not its cause.
#[derive(Debug, Default)]
pub struct Cause(RefCell<Option<(Refusal, String)>>);

impl Cause {
    /// The refusal as an error, with its cause.
    pub fn explain(&self, refusal: Refusal, why: String) -> GateError {
        *self.0.borrow_mut() = Some((refusal.clone(), why));
        refusal.into()
    }

    /// Takes the cause, if this is the error that it explains.
    pub fn take(&self, error: &GateError) -> Option<String> {
        let (refusal, why) = self.0.take()?;
        (*error == GateError::Refusal(refusal)).then_some(why)
    }
}

/// A value of the caller's choice, as it may stand in a log: of bounded length, in ASCII without
/// control characters, and without the local part of an email.
#[must_use]
pub fn quoted(text: &str) -> String {
    let text = text.rsplit_once('@').map_or(text, |(_, domain)| domain);
    let mut shown: String = text.chars().take(MAX_QUOTED).flat_map(char::escape_default).collect();
    if text.chars().nth(MAX_QUOTED).is_some() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{Cause, quoted};
    use crate::error::{GateError, Refusal};

    #[test]
    fn quoted_text_is_bounded_and_has_neither_control_characters_nor_a_local_part() {
        assert_eq!(quoted("https://other.example"), "https://other.example");
        assert_eq!(quoted("a\n\u{202e}b\u{1b}"), "a\\n\\u{202e}b\\u{1b}");
        assert_eq!(quoted("jane@example.com"), "example.com");
        assert_eq!(quoted(&"x".repeat(5_000)).len(), 103);
    }

    #[test]
    fn cause_belongs_to_its_refusal_only() {
        let cause = Cause::default();
        let error = cause.explain(Refusal::UserAmbiguous, "2 users".to_owned());
        assert_eq!(cause.take(&error).as_deref(), Some("2 users"));
        let _ = cause.explain(Refusal::UserAmbiguous, "2 users".to_owned());
        assert_eq!(cause.take(&GateError::from(Refusal::UserNotFound)), None);
    }
}
