//! `emailMatchingUserEntityProfileEmail`: the email is that of the user's profile in the catalog.

use std::rc::Rc;

use super::super::{SignInContext, SignInInfo, SignInResolver, SignInResult, UserQuery};
use super::BuiltIn;
use super::email_options::EmailOptions;
use crate::reader::Reader;

struct ProfileEmail(EmailOptions);

#[expect(clippy::unnecessary_wraps, reason = "one signature for all resolvers")]
pub(super) fn read(reader: &mut Reader<'_>) -> Option<BuiltIn> {
    let options = EmailOptions::read(reader);
    let allows_without_user = options.without_user;
    let resolver = Rc::new(ProfileEmail(options));
    Some(BuiltIn { resolver, found_by: None, allows_without_user })
}

impl SignInResolver for ProfileEmail {
    async fn resolve(&self, info: &SignInInfo<'_>, ctx: &SignInContext<'_>) -> SignInResult {
        let email = self.0.email(info, ctx)?;
        let plain = without_plus(email);
        // Backstage tries again without plus-addressing: `jane+test@` is `jane@`. The option
        // `dangerouslyAllow…` belongs to that second try, and so does its name for the user.
        match plain.as_deref() {
            Some(plain) if plain != email => {
                match ctx.sign_in_with_catalog_user(UserQuery::email(email)).await {
                    Err(rejection) if rejection.is_not_found() => {
                        self.0.sign_in(UserQuery::email(plain), plain, ctx).await
                    }
                    other => other,
                }
            }
            Some(plain) => self.0.sign_in(UserQuery::email(email), plain, ctx).await,
            None => ctx.sign_in_with_catalog_user(UserQuery::email(email)).await,
        }
    }

    fn first_query<'a>(&'a self, email: &'a str) -> Option<UserQuery<'a>> {
        self.0.allows(email).then(|| UserQuery::email(email))
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
    fn plus_addressing_is_removed_as_backstages_expression_does() {
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
