//! What comes from files, servers and arguments can neither steer the terminal nor show a secret.

use serde_json::{Value, json};

use crate::push::{Ground, users};
use crate::sandbox::{Run, Sandbox};
use crate::server::serve;

/// Clears the screen, sets the title, C1's form of both, turns the text around.
const HOSTILE: &str =
    "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}2J\u{9d}0;x\u{9c}\u{202e}txt\u{2066}\u{2069}\r\u{8}";

fn assert_harmless(what: &str, run: &Run) {
    for text in [&run.stdout, &run.stderr] {
        let raw = text.chars().find(|c| {
            (c.is_control() && *c != '\n')
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        });
        assert_eq!(raw, None, "{what}: {text}");
    }
    // The test would see nothing if the text were not quoted at all.
    let all = format!("{}{}", run.stdout, run.stderr);
    assert!(all.contains("txt"), "{what}: {all}");
}

/// A wrangler file with this value in place of a good one.
fn wrangler(pointer: &str, value: Value) -> String {
    let mut config = json!({
        "name": "gate", "main": "build/worker.mjs", "compatibility_date": "2026-11-17",
        "workers_dev": false, "preview_urls": false,
        "observability": { "enabled": true },
        "secrets": { "required": ["SIGNING_KEYS"] },
        "routes": [{ "pattern": "backstage.acme.io/*", "zone_name": "acme.io" }],
        "build": { "command": "npm run build" },
        "kv_namespaces": [
            { "binding": "CATALOG", "id": "0f2ac74b498b48028cb68387c421e279" },
            { "binding": "ACCESS_CACHE", "id": "06779da6940b431db6e566b4846d64db" },
        ],
        "vars": {
            "CFACCESS": {
                "teamName": "acme", "audience": "a3".repeat(32),
                "serviceTokens": [{ "token": "a.access", "subject": "ci@acme.io" }],
                "signIn": { "resolvers": [{ "resolver": "emailMatchingUserEntityProfileEmail" }] },
            },
            "BACKSTAGE": { "baseUrl": "https://backstage.acme.io" },
        },
    });
    *config.pointer_mut(pointer).unwrap() = value;
    config.to_string()
}

#[test]
fn hostile_text_in_a_configuration_is_escaped() {
    let sandbox = Sandbox::new("terminal-doctor");
    for pointer in [
        "/compatibility_date",
        "/routes/0/zone_name",
        "/kv_namespaces/0/id",
        "/vars/CFACCESS/teamName",
        "/vars/CFACCESS/audience",
        "/vars/CFACCESS/serviceTokens/0/subject",
        "/vars/CFACCESS/signIn/resolvers/0/resolver",
    ] {
        sandbox.write("wrangler.json", wrangler(pointer, json!(HOSTILE)));
        let run = sandbox.run(&["doctor"]);
        if pointer != "/vars/CFACCESS/teamName" {
            assert_harmless(pointer, &run);
        }
    }
    sandbox.write("wrangler.json", wrangler("/vars", json!({ HOSTILE: 1 })));
    sandbox.write("other.json", json!({ "env": { HOSTILE: {} } }).to_string());
    let run = sandbox.run(&["doctor", "--config", "other.json", "--env", "prod"]);
    assert_harmless("the name of an environment", &run);
}

#[test]
fn hostile_text_in_names_of_files_and_in_arguments_is_escaped() {
    let sandbox = Sandbox::new("terminal-arguments");
    for arguments in [
        &["doctor", "--config", HOSTILE][..],
        &["keygen", "--add", HOSTILE],
        &["keygen", "--kid", HOSTILE],
        &["catalog", "build", HOSTILE, "--out", "kv.json"],
        &["verify", "--team", "acme", "--audience", "a", "--jwks", HOSTILE, "x"],
        &["verify", "--now", HOSTILE],
        &[HOSTILE],
        &["doctor", HOSTILE],
    ] {
        let run = sandbox.run(arguments);
        assert_ne!(run.code, 0);
        assert_harmless(&format!("{arguments:?}"), &run);
    }
}

