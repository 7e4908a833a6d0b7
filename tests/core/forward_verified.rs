//! What goes on to the origin: only what is verified, and with which headers.

use serde_json::json;

use crate::support::{
    Ask, Claims, NOW, OTHER, REFRESH, Setup, World, ask_stock, code_of, forwarded, header, log_of,
    mint_with, reply_of,
};

#[test]
fn request_without_a_verified_assertion_is_not_forwarded() {
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
                let outcome = ask_stock(&ask);
                assert_eq!(reply_of(&outcome).status, 401, "{method} {path} {assertion}");
            }
        }
    }
}

#[test]
fn request_is_not_forwarded_while_keys_or_cryptography_fail() {
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
fn verified_request_is_forwarded_during_other_outages() {
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
fn service_token_is_forwarded_even_if_it_may_not_sign_in() {
    let unknown = Claims::service_token().set("common_name", "2.access").mint();
    let ask = Ask::get("/api/catalog/entities").header("cf-access-jwt-assertion", &unknown);
    let outcome = ask_stock(&ask);
    assert!(forwarded(&outcome).edits.set.is_empty());
    assert_eq!(log_of(&outcome)["subject"], "service-token");
}

#[test]
fn assertion_header_is_never_passed_over_for_the_cookie() {
    let good = Claims::user().mint();
    let cookie = format!("theme=dark; CF_Authorization={good}; x=y");
    let with = |header: &str| code_of(&ask_stock(&Ask::refresh(header).header("cookie", &cookie)));
    assert_eq!(with("garbage"), "assertion_malformed");
    assert_eq!(with(" "), "assertion_malformed");
    assert_eq!(with(&format!("{good}, {good}")), "assertion_malformed");
    assert_eq!(with(""), "200");
    let cookie_only = Ask::get(REFRESH).header("cookie", &cookie);
    assert_eq!(code_of(&ask_stock(&cookie_only)), "200");
}

#[test]
fn cookie_of_another_name_or_without_a_value_is_no_assertion() {
    let good = Claims::user().mint();
    for cookie in [
        format!("cf_authorization={good}"),
        format!("XCF_Authorization={good}"),
        "CF_Authorization=".to_owned(),
        format!("CF_Authorization=; CF_Authorization={good}"),
        "CF_Authorization".to_owned(),
        String::new(),
    ] {
        let outcome = ask_stock(&Ask::get(REFRESH).header("cookie", &cookie));
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
fn identity_headers_are_removed_and_the_verified_email_is_set() {
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
    let outcome = ask_stock(&ask);
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
fn assertion_header_that_was_not_verified_does_not_reach_the_origin() {
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
    let outcome = ask_stock(&ask);
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
fn path_that_only_resembles_a_public_path_needs_an_assertion() {
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
