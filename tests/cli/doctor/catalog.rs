//! `--catalog`: what a catalog makes of the configuration.

use serde_json::{Value, json};

use super::{as_json, change, serious, with};
use crate::sandbox::Sandbox;

const CATALOG: &[&str] = &["--catalog", "catalog.json"];
const RESOLVERS: &str = "/vars/CFACCESS/signIn/resolvers";

/// A user of a running Backstage in the namespace `default`.
fn user(name: &str, email: Option<&str>, groups: &[&str]) -> Value {
    let relations = groups
        .iter()
        .map(|group| json!({ "type": "memberOf", "targetRef": format!("group:default/{group}") }));
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "User",
        "metadata": { "name": name, "annotations": { "acme.io/id": format!("{name}-7") } },
        "spec": { "profile": email.map_or_else(|| json!({}), |email| json!({ "email": email })) },
        "relations": relations.collect::<Vec<_>>(),
    })
}

fn group(name: &str) -> Value {
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Group",
        "metadata": { "name": name },
        "spec": { "type": "team", "children": [] },
        "relations": [],
    })
}

/// Two users with emails, one of a second domain, and two groups.
fn org() -> Value {
    json!([
        user("jane", Some("jane@acme.io"), &["platform"]),
        user("joe", Some("joe@acme.com"), &["platform"]),
        group("platform"),
        group("sso-ops"),
    ])
}

/// What doctor says, and its exit code.
fn doctor(sandbox: &Sandbox, config: &Value, catalog: &Value) -> (i32, Value) {
    sandbox.write("wrangler.json", config.to_string());
    sandbox.write("catalog.json", catalog.to_string());
    as_json(sandbox, CATALOG)
}

/// Level, code and place of what doctor finds.
fn found(document: &Value) -> Vec<(String, String, String)> {
    let text = |finding: &Value, member: &str| finding[member].as_str().unwrap().to_owned();
    let all = serious(document).into_iter();
    all.map(|it| (text(it, "level"), text(it, "code"), text(it, "place"))).collect()
}

fn users_without_email() -> Value {
    json!([user("jane", None, &["platform"]), user("joe", None, &[]), group("platform")])
}

/// A name, resolvers and a catalog, the level of the finding, and the beginnings of why and of the remedy.
type Unfit = (&'static str, Value, Value, &'static str, &'static str, &'static str);

fn unfit_resolvers() -> Vec<Unfit> {
    let email = "emailMatchingUserEntityProfileEmail";
    let by = |resolver: Value| json!([resolver]);
    let matching = |by: &str, more: Value| {
        let mut resolver = json!({ "resolver": "userMatching", "value": "email", "by": by });
        resolver.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([resolver])
    };
    vec![
        (
            "email without emails",
            by(json!({ "resolver": email })),
            users_without_email(),
            "error",
            "no user has a `spec.profile.email`",
            "add the emails",
        ),
        (
            "emails of another domain",
            by(json!({ "resolver": email, "allowedDomains": ["acme.net", "ACME.org"] })),
            org(),
            "error",
            "no user has an email of acme.net, acme.org",
            "correct the domains",
        ),
        (
            "annotation with a slip",
            by(
                json!({ "resolver": "emailMatchingUserEntityAnnotation", "annotation": "acme.io/mail" }),
            ),
            org(),
            "error",
            "no user has the annotation acme.io/mail",
            "correct its name",
        ),
        (
            "annotation without an email",
            by(
                json!({ "resolver": "emailMatchingUserEntityAnnotation", "annotation": "acme.io/id" }),
            ),
            org(),
            "error",
            "no value of the annotation acme.io/id is an email",
            "name an annotation that holds the email",
        ),
        (
            "claim and an annotation with a slip",
            by(json!({
                "resolver": "claimMatchingUserEntityAnnotation", "claim": "sub", "annotation": "acme.io/ID",
            })),
            org(),
            "error",
            "no user has the annotation acme.io/ID",
            "correct its name",
        ),
        (
            "namespace without users",
            matching("name", json!({ "transform": "localPart", "namespace": "people" })),
            org(),
            "error",
            "no user is in the namespace people",
            "set `namespace`",
        ),
        (
            "email as a name",
            matching("name", json!({})),
            org(),
            "error",
            "no name of a user is a whole email",
            "write `transform = [\"localPart\"]`",
        ),
        (
            "field that none has",
            matching("field:spec.id", json!({})),
            org(),
            "error",
            "no user has the field spec.id",
            "correct its name",
        ),
        (
            "one of two",
            json!([{ "resolver": email }, {
                "resolver": "emailLocalPartMatchingUserEntityName", "allowedDomains": ["acme.io"],
            }]),
            users_without_email(),
            "warning",
            "no user has a `spec.profile.email`",
            "add the emails",
        ),
    ]
}

