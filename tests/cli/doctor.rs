//! `cfaccess doctor`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::sandbox::{Run, Sandbox};

const GOOD: &str = r#"
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

#[test]
fn a_good_file_has_no_problem() {
    let sandbox = Sandbox::new("doctor-good");
    let run = doctor(&sandbox, GOOD);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stdout, "wrangler.toml: 0 problems\n");
    assert_eq!(run.stderr.lines().count(), 2, "{}", run.stderr);
    assert!(
        run.stderr.starts_with(
            "note: wrangler.toml: SIGNING_KEYS is a secret and cannot be seen from here"
        )
    );
}

#[test]
fn resolvers_by_annotation_need_a_push() {
    let sandbox = Sandbox::new("doctor-annotation");
    let run = doctor(
        &sandbox,
        &but(
            "resolver = \"emailMatchingUserEntityProfileEmail\"",
            "resolver = \"emailMatchingUserEntityAnnotation\", annotation = \"google.com/email\"",
        ),
    );
    assert_eq!((run.code, run.stderr.lines().count()), (0, 3), "{}", run.stderr);
    let note =
        "note: wrangler.toml: CFACCESS.signIn finds users by google.com/email: KV knows them";
    assert!(run.stderr.contains(note), "{}", run.stderr);
}

#[test]
fn worker_with_code_of_its_own_may_have_no_resolver_in_the_configuration() {
    let sandbox = Sandbox::new("doctor-own-worker");
    let resolvers = "signIn.resolvers = [{ resolver = \"emailMatchingUserEntityProfileEmail\" }]\n";
    let toml = but(resolvers, "");
    let required = "wrangler.toml: CFACCESS.signIn.resolvers is required";
    let run = doctor(&sandbox, &toml);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains(required), "{}", run.stderr);

    let manifest = "[package]\nname = \"my-worker\"\n\n[dependencies]\nbackstage-cfaccess = ";
    sandbox.write("Cargo.toml", format!("{manifest}{{ path = \"..\" }}\n"));
    let run = doctor(&sandbox, &toml);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let note =
        "CFACCESS.signIn.resolvers is absent, which is right if the code of the Worker calls";
    assert!(run.stderr.contains(note), "{}", run.stderr);
    let shared = format!("{toml}trust = \"shared-key\"\n");
    let run = doctor(&sandbox, &shared);
    let warning = "the origin's provider does not know the resolver in your code";
    assert!(run.stderr.contains(warning), "{}", run.stderr);
}

