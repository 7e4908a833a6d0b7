//! The claims of a genuine assertion: audience, issuer, type, expiry and subject.

use backstage_cfaccess::access::{Assertion, CLOCK_LEEWAY, Subject};
use backstage_cfaccess::error::{GateError, Malformed, Refusal};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, Claims, ISSUER, Lab, NOW, Setup, at};

const OTHER_AUDIENCE: &str = "aud-fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

fn verify_at(claims: &Claims, now: DateTime<Utc>, setup: &Setup) -> Result<Assertion, GateError> {
    let lab = Lab::of(setup);
    let result = lab.verify_at(&claims.mint(), now);
    if result.is_err() {
        // What is not for us must not make us look for its key.
        let calls = (lab.world.certs.calls(), lab.world.cache.reads());
        assert_eq!(calls, (0, 0), "{}", claims.text());
    }
    result
}

fn accepted(claims: &Claims) -> Assertion {
    verify_at(claims, at(NOW), &Setup::new())
        .unwrap_or_else(|stop| panic!("{}: {stop:?}", claims.text()))
}

fn refused(claims: &Claims) -> Refusal {
    match verify_at(claims, at(NOW), &Setup::new()) {
        Err(GateError::Refusal(refusal)) => refusal,
        other => panic!("{}: {other:?}", claims.text()),
    }
}

const CLAIM_TYPE: Refusal = Refusal::AssertionMalformed(Malformed::ClaimType);

#[test]
fn earliest_representable_times_are_judged_like_others() {
    // chrono's first second: leeway taken off it, rather than added to now, would overflow.
    accepted(&Claims::user().set("nbf", -8_334_601_228_800_i64));
    accepted(&Claims::user().set("iat", -8_334_601_228_800_i64));
}

#[test]
fn assertion_of_a_user_is_accepted_with_its_email_and_sub() {
    let claims = Claims::user();
    let assertion = accepted(&claims);
    let id = "8c87b489-ce35-5f2e-af39-f80e282cb2e8".to_owned();
    let subject = Subject::User { email: "jane@example.com".to_owned(), id };
    assert_eq!(*assertion.subject(), subject);
    assert_eq!(assertion.email(), Some("jane@example.com"));
    assert_eq!((assertion.expires_at(), assertion.issued_at()), (NOW + 3600, Some(NOW)));
    assert_eq!(assertion.claims_json(), claims.text());
    assert_eq!(assertion.key().id, "a".repeat(64));
}

#[test]
fn unknown_claims_are_ignored() {
    let claims = Claims::user()
        .set("custom", json!({ "type": "org", "groups": [1, null, 1.5e300] }))
        .set("policy_id", json!(null))
        .set("amr", json!(["pwd"]));
    accepted(&claims);
}

#[test]
fn foreign_issuer_is_refused() {
    for issuer in [
        "https://evil.cloudflareaccess.com",
        "https://testteam.cloudflareaccess.com/",
        "http://testteam.cloudflareaccess.com",
        "HTTPS://testteam.cloudflareaccess.com",
        "https://TestTeam.cloudflareaccess.com",
        "https://testteam.cloudflareaccess.com.evil.example",
        "https://testteam.fed.cloudflareaccess.com",
        "https://testteam.cloudflareaccess.com:443",
        " https://testteam.cloudflareaccess.com",
        "testteam.cloudflareaccess.com",
        "testteam",
        "",
    ] {
        assert_eq!(refused(&Claims::user().set("iss", issuer)), Refusal::IssuerInvalid, "{issuer}");
    }
    assert_eq!(refused(&Claims::user().without("iss")), Refusal::IssuerInvalid);
    assert_eq!(refused(&Claims::user().set("iss", json!(null))), Refusal::IssuerInvalid);
}

#[test]
fn fedramp_team_has_its_own_issuer() {
    let setup = Setup::new().cfaccess("teamName", json!("testteam.fed.cloudflareaccess.com"));
    let federal = Claims::user().set("iss", "https://testteam.fed.cloudflareaccess.com");
    assert!(verify_at(&federal, at(NOW), &setup).is_ok());
    let stop = verify_at(&Claims::user(), at(NOW), &setup).err();
    assert_eq!(stop, Some(Refusal::IssuerInvalid.into()));
}

#[test]
fn audience_is_accepted_alone_or_in_a_list() {
    for audience in [
        json!(AUDIENCE),
        json!([AUDIENCE]),
        json!([OTHER_AUDIENCE, AUDIENCE]),
        json!([AUDIENCE, "", "x"]),
    ] {
        accepted(&Claims::user().set("aud", audience));
    }
}

