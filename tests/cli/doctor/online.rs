//! `doctor --online`, against a Worker and a team on this machine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{change, serious, with};
use crate::sandbox::Sandbox;
use crate::server::{Answer, Request, serve_with};
use crate::verify::certs;

const LOGIN: &str = "https://acme.cloudflareaccess.com/cdn-cgi/access/login/backstage.acme.io";

/// What is deployed: answers by path, in place of those of a Worker behind Access.
#[derive(Clone, Default)]
struct Deployed {
    answers: Arc<Mutex<BTreeMap<String, Answer>>>,
    requests: Arc<Mutex<Vec<Request>>>,
}

fn reply(status: u16, body: &Value) -> Answer {
    Answer { status, body: body.to_string(), headers: Vec::new() }
}

fn login() -> Answer {
    Answer { status: 302, body: String::new(), headers: vec![("location", LOGIN.to_owned())] }
}

fn error(status: u16, code: &str) -> Answer {
    reply(status, &json!({ "error": { "name": "E", "message": "m", "code": code } }))
}

impl Deployed {
    fn start(&self) -> String {
        let deployed = self.clone();
        serve_with(move |request| deployed.answer(request))
    }

    fn set(&self, path: &str, answer: Answer) {
        self.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    fn answer(&self, request: &Request) -> Answer {
        self.requests.lock().unwrap().push(request.clone());
        let key = format!("{} {}", request.method, request.path);
        if let Some(answer) = self.answers.lock().unwrap().get(&key) {
            return answer.clone();
        }
        let is_let_in = request.header("cf-access-client-secret") == Some("service-secret");
        match key.as_str() {
            "GET /cdn-cgi/access/certs" => reply(200, &certs()),
            "GET /api/auth/.well-known/jwks.json" => {
                reply(200, &json!({ "keys": [{ "kid": "key-1" }, { "kid": "origin" }] }))
            }
            "GET /api/auth/v1/userinfo" => error(401, "token_missing"),
            "GET /api/auth/cfaccess/health" if is_let_in => reply(
                200,
                &json!({ "status": "ok", "version": "0.1.0", "problems": [], "keys": {}, "catalog": {} }),
            ),
            "OPTIONS /api/auth/cfaccess/refresh" => Answer {
                status: 204,
                body: String::new(),
                headers: vec![
                    (
                        "access-control-allow-origin",
                        request.header("origin").unwrap_or_default().to_owned(),
                    ),
                    ("access-control-allow-credentials", "true".to_owned()),
                ],
            },
            _ => login(),
        }
    }
}

/// A deployment that is right, and what doctor says of it.
struct Ground {
    sandbox: Sandbox,
    deployed: Deployed,
    url: String,
}

impl Ground {
    fn new(name: &str, trust: &str) -> Self {
        let (deployed, sandbox) =
            (Deployed::default(), Sandbox::new(&format!("doctor-online-{name}")));
        let url = deployed.start();
        assert_eq!(sandbox.run(&["keygen", "--out", "keys", "--kid", "key-1"]).code, 0);
        let mut config = with("/vars/BACKSTAGE/trust", json!(trust));
        change(&mut config, "/vars/BACKSTAGE/corsOrigins", json!(["https://app.acme.io"]));
        sandbox.write("wrangler.json", config.to_string());
        Self { sandbox, deployed, url }
    }

    fn run(&self, arguments: &[&str]) -> Value {
        let fixed =
            ["doctor", "--json", "--signing-keys", "keys/signing-keys.json", "--online", &self.url];
        let variables = [("CFACCESS_TEAM_URL", self.url.as_str()), ("SECRET", "service-secret")];
        let run = self.sandbox.run_in(&[&fixed[..], arguments].concat(), "", &variables);
        serde_json::from_str(&run.stdout)
            .unwrap_or_else(|_| panic!("{} {}", run.stdout, run.stderr))
    }