#[test]
fn each_mistake_is_one_problem() {
    let sandbox = Sandbox::new("doctor-mistakes");
    let routes = "routes = [{ pattern = \"backstage.acme.io/*\", zone_name = \"acme.io\" }]";
    for (toml, expected) in [
        (but("workers_dev = false", ""), "`workers_dev` is not false"),
        (but("workers_dev = false", "workers_dev = true"), "`workers_dev` is not false"),
        (but("preview_urls = false", ""), "`preview_urls` is not false"),
        (
            but("[build]", "cache = { enabled = true }\n[build]"),
            "`cache.enabled` puts a cache in front",
        ),
        (
            but("[build]", "compatibility_flags = [\"global_fetch_strictly_public\"]\n[build]"),
            "the compatibility flag `global_fetch_strictly_public` sends",
        ),
        (but(routes, ""), "there are no routes"),
        (but(routes, "routes = []"), "there are no routes"),
        (
            but(routes, "route = \"www.acme.io/*\""),
            "no route leads to backstage.acme.io/api/auth/cfaccess/refresh",
        ),
        (
            but(routes, "route = \"backstage.acme.io/catalog/*\""),
            "no route leads to backstage.acme.io",
        ),
        (
            but(routes, "route = { pattern = \"backstage.acme.io\", custom_domain = true }"),
            "a custom domain has no origin behind it",
        ),
        (
            but(routes, "route = { pattern = \"backstage.acme.io\", custom_domain = true }")
                .replace(
                    "[vars.BACKSTAGE]",
                    "[vars.BACKSTAGE]\norigin = \"https://backstage.acme.io:8443\"",
                ),
            "a custom domain has no origin behind it",
        ),
        (but("main = \"build/worker.mjs\"", ""), "`main` is missing"),
        (but("name = \"gate\"", ""), "`name` is missing"),
        (
            but("\"CATALOG\"", "\"CATALOGUE\""),
            "the KV binding CATALOG is missing: `wrangler kv namespace create CATALOG`",
        ),
        (
            but("0f2ac74b498b48028cb68387c421e279", "<your id>"),
            "the KV binding CATALOG has the made-up id `<your id>`",
        ),
        (
            but("06779da6940b431db6e566b4846d64db", "00000000000000000000000000000001"),
            "the KV binding ACCESS_CACHE has the made-up id",
        ),
        (
            but("06779da6940b431db6e566b4846d64db", "0f2ac74b498b48028cb68387c421e279"),
            "the KV bindings CATALOG and ACCESS_CACHE are one namespace",
        ),
        (but("\"ACCESS_CACHE\"", "\"CATALOG\""), "the KV binding"),
        (but("teamName", "teamname"), "CFACCESS.teamName is required"),
        (but("audience =", "jwtHeaderName = "), "CFACCESS.audience is required"),
        (
            but("emailMatchingUserEntityProfileEmail", "email"),
            "CFACCESS.signIn.resolvers[0].resolver `email` is not available",
        ),
        (
            but("https://backstage.acme.io", "backstage.acme.io"),
            "BACKSTAGE.baseUrl must be a plain URL",
        ),
        (
            but("[vars.BACKSTAGE]", "[vars.BACKSTAGE]\npublicPaths = [\"/api\"]"),
            "BACKSTAGE.publicPaths holds `/api`",
        ),
        (
            but("[vars.BACKSTAGE]", "[vars.BACKSTAGE]\nmode = \"dark\""),
            "BACKSTAGE.mode must be one of",
        ),
        (
            but("[vars.CFACCESS]", "[vars]\nSIGNING_KEYS = \"{}\"\n[vars.CFACCESS]"),
            "SIGNING_KEYS is a secret and must not be in [vars]",
        ),
        (
            but(
                "a3f1c09de8b2475f6a0c9d8e7b6a5f4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a",
                &"0123456789abcdef".repeat(4),
            ),
            "CFACCESS.audience is still the example's",
        ),
    ] {
        let run = doctor(&sandbox, &toml);
        let errors = run.errors();
        assert_eq!(run.code, 1, "{expected}");
        let found =
            errors.iter().filter(|it| it.starts_with(&format!("wrangler.toml: {expected}")));
        assert!(found.count() >= 1, "{expected}: {}", run.stderr);
        // A key in another spelling is missing, and is unknown; so it is with bindings.
        assert!(errors.len() <= 2, "{expected}: {}", run.stderr);
        assert_eq!(
            run.stdout.split(": ").nth(1).unwrap().split(' ').next().unwrap(),
            errors.len().to_string()
        );
    }
}

#[test]
fn what_is_legal_but_seldom_meant_is_a_warning() {
    let sandbox = Sandbox::new("doctor-warnings");
    for (toml, expected) in [
        (
            but("[vars.BACKSTAGE]", "[vars.BACKSTAGE]\nmode = \"shadow\""),
            "BACKSTAGE.mode = \"shadow\" asks",
        ),
        (
            but("[vars.CFACCESS]", "[vars.CFACCESS]\nonUserNotFound = \"origin\""),
            "CFACCESS.onUserNotFound = \"origin\" asks",
        ),
        (
            but("[vars.CFACCESS]", "[vars.CFACCESS]\nexposeAssertion = true"),
            "CFACCESS.exposeAssertion gives",
        ),
        (
            but(
                "[vars.CFACCESS]",
                "[vars.CFACCESS]\nserviceTokens = [{ token = \"a\", subject = \"b@acme.io\" }]",
            ),
            "CFACCESS.serviceTokens holds `a`",
        ),
        (but("https://", "http://"), "BACKSTAGE.baseUrl is not https"),
        (but("a3f1c09de8b2475f", "A-"), "CFACCESS.audience holds"),
        (
            but(
                "ProfileEmail\"",
                "ProfileEmail\", dangerouslyAllowSignInWithoutUserInCatalog = true",
            ),
            "CFACCESS.signIn signs in users who are not",
        ),
    ] {
        let run = doctor(&sandbox, &toml);
        assert_eq!(run.code, 0, "{expected}: {}", run.stderr);
        let warnings = run.warnings();
        assert_eq!(warnings.len(), 1, "{expected}: {}", run.stderr);
        assert!(warnings[0].starts_with(&format!("wrangler.toml: {expected}")), "{}", warnings[0]);
    }
}

