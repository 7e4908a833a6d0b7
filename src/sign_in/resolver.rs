//! Sign-in resolvers: the two of Backstage's that the official provider offers, with their options
//! (`commonSignInResolvers` of `@backstage/plugin-auth-node`), and two by annotation, as Backstage's
//! modules for other identity providers have them.

use super::profile::Profile;
use crate::backstage::EntityRef;
use crate::catalog::{Key, UserRecord, fold, look_up};
use crate::error::{GateError, Refusal};
use crate::json::read_unique;
use crate::ports::CatalogPort;

/// A built-in resolver with its options.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Resolver {
    rule: Rule,
    /// Domains that an email must be of; folded. `None`: any.
    allowed_domains: Option<Vec<String>>,
    /// `dangerouslyAllowSignInWithoutUserInCatalog`.
    without_user: bool,
}

/// How a resolver finds the user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Rule {
    /// A claim of the assertion is the value of the user's annotation.
    ClaimMatchingUserEntityAnnotation {
        /// The claim.
        claim: Claim,
        /// The annotation's name.
        annotation: String,
    },
    /// The part of the email in front of `@` is the user's name.
    EmailLocalPartMatchingUserEntityName,
    /// The email is the value of the user's annotation with this name
    /// (`googleSignInResolvers` of `@backstage/plugin-auth-backend-module-google-provider`, where the
    /// name is always `google.com/email`).
    EmailMatchingUserEntityAnnotation(String),
    /// The email is that of the user's profile.
    EmailMatchingUserEntityProfileEmail,
}

/// A claim that is one person's alone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Claim {
    /// A member of `custom`: what the identity provider says, if Access is told to pass it on.
    Custom(String),
    /// `sub`, Access's id of the person.
    Sub,
}

impl Claim {
    /// Reads `sub` or `custom.<name>`. No other claim tells people apart.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("custom.") {
            Some(name) if !name.is_empty() => Some(Self::Custom(name.to_owned())),
            _ => (text == "sub").then_some(Self::Sub),
        }
    }

    /// Its value in these claims, a JSON object: a text that is not empty.
    fn of(&self, claims: &str) -> Option<String> {
        let claims = read_unique(claims.as_bytes()).ok()?;
        let value = match self {
            Self::Custom(name) => claims.get("custom")?.get(name)?,
            Self::Sub => claims.get("sub")?,
        };
        value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    }
}

/// The user that a caller turned out to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ResolvedUser {
    /// `sub`.
    pub user: String,
    /// `ent`.
    pub ownership: Vec<String>,
    /// The catalog's record, unless the user is in no catalog.
    pub record: Option<UserRecord>,
}

impl Resolver {
    /// A resolver. Both options are for resolvers by email: by a claim, an email plays no part.
    #[must_use]
    pub fn new(rule: Rule, allowed_domains: Option<Vec<String>>, without_user: bool) -> Self {
        let allowed_domains =
            allowed_domains.map(|domains| domains.iter().map(|domain| fold(domain)).collect());
        Self { rule, allowed_domains, without_user }
    }

    /// The annotation that it finds users by.
    #[must_use]
    pub fn annotation(&self) -> Option<&str> {
        match &self.rule {
            Rule::ClaimMatchingUserEntityAnnotation { annotation, .. }
            | Rule::EmailMatchingUserEntityAnnotation(annotation) => Some(annotation),
            _ => None,
        }
    }

    /// Whether this resolver lets users in whom no catalog knows.
    #[must_use]
    pub const fn allows_without_user(&self) -> bool {
        self.without_user
    }

    async fn resolve<C: CatalogPort>(
        &self,
        profile: &Profile,
        claims: &str,
        catalog: &C,
    ) -> Result<ResolvedUser, GateError> {
        let email = profile.email.as_str();
        let (local_part, domain) = email.split_once('@').unwrap_or((email, ""));
        // The official provider reads the option for the other resolver only and ignores it here;
        // an operator who wrote it meant it.
        if self.allowed_domains.as_ref().is_some_and(|allowed| !allowed.contains(&fold(domain))) {
            return Err(Refusal::DomainNotAllowed.into());
        }
        match &self.rule {
            Rule::ClaimMatchingUserEntityAnnotation { claim, annotation } => {
                let value = claim.of(claims).ok_or(Refusal::UserNotFound)?;
                find(Key::Annotation(annotation, &value), catalog).await
            }
            Rule::EmailLocalPartMatchingUserEntityName => {
                let user = EntityRef::user(local_part).ok_or(Refusal::UserNotFound)?;
                let found = find(Key::Ref(&user), catalog).await;
                self.or_without_user(found, local_part)
            }
            Rule::EmailMatchingUserEntityAnnotation(annotation) => {
                let found = find(Key::Annotation(annotation, email), catalog).await;
                self.or_without_user(found, email)
            }
            Rule::EmailMatchingUserEntityProfileEmail => {
                let found = find(Key::Email(email), catalog).await;
                let Err(GateError::Refusal(Refusal::UserNotFound)) = found else { return found };
                // Backstage's second try, without plus-addressing: `jane+test@` is `jane@`. Its
                // fallback belongs to this try, and so does its name for the user.
                let Some(plain) = without_plus(email) else { return found };
                let again =
                    if plain == email { found } else { find(Key::Email(&plain), catalog).await };
                self.or_without_user(again, &plain)
            }
        }
    }

