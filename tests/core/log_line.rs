//! The log line of a request.

use backstage_cfaccess::error::Fault;
use backstage_cfaccess::gate::{LogEvent, Route, Waits};
use serde_json::json;

use crate::support::{Ask, Claims, NOW, OTHER, Setup, World, ask_stock, header, log_of, mint_with};

#[test]
fn log_line_has_the_decision_and_no_secret() {
    let good = Claims::user().mint();
    let outcome = ask_stock(&Ask::refresh(&good).header("authorization", "Bearer hunter2"));
    let config = Setup::new().gate().config.fingerprint;
    let line = log_of(&outcome);
    let expected = json!({
        "level": "info",
        "outcome": "answered",
        "route": "refresh",
        "version": env!("CARGO_PKG_VERSION"),
        "config": config,
        "method": "GET",
        "path": "/api/auth/cfaccess/refresh",
        "status": 200,
        "subject": "user",
        "sub": "8c87b489-ce35-5f2e-af39-f80e282cb2e8",
        "identity": "get-identity",
        "user": "user:default/jane.doe",
        "resolver": "emailMatchingUserEntityProfileEmail",
    });
    assert_eq!(line, expected);
    let text = outcome.log.to_json();
    for secret in ["hunter2", "jane@example.com", &good, "eyJ"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let refused = log_of(&ask_stock(&Ask::refresh("a.b.c.d")));
    let expected = json!({
        "level": "warn",
        "outcome": "refused",
        "route": "refresh",
        "version": env!("CARGO_PKG_VERSION"),
        "config": config,
        "method": "GET",
        "path": "/api/auth/cfaccess/refresh",
        "status": 401,
        "code": "assertion_malformed",
        "detail": "not three parts",
    });
    assert_eq!(refused, expected);
    let long = log_of(&ask_stock(&Ask::get(&format!("/{}", "é".repeat(500)))));
    assert_eq!(long["path"].as_str().unwrap().chars().count(), 200);
}

#[test]
fn log_line_has_no_query() {
    let outcome = ask_stock(&Ask::get("/api/search?token=hunter2"));
    assert!(!outcome.log.to_json().contains("hunter2"));
}

#[test]
fn log_of_a_refusal_has_the_cause_and_no_local_part_of_an_email() {
    let user = Claims::user();
    let unknown = Claims::service_token().set("common_name", "2222.access");
    for (assertion, code, detail) in [
        (
            user.clone().set("iss", "https://o.example\n\u{202e}").mint(),
            "issuer_invalid",
            "iss https://o.example\\n\\u{202e}",
        ),
        (user.clone().set("iss", "jane@evil.example").mint(), "issuer_invalid", "iss evil.example"),
        (user.clone().without("iss").mint(), "issuer_invalid", "iss absent"),
        (user.clone().set("aud", "other").mint(), "audience_invalid", "aud other"),
        (
            user.clone().set("aud", json!(["a", "b", "c", "d"])).mint(),
            "audience_invalid",
            "aud list of 4: a b c",
        ),
        (user.clone().set("type", "org").mint(), "type_invalid", "type org"),
        (user.clone().set("exp", NOW - 75).mint(), "assertion_expired", "exp passed 75 s ago"),
        (user.clone().without("exp").mint(), "expiry_missing", "exp absent"),
        (
            user.clone().set("nbf", NOW + 90).mint(),
            "assertion_not_yet_valid",
            "nbf or iat is 90 s ahead",
        ),
        (
            user.clone().set("sub", "").mint(),
            "subject_invalid",
            "email present, sub empty, common_name absent",
        ),
        (unknown.mint(), "service_token_unknown", "client id 2222.access"),
        (
            user.clone().set("email", "ghost@example.com").mint(),
            "user_not_found",
            "no resolver finds a user, 1 tried; email domain example.com",
        ),
    ] {
        let log = log_of(&ask_stock(&Ask::refresh(&assertion)));
        assert_eq!((&log["code"], &log["detail"]), (&json!(code), &json!(detail)));
        assert!(!log.to_string().contains('@'), "{log}");
    }
    let log = log_of(&ask_stock(&Ask::refresh(&user.mint_by(&OTHER))));
    assert!(log["detail"].as_str().unwrap().starts_with("kid "), "{log}");
}

#[test]
fn log_of_an_ambiguous_user_has_their_number_and_refs() {
    let world = World::new();
    let record = r#"{"v":1,"ambiguous":["user:a/jane","user:b/jane"]}"#;
    world.catalog.holds("v1:email:jane@example.com", record);
    let outcome = Ask::refresh(&Claims::user().mint()).of(&Setup::new().gate(), &world);
    let log = log_of(&outcome);
    assert_eq!(log["code"], "user_ambiguous");
    assert_eq!(log["detail"], "2 users match: user:a/jane user:b/jane");
}

#[test]
fn log_has_the_version_and_the_sub_of_a_verified_assertion() {
    let log = log_of(&ask_stock(&Ask::refresh(&Claims::user().set("sub", "id-of-jane").mint())));
    assert_eq!((&log["outcome"], &log["sub"]), (&json!("answered"), &json!("id-of-jane")));
    assert_eq!(log["version"], env!("CARGO_PKG_VERSION"));
    let forged = mint_with(&OTHER, &header(), &Claims::user().text());
    assert_eq!(log_of(&ask_stock(&Ask::refresh(&forged))).get("sub"), None);
}

#[test]
fn log_line_has_the_waits_of_a_request_summed_by_service_and_what_failed() {
    let mut log = ask_stock(&Ask::refresh(&Claims::user().mint())).log;
    let waits = Waits::default();
    waits.note(Waits::CATALOG, 3, false);
    waits.note(Waits::CATALOG, 4, false);
    waits.note(Waits::of_fetch("https://t.cloudflareaccess.com/cdn-cgi/access/certs"), 5_000, true);
    log.waited(waits);
    let line: serde_json::Value = serde_json::from_str(&log.to_json()).unwrap();
    assert_eq!(line["waits"], json!({ "catalog_kv": 7, "certs": 5_000 }));
    assert_eq!(line["failed"], json!(["certs"]));
}

#[test]
fn line_of_a_forwarded_request_keeps_its_fields_when_the_origin_does_not_answer() {
    let ask = Ask::get("/x").header("cf-access-jwt-assertion", &Claims::user().mint());
    let forwarded = ask_stock(&ask).log.to_json();
    let mut event = LogEvent::new("GET", "/x", Route::Forward { public: false });
    event.ended(&Fault::OriginUnreachable("no answer in time".into()).into(), None);
    event.answered(502);
    let line: serde_json::Value = serde_json::from_str(&event.over(&forwarded)).unwrap();
    assert_eq!(line["sub"], "8c87b489-ce35-5f2e-af39-f80e282cb2e8");
    assert_eq!((&line["level"], &line["status"]), (&json!("error"), &json!(502)));
    assert_eq!((&line["outcome"], &line["code"]), (&json!("failed"), &json!("origin_unreachable")));
    assert_eq!(line["detail"], "no answer in time");
}
