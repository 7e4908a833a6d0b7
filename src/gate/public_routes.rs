//! The two routes that a backend reads and that need no assertion: the JWK Set and userinfo.

use super::caches::IsolateCaches;
use super::decide::Decision;
use super::reply::Reply;
use super::request_scope::RequestScope;
use crate::backstage::{EntityRef, join_jwks, read_token, verify_user_token};
use crate::catalog::{CachedCatalog, Key, look_up};
use crate::config::Config;
use crate::error::{GateError, Refusal};
use crate::json::{to_json_array, to_json_string};
use crate::ports::{HttpRequest, Ports};
use crate::sign_in::Resolver;

/// Marks our own request for the origin's JWK Set.
const HOP_HEADER: &str = "x-backstage-cfaccess-hop";

/// Limits of the origin's JWK Set: milliseconds and bytes.
const ORIGIN_JWKS_TIMEOUT_MS: u32 = 2_000;
const ORIGIN_JWKS_MAX_BYTES: usize = 256 * 1024;

impl<P: Ports> RequestScope<'_, P> {
    /// The Worker's public keys, with the origin's if it answers. Where the origin turns out to be
    /// this Worker, as on a host name without an origin, it is not asked a second time.
    pub(super) async fn jwks(&self) -> Reply {
        let Config { backstage, signing_keys, .. } = &self.gate.config;
        let ours = signing_keys.public_jwks();
        if self.request.headers.get(HOP_HEADER).is_some() {
            return Reply::json(200, join_jwks(&ours, None));
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
        let origin = match self.ports.fetch_origin(&request).await {
            Ok(response) if response.status == 200 => Some(response.body),
            _ => None,
        };
        Reply::json(200, join_jwks(&ours, origin.as_deref()))
    }

    /// The claims of a Backstage token that the Worker signed. Tokens from other issuers are
    /// forwarded.
    pub(super) async fn user_info(&self) -> Result<Decision, GateError> {
        let keys = &self.gate.config.signing_keys;
        let token = self.request.bearer_token().ok_or(Refusal::TokenMissing)?;
        let Some(unverified) = read_token(&token, keys) else { return Ok(self.forward(None)) };
        let claims = verify_user_token(&unverified, self.seconds(), keys, self.ports).await?;
        let ownership = match claims.ownership {
            Some(ownership) => ownership,
            None => self.ownership_of(&claims.user).await?,
        };
        let (user, ownership) = (to_json_string(&claims.user), to_json_array(&ownership));
        let body = format!(r#"{{"claims":{{"sub":{user},"ent":{ownership}}}}}"#);
        Ok(Decision::Reply(Reply::json(200, body)))
    }

    /// The ownership refs of a user, from the catalog. A user who is not in it owns only their own
    /// ref if a resolver allows such users, and is not found otherwise.
    async fn ownership_of(&self, user: &str) -> Result<Vec<String>, GateError> {
        let entity_ref = EntityRef::parse(user, None).ok_or(Refusal::TokenInvalid)?;
        let Config { sign_in, .. } = &self.gate.config;
        let IsolateCaches { records, .. } = &self.gate.caches;
        let catalog =
            CachedCatalog::new(records, self.ports, self.seconds(), sign_in.catalog_max_age);
        match look_up(Key::Ref(&entity_ref), &catalog).await {
            Err(GateError::Refusal(Refusal::UserNotFound))
                if sign_in.resolvers.iter().any(Resolver::allows_without_user) =>
            {
                Ok(vec![user.to_owned()])
            }
            found => found.map(|record| record.ownership),
        }
    }
}