    /// The fallback of `dangerouslyAllowSignInWithoutUserInCatalog`.
    fn or_without_user(
        &self,
        found: Result<ResolvedUser, GateError>,
        name: &str,
    ) -> Result<ResolvedUser, GateError> {
        match found {
            Err(GateError::Refusal(Refusal::UserNotFound)) if self.without_user => {
                let user = EntityRef::user(name).ok_or(Refusal::UserNotFound)?.to_string();
                Ok(ResolvedUser { ownership: vec![user.clone()], user, record: None })
            }
            other => other,
        }
    }
}

/// Tries the resolvers in order; `claims` are the assertion's, a JSON object. Only "not found" moves on to the next one; any other refusal, and
/// any fault, is the answer (`readDeclarativeSignInResolver` of `@backstage/plugin-auth-node`).
///
/// # Errors
/// [`Refusal::UserNotFound`], [`Refusal::UserAmbiguous`], [`Refusal::DomainNotAllowed`];
/// and the faults of [`look_up`].
pub async fn resolve_user<C: CatalogPort>(
    profile: &Profile,
    claims: &str,
    resolvers: &[Resolver],
    catalog: &C,
) -> Result<ResolvedUser, GateError> {
    for resolver in resolvers {
        match resolver.resolve(profile, claims, catalog).await {
            Err(GateError::Refusal(Refusal::UserNotFound)) => {}
            settled => return settled,
        }
    }
    Err(Refusal::UserNotFound.into())
}

/// One read of the catalog.
async fn find<C: CatalogPort>(key: Key<'_>, catalog: &C) -> Result<ResolvedUser, GateError> {
    let user = look_up(key, catalog).await?;
    Ok(ResolvedUser {
        user: user.entity_ref.clone(),
        ownership: user.ownership.clone(),
        record: Some(user),
    })
}

/// The email without plus-addressing, by Backstage's `^([^@+]+)(\+[^@]+)?(@.*)$`; `None` if it does
/// not match.
fn without_plus(email: &str) -> Option<String> {
    let at = email.find('@')?;
    let (local_part, domain) = email.split_at(at);
    // `.` matches no line break.
    if domain.contains(['\n', '\r', '\u{2028}', '\u{2029}']) {
        return None;
    }
    match local_part.split_once('+') {
        None if !local_part.is_empty() => Some(email.to_owned()),
        Some((name, tag)) if !name.is_empty() && !tag.is_empty() => Some(format!("{name}{domain}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Claim, without_plus};

    #[test]
    fn a_claim_is_the_sub_or_a_custom_one_that_is_a_text() {
        let claims = r#"{"sub":"a","iss":"i","custom":{"id":"7","a.b":"8","n":9,"no":""}}"#;
        let value = |claim| Claim::parse(claim)?.of(claims);
        assert_eq!(value("sub").as_deref(), Some("a"));
        assert_eq!(value("custom.id").as_deref(), Some("7"));
        assert_eq!(value("custom.a.b").as_deref(), Some("8"));
        for claim in ["custom.n", "custom.no", "custom.other"] {
            assert_eq!(value(claim), None, "{claim}");
        }
        for text in ["", "iss", "custom", "custom.", "custom.id ".trim_start_matches('c'), "Sub"] {
            assert_eq!(Claim::parse(text), None, "{text}");
        }
        assert_eq!(Claim::Sub.of(r#"{"sub":""}"#), None);
    }

    #[test]
    fn plus_addressing_is_taken_off_as_backstages_expression_does() {
        let plain = |email| without_plus(email);
        assert_eq!(plain("jane+x@example.com").as_deref(), Some("jane@example.com"));
        assert_eq!(plain("jane+x+y@example.com").as_deref(), Some("jane@example.com"));
        assert_eq!(plain("jane@example.com").as_deref(), Some("jane@example.com"));
        assert_eq!(plain("jane+x@a@b").as_deref(), Some("jane@a@b"));
        for email in ["+x@example.com", "jane+@example.com", "@example.com", "jane"] {
            assert_eq!(plain(email), None, "{email}");
        }
    }
}
