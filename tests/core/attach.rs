//! `attachToken`: whose forwarded requests get the Backstage token of their caller.

use backstage_cfaccess::gate::{Decision, Forward, Outcome};
use proptest::prelude::*;
use serde_json::json;

use crate::support::{Ask, Claims, Setup, World, code_of, payload_of, reply_of};

const PATH: &str = "/api/catalog/entities";
const HEADER: &str = "cf-access-jwt-assertion";

fn forwarded(outcome: &Outcome) -> &Forward {
    match &outcome.decision {
        Decision::Forward(forward) => forward,
        Decision::Reply(reply) => panic!("{reply:?}"),
    }
}

/// The entity ref of the attached token, if there is one.
fn attached(outcome: &Outcome) -> Option<String> {
    let set = &forwarded(outcome).edits.set;
    let (_, value) = set.iter().find(|(name, _)| name == "authorization")?;
    let claims = payload_of(value.strip_prefix("Bearer ").unwrap());
    let claims: serde_json::Value = serde_json::from_str(&claims).unwrap();
    Some(claims["sub"].as_str().unwrap().to_owned())
}

fn with(attach: &str) -> Setup {
    Setup::new().backstage("attachToken", json!(attach))
}

fn ask(path: &str, claims: &Claims) -> Ask {
    Ask::get(path).header(HEADER, &claims.mint())
}

fn of(setup: &Setup, ask: &Ask) -> Outcome {
    ask.of(&setup.gate(), &World::new())
}

#[test]
fn machine_gets_the_token_of_its_caller_where_it_is_configured() {
    let cases = [
        ("never", None, None),
        ("service-tokens", Some("user:default/ci-bot"), None),
        ("non-browser", Some("user:default/ci-bot"), Some("user:default/jane.doe")),
    ];
    for (attach, service, user) in cases {
        let setup = with(attach);
        let service_token = of(&setup, &ask(PATH, &Claims::service_token()));
        assert_eq!(attached(&service_token).as_deref(), service, "{attach}");
        let person = of(&setup, &ask(PATH, &Claims::user()));
        assert_eq!(attached(&person).as_deref(), user, "{attach}");
    }
    let default = of(&Setup::new(), &ask(PATH, &Claims::service_token()));
    assert_eq!(attached(&default), None);
}

#[test]
fn token_is_attached_only_below_the_backends_api() {
    let setup = with("service-tokens");
    for path in ["/api/catalog/entities", "/api/mcp-actions/v1", "/api/auth/v1/authorize"] {
        assert!(attached(&of(&setup, &ask(path, &Claims::service_token()))).is_some(), "{path}");
    }
    for path in [
        "/",
        "/api",
        "/apiary/x",
        "/catalog",
        "/API/catalog",
        "/x/api/catalog",
        "/api/..%2fcatalog",
        "/api//catalog",
        "/api/%2e%2e/x",
        "/%61pi/catalog",
    ] {
        assert_eq!(attached(&of(&setup, &ask(path, &Claims::service_token()))), None, "{path}");
    }
    let below = setup.backstage("baseUrl", json!("https://backstage.example.com/tools"));
    let service_token = Claims::service_token();
    assert!(attached(&of(&below, &ask("/tools/api/catalog", &service_token))).is_some());
    assert_eq!(attached(&of(&below, &ask("/api/catalog", &service_token))), None);
}

#[test]
fn request_with_an_authorization_header_keeps_it() {
    for value in ["Bearer x", "Basic eDp5", "nonsense"] {
        let ask = ask(PATH, &Claims::service_token()).header("authorization", value);
        let outcome = of(&with("non-browser"), &ask);
        assert_eq!(attached(&outcome), None);
        assert!(!forwarded(&outcome).edits.remove.contains(&"authorization".to_owned()));
    }
}