#[test]
fn all_problems_of_all_environments_come_at_once() {
    let sandbox = Sandbox::new("doctor-all");
    let toml = format!(
        "{}\n[env.staging]\nroutes = []\nvars.CFACCESS = '{{\"teamName\": \"acme\"}}'\n",
        but("workers_dev = false", "workers_dev = true")
    );
    let run = doctor(&sandbox, &toml);
    assert_eq!(run.code, 1);
    assert_eq!(
        run.stdout, "wrangler.toml: 1 problem\nwrangler.toml [env.staging]: 7 problems\n",
        "{}",
        run.stderr
    );
    assert_eq!(run.errors().len(), 8);
    for expected in [
        "CFACCESS.audience is required",
        "BACKSTAGE is missing",
        "the KV binding CATALOG is missing",
        "`workers_dev` is not false",
        "there are no routes",
    ] {
        let place = format!("wrangler.toml [env.staging]: {expected}");
        assert!(run.errors().iter().any(|it| it.starts_with(&place)), "{expected}: {}", run.stderr);
    }
    let only = sandbox.run(&["doctor", "--env", "staging"]);
    assert_eq!(only.errors().len(), 7);
    let unknown = sandbox.run(&["doctor", "--env", "prod"]);
    assert_eq!(unknown.errors(), ["wrangler.toml: has no environment `prod`; there is staging"]);
}

#[test]
fn a_top_level_that_environments_only_inherit_from_is_no_deployment() {
    let sandbox = Sandbox::new("doctor-base");
    let (base, rest) = GOOD.split_once("[[kv_namespaces]]").unwrap();
    let own = format!("[[kv_namespaces]]{rest}")
        .replace("[[kv", "[[env.prod.kv")
        .replace("[vars", "[env.prod.vars");
    let run = doctor(&sandbox, &format!("{base}{own}"));
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "wrangler.toml [env.prod]: 0 problems\n"),
        "{}",
        run.stderr
    );
}

#[test]
fn signing_keys_are_checked_where_they_can_be_seen() {
    let sandbox = Sandbox::new("doctor-keys");
    let good = sandbox.run(&["keygen"]).stdout;
    let mut mixed: Value = serde_json::from_str(&good).unwrap();
    let other: Value = serde_json::from_str(&sandbox.run(&["keygen"]).stdout).unwrap();
    mixed["keys"][0]["d"] = other["keys"][0]["d"].clone();
    let mixed = mixed.to_string();
    sandbox.write("wrangler.toml", GOOD);
    for (content, expected) in [
        (good.as_str(), None),
        (&mixed, Some("has a private half that does not belong to its public half")),
        ("{\"keys\":[]}", Some("SIGNING_KEYS holds no key (from ")),
        ("nonsense", Some("SIGNING_KEYS is not a JSON Web Key Set")),
    ] {
        sandbox.write("keys.json", content);
        sandbox.write(".dev.vars", format!("# local\nSIGNING_KEYS='{}'\n", content.trim()));
        for arguments in [&["doctor", "--signing-keys", "keys.json"][..], &["doctor"]] {
            let run = sandbox.run(arguments);
            match expected {
                None => {
                    let other = run.stderr.lines().filter(|line| !line.contains("Bypass"));
                    assert_eq!((run.code, other.count()), (0, 0), "{}", run.stderr);
                }
                Some(expected) => {
                    assert_eq!((run.code, run.errors().len()), (1, 1), "{}", run.stderr);
                    assert!(run.errors()[0].contains(expected), "{}", run.stderr);
                }
            }
            for key in [&good, &mixed] {
                let key: Value = serde_json::from_str(key).unwrap();
                assert!(!run.stderr.contains(key["keys"][0]["d"].as_str().unwrap()));
            }
        }
    }
}

