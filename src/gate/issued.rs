//! Issued ownership refs and claims that differ from the catalog. Userinfo needs them for limited-user
//! tokens, which carry neither.

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::caches::IsolateCaches;
use super::request_scope::RequestScope;
use crate::background::BackgroundTask;
use crate::ports::Ports;
use crate::sign_in::ResolvedUser;

/// What a user was issued last: a value in `ACCESS_CACHE` and in the isolate.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IssuedUser {
    /// The entity ref.
    pub sub: String,
    /// The ownership refs.
    pub ent: Vec<String>,
    /// The additional claims.
    pub claims: Map<String, Value>,
    /// Until when it counts, in seconds since 1970.
    pub exp: i64,
}

impl<P: Ports> RequestScope<'_, P> {
    /// Keeps what is issued to a user whose token lives until `expires_at`, if userinfo could not
    /// answer from the catalog. As in Backstage, the last sign-in of a user wins.
    pub(super) fn keep_issued(&self, user: &ResolvedUser, expires_at: i64) {
        if !self.gate.app.sign_in.has_code && !user.differs_from_catalog() {
            return;
        }
        let IsolateCaches { issued, .. } = &self.gate.caches;
        let now = self.seconds();
        let known = issued.get(&user.user, now).filter(|known| {
            known.ent == user.ownership && known.claims == user.claims && known.exp >= expires_at
        });
        if known.is_some() {
            return;
        }
        // Longer than the token lives, so that a refresh in the first half of its life has nothing
        // to write: KV takes one write a second for a key, and a thousand a day on the free plan.
        let exp = expires_at + (expires_at - now) / 2;
        let (sub, ent) = (user.user.clone(), user.ownership.clone());
        let record = IssuedUser { sub, ent, claims: user.claims.clone(), exp };
        if let (Ok(value), Ok(ttl)) = (serde_json::to_string(&record), u32::try_from(exp - now)) {
            let size = value.len();
            let key = cache_key(&user.user);
            issued.put(user.user.clone(), Rc::new(record), exp, size);
            self.background.push(BackgroundTask::WriteCache { key, value, ttl });
        }
    }

    /// What was issued to a user, from the isolate or from KV.
    pub(super) async fn issued(&self, user: &str) -> Option<Rc<IssuedUser>> {
        let IsolateCaches { issued, .. } = &self.gate.caches;
        let now = self.seconds();
        if let Some(record) = issued.get(user, now) {
            return Some(record);
        }
        let text = self.ports.read_cache(&cache_key(user)).await.ok().flatten()?;
        let record: IssuedUser = serde_json::from_str(&text).ok()?;
        // Not kept: another isolate may have written a newer one by the next request.
        (record.sub == user && record.exp > now).then(|| Rc::new(record))
    }
}

/// The key in `ACCESS_CACHE`. An entity ref can be longer than a key.
fn cache_key(user: &str) -> String {
    format!("issued:v1:{}", base16ct::lower::encode_string(&Sha256::digest(user.as_bytes())))
}