#[test]
fn resolver_that_finds_no_user_of_the_catalog_is_one_finding() {
    let sandbox = Sandbox::new("doctor-catalog-resolver");
    for (name, resolvers, catalog, level, why, remedy) in unfit_resolvers() {
        let (code, document) = doctor(&sandbox, &with(RESOLVERS, resolvers), &catalog);
        let place = "vars.CFACCESS.signIn.resolvers[0]".to_owned();
        let expected = [(level.to_owned(), "catalog-resolver".to_owned(), place)];
        assert_eq!(found(&document), expected, "{name}: {document:#}");
        assert_eq!(code, i32::from(level == "error"), "{name}");
        let one = serious(&document)[0];
        assert!(one["message"].as_str().unwrap().ends_with(&format!(": {why}")), "{name}: {one}");
        assert!(one["remedy"].as_str().unwrap().starts_with(remedy), "{name}: {one}");
        assert_eq!(one["file"], "wrangler.json", "{name}");
    }
}

#[test]
fn rule_that_no_email_of_the_catalog_meets_is_one_finding() {
    let sandbox = Sandbox::new("doctor-catalog-require");
    let mut config = with("/vars/CFACCESS/signIn/require", json!([{ "emailDomain": "acme.net" }]));
    let (code, document) = doctor(&sandbox, &config, &org());
    assert_eq!((code, found(&document).len()), (1, 1), "{document:#}");
    let message = serious(&document)[0]["message"].as_str().unwrap();
    assert!(message.ends_with("no user has an email of acme.net"), "{message}");
    change(
        &mut config,
        "/vars/CFACCESS/signIn/require/0/emailDomain",
        json!(["acme.net", "acme.io"]),
    );
    assert_eq!(doctor(&sandbox, &config, &org()).0, 0);
}

#[test]
fn resolvers_and_rules_that_fit_the_catalog_raise_nothing() {
    let sandbox = Sandbox::new("doctor-catalog-right");
    let email = "emailMatchingUserEntityProfileEmail";
    let good = with("/name", json!("gate"));
    let resolvers = |resolver: Value| with(RESOLVERS, json!([resolver]));
    let outside = "dangerouslyAllowSignInWithoutUserInCatalog";
    let mut refused_at_the_origin = with("/vars/BACKSTAGE/trust", json!("shared-key"));
    change(&mut refused_at_the_origin, "/vars/CFACCESS/onUserNotFound", json!("origin"));
    let name = json!({ "resolver": "emailLocalPartMatchingUserEntityName", "allowedDomains": ["acme.io"] });
    for (what, config, catalog) in [
        ("the good one", good.clone(), org()),
        ("domains", resolvers(json!({ "resolver": email, "allowedDomains": ["acme.io"] })), org()),
        ("names", resolvers(name), users_without_email()),
        (
            "a claim",
            resolvers(json!({
                "resolver": "claimMatchingUserEntityAnnotation", "claim": "custom.id", "annotation": "acme.io/id",
            })),
            users_without_email(),
        ),
        (
            "namespaces of domains",
            resolvers(json!({
                "resolver": "userMatching", "value": "email", "transform": ["localPart", "slug"], "by": "name",
                "namespace": { "acme.io": "default", "acme.de": "de" },
            })),
            users_without_email(),
        ),
        (
            "groups",
            with(
                "/vars/CFACCESS/ownership",
                json!({
                    "add": [
                        { "group": "Ops", "ref": "group:default/Platform" },
                        { "group": "sso *", "ref": "group:default/sso-*" },
                    ],
                    "keep": ["group:default/*", "group:default/platform"],
                }),
            ),
            org(),
        ),
        (
            "a service token",
            with(
                "/vars/CFACCESS/serviceTokens",
                json!([{ "token": "a.access", "subject": "jane@acme.io" }]),
            ),
            org(),
        ),
    ] {
        let (code, document) = doctor(&sandbox, &config, &catalog);
        assert_eq!((code, found(&document)), (0, vec![]), "{what}: {document:#}");
    }
    // Users who are not in the catalog sign in, which is said without a catalog too.
    let config = resolvers(json!({ "resolver": email, outside: true }));
    let (code, document) = doctor(&sandbox, &config, &users_without_email());
    assert_eq!((code, found(&document).len()), (0, 1), "{document:#}");
    // The origin's provider may find users.
    let (code, document) = doctor(&sandbox, &refused_at_the_origin, &users_without_email());
    assert_eq!((code, found(&document)[0].0.as_str()), (0, "warning"), "{document:#}");
}