#[test]
fn a_cron_trigger_is_looked_at() {
    let sandbox = Sandbox::new("doctor-cron");
    let with = |crons: &str, origin: &str| {
        let backstage = but("baseUrl = \"https://backstage.acme.io\"", origin);
        format!("{backstage}\n[triggers]\ncrons = {crons}\n")
    };
    let here = "baseUrl = \"https://backstage.acme.io/tools\"";
    let elsewhere = "baseUrl = \"https://backstage.acme.io\"\norigin = \"https://o.acme.io\"";
    for (toml, expected) in [
        (with("[]", here), &[][..]),
        (with("[\"*/5 * * * *\"]", elsewhere), &["note: wrangler.toml: CATALOG_TOKEN is a secret"]),
        (
            with("[\"0 3 * * *\", \"*/2 * * * *\"]", here),
            &[
                "note: wrangler.toml: CATALOG_TOKEN is a secret",
                "warning: wrangler.toml: the cron trigger `*/2 * * * *` runs more often than every 5",
                "warning: wrangler.toml: BACKSTAGE.origin is not set, so the cron handler reads the \
                 catalog from https://backstage.acme.io/tools, where Access",
            ],
        ),
    ] {
        let run = doctor(&sandbox, &toml);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let lines: Vec<&str> =
            run.stderr.lines().filter(|line| !line.contains("SIGNING_KEYS")).collect();
        let lines: Vec<&str> = lines.into_iter().filter(|line| !line.contains("Bypass")).collect();
        assert_eq!(lines.len(), expected.len(), "{}", run.stderr);
        for (line, expected) in lines.iter().zip(expected) {
            assert!(line.starts_with(expected), "{line}");
        }
    }
    let run = doctor(&sandbox, &with("\"*/5 * * * *\"", elsewhere));
    assert!(run.errors()[0].contains("`triggers.crons` must be a list"), "{}", run.stderr);
}

#[test]
fn a_file_that_cannot_be_read_is_said_to_be_so() {
    let sandbox = Sandbox::new("doctor-unreadable");
    let run = sandbox.run(&["doctor", "--config", "absent.toml"]);
    assert_eq!(run.code, 1);
    assert!(run.errors()[0].starts_with("absent.toml: cannot be read: "), "{}", run.stderr);
    sandbox.write("wrangler.jsonc", "{\n  // a comment\n  \"name\": gate,\n}");
    let run = sandbox.run(&["doctor", "--config", "wrangler.jsonc"]);
    assert!(run.errors()[0].starts_with("wrangler.jsonc:3: is not valid JSON: "), "{}", run.stderr);
    fs::remove_file(sandbox.path("wrangler.jsonc")).unwrap();
    let run = doctor(&sandbox, "name = \"a\"\n\nmain = \n");
    assert!(run.errors()[0].starts_with("wrangler.toml:3: is not valid TOML: "), "{}", run.stderr);
}

#[test]
fn the_wrangler_toml_that_comes_with_the_package_lacks_only_what_is_to_be_filled_in() {
    let sandbox = Sandbox::new("doctor-shipped");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("wrangler.toml");
    let run = sandbox.run(&["doctor", "--config", file.to_str().unwrap()]);
    for error in run.errors() {
        let to_fill_in =
            ["audience is still the example's", "has the made-up id", "there are no routes"];
        assert!(to_fill_in.iter().any(|it| error.contains(it)), "{error}");
    }
}

/// The good file as JSONC, with a comment and trailing commas.
fn jsonc() -> String {
    let value: Value = toml::from_str(GOOD).unwrap();
    let text = serde_json::to_string_pretty(&value).unwrap();
    text.replacen('{', "{ // as wrangler init writes it\n", 1)
        .replace("\n}", ",\n}")
        .replace("\n  ]", ",\n  ]")
}

#[test]
fn all_three_formats_are_read_alike() {
    for name in ["wrangler.toml", "wrangler.json", "wrangler.jsonc"] {
        let sandbox = Sandbox::new(&format!("doctor-format-{name}"));
        let good = if name == "wrangler.toml" { GOOD.to_owned() } else { jsonc() };
        sandbox.write(name, &good);
        let run = sandbox.run(&["doctor"]);
        assert_eq!((run.code, run.stdout), (0, format!("{name}: 0 problems\n")), "{}", run.stderr);
        sandbox.write(name, good.replace("ACCESS_CACHE", "CACHE"));
        let run = sandbox.run(&["doctor", "--config", name]);
        let expected = format!("{name}: the KV binding ACCESS_CACHE is missing");
        assert_eq!(run.errors().len(), 1, "{}", run.stderr);
        assert!(run.errors()[0].starts_with(&expected), "{}", run.stderr);
    }
}

