//! The claims of an assertion and what must hold for them.
//!
//! Access signs other JWTs with the same account keys: global session tokens (`type: "org"`),
//! cloudflared's metadata tokens, External Evaluation requests. So `iss`, `aud` and `type` are each
//! mandatory, and the subject must be of exactly one of two shapes.

use chrono::{DateTime, Duration, Utc};
use jwt_compact::{Claims, TimeOptions, ValidationError};
use serde_json::{Map, Value};

use super::assertion::Subject;
use super::policy::AccessPolicy;
use crate::cause::quoted;
use crate::error::Refusal;

/// How far in the future `nbf` and `iat` may lie, in seconds: the clocks of the Access location
/// that signs and of the location that verifies may differ. `exp` has no leeway, for it would only
/// lengthen the life of a session that has ended.
pub const CLOCK_LEEWAY: i64 = 30;

/// How many values of a foreign `aud` are logged.
const MAX_LOGGED_AUDIENCES: usize = 3;

/// The claims beyond `exp`, `nbf` and `iat`
/// (developers.cloudflare.com, "Application token": user and service-token payloads).
#[derive(Clone, Debug)]
pub struct AccessClaims {
    /// Issuer: the team's domain as an origin.
    pub iss: Option<String>,
    /// Audience tags of the applications that the assertion is for.
    pub aud: Option<Audience>,
    /// The kind of token; `app` for an assertion.
    pub kind: Option<String>,
    /// A user's email.
    pub email: Option<String>,
    /// A user's id, or the empty string for a service token.
    pub sub: Option<String>,
    /// A service token's client id.
    pub common_name: Option<String>,
}

/// `aud`: one value or a list (RFC 7519, section 4.1.3).
#[derive(Clone, Debug)]
pub enum Audience {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Audience {
    /// Whether one of the values is one of `accepted`, compared as whole strings.
    #[must_use]
    pub fn meets(&self, accepted: &[String]) -> bool {
        match self {
            Self::One(value) => accepted.contains(value),
            Self::Many(values) => values.iter().any(|value| accepted.contains(value)),
        }
    }
}

/// Reads the claims of a payload; `None` if one has a value of the wrong type. `null` counts as
/// absent.
pub(super) fn read(payload: &Map<String, Value>) -> Option<Claims<AccessClaims>> {
    let member = |name: &str| payload.get(name).filter(|value| !value.is_null());
    let text = |name: &str| match member(name) {
        None => Some(None),
        Some(value) => value.as_str().map(|text| Some(text.to_owned())),
    };
    let time = |name: &str| match member(name) {
        None => Some(None),
        Some(value) => numeric_date(value).map(Some),
    };
    let aud = match member("aud") {
        None => None,
        Some(Value::String(one)) => Some(Audience::One(one.clone())),
        Some(Value::Array(many)) => Some(Audience::Many(
            many.iter().map(|one| one.as_str().map(str::to_owned)).collect::<Option<_>>()?,
        )),
        Some(_) => return None,
    };
    let mut claims = Claims::new(AccessClaims {
        iss: text("iss")?,
        aud,
        kind: text("type")?,
        email: text("email")?,
        sub: text("sub")?,
        common_name: text("common_name")?,
    });
    claims.expiration = time("exp")?;
    claims.not_before = time("nbf")?;
    claims.issued_at = time("iat")?;
    Some(claims)
}

/// A `NumericDate` (RFC 7519, section 2), with the fraction of a second cut off.
fn numeric_date(value: &Value) -> Option<DateTime<Utc>> {
    let seconds = value.as_i64().or_else(|| {
        let seconds = value.as_f64()?;
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            reason = "what does not fit saturates, and is then no time that chrono knows"
        )]
        Some(seconds.floor() as i64)
    })?;
    DateTime::from_timestamp(seconds, 0)
}