#[test]
fn rule_on_a_group_that_the_catalog_does_not_have_is_one_finding() {
    let sandbox = Sandbox::new("doctor-catalog-group");
    let add = |group: &str| json!({ "add": [{ "group": "Ops", "ref": group }] });
    let keep = |group: &str| json!({ "keep": [group] });
    for (ownership, key) in [
        (add("group:default/platfrom"), "add[0].ref"),
        (add("group:teams/*"), "add[0].ref"),
        (add("group:default/team-*"), "add[0].ref"),
        (keep("group:default/platfrom"), "keep[0]"),
        (keep("group:teams/*"), "keep[0]"),
        (json!({ "keep": "group:teams/*" }), "keep[0]"),
    ] {
        let config = with("/vars/CFACCESS/ownership", ownership);
        let (code, document) = doctor(&sandbox, &config, &org());
        let place = format!("vars.CFACCESS.ownership.{key}");
        let expected = [("warning".to_owned(), "catalog-group".to_owned(), place)];
        assert_eq!((code, found(&document)), (0, expected.to_vec()), "{document:#}");
    }
    // Without the groups, one that has no member is not seen.
    let config = with("/vars/CFACCESS/ownership", add("group:default/empty"));
    let (_, document) =
        doctor(&sandbox, &config, &json!([user("jane", Some("jane@acme.io"), &["a"])]));
    assert_eq!(found(&document), vec![]);
    let findings = document["findings"].as_array().unwrap();
    let note = findings.iter().find(|it| it["code"] == "catalog-group").unwrap();
    assert_eq!(note["remedy"], "give the groups to --catalog too");
}

#[test]
fn users_whose_token_does_not_fit_are_named_with_the_words_of_catalog_build() {
    let sandbox = Sandbox::new("doctor-catalog-token");
    let groups: Vec<String> = (0..400).map(|it| format!("payments-engineering-{it:05}")).collect();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let catalog =
        json!([user("jane", Some("jane@acme.io"), &groups), user("joe", Some("j@acme.io"), &[])]);
    let omit = "/vars/BACKSTAGE/omitIdentityTokenOwnershipClaim";
    for (value, label, is_finding) in [
        (json!(false), "warning", true),
        (json!("auto"), "note", false),
        (json!(true), "note", false),
    ] {
        let (code, document) = doctor(&sandbox, &with(omit, value), &catalog);
        assert_eq!(code, 0, "{document}");
        let findings = document["findings"].as_array().unwrap();
        let mut sized = findings.iter().filter(|it| it["code"] == "catalog-token-size");
        let (one, None) = (sized.next().unwrap(), sized.next()) else { panic!("{document:#}") };
        assert_eq!(one["level"], label);
        assert_eq!(one["place"], "vars.BACKSTAGE.omitIdentityTokenOwnershipClaim");
        assert_eq!(found(&document).len(), usize::from(is_finding), "{document:#}");
        let text = |member: &str| one[member].as_str().unwrap().to_owned();
        assert!(text("message").contains("user:default/jane ("), "{one}");
        assert!(!text("message").contains("joe"), "{one}");
        let run = sandbox.run(&["catalog", "build", "catalog.json", "--out", "kv.json"]);
        let line = format!("{label}: {}: {}", text("message"), text("remedy"));
        assert!(run.stderr.lines().any(|it| it == line), "{line}\n{}", run.stderr);
    }
}

