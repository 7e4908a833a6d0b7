//! The options that the resolvers by email have in common.

use super::super::{SignIn, SignInContext, SignInInfo, SignInResult, UserQuery};
use crate::backstage::EntityRef;
use crate::catalog::fold;
use crate::error::Rejection;
use crate::reader::Reader;

/// The options.
#[derive(Clone, Debug, Default)]
pub(super) struct EmailOptions {
    /// Domains of which the email must be; folded. `None`: any.
    allowed_domains: Option<Vec<String>>,
    /// `dangerouslyAllowSignInWithoutUserInCatalog`.
    pub(super) without_user: bool,
}

impl EmailOptions {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let allowed = reader.value("allowedDomains").map(|_| reader.strings("allowedDomains"));
        if allowed.as_ref().is_some_and(Vec::is_empty) {
            let message = "must not be empty: an empty list would block every user";
            reader.problem("allowedDomains", message);
        }
        let without_user = reader.boolean("dangerouslyAllowSignInWithoutUserInCatalog");
        let allowed_domains =
            allowed.map(|domains| domains.iter().map(|domain| fold(domain)).collect());
        Self { allowed_domains, without_user }
    }

    /// The email, if its domain is allowed.
    ///
    /// The official provider reads `allowedDomains` for one of its resolvers and ignores it for the
    /// other. Here it counts for each: an operator who wrote it meant it.
    pub(super) fn email<'a>(
        &self,
        info: &SignInInfo<'a>,
        ctx: &SignInContext<'_>,
    ) -> Result<&'a str, Rejection> {
        let email = info.email()?;
        if self.allows(email) { Ok(email) } else { Err(ctx.domain_not_allowed(domain(email))) }
    }

    /// Whether the domain of the email is allowed.
    pub(super) fn allows(&self, email: &str) -> bool {
        let allowed = self.allowed_domains.as_ref();
        allowed.is_none_or(|allowed| allowed.contains(&fold(domain(email))))
    }

    /// Signs in as the user that the query finds or, if the option says so and there is none, as the
    /// user with this name.
    pub(super) async fn sign_in(
        &self,
        query: UserQuery<'_>,
        name: &str,
        ctx: &SignInContext<'_>,
    ) -> SignInResult {
        match ctx.sign_in_with_catalog_user(query).await {
            Err(rejection) if rejection.is_not_found() && self.without_user => {
                let user = EntityRef::user(name).filter(EntityRef::is_plain);
                user.map(SignIn::as_user).ok_or_else(Rejection::not_found)
            }
            other => other,
        }
    }
}

fn domain(email: &str) -> &str {
    email.split_once('@').map_or("", |(_, domain)| domain)
}
