//! The whole path of a request: which route it takes, what bad input gets, what goes on to the
//! origin and with which headers.

use backstage_cfaccess::gate::Forward;
use backstage_cfaccess::gate::{Decision, Outcome};
use serde_json::{Value, json};

use crate::support::{
    Ask, Claims, NOW, OTHER, SIGNER, SIGNER_2, Setup, World, body_of, code_of, encode, header,
    mint, mint_with, payload_of, reply_of,
};

const REFRESH: &str = "/api/auth/cfaccess/refresh";
const USERINFO: &str = "/api/auth/v1/userinfo";
const JWKS: &str = "/api/auth/.well-known/jwks.json";

fn ask(ask: &Ask) -> Outcome {
    ask.of(&Setup::new().gate(), &World::new())
}

fn forwarded(outcome: &Outcome) -> &Forward {
    match &outcome.decision {
        Decision::Forward(forward) => forward,
        Decision::Reply(reply) => panic!("{reply:?}"),
    }
}

fn header_of<'a>(outcome: &'a Outcome, name: &str) -> Option<&'a str> {
    let headers = &reply_of(outcome).headers;
    headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
}

fn log_of(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.log.to_json()).unwrap()
}

/// A user token of ours, or what looks like one.
fn user_token(claims: &Value) -> String {
    SIGNER.token(&token_header("vnd.backstage.user", &SIGNER.kid), &claims.to_string())
}

