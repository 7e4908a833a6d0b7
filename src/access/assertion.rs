//! From an [`UnverifiedAssertion`] to an [`Assertion`]. There is no other way.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::claims;
use super::jwks_cache::{self, JwksCache};
use super::jws::UnverifiedAssertion;
use super::policy::AccessPolicy;
use crate::cause::quoted;
use crate::error::{Fault, GateError, Refusal};
use crate::jwk::PublicKey;
use crate::ports::Ports;
use crate::scope::Scope;

/// A verified assertion. Its only constructor is [`verify`].
#[derive(Debug)]
pub struct Assertion {
    token: String,
    claims: Map<String, Value>,
    claims_json: String,
    expires_at: i64,
    issued_at: Option<i64>,
    key: Rc<PublicKey>,
    subject: Subject,
}

/// The principal that an assertion names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Subject {
    /// A machine with a service token.
    ServiceToken {
        /// The client id, `common_name` in the claims.
        client_id: String,
    },
    /// A user.
    User {
        /// The email. It identifies the user: `sub` changes when a user is removed and added again.
        email: String,
        /// `sub`.
        id: String,
    },
}

impl Assertion {
    /// The assertion itself, a compact JWS. It is a credential: never log it.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The claims.
    #[must_use]
    pub const fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The claims as Access wrote them: a JSON object.
    #[must_use]
    pub fn claims_json(&self) -> &str {
        &self.claims_json
    }

    /// `exp`, in seconds since 1970.
    #[must_use]
    pub const fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// `iat`, in seconds since 1970.
    #[must_use]
    pub const fn issued_at(&self) -> Option<i64> {
        self.issued_at
    }

    /// The key that signed it.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The principal.
    #[must_use]
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The email, if the principal is a user.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        match &self.subject {
            Subject::User { email, .. } => Some(email),
            Subject::ServiceToken { .. } => None,
        }
    }

    /// An assertion that nothing has verified, for a sign-in on trial. Caches know it by its token.
    #[cfg(any(feature = "cli", feature = "testing"))]
    pub(crate) fn on_trial(
        token: &str,
        claims: Map<String, Value>,
        subject: Subject,
        expires_at: i64,
    ) -> Self {
        let claims_json = Value::from(claims.clone()).to_string();
        let key = PublicKey {
            id: "testing".to_owned(),
            jwk: jwt_compact::jwk::JsonWebKey::Rsa {
                modulus: [].as_slice().into(),
                public_exponent: [].as_slice().into(),
                private_parts: None,
            },
            fingerprint: [0; 32],
        };
        Self {
            token: token.to_owned(),
            claims,
            claims_json,
            expires_at,
            issued_at: None,
            key: Rc::new(key),
            subject,
        }
    }

    /// About how many bytes it takes to keep.
    #[must_use]
    pub fn size(&self) -> usize {
        // The claims are kept as text and as values, and are no longer than the token.
        3 * self.token.len()
    }
}

/// Verifies an assertion, cheapest check first:
///
/// 1. [`UnverifiedAssertion::parse`]: form, `alg`, `crit`, `kid`.
/// 2. The claims. They can only refuse at this point: an assertion for another application must not
///    make the Worker fetch keys.
/// 3. The key with this `kid`, from the isolate, KV or the certs endpoint.
/// 4. The signature. Only now the claims of (2) are trusted.
///
/// # Errors
/// A refusal of (1), (2), [`Refusal::KeyUnknown`] or [`Refusal::SignatureInvalid`]; the faults
/// [`Fault::KeysUnavailable`] and [`Fault::Crypto`].
pub async fn verify<P: Ports>(
    token: &str,
    scope: &Scope<'_, P>,
    policy: &AccessPolicy,
    cache: &JwksCache,
) -> Result<Assertion, GateError> {
    // (1)
    let unverified = UnverifiedAssertion::parse(token)?;
    // (2)
    let subject = claims::check(&unverified.claims, scope.now, policy).map_err(|refusal| {
        let why = claims::why(&refusal, &unverified.claims, scope.now);
        scope.cause.explain(refusal, why)
    })?;
    // (3)
    let key = jwks_cache::key_for(&unverified.key_id, scope, policy, cache).await?;
    // (4)
    let verification =
        scope.ports.verify_rs256(&key, unverified.signing_input, &unverified.signature);
    let is_genuine =
        scope.computed(verification).await.map_err(|failure| Fault::Crypto(failure.0))?;
    if !is_genuine {
        let why = format!("kid {}", quoted(&unverified.key_id));
        return Err(scope.cause.explain(Refusal::SignatureInvalid, why));
    }
    let expiration = unverified.claims.expiration.ok_or(Refusal::ExpiryMissing)?;
    Ok(Assertion {
        token: token.to_owned(),
        expires_at: expiration.timestamp(),
        issued_at: unverified.claims.issued_at.map(|time| time.timestamp()),
        claims: unverified.payload,
        claims_json: unverified.payload_json,
        key,
        subject,
    })
}
