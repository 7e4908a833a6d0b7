//! The one door from [`Untrusted`] to [`Assertion`].

use std::rc::Rc;

use chrono::{DateTime, Utc};

use super::claims;
use super::jws::Untrusted;
use super::key_set::PublicKey;
use super::key_source::{self, KeyMemory};
use crate::config::AccessConfig;
use crate::ports::Ports;
use crate::refusal::{Fault, Refusal, Stop};
use crate::task::Task;

/// A verified assertion. Its only constructor is [`verify`].
#[derive(Debug)]
pub struct Assertion {
    claims_json: String,
    expires_at: i64,
    issued_at: Option<i64>,
    key: Rc<PublicKey>,
    subject: Subject,
}

/// Whom an assertion names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Subject {
    /// A machine with a service token.
    ServiceToken {
        /// The client id, `common_name` in the claims.
        client_id: String,
    },
    /// A person.
    User {
        /// The email by which people are told apart: `sub` changes when a user is removed and
        /// added again.
        email: String,
        /// `sub`.
        id: String,
    },
}

impl Assertion {
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

    /// Whom it names.
    #[must_use]
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The email, if it names a person.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        match &self.subject {
            Subject::User { email, .. } => Some(email),
            Subject::ServiceToken { .. } => None,
        }
    }
}

/// Verifies an assertion, cheapest check first:
///
/// 1. [`Untrusted::parse`]: form, `alg`, `crit`, `kid`.
/// 2. The claims. They may refuse here, but nothing is accepted yet: an assertion that is for
///    somebody else must not be able to make us look for its key.
/// 3. The key with this `kid`, from memory, KV or the certs endpoint.
/// 4. The signature. Only now the claims of (2) count.
///
/// # Errors
/// A refusal of (1), (2), [`Refusal::KeyUnknown`] or [`Refusal::SignatureInvalid`]; the faults
/// [`Fault::KeysUnavailable`] and [`Fault::Crypto`].
pub async fn verify<P: Ports>(
    compact: &str,
    now: DateTime<Utc>,
    config: &AccessConfig,
    keys: &KeyMemory,
    ports: &P,
    later: &mut Vec<Task>,
) -> Result<Assertion, Stop> {
    // (1)
    let untrusted = Untrusted::parse(compact)?;
    // (2)
    let subject = claims::check(&untrusted.claims, now, config)?;
    // (3)
    let key =
        key_source::key_for(&untrusted.key_id, now.timestamp(), config, keys, ports, later).await?;
    // (4)
    let genuine = ports
        .verify_rs256(&key, untrusted.signing_input, &untrusted.signature)
        .await
        .map_err(|failure| Fault::Crypto(failure.0))?;
    if !genuine {
        return Err(Refusal::SignatureInvalid.into());
    }
    let expiration = untrusted.claims.expiration.ok_or(Refusal::ExpiryMissing)?;
    Ok(Assertion {
        claims_json: untrusted.claims_json,
        expires_at: expiration.timestamp(),
        issued_at: untrusted.claims.issued_at.map(|time| time.timestamp()),
        key,
        subject,
    })
}