    /// What is found, beside that the address is not that of the configuration.
    fn found(&self) -> Vec<Value> {
        let document = self.run(&["--header", "CF-Access-Client-Secret: env:SECRET"]);
        assert!(!document.to_string().contains("service-secret"), "{document}");
        let found = serious(&document).into_iter().filter(|it| it["code"] != "base-url");
        found.cloned().collect()
    }
}

#[test]
fn a_deployment_that_works_raises_nothing() {
    for trust in ["service", "shared-key"] {
        let ground = Ground::new(&format!("right-{trust}"), trust);
        assert_eq!(ground.found(), Vec::<Value>::new(), "{trust}");
        let requests = ground.deployed.requests.lock().unwrap();
        let paths: Vec<String> =
            requests.iter().map(|it| format!("{} {}", it.method, it.path)).collect();
        for path in [
            "GET /cdn-cgi/access/certs",
            "OPTIONS /api/auth/cfaccess/refresh",
            "GET /api/auth/cfaccess/health",
        ] {
            assert!(paths.contains(&path.to_owned()), "{paths:?}");
        }
    }
}

#[test]
fn each_fault_of_a_deployment_is_one_finding() {
    let (refresh, jwks) = ("GET /api/auth/cfaccess/refresh", "GET /api/auth/.well-known/jwks.json");
    let (userinfo, health) = ("GET /api/auth/v1/userinfo", "GET /api/auth/cfaccess/health");
    let (certs, preflight) = ("GET /cdn-cgi/access/certs", "OPTIONS /api/auth/cfaccess/refresh");
    let failing = json!({ "status": "failing", "problems": ["catalog_unavailable"] });
    for (path, answer, code, expected) in [
        (certs, error(404, "x"), "online-certs", "there is no team acme.cloudflareaccess.com"),
        (certs, reply(200, &json!({ "keys": [] })), "online-certs", "has no key"),
        (
            refresh,
            error(401, "assertion_missing"),
            "online-refresh",
            "no Access application covers it",
        ),
        (
            refresh,
            reply(200, &json!({})),
            "online-refresh",
            "signs in a request without an assertion",
        ),
        (refresh, reply(404, &json!({ "error": {} })), "online-refresh", "which is not the Worker"),
        (refresh, error(503, "misconfigured"), "online-health", "refuses its configuration"),
        (jwks, login(), "online-jwks", "add a Bypass application"),
        (jwks, reply(404, &json!({})), "online-jwks", "has no key set"),
        (
            jwks,
            reply(200, &json!({ "keys": [{ "kid": "other" }] })),
            "online-jwks",
            "lacks key-1 of SIGNING_KEYS",
        ),
        (userinfo, login(), "online-userinfo", "add a Bypass application"),
        (userinfo, reply(404, &json!({})), "online-userinfo", "which is not the Worker"),
        (health, reply(503, &failing), "online-health", "reports catalog_unavailable"),
        (health, reply(404, &json!({ "error": {} })), "online-health", "deploy this version"),
        (health, error(503, "misconfigured"), "online-health", "refuses its configuration"),
        (preflight, login(), "online-preflight", "Bypass OPTIONS requests"),
        (preflight, error(401, "assertion_missing"), "online-preflight", "is refused with 401"),
    ] {
        let ground = Ground::new("faults", "service");
        ground.deployed.set(path, answer);
        let found = ground.found();
        assert_eq!(found.len(), 1, "{path} {expected}: {found:#?}");
        assert_eq!(found[0]["code"], code, "{found:#?}");
        let text = format!("{}: {}", found[0]["message"], found[0]["remedy"]);
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn a_worker_that_refuses_its_configuration_is_one_finding() {
    let ground = Ground::new("misconfigured", "service");
    for path in [
        "GET /api/auth/cfaccess/refresh",
        "GET /api/auth/.well-known/jwks.json",
        "GET /api/auth/v1/userinfo",
        "GET /api/auth/cfaccess/health",
        "OPTIONS /api/auth/cfaccess/refresh",
    ] {
        ground.deployed.set(path, error(503, "misconfigured"));
    }
    let found = ground.found();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["code"], "online-health", "{found:#?}");
}

#[test]
fn without_a_service_token_what_is_behind_access_is_a_note() {
    let ground = Ground::new("no-token", "shared-key");
    ground.deployed.set("GET /api/auth/.well-known/jwks.json", login());
    let document = ground.run(&[]);
    let notes: Vec<&str> = document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["level"] == "note")
        .filter_map(|finding| finding["code"].as_str())
        .collect();
    for code in ["online-jwks", "online-health"] {
        assert!(notes.contains(&code), "{document}");
    }
}

#[test]
fn a_host_that_does_not_answer_is_one_finding() {
    let ground = Ground::new("deaf", "service");
    let url = "http://127.0.0.1:9";
    let arguments = ["doctor", "--json", "--online", url];
    let run = ground.sandbox.run_in(&arguments, "", &[("CFACCESS_TEAM_URL", ground.url.as_str())]);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let found = serious(&document).into_iter().filter(|it| it["code"] != "base-url");
    let codes: Vec<&Value> = found.map(|it| &it["code"]).collect();
    assert_eq!(codes, ["online-refresh"], "{document}");
}

#[test]
fn the_host_that_discovery_names_is_asked_for_the_keys() {
    let ground = Ground::new("discovery", "service");
    let (other, config) = (
        Deployed::default(),
        "
backend: { baseUrl: 'https://backstage.acme.io' }
discovery:
  endpoints:
    - plugins: [auth]
      target:
        external: https://backstage.acme.io/api/{{pluginId}}
        internal: URL/api/{{pluginId}}
",
    );
    other.set(
        "GET /api/auth/.well-known/jwks.json",
        reply(200, &json!({ "keys": [{ "kid": "x" }] })),
    );
    let url = other.start();
    ground.sandbox.write("app-config.yaml", config.replace("URL", &url));
    let document = ground.run(&["--app-config", "app-config.yaml"]);
    let found: Vec<&Value> =
        serious(&document).into_iter().filter(|it| it["code"] == "online-jwks").collect();
    assert_eq!(found.len(), 1, "{document}");
    assert!(found[0]["place"].as_str().unwrap().starts_with(&url), "{document}");
}
