//! What Access knows of a person beyond the assertion: where it is asked for, for how long it is
//! cached, and what replaces it while get-identity does not answer.

use backstage_cfaccess::access::{IDENTITY_LIFE, IDENTITY_PAUSE, IdentitySource};
use backstage_cfaccess::error::Refusal;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Ask, Claims, ISSUER, Lab, NOW, Setup, World, body_of};

const JANE: &str = r#"{ "name": "Jane Doe",  "email": "jane@example.com", "extra": 1.50 }"#;

/// The key in KV of the identity of an assertion.
fn kv_key(assertion: &str) -> String {
    format!("identity:v1:{}", base16ct::lower::encode_string(&Sha256::digest(assertion)))
}

/// A lab in which get-identity answers with a document.
fn lab_of(document: &str) -> Lab {
    let lab = Lab::new();
    lab.world.identity.says(200, document);
    lab
}

/// An assertion for three hours.
fn lasting() -> String {
    Claims::user().set("exp", NOW + 3 * 3_600).mint()
}

#[test]
fn get_identity_is_asked_with_the_assertion_in_header_and_cookie_and_with_limits() {
    let (lab, assertion) = (lab_of(JANE), Claims::user().mint());
    let identity = lab.identify(&assertion, NOW).unwrap();
    assert_eq!(identity.source, IdentitySource::GetIdentity);
    assert_eq!(identity.document_json, JANE);
    assert_eq!(identity.email, "jane@example.com");
    assert_eq!(identity.name.as_deref(), Some("Jane Doe"));
    let call = lab.world.identity.last_call();
    assert_eq!(call.url, format!("{ISSUER}/cdn-cgi/access/get-identity"));
    assert_eq!(
        call.headers,
        [
            ("accept".to_owned(), "application/json".to_owned()),
            ("cf-access-jwt-assertion".to_owned(), assertion.clone()),
            ("cookie".to_owned(), format!("CF_Authorization={assertion}")),
        ]
    );
    assert_eq!((call.timeout_ms, call.max_bytes), (2_500, 512 * 1024));
}

#[test]
fn identity_is_cached_for_an_hour() {
    let (lab, assertion) = (lab_of(JANE), lasting());
    lab.identify(&assertion, NOW).unwrap();
    for second in [0, 1, IDENTITY_LIFE - 1] {
        let identity = lab.identify(&assertion, NOW + second).unwrap();
        assert_eq!(identity.source, IdentitySource::Cache, "{second}");
        assert_eq!(identity.document_json, JANE);
    }
    assert_eq!(lab.world.identity.calls(), 1);
    let identity = lab.identify(&assertion, NOW + IDENTITY_LIFE).unwrap();
    assert_eq!(identity.source, IdentitySource::GetIdentity);
    assert_eq!(lab.world.identity.calls(), 2);
}