#[test]
fn several_configuration_files_are_an_error() {
    let sandbox = Sandbox::new("doctor-several");
    sandbox.write("wrangler.toml", GOOD);
    sandbox.write("wrangler.jsonc", jsonc());
    let run = sandbox.run(&["doctor"]);
    assert_eq!((run.code, run.errors().len()), (1, 1), "{}", run.stderr);
    assert!(run.errors()[0].contains("wrangler.jsonc and "), "{}", run.stderr);
    assert!(run.errors()[0].contains("wrangler takes the first"), "{}", run.stderr);
    assert_eq!(sandbox.run(&["doctor", "--config", "wrangler.toml"]).code, 0);
}

#[test]
fn the_file_that_a_build_tool_names_is_the_one_that_is_read() {
    let sandbox = Sandbox::new("doctor-redirect");
    sandbox.write("wrangler.toml", GOOD);
    sandbox.write("dist/wrangler.json", jsonc().replace("ACCESS_CACHE", "CACHE"));
    let redirect = ".wrangler/deploy/config.json";
    sandbox.write(redirect, "{ \"configPath\": \"../../dist/wrangler.json\" }");
    let run = sandbox.run(&["doctor"]);
    assert_eq!(run.errors().len(), 1, "{}", run.stderr);
    assert!(run.errors()[0].starts_with("dist/wrangler.json: the KV binding"), "{}", run.stderr);
    for (content, expected) in [
        ("{}", "has no `configPath`"),
        ("{ \"configPath\": \"absent.json\" }", "which is not there"),
        ("{", "is not valid JSON"),
    ] {
        sandbox.write(redirect, content);
        let run = sandbox.run(&["doctor"]);
        assert_eq!((run.code, run.errors().len()), (1, 1), "{}", run.stderr);
        assert!(run.errors()[0].contains(expected), "{}", run.stderr);
    }
}

#[test]
fn the_empty_environment_is_the_top_level() {
    let sandbox = Sandbox::new("doctor-empty-env");
    sandbox.write("wrangler.toml", format!("{GOOD}\n[env.staging]\nroutes = []\n"));
    let run = sandbox.run(&["doctor", "--env", ""]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "wrangler.toml: 0 problems\n"));
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