fn token_header(typ: &str, kid: &str) -> String {
    format!(r#"{{"typ":"{typ}","alg":"ES256","kid":"{kid}"}}"#)
}

fn verify_user_token(token: &str) -> Ask {
    Ask::get(USERINFO).header("authorization", &format!("Bearer {token}"))
}

#[test]
fn what_bad_input_gets() {
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
        let outcome = ask(&Ask::refresh(&assertion));
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
fn the_faults_of_the_world_get_503_and_a_time_to_come_back() {
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
        assert_eq!(header_of(&outcome, "retry-after"), Some(retry_after));
        assert_eq!(log_of(&outcome)["level"], "error");
        assert!(log_of(&outcome)["detail"].is_string());
    }
}

#[test]
fn a_corrupt_record_is_logged_with_its_key_and_leaves_others_alone() {
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
fn two_users_of_one_email_are_a_conflict() {
    let world = World::new();
    let record = r#"{"v":1,"ambiguous":["user:default/jane","user:default/jane2"]}"#;
    world.catalog.holds("v1:email:jane@example.com", record);
    let outcome = Ask::refresh(&Claims::user().mint()).of(&Setup::new().gate(), &world);
    assert_eq!((code_of(&outcome).as_str(), reply_of(&outcome).status), ("user_ambiguous", 409));
    assert_eq!(body_of(&outcome)["error"]["name"], "ConflictError");
}

#[test]
fn a_domain_that_is_not_allowed_gets_403() {
    let resolver = json!([{ "resolver": "emailMatchingUserEntityProfileEmail", "allowedDomains": ["a.example"] }]);
    let gate = Setup::new().resolvers(&resolver).gate();
    let outcome = Ask::refresh(&Claims::user().mint()).of(&gate, &World::new());
    assert_eq!(
        (code_of(&outcome).as_str(), reply_of(&outcome).status),
        ("domain_not_allowed", 403)
    );
}

#[test]
fn a_session_that_access_has_ended_gets_401() {
    let world = World::new();
    world.identity.says(401, "");
    let outcome = Ask::refresh(&Claims::user().mint()).of(&Setup::new().gate(), &world);
    assert_eq!((code_of(&outcome).as_str(), reply_of(&outcome).status), ("identity_refused", 401));
}

#[test]
fn a_signer_that_fails_is_an_internal_error_and_tells_nothing() {
    let (gate, world) = (Setup::new().gate(), World::new());
    let good = Claims::user().mint();
    assert_eq!(code_of(&Ask::refresh(&good).of(&gate, &world)), "200");
    world.crypto_is_down.set(true);
    let outcome = Ask::refresh(&good).at(NOW + 60).of(&gate, &world);
    assert_eq!((code_of(&outcome).as_str(), reply_of(&outcome).status), ("internal", 500));
    assert_eq!(body_of(&outcome)["error"]["message"], "Internal error");
    assert_eq!(header_of(&outcome, "retry-after"), None);
}

#[test]
fn answers_quote_nothing_of_the_request_and_the_log_only_what_tells_the_cause() {
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
        let outcome = ask(&Ask::refresh(&assertion));
        let body = reply_of(&outcome).body.as_ref().unwrap();
        assert!(!body.contains(secret) && !body.contains(foreign), "{body}");
        assert!(!outcome.log.to_json().contains(secret), "{}", outcome.log.to_json());
    }
}

#[test]
fn the_refresh_route_answers_get_post_and_head_and_head_without_a_body() {
    let good = Claims::user().mint();
    for method in ["GET", "POST", "HEAD"] {
        let outcome = ask(&Ask::refresh(&good).method(method));
        assert_eq!(code_of(&outcome), "200", "{method}");
        assert_eq!(reply_of(&outcome).body.is_none(), method == "HEAD", "{method}");
    }
    let refused = ask(&Ask::new("HEAD", REFRESH));
    assert_eq!((reply_of(&refused).status, reply_of(&refused).body.clone()), (401, None));
}

#[test]
fn every_route_of_the_provider_is_ours_for_every_method() {
    for (method, path, code) in [
        ("PUT", "/refresh", "route_unknown"),
        ("DELETE", "/refresh", "route_unknown"),
        ("PATCH", "/refresh", "route_unknown"),
        ("TRACE", "/refresh", "route_unknown"),
        ("get", "/refresh", "route_unknown"),
        ("PROPFIND", "/refresh", "route_unknown"),
        ("GET", "/start", "route_unsupported"),
        ("POST", "/start", "route_unsupported"),
        ("OPTIONS", "/start", "route_unsupported"),
        ("GET", "/start?env=production", "route_unsupported"),
        ("GET", "/handler/frame", "route_unsupported"),
        ("POST", "/handler/frame", "route_unsupported"),
        ("GET", "/handler", "route_unknown"),
        ("GET", "/handler/frame/x", "route_unknown"),
        ("GET", "/", "route_unknown"),
        ("GET", "/logout", "route_unknown"),
        ("POST", "/logout", "route_unknown"),
        ("GET", "/refresh/x", "route_unknown"),
        ("GET", "//refresh", "route_unknown"),
        ("GET", "/REFRESH", "route_unknown"),
        ("GET", "/../../catalog", "route_unknown"),
        ("GET", "/%72efresh", "route_unknown"),
    ] {
        let asked = Ask::new(method, &format!("/api/auth/cfaccess{path}"))
            .header("cf-access-jwt-assertion", "never.looked.at");
        let outcome = ask(&asked);
        assert_eq!(code_of(&outcome), code, "{method} {path}");
        let (status, name) = match code {
            "route_unknown" => (404, "NotFoundError"),
            _ => (501, "NotImplementedError"),
        };
        assert_eq!(reply_of(&outcome).status, status);
        let body = body_of(&outcome);
        assert_eq!(body["error"]["name"], name);
        let url = format!("/cfaccess{path}");
        assert_eq!(body["request"], json!({ "method": method, "url": url }));
    }
}

#[test]
fn a_provider_of_another_name_has_its_routes_under_that_name() {
    let gate = Setup::new().cfaccess("providerId", json!("sso")).gate();
    let (world, good) = (World::new(), Claims::user().mint());
    let at = |path: &str| {
        let ask = Ask::get(path).header("cf-access-jwt-assertion", &good);
        code_of(&ask.of(&gate, &world))
    };
    assert_eq!(at("/api/auth/sso/refresh"), "200");
    assert_eq!(at("/api/auth/sso/start"), "route_unsupported");
    assert_eq!(at("/api/auth/cfaccess/refresh"), "forwarded");
}

#[test]
fn a_base_url_with_a_path_moves_every_route() {
    let setup = Setup::new().backstage("baseUrl", json!("https://example.com/tools/backstage/"));
    let (gate, world, good) = (setup.gate(), World::new(), Claims::user().mint());
    let at = |path: &str| {
        let ask = Ask::get(path).header("cf-access-jwt-assertion", &good);
        code_of(&ask.of(&gate, &world))
    };
    assert_eq!(at("/tools/backstage/api/auth/cfaccess/refresh"), "200");
    assert_eq!(at("/tools/backstage/api/auth/.well-known/jwks.json"), "200");
    assert_eq!(at("/tools/backstage/api/auth/v1/userinfo"), "token_missing");
    assert_eq!(at("/api/auth/cfaccess/refresh"), "forwarded");
    let refused = Ask::get("/tools/backstage/api/auth/cfaccess/refresh?x=1").of(&gate, &world);
    assert_eq!(body_of(&refused)["request"]["url"], "/cfaccess/refresh?x=1");
}

#[test]
fn errors_elsewhere_name_the_whole_path() {
    for (path, url) in [
        ("/api/catalog/entities?filter=kind=user", "/api/catalog/entities?filter=kind=user"),
        ("/", "/"),
        ("/api/auth", "/api/auth"),
        ("/api/auth/google/refresh", "/google/refresh"),
        ("/api/authx", "/api/authx"),
    ] {
        let outcome = ask(&Ask::get(path));
        assert_eq!(code_of(&outcome), "assertion_missing");
        assert_eq!(body_of(&outcome)["request"]["url"], url);
    }
}

#[test]
fn nothing_is_forwarded_without_a_verified_assertion() {
    let forged = mint_with(&OTHER, &header(), &Claims::user().text());
    let expired = Claims::user().set("exp", NOW).mint();
    for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PROPFIND", "CONNECT"] {
        for path in ["/", "/api/catalog/entities", "/api/auth/google/start", "/healthcheck", "/%2e"]
        {
            for assertion in ["", "garbage", &forged, &expired] {
                let ask = Ask::new(method, path)
                    .header("cf-access-jwt-assertion", assertion)
                    .header("cf-access-authenticated-user-email", "boss@example.com")
                    .header("upgrade", "websocket");
                let outcome = self::ask(&ask);
                assert_eq!(reply_of(&outcome).status, 401, "{method} {path} {assertion}");
            }
        }
    }
}

