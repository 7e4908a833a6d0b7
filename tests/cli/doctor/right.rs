//! Right configurations raise nothing.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{as_json, change, serious, with, with_staging};
use crate::sandbox::Sandbox;

/// A name, and what differs from the good configuration.
fn list() -> Vec<(&'static str, Value)> {
    let resolvers = "/vars/CFACCESS/signIn/resolvers";
    let origin = "/vars/BACKSTAGE/origin";
    let elsewhere = json!("https://origin.acme.io");
    let mut list = vec![
        ("the good one", with("/name", json!("gate"))),
        ("another name", with("/name", json!("backstage-gate_2"))),
        ("a route as text", with("/routes", json!(["backstage.acme.io/*"]))),
        (
            "a route with a wildcard host",
            with("/routes", json!([{ "pattern": "*.acme.io/*", "zone_name": "acme.io" }])),
        ),
        (
            "a route by the id of its zone",
            with(
                "/routes",
                json!([{ "pattern": "backstage.acme.io/*", "zone_id": "9a7806061c88ada191ed06f989cc3dac" }]),
            ),
        ),
        (
            "a route without a slash",
            with(
                "/routes",
                json!([{ "pattern": "backstage.acme.io*", "zone_name": "backstage.acme.io" }]),
            ),
        ),
        ("a route in capitals", with("/routes", json!(["Backstage.ACME.io/*"]))),
        ("a route with https", with("/routes", json!(["https://backstage.acme.io/*"]))),
        ("two host names", with("/routes", json!(["backstage.acme.io/*", "auth.acme.io/*"]))),
        (
            "the two public routes on a second host",
            with("/routes", json!(["backstage.acme.io/*", "auth.acme.io/api/auth/*"])),
        ),
        ("a flag", with("/compatibility_flags", json!(["nodejs_compat"]))),
        ("an old date with its flag", {
            let mut config = with("/compatibility_date", json!("2022-01-01"));
            change(&mut config, "/compatibility_flags", json!(["url_standard"]));
            config
        }),
        ("a cpu limit", with("/limits/cpu_ms", json!(100))),
        ("a share of the logs", with("/observability/head_sampling_rate", json!(0.1))),
        ("logs alone", with("/observability", json!({ "logs": { "enabled": true } }))),
        ("a shared key", with("/vars/BACKSTAGE/trust", json!("shared-key"))),
        (
            "the shortest life",
            with("/vars/BACKSTAGE/backstageTokenExpiration", json!({ "minutes": 10 })),
        ),
        (
            "the longest life",
            with("/vars/BACKSTAGE/backstageTokenExpiration", json!({ "hours": 24 })),
        ),
        ("another header", with("/vars/CFACCESS/jwtHeaderName", json!("x-assertion"))),
        (
            "a service token",
            with(
                "/vars/CFACCESS/serviceTokens",
                json!([{ "token": "a.access", "subject": "ci@acme.io" }]),
            ),
        ),
        (
            "two audiences",
            with("/vars/CFACCESS/audience", json!(["a3".repeat(32), "b4".repeat(32)])),
        ),
        (
            "a domain of FedRAMP",
            with("/vars/CFACCESS/teamName", json!("acme.fed.cloudflareaccess.com")),
        ),
        ("a whole domain", with("/vars/CFACCESS/teamName", json!("acme.cloudflareaccess.com"))),
        (
            "domains",
            with(
                &format!("{resolvers}/0/allowedDomains"),
                json!(["acme.io", "ACME.com", "dev.acme.co.uk"]),
            ),
        ),
        (
            "two resolvers",
            with(
                resolvers,
                json!([
                    { "resolver": "emailMatchingUserEntityProfileEmail" },
                    { "resolver": "emailLocalPartMatchingUserEntityName", "allowedDomains": "acme.io" },
                ]),
            ),
        ),
        ("the configuration as text", {
            let backstage = json!({ "baseUrl": "https://backstage.acme.io" }).to_string();
            with("/vars/BACKSTAGE", json!(backstage))
        }),
        ("a base URL with a path", {
            let mut config =
                with("/vars/BACKSTAGE/baseUrl", json!("https://backstage.acme.io/tools"));
            change(&mut config, "/routes", json!(["backstage.acme.io/tools/*"]));
            config
        }),
        (
            "a front end elsewhere",
            with("/vars/BACKSTAGE/corsOrigins", json!(["https://app.acme.io"])),
        ),
        ("other vars and bindings", {
            let mut config = with("/vars/REGION", json!("eu"));
            change(&mut config, "/queues", json!({ "producers": [] }));
            change(&mut config, "/tail_consumers", json!([{ "service": "tail" }]));
            config
        }),
        ("an account", with("/account_id", json!("9a7806061c88ada191ed06f989cc3dac"))),
        ("an environment", with_staging()),
        ("a schema", with("/$schema", json!("node_modules/wrangler/config-schema.json"))),
    ];
    let mut crons = |name, crons: Value| {
        let mut config = with("/triggers/crons", crons);
        change(&mut config, origin, elsewhere.clone());
        list.push((name, config));
    };
    crons("a cron trigger", json!(["*/5 * * * *"]));
    crons("cron triggers of two days", json!(["0 3 * * MON", "0 3 * * TUE"]));
    crons("no cron trigger", json!([]));
    let mut custom =
        with("/routes", json!([{ "pattern": "backstage.acme.io", "custom_domain": true }]));
    change(&mut custom, origin, elsewhere);
    list.push(("a custom domain with an origin", custom));
    list
}

#[test]
fn right_configurations_raise_nothing() {
    let sandbox = Sandbox::new("doctor-right");
    let list = list();
    assert!(list.len() >= 30, "{}", list.len());
    for (name, config) in list {
        sandbox.write("wrangler.json", config.to_string());
        let (code, document) = as_json(&sandbox, &[]);
        assert_eq!(serious(&document), Vec::<&Value>::new(), "{name}");
        assert_eq!(code, 0, "{name}");
    }
}

#[test]
fn right_files_raise_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/doctor/right");
    let sandbox = Sandbox::new("doctor-right-files");
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        sandbox.write(&name, fs::read(&path).unwrap());
        let (code, document) = as_json(&sandbox, &["--config", &name]);
        assert_eq!(serious(&document), Vec::<&Value>::new(), "{name}");
        assert_eq!(code, 0, "{name}");
        names.push(name);
    }
    assert!(names.len() >= 17, "{names:?}");
}
