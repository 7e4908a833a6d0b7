//! The page for a browser that navigates, and the health route.

use backstage_cfaccess::gate::{Outcome, Reply};
use serde_json::json;

use crate::support::{Ask, Claims, Setup, World, body_of, code_of, reply_of};

const HTML: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const HEALTH: &str = "/api/auth/cfaccess/health";

fn navigation(path: &str) -> Ask {
    Ask::get(path).header("accept", HTML)
}

fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    reply.headers.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

fn is_page(outcome: &Outcome) -> bool {
    let reply = reply_of(outcome);
    let is_html = header(reply, "content-type") == Some("text/html; charset=utf-8");
    assert_eq!(is_html, reply.body.as_deref().is_some_and(|body| body.starts_with("<!doctype")));
    is_html
}

#[test]
fn refused_navigation_gets_a_page_with_the_same_status_the_code_and_the_ray_id() {
    let gate = Setup::new().gate();
    let ask = navigation("/catalog").header("cf-ray", "8c1f2e3d4a5b6c7d-FRA");
    let outcome = ask.of(&gate, &World::new());
    assert!(is_page(&outcome));
    let reply = reply_of(&outcome);
    assert_eq!(reply.status, 401);
    let body = reply.body.as_deref().unwrap();
    for part in ["assertion_missing", "8c1f2e3d4a5b6c7d-FRA", "href=\"/cdn-cgi/access/logout\""] {
        assert!(body.contains(part), "{part}");
    }
    assert!(!body.contains("<script") && !body.contains("http"));
    let policy = header(reply, "content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    assert!(policy.contains("frame-ancestors 'none'"));
    let expired = Claims::user().set("exp", 1).mint();
    let outcome = navigation("/catalog").header("cf-access-jwt-assertion", &expired);
    assert!(is_page(&outcome.of(&gate, &World::new())));
}

#[test]
fn nothing_of_the_request_but_the_ray_id_is_in_the_page() {
    let gate = Setup::new().gate();
    for ray in ["<script>", "a\"b", "x".repeat(200).as_str(), "", "ä"] {
        let ask = navigation("/<script>alert(1)</script>").header("cf-ray", ray);
        let body = reply_of(&ask.of(&gate, &World::new())).body.clone().unwrap();
        assert!(!body.contains("script") && !body.contains("Ray ID"), "{ray}");
    }
}

#[test]
fn program_gets_json() {
    let gate = Setup::new().gate();
    let of = |ask: Ask| is_page(&ask.of(&gate, &World::new()));
    assert!(of(navigation("/x")) && of(navigation("/x").header("sec-fetch-mode", "navigate")));
    assert!(!of(Ask::get("/x")));
    assert!(!of(Ask::get("/x").header("accept", "application/json")));
    assert!(!of(Ask::get("/x").header("accept", "*/*")));
    assert!(!of(navigation("/x").header("x-requested-with", "XMLHttpRequest")));
    assert!(!of(navigation("/x").header("sec-fetch-mode", "cors")));
    assert!(!of(navigation("/x").header("upgrade", "websocket")));
    assert!(!of(navigation("/x").method("POST")));
    for path in ["/api/auth/cfaccess/refresh", "/api/auth/v1/userinfo", HEALTH] {
        assert!(!of(navigation(path)), "{path}");
    }
    assert!(of(navigation("/api/auth/cfaccess/start")));
}

#[test]
fn page_of_a_fault_offers_another_try_and_keeps_retry_after() {
    let world = World::new();
    world.certs.fails();
    let ask = navigation("/x").header("cf-access-jwt-assertion", &Claims::user().mint());
    let outcome = ask.of(&Setup::new().gate(), &world);
    assert!(is_page(&outcome));
    let reply = reply_of(&outcome);
    assert_eq!(reply.status, 503);
    assert_eq!(header(reply, "retry-after"), Some("10"));
    let body = reply.body.as_deref().unwrap();
    assert!(body.contains("Try again") && body.contains("keys_unavailable"));
    assert!(!body.contains("/cdn-cgi/access/logout"));
}

#[test]
fn health_needs_an_assertion_unless_its_path_is_public() {
    let gate = Setup::new().gate();
    assert_eq!(code_of(&Ask::get(HEALTH).of(&gate, &World::new())), "assertion_missing");
    let ask = Ask::get(HEALTH).header("cf-access-jwt-assertion", &Claims::service_token().mint());
    let outcome = ask.of(&gate, &World::new());
    assert_eq!(reply_of(&outcome).status, 200);
    let expected = json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "config": gate.config.fingerprint,
        "problems": [],
        "keys": { "ageSeconds": 0 },
        "catalog": { "isAvailable": true, "ageSeconds": null, "lastRun": null },
    });
    assert_eq!(body_of(&outcome), expected);
    let public = Setup::new().backstage("publicPaths", json!([HEALTH])).gate();
    for ask in [Ask::get(HEALTH), ask] {
        assert_eq!(body_of(&ask.of(&public, &World::new())), json!({ "status": "ok" }));
    }
    let head = Ask::new("HEAD", HEALTH).of(&public, &World::new());
    assert_eq!((reply_of(&head).status, reply_of(&head).body.as_deref()), (200, None));
}

#[test]
fn health_is_503_with_what_does_not_answer() {
    let public = Setup::new().backstage("publicPaths", json!([HEALTH]));
    for spoil in [|world: &World| world.certs.fails(), |world: &World| world.catalog.fails()] {
        let world = World::new();
        spoil(&world);
        let outcome = Ask::get(HEALTH).of(&public.gate(), &world);
        assert_eq!(reply_of(&outcome).status, 503);
        assert_eq!(body_of(&outcome), json!({ "status": "failing" }));
    }
    let (gate, world) = (Setup::new().gate(), World::new());
    let ask = Ask::get(HEALTH).header("cf-access-jwt-assertion", &Claims::service_token().mint());
    ask.of(&gate, &world);
    world.catalog.fails();
    let outcome = ask.of(&gate, &world);
    assert_eq!(reply_of(&outcome).status, 503);
    assert_eq!(body_of(&outcome)["problems"], json!(["catalog_unavailable"]));
}

#[test]
fn log_line_has_the_ray_id() {
    let ask = Ask::get("/x").header("cf-ray", "8c1f2e3d4a5b6c7d-FRA");
    let outcome = ask.of(&Setup::new().gate(), &World::new());
    assert!(outcome.log.to_json().contains(r#""ray":"8c1f2e3d4a5b6c7d-FRA""#));
    let forged = Ask::get("/x").header("cf-ray", "\"},{\"level\":\"info\"");
    assert!(!forged.of(&Setup::new().gate(), &World::new()).log.to_json().contains("ray"));
}