#[test]
fn nothing_is_forwarded_while_the_keys_or_the_crypto_are_down() {
    let (gate, good) = (Setup::new().gate(), Claims::user().mint());
    let ask = Ask::get("/api/catalog/entities").header("cf-access-jwt-assertion", &good);
    let world = World::new();
    world.certs.fails();
    assert_eq!(code_of(&ask.of(&gate, &world)), "keys_unavailable");
    let (gate, world) = (Setup::new().gate(), World::new());
    world.crypto_is_down.set(true);
    assert_eq!(code_of(&ask.of(&gate, &world)), "internal");
}

#[test]
fn a_verified_request_goes_on_whatever_else_is_down() {
    let (gate, world) = (Setup::new().gate(), World::new());
    world.catalog.fails();
    world.cache.fails();
    world.identity.fails();
    world.origin.fails();
    let good = Claims::user().mint();
    for method in ["GET", "POST", "PROPFIND"] {
        let ask =
            Ask::new(method, "/api/catalog/entities").header("cf-access-jwt-assertion", &good);
        let outcome = ask.of(&gate, &world);
        assert_eq!(code_of(&outcome), "forwarded");
        assert_eq!(log_of(&outcome)["outcome"], "forwarded");
    }
    let calls = (world.catalog.reads(), world.identity.calls(), world.origin.calls());
    assert_eq!(calls, (0, 0, 0));
}

#[test]
fn a_service_token_may_pass_to_the_origin_even_if_it_may_not_sign_in() {
    let unknown = Claims::service_token().set("common_name", "2.access").mint();
    let ask = Ask::get("/api/catalog/entities").header("cf-access-jwt-assertion", &unknown);
    let outcome = self::ask(&ask);
    assert!(forwarded(&outcome).edits.set.is_empty());
    assert_eq!(log_of(&outcome)["subject"], "service-token");
}

#[test]
fn the_header_comes_first_and_is_never_passed_over_for_the_cookie() {
    let good = Claims::user().mint();
    let cookie = format!("theme=dark; CF_Authorization={good}; x=y");
    let with = |header: &str| code_of(&ask(&Ask::refresh(header).header("cookie", &cookie)));
    assert_eq!(with("garbage"), "assertion_malformed");
    assert_eq!(with(" "), "assertion_malformed");
    assert_eq!(with(&format!("{good}, {good}")), "assertion_malformed");
    assert_eq!(with(""), "200");
    let cookie_only = Ask::get(REFRESH).header("cookie", &cookie);
    assert_eq!(code_of(&ask(&cookie_only)), "200");
}

#[test]
fn a_cookie_of_another_name_or_an_empty_one_is_no_assertion() {
    let good = Claims::user().mint();
    for cookie in [
        format!("cf_authorization={good}"),
        format!("XCF_Authorization={good}"),
        "CF_Authorization=".to_owned(),
        format!("CF_Authorization=; CF_Authorization={good}"),
        "CF_Authorization".to_owned(),
        String::new(),
    ] {
        let outcome = ask(&Ask::get(REFRESH).header("cookie", &cookie));
        assert_eq!(code_of(&outcome), "assertion_missing", "{cookie}");
    }
}

#[test]
fn header_and_cookie_have_the_configured_names() {
    let gate = Setup::new()
        .cfaccess("jwtHeaderName", json!("X-Access-JWT"))
        .cfaccess("authorizationCookieName", json!("Other"))
        .gate();
    let (world, good) = (World::new(), Claims::user().mint());
    let cookie = |name: &str| format!("{name}={good}");
    for (ask, code) in [
        (Ask::get(REFRESH).header("x-access-jwt", &good), "200"),
        (Ask::get(REFRESH).header("cookie", &cookie("Other")), "200"),
        (Ask::refresh(&good), "assertion_missing"),
        (Ask::get(REFRESH).header("cookie", &cookie("CF_Authorization")), "assertion_missing"),
    ] {
        assert_eq!(code_of(&ask.of(&gate, &world)), code);
    }
}

