//! An error with a code that is not ours: of a resolver's author, or of a rule in the configuration.

use std::borrow::Cow;

use super::{Fault, Refusal};

/// The longest code, in characters.
const MAX_CODE: usize = 40;

/// An error with a status, code and sentence of its own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CustomError {
    pub(super) status: u16,
    pub(super) code: Cow<'static, str>,
    pub(super) sentence: Cow<'static, str>,
    pub(super) detail: Option<String>,
    pub(super) retry_after: Option<u32>,
}

impl CustomError {
    /// An error with this status.
    ///
    /// # Errors
    /// A sentence about the code: it must be 1 to 40 of the characters `a-z 0-9 _`, and none of the
    /// Worker's own.
    pub fn new(
        status: u16,
        code: impl Into<Cow<'static, str>>,
        sentence: impl Into<Cow<'static, str>>,
    ) -> Result<Self, String> {
        let code = code.into();
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if code.is_empty() || code.len() > MAX_CODE || !code.bytes().all(is_plain) {
            return Err(format!(
                "the code `{code}` must be 1 to {MAX_CODE} of the characters a-z, 0-9 and _"
            ));
        }
        let is_ours = Refusal::ALL.iter().any(|refusal| refusal.code() == code)
            || Fault::CODES.contains(&code.as_ref());
        if is_ours {
            return Err(format!("the code `{code}` is one of the Worker's own"));
        }
        Ok(Self { status, code, sentence: sentence.into(), detail: None, retry_after: None })
    }

    /// With this text for the log.
    #[must_use]
    pub fn detail(self, detail: String) -> Self {
        Self { detail: Some(detail), ..self }
    }

    /// With a `retry-after`, in seconds.
    #[must_use]
    pub fn retry_after(self, retry_after: Option<u32>) -> Self {
        Self { retry_after, ..self }
    }
}