#[test]
fn each_mistake_is_exactly_one_message_with_its_place() {
    let sandbox = Sandbox::new("doctor-kinds");
    let resolvers = "/vars/CFACCESS/signIn/resolvers/0";
    let origin = "/vars/BACKSTAGE/origin";
    let route = |pattern: &str, zone: &str| json!([{ "pattern": pattern, "zone_name": zone }]);
    let local_part = |domains: Value| json!({ "resolver": "emailLocalPartMatchingUserEntityName", "allowedDomains": domains });
    let tokens = |list: &[(&str, &str)]| -> Value {
        list.iter().map(|(token, subject)| json!({ "token": token, "subject": subject })).collect()
    };
    let base = "/vars/BACKSTAGE/baseUrl";
    let life = "/vars/BACKSTAGE/backstageTokenExpiration";
    let header = "/vars/CFACCESS/jwtHeaderName";
    let date = "/compatibility_date";
    let flags = "/compatibility_flags";
    for (pointer, value, expected) in [
        (
            "/routes",
            route("backstage.acme.io/api/*", "acme.io"),
            "no route leads to backstage.acme.io/,",
        ),
        (
            "/routes",
            route("backstage.acme.io/api/auth/*", "acme.io"),
            "no route leads to backstage.acme.io/,",
        ),
        ("/routes", route("backstage.acme.io/*", "acme.com"), "is not in the zone acme.com"),
        ("/routes", route("backstage.acme.io/*", "me.io"), "is not in the zone me.io"),
        (base, json!("https://backstage.acme.io/api/auth"), "BACKSTAGE.baseUrl is"),
        (base, json!("https://backstage.acme.io/api"), "BACKSTAGE.baseUrl is"),
        (base, json!("https://localhost:7007"), "BACKSTAGE.baseUrl names localhost"),
        (base, json!("https://10.1.2.3"), "BACKSTAGE.baseUrl names 10.1.2.3"),
        (origin, json!("http://localhost:7007"), "BACKSTAGE.origin names localhost"),
        (origin, json!("http://192.168.0.4"), "BACKSTAGE.origin names 192.168.0.4"),
        (origin, json!("http://[::1]:7007"), "BACKSTAGE.origin names [::1]"),
        (origin, json!("http://backstage:7007"), "BACKSTAGE.origin names backstage"),
        (
            origin,
            json!("http://backstage.svc.cluster.local"),
            "BACKSTAGE.origin names backstage.svc",
        ),
        ("/vars/CFACCESS/audience", json!("A3".repeat(32)), "CFACCESS.audience holds"),
        (header, json!("Authorization"), "CFACCESS.jwtHeaderName is `authorization`"),
        (header, json!("cookie"), "CFACCESS.jwtHeaderName is `cookie`"),
        ("/vars/CFACCESS/serviceTokens", tokens(&[("a.access", "ci")]), "the subject `ci`"),
        ("/vars/CFACCESS/serviceTokens", tokens(&[("a.access", "ci@")]), "the subject `ci@`"),
        (
            "/vars/CFACCESS/serviceTokens",
            tokens(&[("a.access", "a@acme.io"), ("a.access", "b@acme.io")]),
            "CFACCESS.serviceTokens holds `a.access` twice",
        ),
        (resolvers, local_part(Value::Null), "CFACCESS.signIn.resolvers[0] has no allowedDomains"),
        (
            resolvers,
            local_part(json!(["@acme.io"])),
            "resolvers[0].allowedDomains holds `@acme.io`",
        ),
        (
            resolvers,
            local_part(json!(["*.acme.io"])),
            "resolvers[0].allowedDomains holds `*.acme.io`",
        ),
        (
            resolvers,
            local_part(json!(["a@acme.io"])),
            "resolvers[0].allowedDomains holds `a@acme.io`",
        ),
        (
            life,
            json!({ "minutes": 5 }),
            "BACKSTAGE.backstageTokenExpiration is 300 seconds, and 600",
        ),
        (life, json!({ "days": 2 }), "BACKSTAGE.backstageTokenExpiration is 172800 seconds"),
        ("/triggers/crons", json!(["* * * *"]), "the cron trigger `* * * *` is not valid"),
        ("/triggers/crons", json!(["61 * * * *"]), "the cron trigger `61 * * * *` is not valid"),
        ("/assets", json!({ "directory": "dist" }), "`assets` serves files"),
        ("/site", json!({ "bucket": "dist" }), "`site` serves files"),
        ("/limits/cpu_ms", json!(10), "`limits.cpu_ms` is 10"),
        ("/observability", Value::Null, "`observability` is not enabled"),
        ("/observability/enabled", json!(false), "`observability` is not enabled"),
        (date, Value::Null, "`compatibility_date` is missing"),
        (date, json!("2999-01-01"), "`compatibility_date` 2999-01-01 is in the future"),
        (date, json!("2021-01-01"), "`compatibility_date` 2021-01-01 is before"),
        (date, json!("17.11.2026"), "`compatibility_date` must be a date"),
        (flags, json!(["global_fetch_strictly_public"]), "`global_fetch_strictly_public`"),
        ("/secrets", Value::Null, "`secrets.required` is absent"),
        ("/secrets/required", json!(["CATALOG_TOKEN"]), "`secrets.required` lacks SIGNING_KEYS"),
        ("/build", Value::Null, "`main` names build/worker.mjs, which is not there"),
    ] {
        let mut config = with(pointer, value);
        // The cron handler needs an address of the backend's own.
        if pointer == "/triggers/crons" {
            change(&mut config, origin, json!("https://origin.acme.io"));
        }
        let found = findings(&sandbox, &config);
        assert_eq!(found.len(), 1, "{expected}: {found:#?}");
        assert!(found[0].contains(expected), "{expected}: {found:#?}");
    }
}