#[test]
fn headers_that_speak_for_a_caller_are_taken_off_and_the_verified_email_is_set() {
    let good = Claims::user().mint();
    let ask = Ask::get("/api/catalog/entities")
        .header("cf-access-jwt-assertion", &good)
        .header("cf_access_jwt_assertion", &good)
        .header("CF-Access-Authenticated-User-Email", "boss@example.com")
        .header("cf_access_authenticated_user_email", "boss@example.com")
        .header("X-Forwarded-User", "boss")
        .header("x-goog-iap-jwt-assertion", "x")
        .header("authorization", "Bearer backstage")
        .header("cookie", &format!("CF_Authorization={good}"))
        .header("x-forwarded-for", "192.0.2.1");
    let outcome = self::ask(&ask);
    let edits = &forwarded(&outcome).edits;
    let mut removed = edits.remove.clone();
    removed.sort();
    assert_eq!(
        removed,
        [
            "cf-access-authenticated-user-email",
            "cf_access_authenticated_user_email",
            "cf_access_jwt_assertion",
            "x-forwarded-user",
            "x-goog-iap-jwt-assertion",
        ]
    );
    let email = "cf-access-authenticated-user-email".to_owned();
    assert_eq!(edits.set, [(email, "jane@example.com".to_owned())]);
}

#[test]
fn a_header_that_was_not_what_was_verified_does_not_reach_the_origin() {
    let good = Claims::user().mint();
    // Verified from the cookie, under another header name: the standard header is not judged.
    let gate = Setup::new().cfaccess("jwtHeaderName", json!("x-access-jwt")).gate();
    let ask = Ask::get("/")
        .header("cf-access-jwt-assertion", "forged")
        .header("x_access_jwt", "forged")
        .header("cookie", &format!("CF_Authorization={good}"));
    let outcome = ask.of(&gate, &World::new());
    let mut removed = forwarded(&outcome).edits.remove.clone();
    removed.sort();
    assert_eq!(removed, ["cf-access-jwt-assertion", "x_access_jwt"]);
    // Verified from the cookie: the empty header is not what was verified.
    let ask = Ask::get("/")
        .header("cf-access-jwt-assertion", "")
        .header("cookie", &format!("CF_Authorization={good}"));
    let outcome = self::ask(&ask);
    assert_eq!(forwarded(&outcome).edits.remove, ["cf-access-jwt-assertion"]);
}

#[test]
fn public_paths_are_forwarded_without_an_assertion_and_without_an_identity() {
    let gate = Setup::new().backstage("publicPaths", json!(["/healthcheck", "/assets/"])).gate();
    let world = World::new();
    for path in ["/healthcheck", "/healthcheck/deep", "/assets/a.js", "/healthcheck?x=/../"] {
        for assertion in ["", "forged"] {
            let ask = Ask::get(path)
                .header("cf-access-jwt-assertion", assertion)
                .header("cf-access-authenticated-user-email", "boss@example.com")
                .header("accept", "*/*");
            let outcome = ask.of(&gate, &world);
            let edits = &forwarded(&outcome).edits;
            let expected = ["cf-access-authenticated-user-email", "cf-access-jwt-assertion"];
            assert_eq!(edits.remove, expected, "{path}");
            assert!(edits.set.is_empty());
            assert_eq!(log_of(&outcome)["route"], "public");
        }
    }
    assert_eq!(world.certs.calls(), 0);
}

#[test]
fn what_only_looks_like_a_public_path_is_not() {
    let gate = Setup::new().backstage("publicPaths", json!(["/assets", "/api/auth/v1"])).gate();
    for path in [
        "/assetsx",
        "/Assets/a.js",
        "/assets/../api/catalog",
        "/assets/%2e%2e/api/catalog",
        "/assets/%2E%2E%2fapi",
        "/assets/..%5capi",
        "/assets\\..\\api",
        "/assets/%252e%252e/api",
        "/assets//../api",
        "/assets/..",
        "//assets/a.js",
        "/x/assets/a.js",
        "/assets/%00",
    ] {
        let outcome = Ask::get(path).of(&gate, &World::new());
        assert_eq!(code_of(&outcome), "assertion_missing", "{path}");
    }
}

