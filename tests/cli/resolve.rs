//! `cfaccess resolve` for one caller: the trace, the refusals with their remedies, bad input.

use serde_json::{Value, json};

use crate::sandbox::{Run, Sandbox};

const AUDIENCE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A folder with wrangler.json and catalog.json.
pub(crate) struct Folder(pub(crate) Sandbox);

/// Users by name, email and groups.
pub(crate) fn users(users: &[(&str, &str, &[&str])]) -> Value {
    users.iter().map(|(name, email, groups)| user(name, email, groups)).collect()
}

pub(crate) fn user(name: &str, email: &str, groups: &[&str]) -> Value {
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "User",
        "metadata": { "name": name },
        "spec": { "profile": { "displayName": format!("The {name}"), "email": email }, "memberOf": groups },
    })
}

impl Folder {
    pub(crate) fn new(name: &str, resolvers: &Value) -> Self {
        let folder = Self(Sandbox::new(&format!("resolve-{name}")));
        folder.configure(json!({ "signIn": { "resolvers": resolvers } }), json!({}));
        folder
    }

    /// Writes wrangler.json with these keys beside the required ones.
    pub(crate) fn configure(&self, cfaccess: Value, backstage: Value) {
        let mut vars = json!({
            "CFACCESS": { "teamName": "acme", "audience": AUDIENCE },
            "BACKSTAGE": { "baseUrl": "https://backstage.example.com" },
        });
        for (name, keys) in [("CFACCESS", cfaccess), ("BACKSTAGE", backstage)] {
            for (key, value) in keys.as_object().unwrap() {
                vars[name][key] = value.clone();
            }
        }
        self.0.write("wrangler.json", json!({ "name": "gate", "vars": vars }).to_string());
    }

    pub(crate) fn catalog(&self, entities: &Value) {
        self.0.write("catalog.json", entities.to_string());
    }

    pub(crate) fn resolve(&self, arguments: &[&str]) -> Run {
        self.0.run(&[&["resolve", "catalog.json"], arguments].concat())
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let run = self.resolve(&[arguments, &["--json"]].concat());
        serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr))
    }
}

fn by_email_then_name() -> Value {
    json!([
        { "resolver": "emailMatchingUserEntityProfileEmail" },
        { "resolver": "emailLocalPartMatchingUserEntityName" },
    ])
}

