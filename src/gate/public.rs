//! The two routes that a backend reads and that ask for no assertion: the key set and userinfo.

use super::{Decision, Gate, Memory};
use crate::catalog::{EntityRef, Key, Remembered, look_up};
use crate::config::Config;
use crate::http::{Forward, HeaderEdits, Reply, Request};
use crate::json::{quote, quote_all};
use crate::ports::{Call, Ports};
use crate::refusal::{Refusal, Stop};
use crate::session::{Held, join_jwks, read_token, user_info};
use crate::signin::Resolver;

/// Marks our own request for the origin's key set.
const HOP_HEADER: &str = "x-backstage-cfaccess-hop";

/// Limits of the origin's key set: milliseconds and bytes.
const ORIGIN_JWKS_TIMEOUT_MS: u32 = 2_000;
const ORIGIN_JWKS_MAX_BYTES: usize = 256 * 1024;

impl Gate {
    /// Our public keys, with the origin's if it answers. Where the origin turns out to be this Worker
    /// again, as on a host name that has none, it is not asked a second time.
    pub(super) async fn jwks<P: Ports>(&self, request: &Request<'_>, ports: &P) -> Reply {
        let ours = self.config.signing_keys.public_jwks();
        if request.headers.get(HOP_HEADER).is_some() {
            return Reply::json(200, join_jwks(&ours, None));
        }
        let call = Call {
            url: format!("{}/.well-known/jwks.json", self.config.backstage.auth_path),
            headers: vec![
                ("accept".to_owned(), "application/json".to_owned()),
                (HOP_HEADER.to_owned(), "1".to_owned()),
            ],
            timeout_ms: ORIGIN_JWKS_TIMEOUT_MS,
            max_bytes: ORIGIN_JWKS_MAX_BYTES,
        };
        let origin = match ports.fetch_origin(&call).await {
            Ok(answer) if answer.status == 200 => Some(answer.body),
            _ => None,
        };
        Reply::json(200, join_jwks(&ours, origin.as_deref()))
    }

    /// The claims of a token of ours; a token of somebody else's is somebody else's to judge.
    pub(super) async fn user_info<P: Ports>(
        &self,
        request: &Request<'_>,
        now: i64,
        ports: &P,
    ) -> Result<Decision, Stop> {
        let keys = &self.config.signing_keys;
        let token = request.bearer_token().ok_or(Refusal::TokenMissing)?;
        let Held::Ours(unverified) = read_token(&token, keys) else {
            let header = self.config.access.jwt_header_name.as_str();
            let edits = HeaderEdits::of(request.headers, header, None, None);
            return Ok(Decision::Forward(Forward { edits }));
        };
        let claimed = user_info(&unverified, now, keys, ports).await?;
        let ownership = match claimed.ownership {
            Some(ownership) => ownership,
            None => self.ownership_of(&claimed.user, now, ports).await?,
        };
        let (user, ownership) = (quote(&claimed.user), quote_all(&ownership));
        let body = format!(r#"{{"claims":{{"sub":{user},"ent":{ownership}}}}}"#);
        Ok(Decision::Reply(Reply::json(200, body)))
    }

    /// The ownership refs of a user, from the catalog. A user in no catalog owns what is his own, if
    /// any resolver lets such users in, and has left otherwise.
    async fn ownership_of<P: Ports>(
        &self,
        user: &str,
        now: i64,
        ports: &P,
    ) -> Result<Vec<String>, Stop> {
        let entity_ref = EntityRef::parse(user, None).ok_or(Refusal::TokenInvalid)?;
        let Config { sign_in, .. } = &self.config;
        let Memory { records, .. } = &self.memory;
        let catalog = Remembered::new(records, ports, now, sign_in.catalog_max_age);
        match look_up(Key::Ref(&entity_ref), &catalog).await {
            Err(Stop::Refusal(Refusal::UserNotFound))
                if sign_in.resolvers.iter().any(Resolver::allows_without_user) =>
            {
                Ok(vec![user.to_owned()])
            }
            found => found.map(|record| record.ownership),
        }
    }
}
