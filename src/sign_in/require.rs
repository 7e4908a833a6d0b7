//! `CFACCESS.signIn.require`: what must hold for every user, before a resolver is asked.

use std::rc::Rc;

use super::AccessResult;
use super::pattern::Pattern;
use crate::catalog::fold;
use crate::cause::{Cause, quoted};
use crate::error::{CustomError, Fault, GateError, Refusal};
use crate::reader::Reader;

/// The keys of which a rule has exactly one.
const SUBJECTS: &str = "exactly one of `emailDomain`, `group` and `attribute`";

/// A rule. Service tokens are listed one by one in the configuration, so no rule applies to them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Requirement {
    test: Test,
    /// The code of the refusal, if it is not `requirement_not_met`.
    refusal: Option<Rc<CustomError>>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Test {
    /// The email's domain is one of these; folded.
    EmailDomain(Vec<String>),
    /// The user is in one of these groups, by id, name or email.
    Group(Vec<Pattern>),
    /// The attribute is, or is not, one of these values.
    Attribute { name: String, values: Vec<String>, is: bool },
}

/// What a test says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    Met,
    NotMet,
    /// It depends on the document of get-identity, which is not there.
    Unknown,
}

impl Requirement {
    /// Checks the rule.
    ///
    /// # Errors
    /// [`Refusal::RequirementNotMet`] or the rule's own code; [`Fault::IdentityUnavailable`] if the
    /// rule depends on get-identity's document and get-identity does not answer.
    pub fn check(&self, result: &AccessResult) -> Result<(), GateError> {
        if result.service_token().is_some() {
            return Ok(());
        }
        match self.test.of(result) {
            Verdict::Met => Ok(()),
            Verdict::Unknown => Err(Fault::IdentityUnavailable.into()),
            Verdict::NotMet => Err(match &self.refusal {
                Some(custom) => Refusal::Custom(Rc::clone(custom)).into(),
                None => Refusal::RequirementNotMet.into(),
            }),
        }
    }

    /// The error, with the rule as its cause.
    pub(super) fn explain(&self, error: GateError, cause: &Cause) -> GateError {
        let GateError::Refusal(refusal) = error else { return error };
        let rule = match &self.test {
            Test::EmailDomain(_) => "emailDomain".to_owned(),
            Test::Group(_) => "group".to_owned(),
            Test::Attribute { name, .. } => format!("attribute {}", quoted(name)),
        };
        cause.explain(refusal, format!("rule {rule} of signIn.require"))
    }

    /// Whether the rule needs what only get-identity knows.
    #[must_use]
    pub const fn needs_groups(&self) -> bool {
        matches!(self.test, Test::Group(_))
    }

    /// Whether the rule looks at what the identity provider says, and not only at the email.
    #[must_use]
    pub const fn needs_identity_provider(&self) -> bool {
        matches!(self.test, Test::Group(_) | Test::Attribute { .. })
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let domains = reader.strings("emailDomain");
        let groups = reader.strings("group");
        let attribute = reader.string("attribute");
        let is = reader.strings("is");
        let not = reader.strings("not");
        let refusal = refusal(reader);
        let attribute_has_values = attribute.is_none() == (is.is_empty() && not.is_empty());
        if !attribute_has_values || !(is.is_empty() || not.is_empty()) {
            reader.problem("attribute", "needs either `is` or `not`, a list of values");
            return None;
        }
        let test = match (domains.is_empty(), groups.is_empty(), attribute) {
            (false, true, None) => Test::EmailDomain(domains.iter().map(|it| fold(it)).collect()),
            (true, false, None) => Test::Group(groups.iter().map(|it| Pattern::new(it)).collect()),
            (true, true, Some(name)) => {
                let values = if is.is_empty() { &not } else { &is };
                let values = values.iter().map(|it| fold(it)).collect();
                Test::Attribute { name, values, is: !is.is_empty() }
            }
            _ => {
                reader.problem_here(format!("must have {SUBJECTS}"));
                return None;
            }
        };
        Some(Self { test, refusal: refusal? })
    }
}

/// The refusal of a rule with a code of its own; `None` after a problem.
#[expect(clippy::option_option, reason = "a problem, no code of its own, or one")]
fn refusal(reader: &mut Reader<'_>) -> Option<Option<Rc<CustomError>>> {
    let code = reader.string("code");
    let message = reader.string("message");
    let Some(code) = code else {
        if message.is_some() {
            reader.problem("message", "needs a `code`");
            return None;
        }
        return Some(None);
    };
    let sentence = message.unwrap_or_else(|| Refusal::RequirementNotMet.message().to_owned());
    match CustomError::new(403, code, sentence) {
        Ok(error) => Some(Some(Rc::new(error))),
        Err(why) => {
            reader.problem("code", format!("is not usable: {why}"));
            None
        }
    }
}

impl Test {
    fn of(&self, result: &AccessResult) -> Verdict {
        let met = match self {
            Self::EmailDomain(domains) => {
                let domain = result.email().rsplit_once('@').map(|(_, domain)| fold(domain));
                domain.is_some_and(|domain| domains.contains(&domain))
            }
            Self::Group(patterns) => {
                if !result.is_complete() {
                    return Verdict::Unknown;
                }
                result.groups().any(|group| patterns.iter().any(|it| it.matches(&group)))
            }
            Self::Attribute { name, values, is } => {
                let value = result.attribute(name);
                if value.is_none() && !result.is_complete() {
                    return Verdict::Unknown;
                }
                value.is_some_and(|value| values.contains(&fold(value))) == *is
            }
        };
        if met { Verdict::Met } else { Verdict::NotMet }
    }
}