#[test]
fn request_that_a_page_may_have_caused_gets_no_token() {
    let cookie = format!("CF_Authorization={}", Claims::user().mint());
    for (name, value) in [
        ("origin", "https://evil.example.com"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1:7007"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("cookie", cookie.as_str()),
        ("cookie", "a=b; CF_Authorization=other"),
        ("cookie", "a=b,CF_Authorization=other"),
    ] {
        let ask = ask(PATH, &Claims::user()).header(name, value);
        assert_eq!(attached(&of(&with("non-browser"), &ask)), None, "{name}: {value}");
    }
    // Only the cookie: what a browser sends.
    let only_cookie = Ask::get(PATH).header("cookie", &cookie);
    assert_eq!(attached(&of(&with("non-browser"), &only_cookie)), None);
    for (name, value) in [("origin", "https://evil.example.com"), ("sec-fetch-site", "cross-site")]
    {
        for attach in ["service-tokens", "non-browser"] {
            let ask = ask(PATH, &Claims::service_token()).header(name, value);
            assert_eq!(attached(&of(&with(attach), &ask)), None, "{attach} {name}");
        }
    }
    // Node's fetch.
    let node = ask(PATH, &Claims::service_token()).header("sec-fetch-mode", "cors");
    assert!(attached(&of(&with("service-tokens"), &node)).is_some());
}

#[test]
fn caller_without_a_session_is_refused_as_on_refresh() {
    let unknown = Claims::service_token().set("common_name", "ffff.access");
    let outcome = of(&with("service-tokens"), &ask(PATH, &unknown));
    assert_eq!(code_of(&outcome), "service_token_unknown");
    assert_eq!(reply_of(&outcome).status, 403);
    let stranger = Claims::user().set("email", "stranger@example.com");
    let outcome = of(&with("non-browser"), &ask(PATH, &stranger));
    assert_eq!(code_of(&outcome), "user_not_found");
    // Where nothing would be attached, both are forwarded as ever.
    assert!(attached(&of(&with("service-tokens"), &ask(PATH, &stranger))).is_none());
    assert!(attached(&of(&with("service-tokens"), &ask("/", &unknown))).is_none());
}

#[test]
fn public_path_and_preflight_get_no_token() {
    let setup = with("non-browser").backstage("publicPaths", json!(["/api/open"]));
    let public = of(&setup, &ask("/api/open", &Claims::service_token()));
    assert_eq!(attached(&public), None);
    let app = "https://app.example.com";
    let setup = setup.backstage("corsOrigins", json!([app]));
    let preflight = Ask::new("OPTIONS", PATH)
        .header("origin", app)
        .header("access-control-request-method", "GET")
        .header(HEADER, &Claims::service_token().mint());
    assert_eq!(attached(&of(&setup, &preflight)), None);
}

#[test]
fn second_request_takes_the_token_of_the_first_and_the_log_says_that_it_was_attached() {
    let (gate, world) = (with("service-tokens").gate(), World::new());
    let ask = ask(PATH, &Claims::service_token());
    let first = ask.of(&gate, &world);
    let second = ask.of(&gate, &world);
    assert_eq!(forwarded(&first).edits.set, forwarded(&second).edits.set);
    assert!(second.log.to_json().contains(r#""attached":true"#));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn users_request_with_any_sign_of_a_browser_never_gets_a_token(
        sign in prop_oneof![
            Just("origin".to_owned()),
            "sec-fetch-[a-z]{1,8}",
        ],
        value in "[!-~]{0,20}",
        method in prop_oneof![Just("GET"), Just("POST"), Just("PUT"), Just("DELETE"), Just("PATCH")],
        path in "/api/[a-z/]{0,20}",
    ) {
        let ask = Ask::new(method, &path)
            .header(HEADER, &Claims::user().mint())
            .header(&sign, &value);
        let outcome = of(&with("non-browser"), &ask);
        if let Decision::Forward(forward) = &outcome.decision {
            prop_assert!(forward.edits.set.iter().all(|(name, _)| name != "authorization"));
        }
    }
}
