//! The refresh route: from a verified assertion to the session.

use std::rc::Rc;

use super::caches::IsolateCaches;
use super::reply::Reply;
use super::request_scope::RequestScope;
use crate::access::{Assertion, identity_of};
use crate::background::BackgroundTask;
use crate::backstage::{BackstageIdentity, ProviderInfo, RefreshAnswer, TokenRequest, issue};
use crate::catalog::CachedCatalog;
use crate::config::{Config, Trust};
use crate::error::{Fault, GateError};
use crate::ports::Ports;
use crate::sign_in::{Profile, ResolvedUser, resolve_user};

/// A cached session is used for this part of its token's life: a tenth.
const REUSED_PART: i64 = 10;

impl<P: Ports> RequestScope<'_, P> {
    /// The session: the caller's identity at Access, their Backstage user, and a token that says so.
    pub(super) async fn refresh(&self, assertion: &Assertion) -> Result<Reply, GateError> {
        let Config { access, sign_in: policy, backstage, signing_keys } = &self.gate.config;
        let IsolateCaches { identities, records, sessions, .. } = &self.gate.caches;
        let now = self.seconds();
        if let Some(session) = sessions.get(assertion.token(), now) {
            self.log(|log| log.reused(&session.user));
            self.register_with_origin(&session.user, assertion);
            return Ok(Reply::json(200, session.to_json(now)));
        }
        let identity = identity_of(assertion, self, access, identities).await?;
        self.log(|log| log.identified(identity.source));
        let mut profile = Profile::of(&identity);
        let catalog = CachedCatalog::new(records, self.ports, now, policy.catalog_max_age);
        let user =
            resolve_user(&profile, assertion.claims_json(), &policy.resolvers, &catalog).await?;
        self.log(|log| log.signed_in(&user));
        profile.complete_from(user.record.as_ref());
        let expires_at = now + i64::from(backstage.token_life);
        let ResolvedUser { user, ownership, .. } = &user;
        let token = issue(
            &TokenRequest {
                issuer: &backstage.issuer,
                user,
                ownership: (!backstage.omit_ownership_claim).then_some(ownership),
                issued_at: now,
                expires_at,
            },
            signing_keys.first(),
            self.ports,
        )
        .await?;
        let profile =
            serde_json::to_string(&profile).map_err(|error| Fault::Crypto(error.to_string()))?;
        let answer = RefreshAnswer {
            profile: &profile,
            provider: ProviderInfo {
                claims: assertion.claims_json(),
                identity: &identity.document_json,
                expires_in: assertion.issued_at().map(|iat| assertion.expires_at() - iat),
                token: policy.expose_assertion.then_some(assertion.token()),
            },
            identity: BackstageIdentity { token: &token, user, ownership, expires_at },
        };
        self.register_with_origin(user, assertion);
        let session = answer.session();
        let reply = Reply::json(200, session.to_json(now));
        // No longer than anything that the session depends on is valid.
        let until = assertion
            .expires_at()
            .min(identity.expires_at)
            .min(catalog.fresh_until())
            .min(now + i64::from(backstage.token_life) / REUSED_PART);
        let size = assertion.token().len() + session.size();
        sessions.put(assertion.token().to_owned(), Rc::new(session), until, size);
        Ok(reply)
    }

    /// With a shared key, the origin's auth plugin must know the user too.
    fn register_with_origin(&self, user: &str, assertion: &Assertion) {
        let Config { backstage, .. } = &self.gate.config;
        let IsolateCaches { registered_users, .. } = &self.gate.caches;
        if backstage.trust == Trust::SharedKey
            && registered_users.get(user, self.seconds()).is_none()
        {
            self.background.push(BackgroundTask::RegisterWithOrigin {
                user: user.to_owned(),
                assertion: assertion.token().to_owned(),
            });
        }
    }
}