/// Checks the claims and returns the principal.
///
/// # Errors
/// In this order: [`Refusal::IssuerInvalid`], [`Refusal::AudienceInvalid`],
/// [`Refusal::TypeInvalid`], [`Refusal::ExpiryMissing`], [`Refusal::AssertionExpired`],
/// [`Refusal::AssertionNotYetValid`], [`Refusal::SubjectInvalid`].
pub(super) fn check(
    claims: &Claims<AccessClaims>,
    now: DateTime<Utc>,
    policy: &AccessPolicy,
) -> Result<Subject, Refusal> {
    let access = &claims.custom;
    if access.iss.as_ref() != Some(&policy.issuer) {
        return Err(Refusal::IssuerInvalid);
    }
    if !access.aud.as_ref().is_some_and(|aud| aud.meets(&policy.audience)) {
        return Err(Refusal::AudienceInvalid);
    }
    if access.kind.as_deref() != Some("app") {
        return Err(Refusal::TypeInvalid);
    }
    check_times(claims, now)?;
    subject(access)
}

/// The claims that led to a refusal of [`check`].
pub(super) fn why(refusal: &Refusal, claims: &Claims<AccessClaims>, now: DateTime<Utc>) -> String {
    let access = &claims.custom;
    let shown = |claim: &Option<String>| claim.as_deref().map_or("absent".to_owned(), quoted);
    let seconds = |time: DateTime<Utc>| (time - now).num_seconds();
    match refusal {
        Refusal::IssuerInvalid => format!("iss {}", shown(&access.iss)),
        Refusal::AudienceInvalid => match &access.aud {
            None => "aud absent".to_owned(),
            Some(Audience::One(aud)) => format!("aud {}", quoted(aud)),
            Some(Audience::Many(many)) => {
                let first: Vec<String> =
                    many.iter().take(MAX_LOGGED_AUDIENCES).map(|aud| quoted(aud)).collect();
                format!("aud list of {}: {}", many.len(), first.join(" "))
            }
        },
        Refusal::TypeInvalid => format!("type {}", shown(&access.kind)),
        Refusal::AssertionExpired => claims.expiration.map_or_else(String::new, |exp| {
            format!("exp passed {} s ago", seconds(exp).saturating_neg())
        }),
        Refusal::AssertionNotYetValid => {
            let latest = claims.not_before.max(claims.issued_at);
            latest
                .map_or_else(String::new, |time| format!("nbf or iat is {} s ahead", seconds(time)))
        }
        Refusal::SubjectInvalid => {
            let state = |claim: &Option<String>| match claim.as_deref() {
                None => "absent",
                Some("") => "empty",
                Some(_) => "present",
            };
            let (email, sub) = (state(&access.email), state(&access.sub));
            format!("email {email}, sub {sub}, common_name {}", state(&access.common_name))
        }
        _ => "exp absent".to_owned(),
    }
}

fn check_times(claims: &Claims<AccessClaims>, now: DateTime<Utc>) -> Result<(), Refusal> {
    claims.validate_expiration(&TimeOptions::new(Duration::zero(), || now)).map_err(|error| {
        match error {
            ValidationError::NoClaim(_) => Refusal::ExpiryMissing,
            _ => Refusal::AssertionExpired,
        }
    })?;
    // jwt-compact still accepts the very second of `exp`; RFC 7519, section 4.1.4, does not ("on or
    // after which").
    if claims.expiration == Some(now) {
        return Err(Refusal::AssertionExpired);
    }
    // Not by jwt-compact's `validate_maturity`, which takes the leeway off the claim, and panics if
    // that is the first second that chrono knows.
    let latest = now + Duration::seconds(CLOCK_LEEWAY);
    if claims.not_before.max(claims.issued_at).is_some_and(|time| time > latest) {
        return Err(Refusal::AssertionNotYetValid);
    }
    Ok(())
}

/// A user has an `email` and a `sub`; a service token has a `common_name` and no `sub`. Anything
/// else, and anything that is both, is no principal.
fn subject(access: &AccessClaims) -> Result<Subject, Refusal> {
    let present = |claim: &Option<String>| claim.clone().filter(|value| !value.is_empty());
    match (present(&access.email), present(&access.sub), present(&access.common_name)) {
        (Some(email), Some(id), None) => Ok(Subject::User { email, id }),
        (None, None, Some(client_id)) => Ok(Subject::ServiceToken { client_id }),
        _ => Err(Refusal::SubjectInvalid),
    }
}
