//! What Access knows of a person beyond the assertion: get-identity's document, cached with a life.
//!
//! The document is data from the time of login. It is cached by the digest of the assertion, never
//! by `sub`: a new login brings a new assertion and with it a new document.

use std::rc::Rc;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::assertion::{Assertion, Subject};
use crate::cache::Bounded;
use crate::config::{AccessConfig, IdentityFrom};
use crate::json::read_unique;
use crate::ports::{Call, Ports};
use crate::refusal::{Refusal, Stop};
use crate::task::Task;

/// How long a document is kept, in seconds, and never beyond the assertion's `exp`.
pub const IDENTITY_LIFE: i64 = 3600;

/// KV's shortest `expirationTtl`, in seconds: what lives shorter is not written.
const KV_MIN_TTL: i64 = 60;

/// Time limit of get-identity, in milliseconds.
const TIMEOUT_MS: u32 = 5_000;

/// Size limit of the document, in bytes. A person of a thousand groups has some 100 KiB.
const MAX_BYTES: usize = 512 * 1024;

/// What Access knows of a caller.
#[derive(Clone, Debug)]
pub struct AccessIdentity {
    /// The document, as it is given on under `providerInfo.cfIdentity`: a JSON object.
    pub document: String,
    /// Its `email`, for a service token the configured subject.
    pub email: String,
    /// Its `name`.
    pub name: Option<String>,
    /// Where it comes from.
    pub source: IdentitySource,
    /// Until when it is believed, in seconds since 1970. One that was made up for want of a better
    /// is over at once.
    pub expires_at: i64,
}

/// Where an identity comes from; for the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IdentitySource {
    /// From a cache.
    Cache,
    /// From the assertion's claims, as configured.
    Claims,
    /// From the claims, because get-identity did not answer.
    ClaimsForWant,
    /// From get-identity, now.
    GetIdentity,
    /// From the configuration of the service token.
    ServiceToken,
}

/// A group in get-identity's document.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AccessGroup {
    /// The identity provider's id of the group.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its email.
    pub email: Option<String>,
}

/// The document as the official provider makes it up for a service token, and as we make it up from
/// the claims (`CloudflareAccessIdentityProfile`).
#[derive(Serialize)]
struct MadeUp<'a> {
    id: &'a str,
    name: &'a str,
    email: &'a str,
    groups: [&'a str; 0],
}

impl AccessIdentity {
    fn from_document(
        document: String,
        email: &str,
        source: IdentitySource,
        expires_at: i64,
    ) -> Option<Self> {
        let known = read_unique(document.as_bytes()).ok()?;
        let text = |member: &str| known.get(member).and_then(Value::as_str);
        // The signed email decides. A document about somebody else is not this caller's.
        if let Some(theirs) = text("email")
            && theirs.to_lowercase() != email.to_lowercase()
        {
            return None;
        }
        let name = text("name").map(str::to_owned);
        Some(Self { document, email: email.to_owned(), name, source, expires_at })
    }

    fn made_up(
        id: &str,
        name: Option<&str>,
        email: &str,
        source: IdentitySource,
        expires_at: i64,
    ) -> Option<Self> {
        let made_up = MadeUp { id, name: name.unwrap_or(email), email, groups: [] };
        let document = serde_json::to_string(&made_up).ok()?;
        let name = name.map(str::to_owned);
        Some(Self { document, email: email.to_owned(), name, source, expires_at })
    }

    /// The groups of the document, which are strings or objects, by identity provider.
    #[must_use]
    pub fn groups(&self) -> Vec<AccessGroup> {
        let document = read_unique(self.document.as_bytes()).unwrap_or_default();
        let Some(groups) = document.get("groups").and_then(Value::as_array) else {
            return Vec::new();
        };
        let text =
            |group: &Value, key: &str| group.get(key).and_then(Value::as_str).map(str::to_owned);
        groups
            .iter()
            .filter_map(|group| match group {
                Value::String(name) => {
                    Some(AccessGroup { name: Some(name.clone()), ..AccessGroup::default() })
                }
                Value::Object(_) => Some(AccessGroup {
                    id: text(group, "id"),
                    name: text(group, "name"),
                    email: text(group, "email"),
                }),
                _ => None,
            })
            .collect()
    }
}