#[test]
fn foreign_or_partial_audience_is_refused() {
    for audience in [
        json!(OTHER_AUDIENCE),
        json!([OTHER_AUDIENCE]),
        json!(AUDIENCE[..AUDIENCE.len() - 1]),
        json!(AUDIENCE[1..]),
        json!(&AUDIENCE[..1]),
        json!(""),
        json!([""]),
        json!([]),
        json!(null),
        json!(format!("{AUDIENCE}x")),
        json!(format!("x{AUDIENCE}")),
        json!(format!("{AUDIENCE} ")),
        json!(format!("{OTHER_AUDIENCE} {AUDIENCE}")),
        json!(format!("{OTHER_AUDIENCE},{AUDIENCE}")),
        json!(format!("[\"{AUDIENCE}\"]")),
        json!(AUDIENCE.to_uppercase()),
    ] {
        let claims = Claims::user().set("aud", audience.clone());
        assert_eq!(refused(&claims), Refusal::AudienceInvalid, "{audience}");
    }
    assert_eq!(refused(&Claims::user().without("aud")), Refusal::AudienceInvalid);
}

#[test]
fn each_configured_audience_is_accepted_and_no_other() {
    let setup = Setup::new().cfaccess("audience", json!([OTHER_AUDIENCE, AUDIENCE]));
    for audience in [json!(AUDIENCE), json!([OTHER_AUDIENCE]), json!(["x", OTHER_AUDIENCE])] {
        assert!(verify_at(&Claims::user().set("aud", audience), at(NOW), &setup).is_ok());
    }
    let both = format!("{OTHER_AUDIENCE},{AUDIENCE}");
    let stop = verify_at(&Claims::user().set("aud", both), at(NOW), &setup).err();
    assert_eq!(stop, Some(Refusal::AudienceInvalid.into()));
}

#[test]
fn token_of_another_kind_is_refused() {
    for kind in [json!("org"), json!("APP"), json!("app "), json!(""), json!("meta"), json!(null)] {
        let claims = Claims::user().set("type", kind.clone());
        assert_eq!(refused(&claims), Refusal::TypeInvalid, "{kind}");
    }
    assert_eq!(refused(&Claims::user().without("type")), Refusal::TypeInvalid);
    assert_eq!(refused(&Claims::service_token().without("type")), Refusal::TypeInvalid);
}

#[test]
fn other_tokens_signed_by_the_team_are_refused() {
    // A global session token: for the team itself, of type `org`.
    let session = Claims::user().set("type", "org").set("aud", ISSUER);
    assert_eq!(refused(&session), Refusal::AudienceInvalid);
    let session = Claims::user().set("type", "org");
    assert_eq!(refused(&session), Refusal::TypeInvalid);
    // cloudflared's metadata of an application: it carries the audience, as a string.
    let metadata = Claims::user()
        .set("type", "meta")
        .set("aud", AUDIENCE)
        .set("hostname", "backstage.example.com")
        .set("redirect_url", "/")
        .set("is_warp", false)
        .without("email")
        .without("sub");
    assert_eq!(refused(&metadata), Refusal::TypeInvalid);
    assert_eq!(refused(&metadata.clone().without("type")), Refusal::TypeInvalid);
    assert_eq!(refused(&metadata.set("type", "app")), Refusal::SubjectInvalid);
    // An External Evaluation request: about a person, but neither typed nor for an application.
    let evaluation = Claims::user()
        .without("type")
        .without("aud")
        .set("identity", json!({ "email": "jane@example.com" }))
        .set("nonce", "n");
    assert_eq!(refused(&evaluation), Refusal::AudienceInvalid);
    assert_eq!(refused(&evaluation.set("aud", AUDIENCE)), Refusal::TypeInvalid);
}

#[test]
fn assertion_is_refused_from_the_second_of_its_expiry() {
    for (expiry, alive) in
        [(NOW + 1, true), (NOW, false), (NOW - 1, false), (0, false), (-1, false)]
    {
        let result = verify_at(&Claims::user().set("exp", expiry), at(NOW), &Setup::new());
        let expected = (!alive).then_some(GateError::Refusal(Refusal::AssertionExpired));
        assert_eq!(result.err(), expected, "{expiry}");
    }
}

#[test]
fn fraction_of_a_second_does_not_extend_an_assertion() {
    let half_past = DateTime::from_timestamp(NOW, 500_000_000).unwrap();
    let setup = Setup::new();
    assert!(verify_at(&Claims::user().set("exp", NOW + 1), half_past, &setup).is_ok());
    let stop = verify_at(&Claims::user().set("exp", NOW), half_past, &setup).err();
    assert_eq!(stop, Some(Refusal::AssertionExpired.into()));
    // RFC 7519, section 2: a NumericDate may have a fraction.
    let fraction: Value = serde_json::from_str(&format!("{NOW}.9")).unwrap();
    assert_eq!(refused(&Claims::user().set("exp", fraction)), Refusal::AssertionExpired);
}

#[test]
fn assertion_without_expiry_is_refused() {
    assert_eq!(refused(&Claims::user().without("exp")), Refusal::ExpiryMissing);
    assert_eq!(refused(&Claims::user().set("exp", json!(null))), Refusal::ExpiryMissing);
    assert_eq!(refused(&Claims::service_token().without("exp")), Refusal::ExpiryMissing);
}

