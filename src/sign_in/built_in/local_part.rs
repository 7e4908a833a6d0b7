//! `emailLocalPartMatchingUserEntityName`: the part of the email before the `@` is the user's name.

use std::rc::Rc;

use super::super::{SignInContext, SignInInfo, SignInResolver, SignInResult, UserQuery};
use super::BuiltIn;
use super::email_options::EmailOptions;
use crate::reader::Reader;

struct LocalPart(EmailOptions);

#[expect(clippy::unnecessary_wraps, reason = "one signature for all resolvers")]
pub(super) fn read(reader: &mut Reader<'_>) -> Option<BuiltIn> {
    let options = EmailOptions::read(reader);
    let allows_without_user = options.without_user;
    Some(BuiltIn { resolver: Rc::new(LocalPart(options)), found_by: None, allows_without_user })
}

impl SignInResolver for LocalPart {
    async fn resolve(&self, info: &SignInInfo<'_>, ctx: &SignInContext<'_>) -> SignInResult {
        let email = self.0.email(info, ctx)?;
        let name = email.split_once('@').map_or(email, |(name, _)| name);
        self.0.sign_in(UserQuery::name("default", name), name, ctx).await
    }

    fn first_query<'a>(&'a self, email: &'a str) -> Option<UserQuery<'a>> {
        let (name, _) = email.split_once('@')?;
        self.0.allows(email).then(|| UserQuery::name("default", name))
    }
}
