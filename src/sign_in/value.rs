//! A value of the verified caller that the configuration names.

use serde_json::Value;

use super::SignInInfo;

/// What the configuration says of a value.
pub(crate) const SYNTAX: &str =
    "`email`, `name`, `serviceToken`, `attribute:<name>` or `claim:<name>`";

/// A value of the caller.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum CallerValue {
    /// An attribute of the identity provider.
    Attribute(String),
    /// A claim of the assertion that is a string.
    Claim(String),
    /// The email of the profile.
    Email,
    /// The name of the profile.
    Name,
    /// The client id of a service token.
    ServiceToken,
}

impl CallerValue {
    /// Reads `email`, `name`, `serviceToken`, `attribute:<name>` or `claim:<name>`.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let value = match text.split_once(':') {
            Some(("attribute", name)) if !name.is_empty() => Self::Attribute(name.to_owned()),
            Some(("claim", name)) if !name.is_empty() => Self::Claim(name.to_owned()),
            Some(_) => return None,
            None => match text {
                "email" => Self::Email,
                "name" => Self::Name,
                "serviceToken" => Self::ServiceToken,
                _ => return None,
            },
        };
        Some(value)
    }

    /// The value, if the caller has it and it is not empty.
    pub(super) fn of<'a>(&self, info: &SignInInfo<'a>) -> Option<&'a str> {
        let value = match self {
            Self::Attribute(name) => info.result.attribute(name),
            Self::Claim(name) => info.result.claims().get(name).and_then(Value::as_str),
            Self::Email => info.profile.email.as_deref(),
            Self::Name => info.profile.display_name.as_deref(),
            Self::ServiceToken => info.result.service_token(),
        };
        value.filter(|text| !text.is_empty())
    }
}