#[test]
fn overlapping_cron_triggers_are_one_warning() {
    let sandbox = Sandbox::new("doctor-overlap");
    let mut config = with("/vars/BACKSTAGE/origin", json!("https://origin.acme.io"));
    change(&mut config, "/triggers/crons", json!(["*/15 * * * *", "1 3 * * *"]));
    let found = findings(&sandbox, &config);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("`*/15 * * * *` and `1 3 * * *` overlap"), "{found:#?}");
    change(&mut config, "/secrets/required", json!(["SIGNING_KEYS"]));
    change(&mut config, "/triggers/crons", json!(["*/15 * * * *"]));
    let found = findings(&sandbox, &config);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("`secrets.required` lacks CATALOG_TOKEN"), "{found:#?}");
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

#[test]
fn environments_that_share_a_route_or_kv_are_found() {
    let sandbox = Sandbox::new("doctor-shared");
    assert_eq!(findings(&sandbox, &with_staging()), Vec::<String>::new());
    let good: Value = toml::from_str(GOOD).unwrap();
    let mut config = with_staging();
    change(&mut config, "/env/staging/kv_namespaces/0/id", good["kv_namespaces"][0]["id"].clone());
    let found = findings(&sandbox, &config);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with(" [env.staging]: shares the KV namespace"), "{found:#?}");
    for routes in [Value::Null, good["routes"].clone()] {
        let mut config = with_staging();
        change(&mut config, "/env/staging/routes", routes);
        change(
            &mut config,
            "/env/staging/vars/BACKSTAGE/baseUrl",
            json!("https://backstage.acme.io"),
        );
        let found = findings(&sandbox, &config);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].starts_with(" [env.staging]: shares the route backstage.acme.io/*"));
    }
}

#[test]
fn key_set_that_does_not_fit_a_secret_is_found() {
    let sandbox = Sandbox::new("doctor-size");
    sandbox.write("wrangler.toml", GOOD);
    let mut keys: Value = serde_json::from_str(&sandbox.run(&["keygen"]).stdout).unwrap();
    keys["padding"] = json!("x".repeat(5_200));
    sandbox.write("keys.json", keys.to_string());
    let run = sandbox.run(&["doctor", "--signing-keys", "keys.json"]);
    assert_eq!(run.errors().len(), 1, "{}", run.stderr);
    assert!(run.errors()[0].contains("and a secret may have 5120"), "{}", run.stderr);
    assert!(!run.stderr.contains(keys["keys"][0]["d"].as_str().unwrap()));
}

#[test]
fn right_configurations_raise_nothing() {
    let sandbox = Sandbox::new("doctor-right");
    let custom = json!([{ "pattern": "backstage.acme.io", "custom_domain": true }]);
    for (pointer, value) in [
        ("/name", json!("other")),
        ("/routes", json!(["backstage.acme.io/*"])),
        ("/routes", json!([{ "pattern": "*.acme.io/*", "zone_name": "acme.io" }])),
        ("/routes", json!([{ "pattern": "backstage.acme.io/*", "zone_id": "0123abcd" }])),
        ("/routes", json!([{ "pattern": "backstage.acme.io*", "zone_name": "backstage.acme.io" }])),
        ("/routes", json!(["backstage.acme.io/*", "auth.acme.io/*"])),
        ("/routes", custom),
        ("/compatibility_flags", json!(["nodejs_compat"])),
        ("/limits/cpu_ms", json!(100)),
        ("/observability/head_sampling_rate", json!(0.1)),
        ("/vars/BACKSTAGE/trust", json!("shared-key")),
        ("/vars/BACKSTAGE/backstageTokenExpiration", json!({ "minutes": 10 })),
        ("/vars/BACKSTAGE/backstageTokenExpiration", json!({ "hours": 24 })),
        ("/vars/CFACCESS/jwtHeaderName", json!("x-assertion")),
        ("/vars/CFACCESS/serviceTokens", json!([{ "token": "a.access", "subject": "ci@acme.io" }])),
        ("/vars/CFACCESS/signIn/resolvers/0/allowedDomains", json!(["acme.io", "ACME.com"])),
        ("/triggers/crons", json!(["*/5 * * * *"])),
        ("/triggers/crons", json!(["0 3 * * MON", "0 3 * * TUE"])),
        ("/triggers/crons", json!([])),
    ] {
        let mut config = with(pointer, value.clone());
        change(&mut config, "/vars/BACKSTAGE/origin", json!("https://origin.acme.io"));
        assert_eq!(findings(&sandbox, &config), Vec::<String>::new(), "{pointer} {value}");
    }
}
