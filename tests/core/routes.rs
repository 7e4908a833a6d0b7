//! Which route a request takes, preflights and CORS headers.

use serde_json::json;

use crate::support::{
    Ask, Claims, NOW, OTHER, REFRESH, Setup, World, ask_stock, body_of, code_of, forwarded, header,
    mint_with, reply_header, reply_of,
};

#[test]
fn refresh_route_answers_get_post_and_head_without_a_body_for_head() {
    let good = Claims::user().mint();
    for method in ["GET", "POST", "HEAD"] {
        let outcome = ask_stock(&Ask::refresh(&good).method(method));
        assert_eq!(code_of(&outcome), "200", "{method}");
        assert_eq!(reply_of(&outcome).body.is_none(), method == "HEAD", "{method}");
    }
    let refused = ask_stock(&Ask::new("HEAD", REFRESH));
    assert_eq!((reply_of(&refused).status, reply_of(&refused).body.clone()), (401, None));
}

#[test]
fn routes_of_the_provider_are_answered_for_every_method() {
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
        let outcome = ask_stock(&asked);
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
fn configured_provider_id_names_the_routes() {
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
fn path_of_the_base_url_prefixes_every_route() {
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
fn error_outside_the_auth_plugin_names_the_whole_path() {
    for (path, url) in [
        ("/api/catalog/entities?filter=kind=user", "/api/catalog/entities?filter=kind=user"),
        ("/", "/"),
        ("/api/auth", "/api/auth"),
        ("/api/auth/google/refresh", "/google/refresh"),
        ("/api/authx", "/api/authx"),
    ] {
        let outcome = ask_stock(&Ask::get(path));
        assert_eq!(code_of(&outcome), "assertion_missing");
        assert_eq!(body_of(&outcome)["request"]["url"], url);
    }
}

#[test]
fn preflight_answers_configured_origins_only() {
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
        assert_eq!(reply_header(&outcome, name), Some(value), "{name}");
    }
    for stranger in ["https://evil.example", "null", "*", "https://app.example.com.evil.example"] {
        let outcome = preflight(stranger);
        assert_eq!(reply_of(&outcome).status, 204);
        assert_eq!(reply_header(&outcome, "allow"), Some("GET, HEAD, POST, OPTIONS"));
        assert_eq!(reply_header(&outcome, "access-control-allow-origin"), None, "{stranger}");
        assert_eq!(reply_header(&outcome, "access-control-allow-methods"), None, "{stranger}");
    }
    let without = Ask::new("OPTIONS", REFRESH).header("origin", app);
    let outcome = ask_stock(&without);
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
        assert_eq!(reply_header(&outcome, "access-control-allow-origin"), Some(app));
        assert_eq!(reply_header(&outcome, "access-control-allow-credentials"), Some("true"));
        assert_eq!(reply_header(&outcome, "vary"), Some("origin"));
        let outcome = with("https://evil.example");
        assert_eq!(reply_header(&outcome, "access-control-allow-origin"), None);
        assert_eq!(reply_header(&outcome, "vary"), Some("origin"));
    }
    let outcome = ask_stock(&Ask::refresh(&good).header("origin", app));
    assert!(reply_of(&outcome).headers.is_empty());
}

#[test]
fn user_outside_the_catalog_is_forwarded_to_the_origin_if_configured() {
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

    // Only that: no other refusal, and no fault, becomes a forwarded request.
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
fn raw_assertion_is_in_the_answer_only_if_configured() {
    let good = Claims::user().mint();
    let outcome = ask_stock(&Ask::refresh(&good));
    assert!(!reply_of(&outcome).body.as_ref().unwrap().contains(&good));
    assert!(body_of(&outcome)["providerInfo"].get("token").is_none());
    let gate = Setup::new().cfaccess("exposeAssertion", json!(true)).gate();
    let outcome = Ask::refresh(&good).of(&gate, &World::new());
    assert_eq!(body_of(&outcome)["providerInfo"]["token"], json!(good));
}