#[test]
fn a_preflight_says_what_is_allowed_to_configured_origins_only() {
    let app = "https://app.example.com";
    let gate = Setup::new().backstage("corsOrigins", json!([app])).gate();
    let preflight = |origin: &str| {
        let ask = Ask::new("OPTIONS", REFRESH)
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "x-requested-with");
        ask.of(&gate, &World::new())
    };
    let outcome = preflight(app);
    assert_eq!((reply_of(&outcome).status, reply_of(&outcome).body.clone()), (204, None));
    for (name, value) in [
        ("allow", "GET, HEAD, POST, OPTIONS"),
        ("access-control-allow-origin", app),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET, HEAD, POST, OPTIONS"),
        ("access-control-allow-headers", "x-requested-with"),
        ("vary", "origin"),
    ] {
        assert_eq!(header_of(&outcome, name), Some(value), "{name}");
    }
    for stranger in ["https://evil.example", "null", "*", "https://app.example.com.evil.example"] {
        let outcome = preflight(stranger);
        assert_eq!(reply_of(&outcome).status, 204);
        assert_eq!(header_of(&outcome, "allow"), Some("GET, HEAD, POST, OPTIONS"));
        assert_eq!(header_of(&outcome, "access-control-allow-origin"), None, "{stranger}");
        assert_eq!(header_of(&outcome, "access-control-allow-methods"), None, "{stranger}");
    }
    let without = Ask::new("OPTIONS", REFRESH).header("origin", app);
    let outcome = self::ask(&without);
    let allow = ("allow", "GET, HEAD, POST, OPTIONS".to_owned());
    assert_eq!(reply_of(&outcome).headers, [allow]);
}

#[test]
fn answers_and_errors_carry_cors_headers_for_configured_origins_only() {
    let app = "https://app.example.com";
    let gate = Setup::new().backstage("corsOrigins", json!([app])).gate();
    let good = Claims::user().mint();
    for assertion in [good.as_str(), ""] {
        let with = |origin: &str| {
            Ask::refresh(assertion).header("origin", origin).of(&gate, &World::new())
        };
        let outcome = with(app);
        assert_eq!(header_of(&outcome, "access-control-allow-origin"), Some(app));
        assert_eq!(header_of(&outcome, "access-control-allow-credentials"), Some("true"));
        assert_eq!(header_of(&outcome, "vary"), Some("origin"));
        let outcome = with("https://evil.example");
        assert_eq!(header_of(&outcome, "access-control-allow-origin"), None);
        assert_eq!(header_of(&outcome, "vary"), Some("origin"));
    }
    let outcome = ask(&Ask::refresh(&good).header("origin", app));
    assert!(reply_of(&outcome).headers.is_empty());
}

#[test]
fn the_key_set_is_ours_joined_with_the_origins_and_asks_for_no_assertion() {
    let (gate, world) = (Setup::new().gate(), World::new());
    let theirs = json!({ "kty": "EC", "kid": "theirs", "crv": "P-256", "x": "x", "y": "y" });
    let impostor = json!({ "kty": "EC", "kid": SIGNER.kid, "crv": "P-256", "x": "x", "y": "y" });
    let leaked = json!({ "kty": "EC", "kid": "leaked", "crv": "P-256", "d": "d" });
    let origin = json!({ "keys": [theirs, impostor, leaked] });
    world.origin.says(200, &origin.to_string());
    let outcome = Ask::get(JWKS).of(&gate, &world);
    let ours = [SIGNER.public_jwk(), SIGNER_2.public_jwk()];
    assert_eq!(body_of(&outcome), json!({ "keys": [ours[0], ours[1], theirs] }));
    assert_eq!(world.origin.last_call().url, JWKS);
    // No caller's header goes along.
    let ours = ["accept", "x-backstage-cfaccess-hop"];
    assert!(world.origin.last_call().headers.iter().all(|(name, _)| ours.contains(&&**name)));
    let head = Ask::new("HEAD", JWKS).of(&gate, &world);
    assert_eq!((reply_of(&head).status, reply_of(&head).body.clone()), (200, None));
}

#[test]
fn the_key_set_is_ours_alone_while_the_origin_does_not_answer_properly() {
    let gate = Setup::new().gate();
    let ours = json!({ "keys": [SIGNER.public_jwk(), SIGNER_2.public_jwk()] });
    for (status, body) in [
        (500, ""),
        (302, ""),
        (401, ""),
        (200, "<html>"),
        (200, "{\"keys\":{}}"),
        (200, "[]"),
        (200, ""),
    ] {
        let world = World::new();
        world.origin.says(status, body);
        assert_eq!(body_of(&Ask::get(JWKS).of(&gate, &world)), ours, "{status} {body}");
    }
    let world = World::new();
    world.origin.fails();
    assert_eq!(body_of(&Ask::get(JWKS).of(&gate, &world)), ours);
    world.origin.says(200, &format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(256 * 1024)));
    assert_eq!(body_of(&Ask::get(JWKS).of(&gate, &world)), ours);
}

