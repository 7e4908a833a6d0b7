//! The refresh route: from a verified assertion to the session.

use std::rc::Rc;

use super::{Gate, Memory};
use crate::access::{Assertion, identity_of};
use crate::catalog::Remembered;
use crate::config::{Config, Trust};
use crate::http::Reply;
use crate::log::Line;
use crate::ports::Ports;
use crate::refusal::{Fault, Stop};
use crate::session::{BackstageIdentity, ProviderInfo, RefreshAnswer, TokenRequest, issue};
use crate::signin::{Profile, SignedIn, sign_in};
use crate::task::Task;

/// A session is given out again for this part of its token's life: a tenth.
const REUSED_PART: i64 = 10;

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
        let Memory { identities, records, sessions, .. } = &self.memory;
        if let Some(session) = sessions.get(compact, now) {
            line.reused(&session.user);
            self.tell_origin(&session.user, compact, now, later);
            return Ok(Reply::json(200, session.to_json(now)));
        }
        let identity =
            identity_of(assertion, compact, now, access, identities, ports, later).await?;
        line.identified(identity.source);
        let mut profile = Profile::of(&identity);
        let claims = assertion.claims_json();
        let catalog = Remembered::new(records, ports, now, policy.catalog_max_age);
        let user = sign_in(&profile, claims, &policy.resolvers, &catalog).await?;
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
            identity: BackstageIdentity { token: &token, user, ownership, expires_at },
        };
        self.tell_origin(user, compact, now, later);
        let session = answer.session();
        let reply = Reply::json(200, session.to_json(now));
        // Not longer than anything that it rests on, and never past the first part of its own life.
        let until = assertion
            .expires_at()
            .min(identity.expires_at)
            .min(catalog.fresh_until())
            .min(now + i64::from(backstage.token_life) / REUSED_PART);
        let bytes = compact.len() + session.size();
        sessions.put(compact.to_owned(), Rc::new(session), until, bytes);
        Ok(reply)
    }

    /// With a shared key, the origin is to know of the user too.
    fn tell_origin(&self, user: &str, compact: &str, now: i64, later: &mut Vec<Task>) {
        if self.config.backstage.trust == Trust::SharedKey
            && self.memory.told.get(user, now).is_none()
        {
            later.push(Task::TellOrigin { user: user.to_owned(), assertion: compact.to_owned() });
        }
    }
}