#[test]
fn identity_is_cached_by_assertion_and_not_by_sub() {
    let lab = lab_of(JANE);
    lab.identify(&lasting(), NOW).unwrap();
    // A new login of the same person: the groups may have changed.
    lab.world.identity.says(200, r#"{"email":"jane@example.com","name":"Jane Roe"}"#);
    let again = Claims::user().set("identity_nonce", "another").mint();
    let identity = lab.identify(&again, NOW).unwrap();
    assert_eq!(identity.name.as_deref(), Some("Jane Roe"));
    // Another person under the same sub.
    lab.world.identity.says(200, r#"{"email":"joe@example.com","name":"Joe"}"#);
    let joe = Claims::user().set("email", "joe@example.com").mint();
    assert_eq!(lab.identify(&joe, NOW).unwrap().email, "joe@example.com");
    assert_eq!(lab.world.identity.calls(), 3);
}

#[test]
fn kv_keeps_the_identity_under_a_digest_as_long_as_memory() {
    let (lab, assertion) = (lab_of(JANE), lasting());
    lab.identify(&assertion, NOW).unwrap();
    lab.run_tasks(NOW);
    let key = kv_key(&assertion);
    assert_eq!(lab.world.cache.value(&key), Some(format!("{} {JANE}", NOW + IDENTITY_LIFE)));
    assert_eq!(lab.world.cache.life(&key), Some(3_600));
    let keys = lab.world.cache.keys();
    assert!(keys.iter().all(|key| !key.contains("eyJ") && !key.contains("jane")), "{keys:?}");
}

#[test]
fn cached_identity_does_not_outlive_its_assertion() {
    for (left, life) in [(3_600, Some(3_600)), (100, Some(100)), (60, Some(60)), (59, None)] {
        let (lab, assertion) = (lab_of(JANE), Claims::user().set("exp", NOW + left).mint());
        lab.identify(&assertion, NOW).unwrap();
        lab.run_tasks(NOW);
        assert_eq!(lab.world.cache.life(&kv_key(&assertion)), life, "{left}");
        // What KV does not take, memory still does.
        let identity = lab.identify(&assertion, NOW + left - 1).unwrap();
        assert_eq!(identity.source, IdentitySource::Cache, "{left}");
    }
}

#[test]
fn identity_in_kv_saves_the_call() {
    let (lab, assertion) = (Lab::new(), lasting());
    lab.world.identity.fails();
    lab.world.cache.holds(&kv_key(&assertion), &format!("{} {JANE}", NOW + 10));
    let identity = lab.identify(&assertion, NOW).unwrap();
    assert_eq!(identity.source, IdentitySource::Cache);
    assert_eq!((identity.document_json.as_str(), lab.world.identity.calls()), (JANE, 0));
    let reads = lab.world.cache.reads();
    lab.identify(&assertion, NOW + 9).unwrap();
    assert_eq!((lab.world.identity.calls(), lab.world.cache.reads()), (0, reads));
    lab.identify(&assertion, NOW + 10).unwrap();
    assert_eq!(lab.world.identity.calls(), 1);
}

#[test]
fn identity_in_kv_that_is_damaged_expired_or_of_another_user_is_ignored() {
    let assertion = lasting();
    for value in [
        String::new(),
        "x".to_owned(),
        NOW.to_string(),
        JANE.to_owned(),
        format!("{} x", NOW + 10),
        format!("{} []", NOW + 10),
        format!("{} {{\"name\":\"A\",\"name\":\"B\"}}", NOW + 10),
        format!("{}.5 {JANE}", NOW + 10),
        format!("{NOW} {JANE}"),
        format!("{} {JANE}", NOW - 1),
        format!("{} {{\"email\":\"joe@example.com\"}}", NOW + 10),
    ] {
        let lab = lab_of(JANE);
        lab.world.cache.holds(&kv_key(&assertion), &value);
        let identity = lab.identify(&assertion, NOW).unwrap();
        assert_eq!(identity.source, IdentitySource::GetIdentity, "{value}");
    }
}

#[test]
fn kv_outage_costs_only_the_call_to_get_identity() {
    let (lab, assertion) = (lab_of(JANE), lasting());
    lab.world.cache.fails();
    let identity = lab.identify(&assertion, NOW).unwrap();
    assert_eq!(identity.source, IdentitySource::GetIdentity);
    assert!(!lab.run_tasks(NOW).is_empty());
    assert_eq!(lab.identify(&assertion, NOW).unwrap().source, IdentitySource::Cache);
}

#[test]
fn claims_replace_get_identity_for_thirty_seconds_after_a_failure() {
    let assertion = lasting();
    let huge = format!(r#"{{"email":"jane@example.com","x":"{}"}}"#, "x".repeat(512 * 1024));
    for (status, body) in [
        (400, ""),
        (404, ""),
        (302, ""),
        (204, ""),
        (429, ""),
        (500, ""),
        (200, ""),
        (200, "<html>"),
        (200, "null"),
        (200, "[]"),
        (200, "\"jane@example.com\""),
        (200, r#"{"email":"jane@example.com""#),
        (200, r#"{"email":"jane@example.com","email":"jane@example.com"}"#),
        (200, r#"{"email":"boss@example.com","name":"Boss"}"#),
        (200, &huge),
    ] {
        let lab = Lab::new();
        lab.world.identity.says(status, body);
        let identity = lab.identify(&assertion, NOW).unwrap();
        assert_eq!(identity.source, IdentitySource::ClaimsFallback, "{status} {body}");
        assert_eq!((identity.email.as_str(), &identity.name), ("jane@example.com", &None));
        lab.run_tasks(NOW);
        assert_eq!(lab.world.cache.value(&kv_key(&assertion)), None);
        // Once it answers again, so does it here.
        lab.world.identity.says(200, JANE);
        let identity = lab.identify(&assertion, NOW + IDENTITY_PAUSE - 1).unwrap();
        assert_eq!(identity.source, IdentitySource::ClaimsFallback, "{status} {body}");
        assert_eq!(lab.world.identity.calls(), 1);
        let identity = lab.identify(&assertion, NOW + IDENTITY_PAUSE).unwrap();
        assert_eq!(identity.source, IdentitySource::GetIdentity, "{status} {body}");
    }
    let lab = Lab::new();
    lab.world.identity.fails();
    let identity = lab.identify(&assertion, NOW).unwrap();
    assert_eq!(identity.source, IdentitySource::ClaimsFallback);
}

#[test]
fn after_two_failures_in_a_row_no_assertion_causes_a_call_for_thirty_seconds() {
    let lab = Lab::new();
    lab.world.identity.fails();
    let user = |nonce: i64| Claims::user().set("exp", NOW + 3_600).set("nonce", nonce).mint();
    for nonce in 0..100 {
        let identity = lab.identify(&user(nonce), NOW + nonce / 4).unwrap();
        assert_eq!(identity.source, IdentitySource::ClaimsFallback, "{nonce}");
    }
    assert_eq!(lab.world.identity.calls(), 2);
    lab.world.identity.says(200, JANE);
    let source = |nonce, second| lab.identify(&user(nonce), NOW + second).unwrap().source;
    assert_eq!(source(100, IDENTITY_PAUSE - 1), IdentitySource::ClaimsFallback);
    assert_eq!(source(101, IDENTITY_PAUSE), IdentitySource::GetIdentity);
}

#[test]
fn failure_for_one_assertion_does_not_pause_calls_for_others() {
    let lab = Lab::new();
    let user = |nonce: i64| Claims::user().set("exp", NOW + 3_600).set("nonce", nonce).mint();
    for round in 0..4 {
        let now = NOW + round * IDENTITY_PAUSE;
        lab.world.identity.says(500, "");
        lab.identify(&user(0), now).unwrap();
        lab.world.identity.says(200, JANE);
        let identity = lab.identify(&user(1 + round), now).unwrap();
        assert_eq!(identity.source, IdentitySource::GetIdentity, "{round}");
    }
}

#[test]
fn page_with_status_403_is_no_refused_identity() {
    let lab = Lab::new();
    lab.world.identity.shows_page(403);
    let identity = lab.identify(&lasting(), NOW).unwrap();
    assert_eq!(identity.source, IdentitySource::ClaimsFallback);
    let lab = Lab::new();
    lab.world.identity.shows_page(401);
    assert_eq!(lab.identify(&lasting(), NOW).err(), Some(Refusal::IdentityRefused.into()));
}

#[test]
fn session_that_access_has_ended_is_refused_and_not_cached() {
    let assertion = lasting();
    for status in [401, 403] {
        let lab = Lab::new();
        lab.world.identity.says(status, "");
        let stop = lab.identify(&assertion, NOW).err();
        assert_eq!(stop, Some(Refusal::IdentityRefused.into()));
        lab.world.identity.says(200, JANE);
        assert!(lab.identify(&assertion, NOW + 1).is_ok());
    }
}

#[test]
fn signed_email_decides_over_the_document_of_get_identity() {
    let lab = lab_of(r#"{"email":"JANE@Example.com","name":"Jane"}"#);
    let identity = lab.identify(&lasting(), NOW).unwrap();
    assert_eq!(identity.source, IdentitySource::GetIdentity);
    assert_eq!(identity.email, "jane@example.com");
    for document in [r#"{"name":"Jane"}"#, r#"{"name":"Jane","email":null}"#, "{\"email\":5}"] {
        let identity = lab_of(document).identify(&lasting(), NOW).unwrap();
        assert_eq!(identity.source, IdentitySource::GetIdentity, "{document}");
        assert_eq!(identity.email, "jane@example.com");
    }
}

#[test]
fn name_that_is_no_text_is_ignored() {
    for document in ["{}", r#"{"name":null}"#, r#"{"name":5}"#, r#"{"name":["Jane"]}"#] {
        assert_eq!(lab_of(document).identify(&lasting(), NOW).unwrap().name, None, "{document}");
    }
}

#[test]
fn groups_are_read_in_both_shapes() {
    let groups = |groups: Value| {
        let document = json!({ "email": "jane@example.com", "groups": groups }).to_string();
        let identity = lab_of(&document).identify(&lasting(), NOW).unwrap();
        let text = |part: Option<&str>| part.unwrap_or("-").to_owned();
        identity
            .groups()
            .map(|group| [group.id(), group.name(), group.email()].map(text).join(" "))
            .collect::<Vec<_>>()
    };
    assert_eq!(groups(json!(["Engineering", "Ops"])), ["- Engineering -", "- Ops -"]);
    let objects = json!([
        { "id": "g-1", "name": "Engineering", "email": "eng@example.com" },
        { "id": "g-2", "name": "Ops" },
        { "id": "g-3" },
        {},
    ]);
    assert_eq!(
        groups(objects),
        ["g-1 Engineering eng@example.com", "g-2 Ops -", "g-3 - -", "- - -"]
    );
    assert_eq!(groups(json!(["a", { "name": "b" }, 5, null, ["c"]])), ["- a -", "- b -"]);
    for none in [json!(null), json!([]), json!({}), json!("Engineering")] {
        assert_eq!(groups(none.clone()), Vec::<String>::new(), "{none}");
    }
}

#[test]
fn configured_service_token_signs_in_as_its_subject_without_a_call() {
    let lab = Lab::new();
    for claims in [Claims::service_token(), Claims::service_token().without("sub")] {
        let identity = lab.identify(&claims.mint(), NOW).unwrap();
        assert_eq!(identity.source, IdentitySource::ServiceToken);
        assert_eq!(identity.email, "ci-bot@example.com");
        assert_eq!(identity.name.as_deref(), Some("Bot"));
        let document = concat!(
            r#"{"id":"11111111111111111111111111111111.access","name":"Bot","#,
            r#""email":"ci-bot@example.com","groups":[]}"#
        );
        assert_eq!(identity.document_json, document);
    }
    assert_eq!(lab.world.identity.calls(), 0);
}

#[test]
fn service_token_is_matched_by_its_whole_client_id() {
    let lab = Lab::new();
    for client_id in [
        "22222222222222222222222222222222.access",
        "11111111111111111111111111111111",
        "11111111111111111111111111111111.ACCESS",
        "1",
        "11111111111111111111111111111111.access.evil",
    ] {
        let claims = Claims::service_token().set("common_name", client_id);
        let stop = lab.identify(&claims.mint(), NOW).err();
        assert_eq!(stop, Some(Refusal::ServiceTokenUnknown.into()), "{client_id}");
    }
    // A user whose sub is a service token's id is a user.
    let claims = Claims::user().set("sub", "11111111111111111111111111111111.access");
    let identity = lab.identify(&claims.mint(), NOW).unwrap();
    assert_eq!(identity.email, "jane@example.com");
}

#[test]
fn identity_comes_from_the_claims_if_configured() {
    let lab = Lab::of(&Setup::new().cfaccess("identity", json!("claims")));
    let identity = lab.identify(&Claims::user().mint(), NOW).unwrap();
    assert_eq!(identity.source, IdentitySource::Claims);
    let document = concat!(
        r#"{"id":"8c87b489-ce35-5f2e-af39-f80e282cb2e8","name":"jane@example.com","#,
        r#""email":"jane@example.com","groups":[]}"#
    );
    assert_eq!((identity.document_json.as_str(), &identity.name), (document, &None));
    // The one read is for the keys.
    assert_eq!((lab.world.identity.calls(), lab.world.cache.reads()), (0, 1));
}

#[test]
fn name_comes_from_the_catalog_if_access_has_none() {
    let display_name = |setup: &Setup, spoil: fn(&World)| {
        let world = World::new();
        spoil(&world);
        let outcome = Ask::refresh(&Claims::user().mint()).of(&setup.gate(), &world);
        body_of(&outcome)["profile"]["displayName"].clone()
    };
    let claims = Setup::new().cfaccess("identity", json!("claims"));
    assert_eq!(display_name(&claims, |_| ()), "jane.doe of the catalog");
    let down: fn(&World) = |world| world.identity.fails();
    assert_eq!(display_name(&Setup::new(), down), "jane.doe of the catalog");
    assert_eq!(display_name(&Setup::new(), |_| ()), "Jane Doe");
}

#[test]
fn get_identity_gets_the_configured_header_and_cookie_names_and_the_one_that_access_knows() {
    let lab = Lab::of(
        &Setup::new()
            .cfaccess("jwtHeaderName", json!("X-Access-JWT"))
            .cfaccess("authorizationCookieName", json!("Other")),
    );
    let assertion = Claims::user().mint();
    lab.identify(&assertion, NOW).unwrap();
    let headers = lab.world.identity.last_call().headers;
    assert!(headers.contains(&("x-access-jwt".to_owned(), assertion.clone())));
    let cookie = format!("Other={assertion}; CF_Authorization={assertion}");
    assert!(headers.contains(&("cookie".to_owned(), cookie)));
}