/// Finds the identity of a caller:
///
/// 1. a service token: from the configuration;
/// 2. `identity: "claims"`: from the claims;
/// 3. otherwise memory, KV, get-identity. If that does not answer, the claims do: they are signed,
///    and only the name and the groups are missing. If it says that the session has ended, that is
///    the answer.
///
/// # Errors
/// [`Refusal::ServiceTokenUnknown`], [`Refusal::IdentityRefused`].
pub async fn identity_of<P: Ports>(
    assertion: &Assertion,
    compact: &str,
    now: i64,
    config: &AccessConfig,
    memory: &Bounded<[u8; 32], Rc<AccessIdentity>>,
    ports: &P,
    later: &mut Vec<Task>,
) -> Result<Rc<AccessIdentity>, Stop> {
    let (email, id) = match assertion.subject() {
        // (1)
        Subject::ServiceToken { client_id } => {
            let subject = config
                .service_tokens
                .iter()
                .find(|token| token.token == *client_id)
                .map(|token| token.subject.as_str());
            return subject
                .and_then(|subject| {
                    let source = IdentitySource::ServiceToken;
                    let until = assertion.expires_at();
                    AccessIdentity::made_up(client_id, Some("Bot"), subject, source, until)
                })
                .map(Rc::new)
                .ok_or_else(|| Refusal::ServiceTokenUnknown.into());
        }
        Subject::User { email, id } => (email.as_str(), id.as_str()),
    };
    let from_claims = |source, until| {
        AccessIdentity::made_up(id, None, email, source, until)
            .map(Rc::new)
            .ok_or_else(|| Refusal::SubjectInvalid.into())
    };
    // (2)
    if config.identity == IdentityFrom::Claims {
        return from_claims(IdentitySource::Claims, assertion.expires_at());
    }
    // (3)
    let digest: [u8; 32] = Sha256::digest(compact).into();
    if let Some(identity) = memory.get(&digest, now) {
        return Ok(identity);
    }
    let cache_key = cache_key(&digest);
    if let Ok(Some(text)) = ports.read_cache(&cache_key).await
        && let Some(identity) = read_stored(&text, email, now)
    {
        let identity = Rc::new(identity);
        let size = identity.document.len();
        memory.put(digest, Rc::clone(&identity), identity.expires_at, size);
        return Ok(identity);
    }
    let document = match fetch(compact, config, ports).await {
        Fetched::Document(document) => document,
        Fetched::Refused => return Err(Refusal::IdentityRefused.into()),
        Fetched::Nothing => return from_claims(IdentitySource::ClaimsForWant, now),
    };
    let expires_at = assertion.expires_at().min(now + IDENTITY_LIFE);
    let source = IdentitySource::GetIdentity;
    let Some(identity) = AccessIdentity::from_document(document.clone(), email, source, expires_at)
    else {
        return from_claims(IdentitySource::ClaimsForWant, now);
    };
    if expires_at - now >= KV_MIN_TTL
        && let Ok(ttl) = u32::try_from(expires_at - now)
    {
        let value = format!("{expires_at} {document}");
        later.push(Task::WriteCache { key: cache_key, value, ttl });
    }
    let cached = AccessIdentity { source: IdentitySource::Cache, ..identity.clone() };
    let size = cached.document.len();
    memory.put(digest, Rc::new(cached), expires_at, size);
    Ok(Rc::new(identity))
}

/// The key in `ACCESS_CACHE`. A digest, since KV is no place for an assertion.
fn cache_key(digest: &[u8; 32]) -> String {
    format!("identity:v1:{}", base16ct::lower::encode_string(digest))
}

/// The form in KV is the end of its life, in seconds since 1970, a space, and the document as it
/// came.
fn read_stored(text: &str, email: &str, now: i64) -> Option<AccessIdentity> {
    let (expires_at, document) = text.split_once(' ')?;
    let expires_at: i64 = expires_at.parse().ok()?;
    if expires_at <= now {
        return None;
    }
    let until = expires_at.min(now + IDENTITY_LIFE);
    AccessIdentity::from_document(document.to_owned(), email, IdentitySource::Cache, until)
}

enum Fetched {
    Document(String),
    Nothing,
    Refused,
}

/// The cookie under which Access itself knows an assertion, whatever it is called on its way to us.
const ACCESS_COOKIE: &str = "CF_Authorization";

async fn fetch<P: Ports>(compact: &str, config: &AccessConfig, ports: &P) -> Fetched {
    let mut cookie = format!("{ACCESS_COOKIE}={compact}");
    if config.authorization_cookie_name != ACCESS_COOKIE {
        cookie = format!("{}={compact}; {cookie}", config.authorization_cookie_name);
    }
    let call = Call {
        url: format!("{}/cdn-cgi/access/get-identity", config.issuer),
        headers: vec![
            ("accept".to_owned(), "application/json".to_owned()),
            (config.jwt_header_name.clone(), compact.to_owned()),
            ("cookie".to_owned(), cookie),
        ],
        timeout_ms: TIMEOUT_MS,
        max_bytes: MAX_BYTES,
    };
    match ports.fetch(&call).await {
        Ok(answer) if answer.status == 200 => Fetched::Document(answer.body),
        Ok(answer) if matches!(answer.status, 401 | 403) => Fetched::Refused,
        _ => Fetched::Nothing,
    }
}
