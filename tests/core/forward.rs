//! What may be forwarded at all: no loops, no unverified cookie, preflights, public paths.

use backstage_cfaccess::gate::{Decision, Forward, HOP_HEADER, Outcome};
use serde_json::{Value, json};

use crate::support::{Ask, Claims, Setup, World, code_of, reply_of};

const REFRESH: &str = "/api/auth/cfaccess/refresh";
const USERINFO: &str = "/api/auth/v1/userinfo";
const APP: &str = "https://app.example.com";

fn forwarded(outcome: &Outcome) -> &Forward {
    match &outcome.decision {
        Decision::Forward(forward) => forward,
        Decision::Reply(reply) => panic!("{reply:?}"),
    }
}

#[test]
fn forwarded_request_that_comes_back_is_a_508_on_every_route() {
    let gate = Setup::new().backstage("publicPaths", json!(["/open"])).gate();
    let good = Claims::user().mint();
    for (method, path) in [
        ("GET", "/api/catalog/entities"),
        ("POST", "/open/x"),
        ("GET", REFRESH),
        ("GET", USERINFO),
        ("OPTIONS", "/api/catalog/entities"),
    ] {
        for assertion in ["", good.as_str()] {
            let ask = Ask::new(method, path)
                .header("cf-access-jwt-assertion", assertion)
                .header("authorization", "Bearer of.another.signer")
                .header(HOP_HEADER, "1");
            let outcome = ask.of(&gate, &World::new());
            assert_eq!(code_of(&outcome), "forward_loop", "{method} {path}");
            assert_eq!(reply_of(&outcome).status, 508);
        }
    }
    // The key set is answered without asking the origin again.
    let world = World::new();
    let jwks = Ask::get("/api/auth/.well-known/jwks.json").header(HOP_HEADER, "1");
    assert_eq!(code_of(&jwks.of(&gate, &world)), "200");
    assert_eq!(world.origin.calls(), 0);
}

#[test]
fn websocket_handshake_on_a_public_route_needs_an_assertion() {
    let gate = Setup::new().gate();
    for path in [USERINFO, "/api/auth/.well-known/jwks.json"] {
        let ask = Ask::get(path)
            .header("upgrade", "websocket")
            .header("authorization", "Bearer of.another.signer");
        let outcome = ask.of(&gate, &World::new());
        assert_eq!(code_of(&outcome), "assertion_missing", "{path}");
    }
}

#[test]
fn only_the_verified_authorization_cookie_is_forwarded() {
    let (gate, good) =
        (Setup::new().backstage("publicPaths", json!(["/open"])).gate(), Claims::user().mint());
    let with = |path: &str, cookie: &str| {
        let ask = Ask::get(path).header("cf-access-jwt-assertion", &good).header("cookie", cookie);
        let edits = forwarded(&ask.of(&gate, &World::new())).edits.clone();
        let set = edits.set.into_iter().find(|(name, _)| name == "cookie").map(|(_, value)| value);
        (edits.remove.contains(&"cookie".to_owned()), set)
    };
    let genuine = format!("theme=dark; CF_Authorization={good}");
    assert_eq!(with("/x", &genuine), (false, None));
    assert_eq!(with("/x", &format!("{genuine}; CF_Authorization=forged")), (false, Some(genuine)));
    assert_eq!(with("/x", "CF_Authorization=forged"), (true, None));
    let cookie = format!("CF_Authorization={good}; b=\"2\" ");
    assert_eq!(with("/open", &cookie), (false, Some("b=\"2\" ".to_owned())));
}

fn preflight(origin: &str) -> Ask {
    Ask::new("OPTIONS", "/api/catalog/entities")
        .header("origin", origin)
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization")
}