#[test]
fn hostile_text_in_a_catalog_is_escaped_and_the_records_stay_the_same() {
    let sandbox = Sandbox::new("terminal-catalog");
    let user = |name: &str, email: &str| {
        json!({ "apiVersion": "backstage.io/v1alpha1", "kind": "User",
            "metadata": { "name": name },
            "spec": { "profile": { "email": email, "displayName": HOSTILE }, "memberOf": [] } })
    };
    sandbox.write("users.json", json!([user("a", "a@acme.io")]).to_string());
    let run = sandbox.run(&["catalog", "build", "users.json", "--out", "-"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_harmless("records", &run);
    let entries: Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(entries[0]["value"].as_str().unwrap().contains("txt"), "{entries}");
    sandbox.write("users.json", json!([user(HOSTILE, "a@acme.io")]).to_string());
    let run = sandbox.run(&["catalog", "build", "users.json", "--out", "kv.json"]);
    assert_eq!(run.code, 1);
    assert_harmless("a name", &run);
}

#[test]
fn hostile_error_of_an_api_is_escaped_and_a_token_that_it_quotes_is_hidden() {
    let sandbox = Sandbox::new("terminal-api");
    sandbox.write("users.json", json!(users(1)).to_string());
    let message = format!("{HOSTILE} Invalid token api-token-12345 for you");
    let api = serve(move |_| {
        let errors = json!([{ "code": 1, "message": message }]);
        (403, json!({ "success": false, "errors": errors }).to_string())
    });
    let arguments = ["catalog", "push", "users.json", "--account", "acc-1", "--namespace", "ns1"];
    let variables =
        [("CLOUDFLARE_API_BASE_URL", api.as_str()), ("CLOUDFLARE_API_TOKEN", "api-token-12345")];
    let run = sandbox.run_in(&arguments, "", &variables);
    assert_eq!(run.code, 1);
    assert_harmless("the API", &run);
    assert!(run.stderr.contains("Invalid token [secret] for you"), "{}", run.stderr);
}

#[test]
fn headers_come_from_the_environment_and_from_files_and_reach_backstage() {
    let ground = Ground::new("headers");
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let record = std::sync::Arc::clone(&seen);
    let url = serve(move |request| {
        record.lock().unwrap().push(request.headers.clone());
        (500, String::new())
    });
    ground
        .sandbox
        .write("headers.txt", "# of Access\nCF-Access-Client-Id: id-1\n\nX-Other: a: b\n");
    let variables = [("ACCESS_SECRET", "from-the-environment\n")];
    let arguments = [
        "--url",
        &url,
        "--header-file",
        "headers.txt",
        "--header",
        "CF-Access-Client-Secret: env:ACCESS_SECRET",
        "--header",
        "X-Plain:value-1",
    ];
    let run = ground.push_with(&arguments, &variables);
    assert_eq!(run.code, 1);
    let seen = seen.lock().unwrap();
    for (name, value) in [
        ("cf-access-client-id", "id-1"),
        ("cf-access-client-secret", "from-the-environment"),
        ("x-other", "a: b"),
        ("x-plain", "value-1"),
    ] {
        assert!(seen[0].contains(&(name.to_owned(), value.to_owned())), "{name}: {:?}", seen[0]);
    }
}

#[test]
fn errors_about_headers_do_not_quote_their_values() {
    let ground = Ground::new("header-errors");
    ground.sandbox.write("bad.txt", "CF-Access-Client-Id: id-1\nvery-secret-value\n");
    for (arguments, expected) in [
        (&["--header", "very-secret-value"][..], "--header number 1 must be `NAME: VALUE`"),
        (&["--header", "a b: very-secret-value"], "--header number 1 must be `NAME: VALUE`"),
        (
            &["--header", "x: very-secret-value\u{7}"],
            "--header number 1: the value of the header x is empty or has a control character in it",
        ),
        (
            &["--header", "x: env:VERY_SECRET"],
            "--header number 1: the variable of the header x is not set",
        ),
        (&["--header-file", "bad.txt"], "bad.txt:2 must be `NAME: VALUE`"),
    ] {
        let run = ground.push(&[&["--url", "http://127.0.0.1:9"], arguments].concat());
        assert_eq!((run.code, run.errors()), (1, vec![expected]), "{}", run.stderr);
        assert!(!run.stderr.contains("very-secret"), "{}", run.stderr);
    }
}