#[test]
fn an_origin_that_is_the_worker_again_is_not_asked_for_keys_for_ever() {
    let (gate, world) = (Setup::new().gate(), World::new());
    world.origin.says(200, r#"{"keys":[{"kty":"EC","kid":"theirs"}]}"#);
    Ask::get(JWKS).of(&gate, &world);
    let (name, value) = world.origin.last_call().headers.pop().unwrap();
    let outcome = Ask::get(JWKS).header(&name, &value).of(&gate, &world);
    let ours = [SIGNER.public_jwk(), SIGNER_2.public_jwk()];
    assert_eq!(body_of(&outcome), json!({ "keys": ours }));
    assert_eq!(world.origin.calls(), 1);
}

#[test]
fn a_missing_assertion_is_asked_for_by_its_configured_names() {
    let gate = Setup::new()
        .cfaccess("jwtHeaderName", json!("x-access-jwt"))
        .cfaccess("authorizationCookieName", json!("Other"))
        .gate();
    let outcome = Ask::get(REFRESH).of(&gate, &World::new());
    let message = "Missing x-access-jwt and Other from Cloudflare Access";
    assert_eq!(body_of(&outcome)["error"]["message"], message);
}

#[test]
fn the_key_set_never_holds_a_private_member() {
    let outcome = ask(&Ask::get(JWKS));
    for key in body_of(&outcome)["keys"].as_array().unwrap() {
        let mut members: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    }
}

#[test]
fn userinfo_says_what_the_token_says() {
    let ent = json!(["user:default/jane.doe", "group:default/team-a"]);
    let claims = json!({
        "iss": "http://127.0.0.1:7007/api/auth",
        "sub": "user:default/jane.doe",
        "ent": ent,
        "aud": "backstage",
        "iat": NOW - 10,
        "exp": NOW + 1,
    });
    let world = World::new();
    world.catalog.fails();
    let outcome = verify_user_token(&user_token(&claims)).of(&Setup::new().gate(), &world);
    let expected = json!({ "claims": { "sub": "user:default/jane.doe", "ent": ent } });
    assert_eq!(body_of(&outcome), expected);
    assert_eq!(world.certs.calls(), 0);
}

#[test]
fn userinfo_takes_the_token_that_the_refresh_route_gave() {
    for omit in [false, true] {
        let gate = Setup::new().backstage("omitIdentityTokenOwnershipClaim", json!(omit)).gate();
        let world = World::new();
        let refresh = Ask::refresh(&Claims::user().mint()).of(&gate, &world);
        let body = body_of(&refresh);
        let token = body["backstageIdentity"]["token"].as_str().unwrap().to_owned();
        assert_eq!(payload_of(&token).contains("\"ent\""), !omit);
        let outcome = verify_user_token(&token).at(NOW + 3_599).of(&gate, &world);
        let identity = &body["backstageIdentity"]["identity"];
        let (sub, ent) = (&identity["userEntityRef"], &identity["ownershipEntityRefs"]);
        assert_eq!(body_of(&outcome), json!({ "claims": { "sub": sub, "ent": ent } }));
        let outcome = verify_user_token(&token).at(NOW + 3_600).of(&gate, &world);
        assert_eq!(code_of(&outcome), "token_invalid");
    }
}

#[test]
fn userinfo_of_a_limited_user_token_comes_from_the_catalog() {
    let claims = json!({ "sub": "user:default/jane.doe", "iat": NOW, "exp": NOW + 600 });
    let header = token_header("vnd.backstage.limited-user", &SIGNER.kid);
    let token = SIGNER.token(&header, &claims.to_string());
    let (gate, world) = (Setup::new().gate(), World::new());
    let ent = json!(["user:default/jane.doe", "group:default/team-a", "group:default/team-b"]);
    let expected = json!({ "claims": { "sub": "user:default/jane.doe", "ent": ent } });
    assert_eq!(body_of(&verify_user_token(&token).of(&gate, &world)), expected);

    // Each time after what was remembered is over.
    world.catalog.fails();
    let outcome = verify_user_token(&token).at(NOW + 60).of(&gate, &world);
    assert_eq!(code_of(&outcome), "catalog_unavailable");
    world.catalog.recovers();
    world.catalog.holds("v1:ref:user:default/jane.doe", "{}");
    let outcome = verify_user_token(&token).at(NOW + 60).of(&gate, &world);
    assert_eq!(code_of(&outcome), "catalog_corrupt");
    // The user has left.
    world.catalog.loses("v1:ref:user:default/jane.doe");
    let outcome = verify_user_token(&token).at(NOW + 120).of(&gate, &world);
    assert_eq!((code_of(&outcome).as_str(), reply_of(&outcome).status), ("user_not_found", 404));
}

#[test]
fn a_user_of_no_catalog_owns_what_is_his_own_if_such_users_may_sign_in() {
    let claims = json!({ "sub": "user:default/guest", "iat": NOW, "exp": NOW + 60 });
    let resolvers = json!([{
        "resolver": "emailLocalPartMatchingUserEntityName",
        "dangerouslyAllowSignInWithoutUserInCatalog": true,
    }]);
    let gate = Setup::new().resolvers(&resolvers).gate();
    let outcome = verify_user_token(&user_token(&claims)).of(&gate, &World::new());
    let expected =
        json!({ "claims": { "sub": "user:default/guest", "ent": ["user:default/guest"] } });
    assert_eq!(body_of(&outcome), expected);
}

#[test]
fn userinfo_takes_tokens_of_every_published_key() {
    let claims = json!({ "sub": "user:default/x", "ent": [], "iat": NOW, "exp": NOW + 60 });
    let header = token_header("vnd.backstage.user", &SIGNER_2.kid);
    let token = SIGNER_2.token(&header, &claims.to_string());
    let outcome = ask(&verify_user_token(&token));
    assert_eq!(body_of(&outcome), json!({ "claims": { "sub": "user:default/x", "ent": [] } }));
}

#[test]
fn userinfo_refuses_tokens_of_ours_that_are_forged_expired_or_malformed() {
    let claims = json!({ "sub": "user:default/jane.doe", "iat": NOW, "exp": NOW + 60 });
    let header = token_header("vnd.backstage.user", &SIGNER.kid);
    let genuine = SIGNER.token(&header, &claims.to_string());
    let (input, signature) = genuine.rsplit_once('.').unwrap();
    let admin = genuine.replacen(
        &encode(claims.to_string()),
        &encode(claims.to_string().replace("jane.doe", "admin")),
        1,
    );
    let text = |from: &str, to: &str| SIGNER.token(&header, &claims.to_string().replace(from, to));
    for (what, token) in [
        ("by another key", SIGNER_2.token(&header, &claims.to_string())),
        ("with another payload", admin),
        ("without a signature", format!("{input}.")),
        ("with half a signature", format!("{input}.{}", &signature[..43])),
        ("with a signature of zeros", format!("{input}.{}", encode([0_u8; 64]))),
        ("with a DER signature", format!("{input}.{}", encode([0x30_u8; 70]))),
        ("with a padded signature", format!("{genuine}==")),
        ("expired this second", text(&format!("{}", NOW + 60), &NOW.to_string())),
        ("without exp", text("exp", "xp")),
        ("with exp as a string", text(&format!("{}", NOW + 60), "\"9999999999\"")),
        ("without sub", text("sub", "su")),
        ("with sub as a number", text("\"user:default/jane.doe\"", "1")),
        ("with a sub that is no ref", text("user:default/jane.doe", "jane")),
        ("with an empty sub", text("user:default/jane.doe", "")),
        ("with ent of another type", text("\"sub\"", "\"ent\":\"x\",\"sub\"")),
        ("with two subs", text("\"sub\"", "\"sub\":\"user:default/admin\",\"sub\"")),
        ("with a payload that is no JSON", SIGNER.token(&header, "x")),
        ("with a payload that is no object", SIGNER.token(&header, "[]")),
        ("with no payload", SIGNER.token(&header, "")),
    ] {
        let outcome = ask(&verify_user_token(&token));
        assert_eq!(code_of(&outcome), "token_invalid", "{what}");
        assert_eq!(reply_of(&outcome).status, 401);
    }
    assert_eq!(code_of(&ask(&verify_user_token(&genuine))), "200");
}

#[test]
fn userinfo_forwards_tokens_of_other_signers_without_an_identity() {
    let claims = json!({ "sub": "user:default/jane.doe", "iat": NOW, "exp": NOW + 60 }).to_string();
    let token = |header: &str| SIGNER.token(header, &claims);
    for token in [
        token(&token_header("vnd.backstage.user", "of-the-origin")),
        token(&token_header("vnd.backstage.plugin", &SIGNER.kid)),
        token(&token_header("JWT", &SIGNER.kid)),
        token(r#"{"alg":"ES256","kid":"static-key-1"}"#),
        token(r#"{"typ":"vnd.backstage.user","alg":"ES256"}"#),
        token(r#"{"typ":"vnd.backstage.user","alg":"none","kid":"static-key-1"}"#),
        "opaque".to_owned(),
        "a.b.c".to_owned(),
        Claims::user().mint(),
    ] {
        let ask = verify_user_token(&token)
            .header("cf-access-jwt-assertion", "x")
            .header("cf-access-authenticated-user-email", "boss@example.com");
        let outcome = self::ask(&ask);
        let edits = &forwarded(&outcome).edits;
        let expected = ["cf-access-authenticated-user-email", "cf-access-jwt-assertion"];
        assert_eq!(edits.remove, expected, "{token}");
        assert!(edits.set.is_empty());
    }
}

#[test]
fn userinfo_without_a_token_is_refused() {
    let good = Claims::user().mint();
    for ask in [
        Ask::get(USERINFO),
        Ask::get(USERINFO).header("cf-access-jwt-assertion", &good),
        Ask::get(USERINFO).header("authorization", ""),
        Ask::get(USERINFO).header("authorization", "Bearer"),
        Ask::get(USERINFO).header("authorization", "Bearer "),
        Ask::get(USERINFO).header("authorization", "Basic amFuZTpkb2U="),
        Ask::get(USERINFO).header("authorization", "Bearer\ttoken"),
    ] {
        let outcome = self::ask(&ask);
        assert_eq!(code_of(&outcome), "token_missing");
        assert_eq!(body_of(&outcome)["error"]["message"], "No token provided");
        assert_eq!(body_of(&outcome)["request"]["url"], "/v1/userinfo");
    }
    // The scheme's case means nothing, as in the backend.
    let outcome = self::ask(&Ask::get(USERINFO).header("authorization", "bearer a.b.c"));
    assert_eq!(code_of(&outcome), "forwarded");
    // Every other method is a forwarded request like any other.
    let outcome = self::ask(&Ask::new("POST", USERINFO).header("authorization", "Bearer a.b.c"));
    assert_eq!(code_of(&outcome), "assertion_missing");
}

#[test]
fn a_user_whom_the_catalog_does_not_know_goes_to_the_origin_if_so_configured() {
    let gate = Setup::new().cfaccess("onUserNotFound", json!("origin")).gate();
    let world = World::new();
    let ghost = Claims::user().set("email", "ghost@example.com").mint();
    world.identity.says(200, r#"{"email":"ghost@example.com"}"#);
    let ask = Ask::refresh(&ghost).header("x-forwarded-user", "boss");
    let outcome = ask.of(&gate, &world);
    let edits = &forwarded(&outcome).edits;
    assert_eq!(edits.remove, ["x-forwarded-user"]);
    let email = "cf-access-authenticated-user-email".to_owned();
    assert_eq!(edits.set, [(email, "ghost@example.com".to_owned())]);

    // Only that: nobody else's refusal, and no fault, becomes a forwarded request.
    let forged = mint_with(&OTHER, &header(), &Claims::user().text());
    assert_eq!(code_of(&Ask::refresh(&forged).of(&gate, &world)), "signature_invalid");
    world.catalog.holds("v1:email:ghost@example.com", "{}");
    assert_eq!(code_of(&Ask::refresh(&ghost).of(&gate, &world)), "catalog_corrupt");
    world.catalog.fails();
    let background = Ask::refresh(&ghost).at(NOW + 60).of(&gate, &world);
    assert_eq!(code_of(&background), "catalog_unavailable");
    let service = Claims::service_token().set("common_name", "2.access").mint();
    assert_eq!(code_of(&Ask::refresh(&service).of(&gate, &world)), "service_token_unknown");
}

#[test]
fn the_raw_assertion_is_in_the_answer_only_if_the_operator_wants_it() {
    let good = Claims::user().mint();
    let outcome = ask(&Ask::refresh(&good));
    assert!(!reply_of(&outcome).body.as_ref().unwrap().contains(&good));
    assert!(body_of(&outcome)["providerInfo"].get("token").is_none());
    let gate = Setup::new().cfaccess("exposeAssertion", json!(true)).gate();
    let outcome = Ask::refresh(&good).of(&gate, &World::new());
    assert_eq!(body_of(&outcome)["providerInfo"]["token"], json!(good));
}

#[test]
fn the_log_line_says_what_was_decided_and_holds_no_secret() {
    let good = Claims::user().mint();
    let outcome = ask(&Ask::refresh(&good).header("authorization", "Bearer hunter2"));
    let line = log_of(&outcome);
    let expected = json!({
        "level": "info",
        "outcome": "answered",
        "route": "refresh",
        "version": env!("CARGO_PKG_VERSION"),
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
    let refused = log_of(&ask(&Ask::refresh("a.b.c.d")));
    let expected = json!({
        "level": "warn",
        "outcome": "refused",
        "route": "refresh",
        "version": env!("CARGO_PKG_VERSION"),
        "method": "GET",
        "path": "/api/auth/cfaccess/refresh",
        "status": 401,
        "code": "assertion_malformed",
        "detail": "not three parts",
    });
    assert_eq!(refused, expected);
    let long = log_of(&ask(&Ask::get(&format!("/{}", "é".repeat(500)))));
    assert_eq!(long["path"].as_str().unwrap().chars().count(), 200);
}

#[test]
fn the_log_line_has_no_query_in_it() {
    let outcome = ask(&Ask::get("/api/search?token=hunter2"));
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
        let log = log_of(&ask(&Ask::refresh(&assertion)));
        assert_eq!((&log["code"], &log["detail"]), (&json!(code), &json!(detail)));
        assert!(!log.to_string().contains('@'), "{log}");
    }
    let log = log_of(&ask(&Ask::refresh(&user.mint_by(&OTHER))));
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
    let log = log_of(&ask(&Ask::refresh(&Claims::user().set("sub", "id-of-jane").mint())));
    assert_eq!((&log["outcome"], &log["sub"]), (&json!("answered"), &json!("id-of-jane")));
    assert_eq!(log["version"], env!("CARGO_PKG_VERSION"));
    let forged = mint_with(&OTHER, &header(), &Claims::user().text());
    assert_eq!(log_of(&ask(&Ask::refresh(&forged))).get("sub"), None);
}