#[test]
fn time_in_the_future_is_accepted_within_the_leeway_only() {
    assert_eq!(CLOCK_LEEWAY, 30);
    for claim in ["nbf", "iat"] {
        for (ahead, alive) in [(0, true), (30, true), (31, false), (300, false), (-86_400, true)] {
            let claims = Claims::user().set(claim, NOW + ahead);
            let expected = (!alive).then_some(GateError::Refusal(Refusal::AssertionNotYetValid));
            let result = verify_at(&claims, at(NOW), &Setup::new());
            assert_eq!(result.err(), expected, "{claim} {ahead}");
        }
    }
}

#[test]
fn nbf_and_iat_may_be_absent() {
    accepted(&Claims::user().without("nbf"));
    accepted(&Claims::user().set("nbf", json!(null)));
    let assertion = accepted(&Claims::user().without("nbf").without("iat"));
    assert_eq!(assertion.issued_at(), None);
}

#[test]
fn expired_assertion_that_is_not_yet_valid_is_reported_as_expired() {
    let claims = Claims::user().set("exp", NOW).set("nbf", NOW + 100);
    assert_eq!(refused(&claims), Refusal::AssertionExpired);
}

#[test]
fn claims_of_the_wrong_json_type_are_refused_and_never_converted() {
    for (claim, value) in [
        ("iss", json!(1)),
        ("iss", json!([ISSUER])),
        ("iss", json!({})),
        ("aud", json!(1)),
        ("aud", json!([1])),
        ("aud", json!([AUDIENCE, null])),
        ("aud", json!([[AUDIENCE]])),
        ("aud", json!({ "0": AUDIENCE })),
        ("aud", json!(true)),
        ("type", json!(["app"])),
        ("type", json!(true)),
        ("exp", json!("soon")),
        ("exp", json!((NOW + 3600).to_string())),
        ("exp", json!([NOW + 3600])),
        ("exp", json!(true)),
        ("exp", json!(1e20)),
        ("exp", json!(-1e20)),
        ("exp", json!(u64::MAX)),
        ("exp", json!(i64::MIN)),
        ("nbf", json!("0")),
        ("nbf", json!(i64::MAX)),
        ("iat", json!("0")),
        ("iat", json!({})),
        ("email", json!(["jane@example.com"])),
        ("email", json!(1)),
        ("sub", json!(1)),
        ("common_name", json!(false)),
    ] {
        let claims = Claims::user().set(claim, value.clone());
        assert_eq!(refused(&claims), CLAIM_TYPE, "{claim}: {value}");
    }
}

#[test]
fn latest_representable_times_are_judged_like_others() {
    // 262142-12-31T23:59:59Z, chrono's last second.
    let last = 8_210_266_876_799_i64;
    accepted(&Claims::user().set("exp", last));
    assert_eq!(refused(&Claims::user().set("nbf", last)), Refusal::AssertionNotYetValid);
    assert_eq!(refused(&Claims::user().set("iat", last)), Refusal::AssertionNotYetValid);
    assert_eq!(refused(&Claims::user().set("exp", last + 1)), CLAIM_TYPE);
}

#[test]
fn service_token_has_a_common_name_and_no_sub() {
    let client_id = "11111111111111111111111111111111.access".to_owned();
    for claims in [
        Claims::service_token(),
        Claims::service_token().without("sub"),
        Claims::service_token().set("sub", json!(null)),
        Claims::service_token().set("email", ""),
        Claims::service_token().set("aud", AUDIENCE),
        Claims::service_token().set("nbf", NOW),
    ] {
        let assertion = accepted(&claims);
        let subject = Subject::ServiceToken { client_id: client_id.clone() };
        assert_eq!(*assertion.subject(), subject, "{}", claims.text());
        assert_eq!(assertion.email(), None);
    }
}

#[test]
fn claims_with_no_principal_or_with_both_kinds_are_refused() {
    for claims in [
        Claims::user().without("email"),
        Claims::user().set("email", ""),
        Claims::user().set("email", json!(null)),
        Claims::user().without("sub"),
        Claims::user().set("sub", ""),
        Claims::user().without("email").without("sub"),
        Claims::user().set("common_name", "11111111111111111111111111111111.access"),
        Claims::user().without("email").set("common_name", "x.access"),
        Claims::service_token().set("email", "jane@example.com"),
        Claims::service_token().set("sub", "8c87b489"),
        Claims::service_token().set("common_name", ""),
        Claims::service_token().without("common_name"),
    ] {
        assert_eq!(refused(&claims), Refusal::SubjectInvalid, "{}", claims.text());
    }
    // An empty `common_name` is how get-identity spells "none".
    accepted(&Claims::user().set("common_name", ""));
}

#[test]
fn assertion_with_several_faults_is_refused_by_the_first_check() {
    let claims = Claims::user()
        .set("iss", "x")
        .set("aud", "x")
        .set("type", "x")
        .without("exp")
        .set("nbf", NOW + 100)
        .without("email");
    let claims = [
        (claims.clone(), Refusal::IssuerInvalid),
        (claims.clone().set("iss", ISSUER), Refusal::AudienceInvalid),
        (claims.clone().set("iss", ISSUER).set("aud", AUDIENCE), Refusal::TypeInvalid),
    ];
    for (claims, refusal) in claims {
        assert_eq!(refused(&claims), refusal);
    }
}
