//! What is printed of an assertion: never the assertion itself.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::super::output::printable;
use crate::access::AccessPolicy;
use crate::access::{AccessClaims, Assertion, Audience, Subject, UnverifiedAssertion};
use crate::error::{GateError, Refusal};

/// An accepted assertion: its caller, its expiry and its claims.
pub(super) fn accepted(assertion: &Assertion, now: DateTime<Utc>) -> String {
    let subject = match assertion.subject() {
        Subject::User { email, id } => format!("user {email}, sub {id}"),
        Subject::ServiceToken { client_id } => {
            format!("service token {client_id} (must be in CFACCESS.serviceTokens to sign in)")
        }
    };
    let mut text = "accepted\n".to_owned();
    line(&mut text, "subject", &subject);
    line(&mut text, "expires", &moment(assertion.expires_at(), now));
    if let Some(issued_at) = assertion.issued_at() {
        line(&mut text, "issued", &moment(issued_at, now));
    }
    line(&mut text, "key", &assertion.key().id);
    line(&mut text, "claims", assertion.claims_json());
    text
}

/// Of any other: the answer of the Worker, the reason, and what the assertion says of itself.
pub(super) fn stopped(
    stop: &GateError,
    token: &str,
    config: &AccessPolicy,
    now: DateTime<Utc>,
) -> String {
    let unverified = UnverifiedAssertion::parse(token).ok();
    let (outcome, status, name, message, detail) = match stop {
        GateError::Refusal(refusal) => {
            let detail = unverified.as_ref().and_then(|it| reason(refusal, it, config, now));
            let detail = detail.or_else(|| refusal.detail().map(str::to_owned));
            ("refused", refusal.status(), refusal.name(), refusal.message(), detail)
        }
        GateError::Fault(fault) => {
            ("not decided", fault.status(), fault.name(), fault.message(), Some(fault.detail()))
        }
    };
    let mut text = format!("{outcome}\n");
    line(&mut text, "code", &format!("{} ({status} {name})", stop.code()));
    line(&mut text, "message", message);
    if let Some(detail) = detail {
        line(&mut text, "detail", &detail);
    }
    if let Some(unverified) = unverified {
        line(&mut text, "key", &format!("{} (not verified)", unverified.key_id));
        line(&mut text, "claims", &format!("{} (not verified)", unverified.payload_json));
    }
    text
}

/// What in the claims leads to a refusal; for the person who has to mend it.
fn reason(
    refusal: &Refusal,
    unverified: &UnverifiedAssertion<'_>,
    config: &AccessPolicy,
    now: DateTime<Utc>,
) -> Option<String> {
    let times = &unverified.claims;
    let claims = &times.custom;
    let at = |time: &DateTime<Utc>| moment(time.timestamp(), now);
    match refusal {
        Refusal::AssertionExpired => {
            times.expiration.as_ref().map(|it| format!("exp is {}", at(it)))
        }
        Refusal::AssertionNotYetValid => {
            let not_before = times.not_before.as_ref().map(|it| format!("nbf is {}", at(it)));
            let issued_at = times.issued_at.as_ref().map(|it| format!("iat is {}", at(it)));
            Some([not_before, issued_at].into_iter().flatten().collect::<Vec<_>>().join(", "))
        }
        Refusal::AudienceInvalid => Some(format!(
            "aud is {}; accepted: {}",
            claims.aud.as_ref().map_or_else(|| "missing".to_owned(), audience),
            config.audience.join(", ")
        )),
        Refusal::ExpiryMissing => Some("there is no exp".to_owned()),
        Refusal::IssuerInvalid => {
            Some(format!("iss is {}; expected: {}", shown(claims.iss.as_deref()), config.issuer))
        }
        Refusal::KeyUnknown => Some(format!(
            "no usable key of {} has the kid {}; its keys are replaced every 6 weeks",
            config.team_domain, unverified.key_id
        )),
        Refusal::SubjectInvalid => Some(subject(claims)),
        Refusal::TypeInvalid => {
            Some(format!("type is {}; expected: app", shown(claims.kind.as_deref())))
        }
        _ => None,
    }
}

fn audience(audience: &Audience) -> String {
    match audience {
        Audience::One(value) => value.clone(),
        Audience::Many(values) => format!("[{}]", values.join(", ")),
    }
}

fn subject(claims: &AccessClaims) -> String {
    format!(
        "email is {}, sub is {}, common_name is {}; expected: email and sub, or common_name alone",
        shown(claims.email.as_deref()),
        shown(claims.sub.as_deref()),
        shown(claims.common_name.as_deref())
    )
}

fn shown(claim: Option<&str>) -> &str {
    match claim {
        None => "missing",
        Some("") => "empty",
        Some(claim) => claim,
    }
}

/// A time, and how far off it is.
fn moment(time: i64, now: DateTime<Utc>) -> String {
    let Some(at) = DateTime::from_timestamp(time, 0) else { return time.to_string() };
    let distance = (time - now.timestamp()).unsigned_abs();
    let (hours, minutes, seconds) = (distance / 3600, distance / 60 % 60, distance % 60);
    let distance = match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min {seconds} s"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    };
    match at.cmp(&now) {
        std::cmp::Ordering::Less => format!("{at} ({distance} ago)"),
        std::cmp::Ordering::Equal => format!("{at} (now)"),
        std::cmp::Ordering::Greater => format!("{at} (in {distance})"),
    }
}

fn line(text: &mut String, label: &str, value: &str) {
    // A claim must not be able to begin a line of its own.
    let value = printable(value);
    // Writing into a string cannot fail.
    let _ = writeln!(text, "  {label:<9}{value}");
}