#[test]
fn preflight_from_a_configured_origin_is_forwarded_without_assertion_cookies_and_body() {
    let gate = Setup::new().backstage("corsOrigins", json!([APP])).gate();
    let ask = preflight(APP)
        .header("cookie", "a=1; CF_Authorization=forged")
        .header("cf-access-jwt-assertion", "forged")
        .header("x-forwarded-user", "boss")
        .header("authorization", "Bearer x")
        .header("content-length", "5");
    let outcome = ask.of(&gate, &World::new());
    let edits = &forwarded(&outcome).edits;
    let expected = [
        "authorization",
        "cf-access-jwt-assertion",
        "content-length",
        "cookie",
        "x-forwarded-user",
    ];
    assert_eq!(edits.remove, expected);
    assert!(edits.drop_body && edits.set.is_empty());
}

#[test]
fn other_options_requests_are_refused_without_an_assertion() {
    let gate = Setup::new().backstage("corsOrigins", json!([APP])).gate();
    for ask in [
        preflight("https://other.example.com"),
        preflight("null"),
        preflight(""),
        preflight(APP).header("access-control-request-method", ""),
        preflight(APP).method("GET"),
        preflight(APP).method("options"),
        Ask::new("OPTIONS", "/api/catalog/entities").header("origin", APP),
    ] {
        assert_eq!(code_of(&ask.of(&gate, &World::new())), "assertion_missing", "{ask:?}");
    }
    let none = Setup::new().gate();
    assert_eq!(code_of(&preflight(APP).of(&none, &World::new())), "assertion_missing");
}

fn problems(key: &str, value: Value) -> Vec<String> {
    let setup = Setup::new().backstage("baseUrl", json!("https://backstage.example.com"));
    setup.backstage(key, value).problems()
}

#[test]
fn public_path_over_the_sign_in_is_a_broken_configuration() {
    for path in [
        "/",
        "/api",
        "/api/",
        "/API",
        "/api/auth",
        "/Api/Auth/",
        "/api/auth/cfaccess",
        "/api/auth/CFACCESS",
        "/api/auth/cfaccess/refresh",
        "/api/auth/cfaccess/health/x",
        "/.",
        "/./api",
        "/a/..",
        "/..;/api",
        "/a/..;",
        "/%61pi",
        "/api%2fauth",
        "/api/auth;x",
        "/api\\auth",
    ] {
        let problems = problems("publicPaths", json!([path]));
        assert_eq!(problems.len(), 1, "{path}: {problems:?}");
        assert!(problems[0].starts_with("BACKSTAGE.publicPaths"), "{problems:?}");
    }
    for path in [
        "/healthcheck",
        "/apis",
        "/.well-known/oauth-protected-resource",
        "/api/auth/.well-known/openid-configuration",
        "/api/auth/v1/token",
        "/api/auth/cfaccess/health",
        "/api/mcp-actions/v1",
    ] {
        assert_eq!(problems("publicPaths", json!([path])), Vec::<String>::new(), "{path}");
    }
    let below = Setup::new().backstage("baseUrl", json!("https://example.com/tools/bs")).backstage(
        "publicPaths",
        json!(["/tools", "/tools/bs/api/auth", "/api", "/tools/bs/open"]),
    );
    assert_eq!(below.problems().len(), 3);
    let renamed = Setup::new()
        .cfaccess("providerId", json!("sso"))
        .backstage("publicPaths", json!(["/api/auth/SSO/refresh"]));
    assert_eq!(renamed.problems().len(), 1);
}

#[test]
fn origin_that_is_the_worker_itself_is_a_broken_configuration() {
    for origin in [
        "https://backstage.example.com",
        "https://Backstage.Example.com:443/",
        "http://backstage.example.com",
        "http://backstage.example.com:80",
    ] {
        let problems = problems("origin", json!(origin));
        assert_eq!(problems.len(), 1, "{origin}: {problems:?}");
        assert!(problems[0].starts_with("BACKSTAGE.origin"), "{problems:?}");
    }
    for origin in ["https://backstage.example.com:7007", "https://origin.example.com"] {
        assert_eq!(problems("origin", json!(origin)), Vec::<String>::new());
    }
}
