//! The refresh route: from a verified assertion to the session.

use super::Gate;
use crate::access::{Assertion, identity_of};
use crate::config::{Config, Trust};
use crate::http::Reply;
use crate::log::Line;
use crate::ports::Ports;
use crate::refusal::{Fault, Stop};
use crate::session::{BackstageIdentity, ProviderInfo, RefreshAnswer, TokenRequest, issue};
use crate::signin::{Profile, SignedIn, sign_in};
use crate::task::Task;

impl Gate {
    /// The session: who is this to Access, who is this to Backstage, and the token that says so.
    pub(super) async fn refresh<P: Ports>(
        &self,
        compact: &str,
        assertion: &Assertion,
        now: i64,
        ports: &P,
        line: &mut Line,
        later: &mut Vec<Task>,
    ) -> Result<Reply, Stop> {
        let Config { access, sign_in: policy, backstage, signing_keys } = &self.config;
        let identities = &self.memory.identities;
        let identity =
            identity_of(assertion, compact, now, access, identities, ports, later).await?;
        line.identified(identity.source);
        let mut profile = Profile::of(&identity);
        let claims = assertion.claims_json();
        let user = sign_in(&profile, claims, &policy.resolvers, ports).await?;
        line.signed_in(&user);
        profile.complete_from(user.record.as_ref());
        let expires_at = now + i64::from(backstage.token_life);
        let SignedIn { user, ownership, .. } = &user;
        let token = issue(
            &TokenRequest {
                issuer: &backstage.issuer,
                user,
                ownership: (!backstage.omit_ownership_claim).then_some(ownership),
                issued_at: now,
                expires_at,
            },
            signing_keys.first(),
            ports,
        )
        .await?;
        let profile =
            serde_json::to_string(&profile).map_err(|error| Fault::Crypto(error.to_string()))?;
        let answer = RefreshAnswer {
            profile: &profile,
            provider: ProviderInfo {
                claims,
                identity: &identity.document,
                expires_in: assertion.issued_at().map(|iat| assertion.expires_at() - iat),
                token: policy.expose_assertion.then_some(compact),
            },
            identity: BackstageIdentity {
                token: &token,
                user,
                ownership,
                expires_in: expires_at - now,
            },
        };
        if backstage.trust == Trust::SharedKey {
            later.push(Task::TellOrigin { user: user.clone(), assertion: compact.to_owned() });
        }
        Ok(Reply::json(200, answer.to_json()))
    }
}
