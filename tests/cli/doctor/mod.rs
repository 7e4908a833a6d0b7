//! `cfaccess doctor`.

mod app_config;
mod catalog;
mod environments;
mod files;
mod keys;
mod lines;
mod mistakes;
mod online;
mod output;
mod right;

use serde_json::{Value, json};

use crate::sandbox::{Run, Sandbox};

pub(crate) const GOOD: &str = r#"
name = "gate"
main = "build/worker.mjs"
compatibility_date = "2026-11-17"
workers_dev = false
preview_urls = false
observability.enabled = true
secrets.required = ["SIGNING_KEYS", "CATALOG_TOKEN"]
routes = [{ pattern = "backstage.acme.io/*", zone_name = "acme.io" }]

[build]
command = "npm run build"

[[kv_namespaces]]
binding = "CATALOG"
id = "0f2ac74b498b48028cb68387c421e279"

[[kv_namespaces]]
binding = "ACCESS_CACHE"
id = "06779da6940b431db6e566b4846d64db"

[vars.CFACCESS]
teamName = "acme"
audience = "a3f1c09de8b2475f6a0c9d8e7b6a5f4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a"
signIn.resolvers = [{ resolver = "emailMatchingUserEntityProfileEmail" }]

[vars.BACKSTAGE]
baseUrl = "https://backstage.acme.io"
"#;

fn doctor(sandbox: &Sandbox, toml: &str) -> Run {
    sandbox.write("wrangler.toml", toml);
    sandbox.run(&["doctor"])
}

/// The good file with one thing changed.
fn but(what: &str, becomes: &str) -> String {
    assert!(GOOD.contains(what), "{what}");
    GOOD.replace(what, becomes)
}

/// The good configuration with the value at a JSON pointer replaced, or removed by `null`; missing objects
/// are made.
fn with(pointer: &str, value: Value) -> Value {
    let mut config: Value = toml::from_str(GOOD).unwrap();
    change(&mut config, pointer, value);
    config
}

fn change(config: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    if config.pointer(parent).is_none() {
        change(config, parent, json!({}));
    }
    match config.pointer_mut(parent).unwrap() {
        Value::Object(object) if value.is_null() => {
            object.remove(key);
        }
        Value::Object(object) => {
            object.insert(key.to_owned(), value);
        }
        Value::Array(list) => list[key.parse::<usize>().unwrap()] = value,
        _ => panic!("{pointer}"),
    }
}

/// What doctor finds in a configuration: errors and warnings.
fn findings(sandbox: &Sandbox, config: &Value) -> Vec<String> {
    sandbox.write("wrangler.jsonc", serde_json::to_string_pretty(config).unwrap());
    let run = sandbox.run(&["doctor"]);
    let found = run.errors().into_iter().chain(run.warnings());
    found.map(|line| line.trim_start_matches("wrangler.jsonc").to_owned()).collect()
}

/// The good configuration with an environment that is complete and shares nothing.
fn with_staging() -> Value {
    let mut staging: Value = toml::from_str(GOOD).unwrap();
    for key in ["name", "main", "compatibility_date", "build", "observability"] {
        staging.as_object_mut().unwrap().remove(key);
    }
    change(
        &mut staging,
        "/routes",
        json!([{ "pattern": "staging.acme.io/*", "zone_name": "acme.io" }]),
    );
    change(&mut staging, "/vars/BACKSTAGE/baseUrl", json!("https://staging.acme.io"));
    change(&mut staging, "/kv_namespaces/0/id", json!("1f2ac74b498b48028cb68387c421e279"));
    change(&mut staging, "/kv_namespaces/1/id", json!("16779da6940b431db6e566b4846d64db"));
    with("/env", json!({ "staging": staging }))
}

/// What `doctor --json` says, and its exit code.
fn as_json(sandbox: &Sandbox, arguments: &[&str]) -> (i32, Value) {
    let run = sandbox.run(&[&["doctor", "--json"], arguments].concat());
    let document = serde_json::from_str(&run.stdout);
    (run.code, document.unwrap_or_else(|error| panic!("{error}: {} {}", run.stdout, run.stderr)))
}

/// The findings of a document that are no notes.
fn serious(document: &Value) -> Vec<&Value> {
    let findings = document["findings"].as_array().unwrap();
    findings.iter().filter(|finding| finding["level"] != "note").collect()
}