#[test]
fn service_token_whose_subject_is_no_user_is_one_finding() {
    let sandbox = Sandbox::new("doctor-catalog-service-token");
    let tokens = json!([
        { "token": "a.access", "subject": "jane@acme.io" },
        { "token": "b.access", "subject": "ci@acme.io" },
    ]);
    let (code, document) = doctor(&sandbox, &with("/vars/CFACCESS/serviceTokens", tokens), &org());
    let place = "vars.CFACCESS.serviceTokens[1].subject".to_owned();
    let expected = ("warning".to_owned(), "catalog-service-token".to_owned(), place);
    assert_eq!((code, found(&document)), (0, vec![expected]), "{document:#}");
}

#[test]
fn what_catalog_build_says_of_the_sources_is_found() {
    let sandbox = Sandbox::new("doctor-catalog-source");
    let good = with("/name", json!("gate"));
    let shared = json!([
        user("jane", Some("jane@acme.io"), &[]),
        user("joe", Some("jane@acme.io"), &[]),
        user("jo", Some("jo@acme.io"), &[]),
    ]);
    let indexed = with("/vars/CFACCESS/catalog", json!({ "indexes": ["spec.id"] }));
    for (config, catalog, level, code, place) in [
        (&good, shared, "warning", "catalog-shared", "--catalog"),
        (&good, json!([]), "error", "catalog-source", "--catalog"),
        (
            &good,
            json!([{ "kind": "User", "metadata": {}, "relations": [] }]),
            "error",
            "catalog-source",
            "--catalog",
        ),
        (&indexed, org(), "warning", "catalog-index", "vars.CFACCESS.catalog.indexes"),
    ] {
        let (exit, document) = doctor(&sandbox, config, &catalog);
        let expected = [(level.to_owned(), code.to_owned(), place.to_owned())];
        assert_eq!(found(&document), expected, "{document:#}");
        assert_eq!(exit, i32::from(level == "error"));
    }
    sandbox.write("catalog.json", "[");
    let (exit, document) = as_json(&sandbox, CATALOG);
    assert_eq!((exit, found(&document).len()), (1, 1), "{document:#}");
    assert_eq!(serious(&document)[0]["file"], "catalog.json:1", "{document:#}");
}

#[test]
fn options_are_those_of_catalog_build() {
    let sandbox = Sandbox::new("doctor-catalog-options");
    sandbox.write("wrangler.json", with("/name", json!("gate")).to_string());
    sandbox.write("org/users.json", org().to_string());
    sandbox.write("org/test/broken.json", "[");
    let (code, document) = as_json(&sandbox, &["--catalog", "org"]);
    assert_eq!((code, found(&document).len()), (1, 1), "{document:#}");
    let excluded = ["--catalog", "org", "--exclude", "**/test/**"];
    assert_eq!(as_json(&sandbox, &excluded).0, 0);
    let annotation = |name| as_json(&sandbox, &[&excluded[..], &["--annotation", name]].concat()).1;
    assert_eq!(found(&annotation("acme.io/id")), vec![]);
    assert_eq!(found(&annotation("acme.io/none"))[0].1, "catalog-index");
    for arguments in [&["--exclude", "x"][..], &["--annotation", "a.io/x"]] {
        assert_eq!(sandbox.run(&[&["doctor"], arguments].concat()).code, 2, "{arguments:?}");
    }
    let run = sandbox.run(&["doctor", "--catalog", "org/users.json", "--config", "wrangler.json"]);
    assert_eq!(run.stdout, "wrangler.json: 0 problems\ncatalog: 0 problems\n");
    // What is broken already is not compared.
    sandbox.write("wrangler.json", with(RESOLVERS, json!([])).to_string());
    let (code, document) = as_json(&sandbox, &["--catalog", "org/users.json"]);
    assert_eq!((code, found(&document).len()), (1, 1), "{document:#}");
}
