//! What bad input gets, and what a request gets while a dependency fails.

use serde_json::json;

use crate::support::{
    Ask, Claims, NOW, OTHER, REFRESH, Setup, World, ask_stock, body_of, code_of, header, log_of,
    mint, mint_with, reply_header, reply_of,
};

#[test]
fn bad_input_gets_its_status_and_code() {
    let good = Claims::user();
    let with_header = |from: &str, to: &str| mint(&header().replace(from, to), &good.text());
    let forged = mint_with(&OTHER, &header(), &good.text());
    let foreign_key = good.mint_by(&OTHER);
    let twice = mint(&header(), &good.text().replacen('{', r#"{"iss":"x","#, 1));
    let long = format!("{}{}", good.mint(), "A".repeat(16 * 1024));
    let stranger = Claims::user().set("email", "ghost@example.com").mint();
    let service =
        Claims::service_token().set("common_name", "22222222222222222222222222222222.access");
    for (assertion, status, name, code) in [
        (String::new(), 401, "AuthenticationError", "assertion_missing"),
        ("garbage".to_owned(), 401, "AuthenticationError", "assertion_malformed"),
        ("a.b.c".to_owned(), 401, "AuthenticationError", "assertion_malformed"),
        (format!("{}=", good.mint()), 401, "AuthenticationError", "assertion_malformed"),
        (mint(&header(), "[]"), 401, "AuthenticationError", "assertion_malformed"),
        (twice, 401, "AuthenticationError", "assertion_malformed"),
        (long, 401, "AuthenticationError", "assertion_malformed"),
        (with_header("RS256", "none"), 401, "AuthenticationError", "assertion_unsupported"),
        (with_header("RS256", "HS256"), 401, "AuthenticationError", "assertion_unsupported"),
        (
            with_header("\"typ\"", "\"crit\":[],\"typ\""),
            401,
            "AuthenticationError",
            "assertion_unsupported",
        ),
        (with_header("\"kid\"", "\"key\""), 401, "AuthenticationError", "assertion_unsupported"),
        (foreign_key, 401, "AuthenticationError", "key_unknown"),
        (forged, 401, "AuthenticationError", "signature_invalid"),
        (good.clone().without("iss").mint(), 401, "AuthenticationError", "issuer_invalid"),
        (
            good.clone().set("iss", "https://evil.example").mint(),
            401,
            "AuthenticationError",
            "issuer_invalid",
        ),
        (good.clone().without("aud").mint(), 401, "AuthenticationError", "audience_invalid"),
        (good.clone().set("aud", "other").mint(), 401, "AuthenticationError", "audience_invalid"),
        (good.clone().without("exp").mint(), 401, "AuthenticationError", "expiry_missing"),
        (good.clone().set("exp", NOW).mint(), 401, "AuthenticationError", "assertion_expired"),
        (
            good.clone().set("nbf", NOW + 31).mint(),
            401,
            "AuthenticationError",
            "assertion_not_yet_valid",
        ),
        (good.clone().without("type").mint(), 401, "AuthenticationError", "type_invalid"),
        (good.clone().set("type", "org").mint(), 401, "AuthenticationError", "type_invalid"),
        (good.clone().without("email").mint(), 401, "AuthenticationError", "subject_invalid"),
        (service.mint(), 403, "NotAllowedError", "service_token_unknown"),
        (stranger, 404, "NotFoundError", "user_not_found"),
    ] {
        let outcome = ask_stock(&Ask::refresh(&assertion));
        assert_eq!(code_of(&outcome), code, "{assertion}");
        let body = body_of(&outcome);
        assert_eq!(reply_of(&outcome).status, status, "{code}");
        assert_eq!(body["error"]["name"], name, "{code}");
        assert_eq!(body["response"], json!({ "statusCode": status }), "{code}");
        assert_eq!(body["request"], json!({ "method": "GET", "url": "/cfaccess/refresh" }));
        let members: Vec<&String> = body["error"].as_object().unwrap().keys().collect();
        assert_eq!(members, ["code", "message", "name"]);
    }
}

#[test]
fn fault_of_a_dependency_is_a_503_with_retry_after() {
    let in_a_world = |spoil: fn(&World)| {
        let world = World::new();
        spoil(&world);
        Ask::refresh(&Claims::user().mint()).of(&Setup::new().gate(), &world)
    };
    for (outcome, code, retry_after) in [
        (in_a_world(|world| world.certs.fails()), "keys_unavailable", "10"),
        (in_a_world(|world| world.catalog.fails()), "catalog_unavailable", "5"),
        (
            in_a_world(|world| world.catalog.holds("v1:email:jane@example.com", "{\"v\":1")),
            "catalog_corrupt",
            "60",
        ),
    ] {
        assert_eq!(code_of(&outcome), code);
        assert_eq!(reply_of(&outcome).status, 503);
        assert_eq!(body_of(&outcome)["error"]["name"], "ServiceUnavailableError");
        assert_eq!(reply_header(&outcome, "retry-after"), Some(retry_after));
        assert_eq!(log_of(&outcome)["level"], "error");
        assert!(log_of(&outcome)["detail"].is_string());
    }
}

#[test]
fn corrupt_record_is_logged_with_its_key_and_does_not_affect_other_users() {
    let (gate, world) = (Setup::new().gate(), World::new());
    world.catalog.holds("v1:email:jane@example.com", "{}");
    let outcome = Ask::refresh(&Claims::user().mint()).of(&gate, &world);
    assert_eq!(code_of(&outcome), "catalog_corrupt");
    let detail = log_of(&outcome)["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("v1:email:jane@example.com: "), "{detail}");
    assert!(!reply_of(&outcome).body.as_ref().unwrap().contains("jane"));
    let bot = Ask::refresh(&Claims::service_token().mint()).of(&gate, &world);
    assert_eq!(code_of(&bot), "200");
}

#[test]
fn two_users_with_one_email_are_a_conflict() {
    let world = World::new();
    let record = r#"{"v":1,"ambiguous":["user:default/jane","user:default/jane2"]}"#;
    world.catalog.holds("v1:email:jane@example.com", record);
    let outcome = Ask::refresh(&Claims::user().mint()).of(&Setup::new().gate(), &world);
    assert_eq!((code_of(&outcome).as_str(), reply_of(&outcome).status), ("user_ambiguous", 409));
    assert_eq!(body_of(&outcome)["error"]["name"], "ConflictError");
}

#[test]
fn domain_that_is_not_allowed_is_a_403() {
    let resolver = json!([{ "resolver": "emailMatchingUserEntityProfileEmail", "allowedDomains": ["a.example"] }]);
    let gate = Setup::new().resolvers(&resolver).gate();
    let outcome = Ask::refresh(&Claims::user().mint()).of(&gate, &World::new());
    assert_eq!(
        (code_of(&outcome).as_str(), reply_of(&outcome).status),
        ("domain_not_allowed", 403)
    );
}

#[test]
fn session_that_access_has_ended_is_a_401() {
    let world = World::new();
    world.identity.says(401, "");
    let outcome = Ask::refresh(&Claims::user().mint()).of(&Setup::new().gate(), &world);
    assert_eq!((code_of(&outcome).as_str(), reply_of(&outcome).status), ("identity_refused", 401));
}

#[test]
fn failed_signer_is_an_internal_error_without_details() {
    let (gate, world) = (Setup::new().gate(), World::new());
    let good = Claims::user().mint();
    assert_eq!(code_of(&Ask::refresh(&good).of(&gate, &world)), "200");
    world.crypto_is_down.set(true);
    let outcome = Ask::refresh(&good).at(NOW + 60).of(&gate, &world);
    assert_eq!((code_of(&outcome).as_str(), reply_of(&outcome).status), ("internal", 500));
    assert_eq!(body_of(&outcome)["error"]["message"], "Internal error");
    assert_eq!(reply_header(&outcome, "retry-after"), None);
}

#[test]
fn signature_of_a_wrong_length_gives_no_session() {
    for length in [0, 32, 63, 65] {
        let (gate, world) = (Setup::new().gate(), World::new());
        world.signature_length.set(length);
        let good = Claims::user().mint();
        assert_eq!(code_of(&Ask::refresh(&good).of(&gate, &world)), "internal", "{length}");
        world.signature_length.set(64);
        assert_eq!(code_of(&Ask::refresh(&good).of(&gate, &world)), "200", "{length}");
    }
}

#[test]
fn answers_quote_nothing_of_the_request_and_the_log_only_the_cause() {
    let (secret, foreign) = ("hunter2", "foreign");
    let claims = Claims::user().set("iss", foreign).set("email", secret).set("type", foreign);
    for assertion in [
        claims.mint(),
        claims.set("iss", crate::support::ISSUER).mint(),
        Claims::user().set("sub", secret).set("common_name", secret).mint(),
        mint(&header().replace("RS256", secret), &Claims::user().text()),
        mint(&header().replace("\"JWT\"", "\"hunter2\""), &Claims::user().text()),
        format!("{secret}.{secret}.{secret}"),
    ] {
        let outcome = ask_stock(&Ask::refresh(&assertion));
        let body = reply_of(&outcome).body.as_ref().unwrap();
        assert!(!body.contains(secret) && !body.contains(foreign), "{body}");
        assert!(!outcome.log.to_json().contains(secret), "{}", outcome.log.to_json());
    }
}

#[test]
fn missing_assertion_is_reported_with_the_configured_names() {
    let gate = Setup::new()
        .cfaccess("jwtHeaderName", json!("x-access-jwt"))
        .cfaccess("authorizationCookieName", json!("Other"))
        .gate();
    let outcome = Ask::get(REFRESH).of(&gate, &World::new());
    let message = "Missing x-access-jwt and Other from Cloudflare Access";
    assert_eq!(body_of(&outcome)["error"]["message"], message);
}
