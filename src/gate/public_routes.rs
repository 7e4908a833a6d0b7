//! The two routes that a backend reads and that need no assertion: the JWK Set and userinfo.

use serde::Serialize;
use serde_json::{Map, Value};

use super::caches::IsolateCaches;
use super::decide::Decision;
use super::header_edits::HOP_HEADER;
use super::origin_jwks::FRESH;
use super::reply::Reply;
use super::request_scope::RequestScope;
use crate::backstage::{EntityRef, is_jwk_set, join_jwks, read_token, verify_user_token};
use crate::catalog::{CachedCatalog, Key, look_up};
use crate::config::Config;
use crate::error::{Fault, GateError, Refusal};
use crate::ports::{Failure, HttpRequest, Ports};

/// The answer of userinfo (`UserInfoDatabase` of `@backstage/plugin-auth-backend`).
#[derive(Serialize)]
struct UserInfo<'a> {
    claims: UserInfoClaims<'a>,
}

#[derive(Serialize)]
struct UserInfoClaims<'a> {
    sub: &'a str,
    ent: &'a [String],
    #[serde(flatten)]
    more: &'a Map<String, Value>,
}

/// A JWK Set that a backend or a proxy may keep as long as the Worker itself does.
fn cacheable(joined: String) -> Reply {
    let mut reply = Reply::json(200, joined);
    reply.headers.push(("cache-control", format!("public, max-age={FRESH}")));
    reply
}

/// Limits of the origin's JWK Set: milliseconds and bytes.
const ORIGIN_JWKS_TIMEOUT_MS: u32 = 2_000;
const ORIGIN_JWKS_MAX_BYTES: usize = 256 * 1024;

impl<P: Ports> RequestScope<'_, P> {
    /// The Worker's public keys, with the origin's if it has any. Where the origin turns out to be
    /// this Worker, as on a host name without an origin, it is not asked a second time. Only a whole
    /// answer may be cached by others.
    pub(super) async fn jwks(&self) -> Reply {
        let Config { backstage, signing_keys, .. } = &self.gate.config;
        let IsolateCaches { origin_jwks, .. } = &self.gate.caches;
        let now = self.seconds();
        let has_come_back = self.request.headers.get(HOP_HEADER).is_some();
        if !has_come_back && let Some(joined) = origin_jwks.fresh(now) {
            return cacheable(joined);
        }
        let ours = signing_keys.public_jwks();
        if has_come_back {
            return Reply::json(200, join_jwks(&ours, None));
        }
        let without_origin = || {
            let joined = origin_jwks.stale(now).unwrap_or_else(|| join_jwks(&ours, None));
            Reply::json(200, joined)
        };
        if origin_jwks.is_paused(now) {
            return without_origin();
        }
        let request = HttpRequest {
            url: format!("{}/.well-known/jwks.json", backstage.auth_path),
            headers: vec![
                ("accept".to_owned(), "application/json".to_owned()),
                (HOP_HEADER.to_owned(), "1".to_owned()),
            ],
            timeout_ms: ORIGIN_JWKS_TIMEOUT_MS,
            max_bytes: ORIGIN_JWKS_MAX_BYTES,
        };
        let why = match self.ports.fetch_origin(&request).await {
            // Anything else, such as the page of a gateway, must not replace the set of before.
            Ok(response) if response.status == 200 && is_jwk_set(&response.body) => {
                return cacheable(origin_jwks.answered(now, &ours, Some(&response.body)));
            }
            // A backend without an auth plugin.
            Ok(response) if response.status == 404 => {
                return cacheable(origin_jwks.answered(now, &ours, None));
            }
            Ok(response) if response.status == 200 => "not a JWK Set".to_owned(),
            Ok(response) => format!("status {}", response.status),
            Err(Failure(why)) => why,
        };
        self.note(format!("the origin's JWK Set: {why}"));
        origin_jwks.failed(now);
        without_origin()
    }

    /// The claims of a Backstage token that the Worker signed. Tokens from other issuers are
    /// forwarded.
    pub(super) async fn user_info(&self) -> Result<Decision, GateError> {
        let keys = &self.gate.config.signing_keys;
        let token = self.request.bearer_token().ok_or(Refusal::TokenMissing)?;
        let Some(unverified) = read_token(&token, keys) else { return Ok(self.forward(None)) };
        let claims = verify_user_token(&unverified, self.seconds(), keys, self.ports).await?;
        let (ownership, additional) = if let Some(ownership) = claims.ownership {
            (ownership, claims.claims)
        } else {
            let (ownership, issued) = self.ownership_of(&claims.user).await?;
            (ownership, issued.into_iter().chain(claims.claims).collect())
        };
        let answer = UserInfo {
            claims: UserInfoClaims { sub: &claims.user, ent: &ownership, more: &additional },
        };
        let body = serde_json::to_string(&answer).map_err(|it| Fault::Crypto(it.to_string()))?;
        Ok(Decision::Reply(Reply::json(200, body)))
    }

    /// The ownership refs and additional claims of a user whose token does not carry them.
    ///
    /// 1. What was issued, if it differs from the catalog.
    /// 2. If the app has code that decides on ownership: only the user's own ref. What was issued is
    ///    lost or not yet in KV here, and may have been less than the catalog says.
    /// 3. The catalog, without groups that `ownership.keep` removes. A user who is not in it owns
    ///    their own ref if such users may sign in, and is not found otherwise.
    async fn ownership_of(
        &self,
        user: &str,
    ) -> Result<(Vec<String>, Map<String, Value>), GateError> {
        let Config { sign_in, .. } = &self.gate.config;
        let hooks = &self.gate.app.sign_in;
        // (1)
        let may_differ =
            hooks.has_code || !sign_in.ownership.is_empty() || !sign_in.token_claims.is_empty();
        if may_differ && let Some(issued) = self.issued(user).await {
            return Ok((issued.ent.clone(), issued.claims.clone()));
        }
        let only_own = || (vec![user.to_owned()], Map::new());
        // (2)
        if hooks.has_code {
            return Ok(only_own());
        }
        // (3)
        let entity_ref = EntityRef::parse(user, None).ok_or(Refusal::TokenInvalid)?;
        let IsolateCaches { records, .. } = &self.gate.caches;
        let catalog =
            CachedCatalog::new(records, self.ports, self.seconds(), sign_in.catalog_max_age);
        match look_up(Key::Ref(&entity_ref), &catalog).await {
            Ok(record) => {
                let refs = record.ownership.into_iter().map(EntityRef::canonical);
                let kept = sign_in.ownership.keep(refs.collect());
                Ok((kept.iter().map(EntityRef::to_string).collect(), Map::new()))
            }
            Err(GateError::Refusal(Refusal::UserNotFound))
                if sign_in.allows_users_outside_catalog =>
            {
                Ok(only_own())
            }
            Err(error) => Err(error),
        }
    }
}
