//! The refresh route: from a verified assertion to the session.

use std::rc::Rc;

use serde_json::Value;

use super::caches::IsolateCaches;
use super::request_scope::RequestScope;
use crate::access::{Assertion, IdentityFrom, Subject, identity_of};
use crate::backstage::{
    BackstageIdentity, OwnershipClaim, ProviderInfo, RefreshAnswer, Session, TokenRequest, issue,
};
use crate::catalog::CachedCatalog;
use crate::config::Config;
use crate::error::{Fault, GateError};
use crate::ports::Ports;
use crate::sign_in::{AccessResult, ResolvedUser, SignInScope, Trace, expected_key, resolve_user};

/// A cached session is used for this part of its token's life: a tenth.
const REUSED_PART: i64 = 10;

/// A caller and their Backstage user.
pub(super) struct SignedInCaller {
    pub(super) result: AccessResult,
    pub(super) user: ResolvedUser,
    /// Until when this is true, in seconds since 1970.
    pub(super) until: i64,
}

/// A session, cached or new.
pub(super) struct Issued {
    pub(super) session: Rc<Session>,
    pub(super) is_new: bool,
}

impl<P: Ports> RequestScope<'_, P> {
    /// The session: the caller's identity at Access, their Backstage user, and a token that says so.
    pub(super) async fn issue_session(
        &self,
        assertion: &Rc<Assertion>,
    ) -> Result<Issued, GateError> {
        let backstage = &self.gate.config.backstage;
        let IsolateCaches { sessions, .. } = &self.gate.caches;
        let now = self.seconds();
        if let Some(session) = sessions.get(assertion.token(), now) {
            self.log(|log| log.reused(&session.user));
            self.register_in_background(&session.user, assertion);
            return Ok(Issued { session, is_new: false });
        }
        let caller = self.sign_in(assertion).await?;
        let expires_at = now + i64::from(backstage.token_life);
        self.keep_issued(&caller.user, expires_at);
        let ownership_claim = self.ownership_claim(&caller.user);
        let token = self.issue_token(&caller.user, ownership_claim, expires_at).await?;
        let session = Rc::new(self.session(&caller, &token, expires_at)?);
        let size = assertion.token().len() + session.size();
        let until = caller.until.min(now + i64::from(backstage.token_life) / REUSED_PART);
        sessions.put(assertion.token().to_owned(), Rc::clone(&session), until, size);
        Ok(Issued { session, is_new: true })
    }

    /// Whether the token of a user carries the ownership refs.
    pub(super) fn ownership_claim(&self, user: &ResolvedUser) -> OwnershipClaim {
        match self.gate.config.backstage.ownership_claim {
            // What userinfo could not answer from the catalog stays in the token while it fits.
            OwnershipClaim::Never
                if self.gate.app.sign_in.has_code || user.differs_from_catalog() =>
            {
                OwnershipClaim::WhileSmall
            }
            configured => configured,
        }
    }

    /// A token of a user, issued now.
    pub(super) async fn issue_token(
        &self,
        user: &ResolvedUser,
        ownership_claim: OwnershipClaim,
        expires_at: i64,
    ) -> Result<String, Fault> {
        let Config { backstage, signing_keys, .. } = &self.gate.config;
        let ResolvedUser { user, ownership, claims, .. } = user;
        let request = TokenRequest {
            issuer: &backstage.issuer,
            user,
            ownership,
            ownership_claim,
            claims,
            issued_at: self.seconds(),
            expires_at,
        };
        issue(&request, signing_keys.first(), self.ports).await
    }

    /// The identity of a verified caller, and their Backstage user.
    pub(super) async fn sign_in(
        &self,
        assertion: &Rc<Assertion>,
    ) -> Result<SignedInCaller, GateError> {
        let Config { access, sign_in: policy, .. } = &self.gate.config;
        let IsolateCaches { identities, records, custom, .. } = &self.gate.caches;
        let now = self.seconds();
        let trace = Trace::default();
        let catalog = CachedCatalog::new(records, self.ports, now, policy.catalog_max_age);
        let identity = identity_of(assertion, self, access, identities);
        let identity = match self.expected_key(assertion) {
            Some(key) => catalog.read_ahead(key, identity).await,
            None => identity.await,
        }?;
        self.log(|log| log.identified(identity.source));
        let identity_until = identity.expires_at;
        let result = AccessResult::new(Rc::clone(assertion), identity);
        let user = resolve_user(
            &result,
            &SignInScope {
                policy,
                hooks: &self.gate.app.sign_in,
                catalog: &catalog,
                cache: custom,
                scope: self,
                trace: &trace,
            },
        )
        .await;
        self.log(|log| log.traced(&trace));
        let user = user?;
        self.log(|log| log.signed_in(&user));
        let until = assertion.expires_at().min(identity_until).min(catalog.fresh_until());
        let until = match user.max_age {
            Some(seconds) => until.min(now + i64::from(seconds)),
            None => until,
        };
        Ok(SignedInCaller { result, user, until })
    }

    /// The key in KV of the user that a verified assertion is probably of, if there may be time to read
    /// it before the identity is known.
    fn expected_key(&self, assertion: &Assertion) -> Option<String> {
        let Config { access, sign_in: policy, .. } = &self.gate.config;
        match assertion.subject() {
            Subject::User { email, .. } if access.identity == IdentityFrom::GetIdentity => {
                expected_key(policy, &self.gate.app.sign_in, email)
            }
            _ => None,
        }
    }

    /// The session with this token, answered as the official provider does.
    fn session(
        &self,
        caller: &SignedInCaller,
        token: &str,
        expires_at: i64,
    ) -> Result<Session, GateError> {
        let (assertion, identity) = (caller.result.verified(), caller.result.identity());
        let provider = ProviderInfo {
            claims: assertion.claims_json(),
            identity: &identity.document_json,
            expires_in: assertion.issued_at().map(|iat| assertion.expires_at() - iat),
            token: self.gate.config.sign_in.expose_assertion.then_some(assertion.token()),
        };
        let internal = |error: serde_json::Error| Fault::Crypto(error.to_string());
        let mut provider_info = provider.to_json();
        if let Some(change) = &self.gate.app.provider_info {
            let mut members = serde_json::from_str(&provider_info).map_err(internal)?;
            change(&mut members);
            provider_info = Value::Object(members).to_string();
        }
        let ResolvedUser { user, ownership, profile, .. } = &caller.user;
        let answer = RefreshAnswer {
            profile: &serde_json::to_string(profile).map_err(internal)?,
            provider_info: &provider_info,
            identity: BackstageIdentity { token, user, ownership, expires_at },
        };
        Ok(answer.session())
    }
}
