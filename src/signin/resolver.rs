//! Sign-in resolvers: the two of Backstage's that the official provider offers, with their options
//! (`commonSignInResolvers` of `@backstage/plugin-auth-node`).

use super::profile::Profile;
use crate::catalog::{EntityRef, Key, Record, UserRecord, decode, fold};
use crate::ports::Ports;
use crate::refusal::{Fault, Refusal, Stop};

/// A built-in resolver with its options.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Resolver {
    rule: Rule,
    /// Domains that an email must be of; folded. `None`: any.
    allowed_domains: Option<Vec<String>>,
    /// `dangerouslyAllowSignInWithoutUserInCatalog`.
    without_user: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Rule {
    EmailLocalPartMatchingUserEntityName,
    EmailMatchingUserEntityProfileEmail,
}

/// The user that a caller turned out to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedIn {
    /// `sub`.
    pub user: String,
    /// `ent`.
    pub ownership: Vec<String>,
    /// The catalog's record, unless the user is in no catalog.
    pub record: Option<UserRecord>,
}

impl Resolver {
    /// The names that the configuration may use.
    pub const NAMES: [&'static str; 2] =
        ["emailMatchingUserEntityProfileEmail", "emailLocalPartMatchingUserEntityName"];

    /// The resolver with this name.
    #[must_use]
    pub fn named(
        name: &str,
        allowed_domains: Option<Vec<String>>,
        without_user: bool,
    ) -> Option<Self> {
        let rule = match name {
            "emailMatchingUserEntityProfileEmail" => Rule::EmailMatchingUserEntityProfileEmail,
            "emailLocalPartMatchingUserEntityName" => Rule::EmailLocalPartMatchingUserEntityName,
            _ => return None,
        };
        let allowed_domains =
            allowed_domains.map(|domains| domains.iter().map(|domain| fold(domain)).collect());
        Some(Self { rule, allowed_domains, without_user })
    }

    /// Whether this resolver lets users in whom no catalog knows.
    #[must_use]
    pub const fn allows_without_user(&self) -> bool {
        self.without_user
    }

    async fn resolve<P: Ports>(&self, profile: &Profile, ports: &P) -> Result<SignedIn, Stop> {
        let email = profile.email.as_str();
        let (local_part, domain) = email.split_once('@').unwrap_or((email, ""));
        // The official provider reads the option for the other resolver only and ignores it here;
        // an operator who wrote it meant it.
        if self.allowed_domains.as_ref().is_some_and(|allowed| !allowed.contains(&fold(domain))) {
            return Err(Refusal::DomainNotAllowed.into());
        }
        match self.rule {
            Rule::EmailLocalPartMatchingUserEntityName => {
                let user = EntityRef::user(local_part).ok_or(Refusal::UserNotFound)?;
                let found = look_up(Key::Ref(&user), ports).await;
                self.or_without_user(found, local_part)
            }
            Rule::EmailMatchingUserEntityProfileEmail => {
                let found = look_up(Key::Email(email), ports).await;
                let Err(Stop::Refusal(Refusal::UserNotFound)) = found else { return found };
                // Backstage's second try, without plus-addressing: `jane+test@` is `jane@`. Its
                // fallback belongs to this try, and so does its name for the user.
                let Some(plain) = without_plus(email) else { return found };
                let again =
                    if plain == email { found } else { look_up(Key::Email(&plain), ports).await };
                self.or_without_user(again, &plain)
            }
        }
    }

    /// The fallback of `dangerouslyAllowSignInWithoutUserInCatalog`.
    fn or_without_user(&self, found: Result<SignedIn, Stop>, name: &str) -> Result<SignedIn, Stop> {
        match found {
            Err(Stop::Refusal(Refusal::UserNotFound)) if self.without_user => {
                let user = EntityRef::user(name).ok_or(Refusal::UserNotFound)?.to_string();
                Ok(SignedIn { ownership: vec![user.clone()], user, record: None })
            }
            other => other,
        }
    }
}

/// Tries the resolvers in order. Only "not found" moves on to the next one; any other refusal, and
/// any fault, is the answer (`readDeclarativeSignInResolver` of `@backstage/plugin-auth-node`).
///
/// # Errors
/// [`Refusal::UserNotFound`], [`Refusal::UserAmbiguous`], [`Refusal::DomainNotAllowed`];
/// [`Fault::CatalogUnavailable`], [`Fault::CatalogCorrupt`].
pub async fn sign_in<P: Ports>(
    profile: &Profile,
    resolvers: &[Resolver],
    ports: &P,
) -> Result<SignedIn, Stop> {
    for resolver in resolvers {
        match resolver.resolve(profile, ports).await {
            Err(Stop::Refusal(Refusal::UserNotFound)) => {}
            settled => return settled,
        }
    }
    Err(Refusal::UserNotFound.into())
}

/// One read of the catalog.
async fn look_up<P: Ports>(key: Key<'_>, ports: &P) -> Result<SignedIn, Stop> {
    let kv_key = key.to_kv();
    let value = ports
        .read_catalog(&kv_key)
        .await
        .map_err(|failure| Fault::CatalogUnavailable(failure.0))?
        .ok_or(Refusal::UserNotFound)?;
    match decode(key, &value) {
        Ok(Record::One(user)) => Ok(SignedIn {
            user: user.entity_ref.clone(),
            ownership: user.ownership.clone(),
            record: Some(user),
        }),
        Ok(Record::Many(_)) => Err(Refusal::UserAmbiguous.into()),
        Err(corrupt) => Err(Fault::CatalogCorrupt(format!("{kv_key}: {}", corrupt.0)).into()),
    }
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
    use super::without_plus;

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
