//! The lines on stderr, and the number of problems on stdout.

use serde_json::{Value, json};

use super::{GOOD, as_json, but, change, doctor, findings, with};
use crate::sandbox::Sandbox;

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
        (but("teamName", "teamname"), "CFACCESS.teamname is not a known key"),
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
        assert_eq!(found.count(), 1, "{expected}: {}", run.stderr);
        assert_eq!(errors.len(), 1, "{expected}: {}", run.stderr);
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
            "CFACCESS.serviceTokens[0].token is not a client id",
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

#[test]
fn public_routes_without_a_host_of_their_own_are_a_note_with_the_remedy() {
    let sandbox = Sandbox::new("doctor-public-routes");
    let note = |config: &Value| {
        sandbox.write("wrangler.json", config.to_string());
        let (code, document) = as_json(&sandbox, &["--config", "wrangler.json"]);
        assert_eq!(code, 0, "{document}");
        let findings = document["findings"].as_array().unwrap();
        findings.iter().find(|finding| finding["code"] == "public-routes").cloned()
    };
    let found = note(&with("/name", json!("gate"))).unwrap();
    assert_eq!((&found["level"], &found["place"]), (&json!("note"), &json!("routes")));
    assert!(found["remedy"].as_str().unwrap().contains("Bypass application"), "{found}");
    let two_hosts = json!(["backstage.acme.io/*", "auth.acme.io/api/auth/*"]);
    assert_eq!(note(&with("/routes", two_hosts)), None);
    assert_eq!(note(&with("/vars/BACKSTAGE/trust", json!("shared-key"))), None);
}