#[test]
fn trace_names_each_resolver_each_key_and_why_it_went_on() {
    let folder = Folder::new("trace", &by_email_then_name());
    folder.catalog(&users(&[("jane", "other@example.com", &["team-a"])]));
    let run = folder.resolve(&["--as", "jane@example.com"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let expected = "\
caller    user jane@example.com
1.        emailMatchingUserEntityProfileEmail
            v1:email:jane@example.com: no record
            next: no user in the catalog
2.        emailLocalPartMatchingUserEntityName
            v1:ref:user:default/jane: user:default/jane
            signs in
user      user:default/jane
owns      user:default/jane
          group:default/team-a
name      The jane
email     jane@example.com
token     ";
    let (before, length) = run.stdout.split_at(run.stdout.find("token     ").unwrap() + 10);
    assert_eq!(before, expected);
    assert!(length.contains("with omitIdentityTokenOwnershipClaim = false: "), "{length}");
    assert!(length.trim_end().ends_with("fits"), "{length}");
}

#[test]
fn refusal_has_code_keys_and_remedy_and_exit_code_1() {
    let folder = Folder::new("refused", &by_email_then_name());
    folder.catalog(&users(&[("jane", "jane@example.com", &[])]));
    let run = folder.resolve(&["--as", "ghost@example.com"]);
    assert_eq!((run.code, run.errors()), (1, vec!["does not sign in: user_not_found"]));
    for part in [
        "refused   user_not_found (404)",
        "log       no resolver finds a user, 2 tried; email domain example.com",
        "do        add the user to Backstage's catalog so that one of these keys exists",
        "v1:email:ghost@example.com, v1:ref:user:default/ghost",
    ] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
}

#[test]
fn each_refusal_has_its_remedy() {
    let resolvers = json!([
        { "resolver": "emailMatchingUserEntityProfileEmail", "allowedDomains": ["example.com"] },
    ]);
    let folder = Folder::new("remedies", &resolvers);
    let require = json!([{ "group": ["staff"] }, { "attribute": "type", "not": ["contractor"], "code": "contractor" }]);
    folder.catalog(&users(&[("one", "twin@example.com", &[]), ("two", "Twin@example.com", &[])]));
    folder
        .configure(json!({ "signIn": { "resolvers": resolvers, "require": require } }), json!({}));
    let staff = ["--group", "staff"];
    for (arguments, code, remedy) in [
        (vec!["--as", "a@example.com"], "requirement_not_met", "CFACCESS.signIn.require"),
        (
            [&["--as", "a@example.com", "--attribute", "type=contractor"], &staff[..]].concat(),
            "contractor",
            "CFACCESS.signIn.require",
        ),
        ([&["--as", "a@other.com"], &staff[..]].concat(), "domain_not_allowed", "allowedDomains"),
        (
            [&["--as", "twin@example.com"], &staff[..]].concat(),
            "user_ambiguous",
            "user:default/one and user:default/two share v1:email:twin@example.com",
        ),
        (vec!["--service-token", "7.access"], "service_token_unknown", "CFACCESS.serviceTokens"),
    ] {
        let document = folder.json(&arguments);
        assert_eq!((&document["signsIn"], &document["code"]), (&json!(false), &json!(code)));
        let said = document["remedy"].as_str().unwrap();
        assert!(said.contains(remedy) && said.contains("docs/troubleshooting.md"), "{said}");
    }
    let run = folder.resolve(&["--as", "a@example.com"]);
    assert!(run.stderr.contains("note: the configuration looks at groups"), "{}", run.stderr);
}

#[test]
fn identity_groups_attributes_and_service_token_are_what_the_worker_would_see() {
    let resolvers = json!([
        { "resolver": "userMatching", "value": "attribute:employee_id", "by": "annotation:acme.com/id" },
        { "resolver": "emailMatchingUserEntityProfileEmail" },
    ]);
    let folder = Folder::new("identity", &resolvers);
    folder.configure(
        json!({
            "signIn": { "resolvers": resolvers },
            "serviceTokens": [{ "token": "1.access", "subject": "bot@example.com" }],
            "ownership": { "add": [{ "group": "platform-*", "ref": "group:default/*" }] },
            "token": { "claims": { "employee": "attribute:employee_id" } },
        }),
        json!({}),
    );
    let mut jane = user("jane", "elsewhere@example.com", &["team-a"]);
    jane["metadata"]["annotations"] = json!({ "acme.com/id": "7" });
    folder.catalog(&json!([jane, user("bot", "bot@example.com", &[])]));
    let identity = json!({ "email": "Jane@example.com", "groups": [{ "name": "platform-core" }, "x"],
        "custom": { "employee_id": "7" } });
    // With a byte order mark, as some programs save it.
    folder.0.write("identity.json", format!("\u{feff}{identity}"));
    let document = folder.json(&["--identity", "identity.json"]);
    assert_eq!(document["user"], "user:default/jane", "{document}");
    let owned = json!(["user:default/jane", "group:default/team-a", "group:default/platform-core"]);
    assert_eq!(document["ownership"], owned);
    assert_eq!(document["claims"], json!({ "employee": "7" }));
    let by_hand = ["--as", "j@x.org", "--attribute", "employee_id=7", "--group", "platform-core"];
    let document = folder.json(&by_hand);
    assert_eq!((&document["ownership"], &document["claims"]["employee"]), (&owned, &json!("7")));
    let bot = folder.json(&["--service-token", "1.access"]);
    assert_eq!(
        (&bot["user"], &bot["resolvers"][0]["reads"]),
        (&json!("user:default/bot"), &json!([]))
    );
    let why = bot["resolvers"][0]["why"].as_str().unwrap();
    assert_eq!(why, "next: the caller has nothing that it could look up");
}

#[test]
fn token_that_does_not_fit_is_named_by_resolve_build_and_push() {
    let folder = Folder::new("large", &by_email_then_name());
    let groups: Vec<String> = (0..400).map(|it| format!("payments-engineering-{it:05}")).collect();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    folder
        .catalog(&users(&[("jane", "jane@example.com", &groups), ("joe", "joe@example.com", &[])]));
    let document = folder.json(&["--as", "jane@example.com"]);
    let token = &document["token"];
    assert!(token["length"].as_u64().unwrap() < 1_000, "{token}");
    assert!(token["lengthWithOwnership"].as_u64().unwrap() > 16_384, "{token}");
    assert_eq!((&token["fitsWithOwnership"], &token["issued"]), (&json!(false), &json!(true)));
    let build = ["catalog", "build", "catalog.json", "--out", "kv.json"];
    let run = folder.0.run(&build);
    let named = format!(
        "the token of 1 users would be, with omitIdentityTokenOwnershipClaim = false, larger than Node.js \
         takes (16384 bytes of headers, of which 4096 are counted for the others): user:default/jane ({} \
         characters)",
        token["lengthWithOwnership"]
    );
    assert!(run.stderr.contains(&format!("note: {named}")), "{}", run.stderr);
    folder.configure(
        json!({ "signIn": { "resolvers": by_email_then_name() } }),
        json!({ "omitIdentityTokenOwnershipClaim": false }),
    );
    let run = folder.0.run(&build);
    assert!(run.warnings().iter().any(|it| it.contains("user:default/jane")), "{}", run.stderr);
    assert!(!run.stderr.contains("user:default/joe"), "{}", run.stderr);
    // Nor does Backstage take it at some length.
    let groups: Vec<String> = (0..700).map(|it| format!("payments-engineering-{it:05}")).collect();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    folder.catalog(&users(&[("jane", "jane@example.com", &groups)]));
    let run = folder.resolve(&["--as", "jane@example.com"]);
    assert!(run.stdout.contains("token     none: token_too_large"), "{}", run.stdout);
    assert_eq!((run.code, run.errors()), (1, vec!["signs in, and gets no token: token_too_large"]));
}

#[test]
fn resolver_of_ones_own_is_not_decided() {
    let resolvers = json!([
        { "resolver": "emailMatchingUserEntityProfileEmail" },
        { "resolver": "acme/employee" },
    ]);
    let folder = Folder::new("own", &resolvers);
    folder.catalog(&users(&[("jane", "jane@example.com", &[])]));
    assert_eq!(folder.json(&["--as", "jane@example.com"])["user"], "user:default/jane");
    let run = folder.resolve(&["--as", "ghost@example.com"]);
    assert_eq!(run.errors(), ["not decided: acme/employee is code of your Worker"]);
    assert!(run.stdout.contains("backstage_cfaccess::testing::Trial"), "{}", run.stdout);
}

#[test]
fn records_of_build_are_a_source_too() {
    let folder = Folder::new("records", &by_email_then_name());
    folder.catalog(&users(&[("jane", "jane@example.com", &["team-a"])]));
    folder.0.run(&["catalog", "build", "catalog.json", "--out", "kv.json"]);
    let run = folder.0.run(&["resolve", "kv.json", "--as", "jane@example.com", "--json"]);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document, folder.json(&["--as", "jane@example.com"]));
    folder.0.write("kv.json", r#"[{"key":"v1:email:jane@example.com","value":"{\"v\":9}"}]"#);
    let run = folder.0.run(&["resolve", "kv.json", "--as", "jane@example.com"]);
    assert_eq!(run.errors(), ["does not sign in: catalog_corrupt"]);
    assert!(run.stdout.contains("not a record of this version"), "{}", run.stdout);
    folder.0.write("kv.json", r#"[{"key":"v1:email:jane@example.com","value":{}}]"#);
    let run = folder.0.run(&["resolve", "kv.json", "--as", "jane@example.com"]);
    assert_eq!(run.errors(), ["kv.json (record 1): must have `key` and `value`, both strings"]);
}

#[test]
fn bad_input_is_named_and_nothing_is_resolved() {
    let folder = Folder::new("bad", &by_email_then_name());
    folder.catalog(&users(&[("jane", "jane@example.com", &[])]));
    folder.0.write("of-joe.json", r#"{"email":"joe@example.com"}"#);
    folder.0.write("list.json", "[]");
    folder.0.write("error.json", r#"{"err":"no app token set"}"#);
    folder.0.write("groups.json", r#"{"email":"jane@example.com","groups":"staff"}"#);
    folder.0.write("no-email.json", r#"{"name":"Jane"}"#);
    let jane = ["--as", "jane@example.com"];
    for (arguments, code, message) in [
        (vec![], 1, "say whose sign-in with --as, --identity or --service-token"),
        (vec!["--group", "x"], 1, "--group, --attribute and --sub need --as or --identity"),
        (
            [&jane[..], &["--identity", "of-joe.json"]].concat(),
            1,
            "of-joe.json: is of joe@example.com",
        ),
        (vec!["--identity", "list.json"], 1, "list.json: is not one JSON object"),
        (vec!["--identity", "none.json"], 1, "none.json: cannot be read"),
        (vec!["--identity", "error.json"], 1, "is an error of get-identity (no app token set)"),
        (vec!["--identity", "groups.json"], 1, "groups.json: `groups` must be a list"),
        (vec!["--identity", "no-email.json"], 1, "no-email.json: has no `email`"),
        ([&jane[..], &["--env", "staging"]].concat(), 1, "has no environment `staging`"),
        ([&jane[..], &["--remote"]].concat(), 2, "cannot be used with"),
        (vec!["--as", "jane"], 2, "must be an email"),
        ([&jane[..], &["--attribute", "x"]].concat(), 2, "must be `NAME=VALUE`"),
        ([&jane[..], &["--service-token", "x"]].concat(), 2, "cannot be used with"),
    ] {
        let run = folder.resolve(&arguments);
        assert_eq!(run.code, code, "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(message), "{arguments:?}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{arguments:?}");
    }
    let elsewhere = Sandbox::new("resolve-no-configuration");
    elsewhere.write("catalog.json", "[]");
    let run = elsewhere.run(&["resolve", "catalog.json", "--as", "jane@example.com"]);
    assert!(run.errors()[0].contains("name the file with --config"), "{}", run.stderr);
    folder.configure(json!({ "signIn": { "resolvers": [{ "resolver": "none" }] } }), json!({}));
    let run = folder.resolve(&jane);
    assert!(run.errors()[0].starts_with("wrangler.json: CFACCESS.signIn"), "{}", run.stderr);
}

#[test]
fn control_characters_and_secrets_are_not_printed() {
    let folder = Folder::new("control", &by_email_then_name());
    let mut jane = user("jane", "jane@example.com", &[]);
    jane["spec"]["profile"]["displayName"] = json!("\u{1b}[31mred\u{202e}");
    folder.catalog(&json!([jane]));
    folder.configure(
        json!({ "signIn": { "resolvers": by_email_then_name() }, "profile": { "displayName": "catalog" } }),
        json!({}),
    );
    for more in [&[][..], &["--json"]] {
        let caller = ["--as", "jane@example.com", "--group", "\u{1b}[2Jg\nowns      group:x/admin"];
        let run = folder.resolve(&[&caller[..], more].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(!run.stdout.contains(['\u{1b}', '\u{202e}']), "{:?}", run.stdout);
        assert!(!run.stdout.contains("\nowns      group:x/admin"), "{}", run.stdout);
        // Nothing that a backend would take as a token.
        assert!(!run.stdout.contains("eyJ"), "{}", run.stdout);
    }
}
