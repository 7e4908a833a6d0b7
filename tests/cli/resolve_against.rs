//! What another catalog changes for each user: `resolve --against` and `catalog push --dry-run`.

use serde_json::{Value, json};

use crate::push::Ground;
use crate::resolve::{Folder, user, users};

fn by_email() -> Value {
    json!([{ "resolver": "emailMatchingUserEntityProfileEmail" }])
}

fn old() -> Value {
    users(&[
        ("gone", "gone@example.com", &[]),
        ("moves", "moves@example.com", &["team-a", "team-b"]),
        ("renamed", "before@example.com", &[]),
        ("same", "same@example.com", &["team-a"]),
        ("shares", "shares@example.com", &[]),
    ])
}

fn new() -> Value {
    users(&[
        ("added", "added@example.com", &[]),
        ("moves", "moves@example.com", &["team-b", "team-c"]),
        ("renamed", "after@example.com", &[]),
        ("same", "SAME@example.com", &["team-a"]),
        ("shares", "shares@example.com", &[]),
        ("thief", "Shares@example.com", &[]),
    ])
}

const EXPECTED: &str = "\
lost    user:default/gone: user_not_found
lost    user:default/shares: user_ambiguous
new     user:default/added
changed user:default/moves -group:default/team-a +group:default/team-c
changed user:default/renamed no longer by before@example.com now by after@example.com
2 users can no longer sign in, 1 newly can, 2 change; 5 could before, 4 can after
";

#[test]
fn each_user_whose_sign_in_changes_is_named_with_the_change() {
    let folder = Folder::new("against", &by_email());
    folder.catalog(&new());
    folder.0.write("old.json", old().to_string());
    let run = folder.resolve(&["--against", "old.json"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, EXPECTED), "{}", run.stderr);
    let document = folder.json(&["--against", "old.json"]);
    assert_eq!((&document["before"], &document["after"]), (&json!(5), &json!(4)));
    let moves = json!({ "user": "user:default/moves", "change": "changed",
        "ownershipAdded": ["group:default/team-c"], "ownershipRemoved": ["group:default/team-a"],
        "noLongerBy": [], "nowBy": [] });
    assert!(document["changes"].as_array().unwrap().contains(&moves), "{document}");
    let nothing = folder.resolve(&["--against", "catalog.json"]);
    let all = "0 users can no longer sign in, 0 newly can, 0 change; 4 could before, 4 can after\n";
    assert_eq!(nothing.stdout, all);
}

#[test]
fn one_caller_is_compared_with_before() {
    let folder = Folder::new("against-one", &by_email());
    folder.catalog(&new());
    folder.0.write("old.json", old().to_string());
    let run = folder.resolve(&["--as", "gone@example.com", "--against", "old.json"]);
    assert_eq!(run.code, 1);
    assert!(
        run.stdout.contains("before    user:default/gone, owns user:default/gone"),
        "{}",
        run.stdout
    );
    let document = folder.json(&["--as", "added@example.com", "--against", "old.json"]);
    assert_eq!(
        (&document["signsIn"], &document["before"]["code"]),
        (&json!(true), &json!("user_not_found"))
    );
}

#[test]
fn user_without_an_email_can_sign_in_only_by_name() {
    let mut without = user("jane", "jane@example.com", &[]);
    without["spec"]["profile"] = json!({});
    let by_name = json!([{ "resolver": "emailLocalPartMatchingUserEntityName" }]);
    let lost = "lost    user:default/jane: user_not_found\n1 users can no longer sign in, 0 newly can, 0 \
                change; 1 could before, 0 can after\n";
    let same =
        "0 users can no longer sign in, 0 newly can, 0 change; 1 could before, 1 can after\n";
    for (resolvers, expected) in [(by_email(), lost), (by_name, same)] {
        let folder = Folder::new("against-without-email", &resolvers);
        folder.0.write("old.json", users(&[("jane", "jane@example.com", &[])]).to_string());
        folder.catalog(&json!([without.clone()]));
        assert_eq!(folder.resolve(&["--against", "old.json"]).stdout, expected);
    }
}

#[test]
fn rules_on_groups_do_not_hide_what_the_catalog_changes() {
    let folder = Folder::new("against-require", &by_email());
    folder.catalog(&new());
    folder.0.write("old.json", old().to_string());
    let require = json!([{ "group": ["staff"] }, { "emailDomain": ["example.com"] }]);
    folder
        .configure(json!({ "signIn": { "resolvers": by_email(), "require": require } }), json!({}));
    assert_eq!(folder.resolve(&["--against", "old.json"]).stdout, EXPECTED);
    let require = json!([{ "emailDomain": ["other.com"] }]);
    folder
        .configure(json!({ "signIn": { "resolvers": by_email(), "require": require } }), json!({}));
    let run = folder.resolve(&["--against", "old.json"]);
    assert!(run.stdout.ends_with("0 could before, 0 can after\n"), "{}", run.stdout);
}

#[test]
fn users_are_followed_by_annotation_too() {
    let by_id = json!([{ "resolver": "claimMatchingUserEntityAnnotation", "claim": "custom.id",
        "annotation": "acme.com/id" }]);
    let folder = Folder::new("against-annotation", &by_id);
    let with_id = |name: &str, id: &str| {
        let mut user = user(name, "x@example.com", &[]);
        user["spec"]["profile"] = json!({});
        user["metadata"]["annotations"] = json!({ "acme.com/id": id });
        user
    };
    folder.0.write("old.json", json!([with_id("jane", "7"), with_id("joe", "8")]).to_string());
    folder.catalog(&json!([with_id("jane", "9"), with_id("joe", "8"), with_id("jim", "8")]));
    let run = folder.resolve(&["--against", "old.json"]);
    let expected = "\
lost    user:default/joe: user_ambiguous
changed user:default/jane no longer by acme.com/id=7 now by acme.com/id=9
1 users can no longer sign in, 0 newly can, 1 change; 2 could before, 1 can after
";
    assert_eq!(run.stdout, expected, "{}", run.stderr);
}

/// A KV with the old catalog, and a folder with the new one.
fn kv_with_the_old_one(name: &str) -> Ground {
    let Ground { sandbox, cloud, api } = Ground::new(name);
    let folder = Folder(sandbox);
    folder.configure(json!({ "signIn": { "resolvers": by_email() } }), json!({}));
    folder.catalog(&new());
    folder.0.write("old.json", old().to_string());
    let ground = Ground { sandbox: folder.0, cloud, api };
    let run = ground.push(&["old.json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    ground
}

#[test]
fn dry_run_of_push_prints_the_same_changes_and_writes_nothing() {
    let ground = kv_with_the_old_one("dry-run-users");
    let (before, _) = (ground.cloud.pairs(), ground.cloud.writes());
    let run = ground.push(&["catalog.json", "--dry-run", "--force"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.starts_with(EXPECTED), "{}", run.stdout);
    assert_eq!(ground.cloud.pairs(), before);
    let writes = ground.cloud.writes();
    assert!(writes.iter().all(|it| it == "POST /bulk/get"), "{writes:?}");
    // Also where too much would go: then it is most wanted.
    let run = ground.push(&["catalog.json", "--dry-run", "--max-deletions", "1%"]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.starts_with(EXPECTED), "{}", run.stdout);
    let run = ground.push(&["catalog.json", "--force"]);
    assert!(!run.stdout.contains("can no longer sign in"), "{}", run.stdout);
}

#[test]
fn kv_is_a_source_and_an_older_catalog() {
    let ground = kv_with_the_old_one("resolve-kv");
    let run = ground.run(&["resolve", "--remote", "--as", "moves@example.com", "--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["ownership"][1], "group:default/team-a");
    let run = ground.run(&["resolve", "catalog.json", "--against", "kv"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, EXPECTED), "{}", run.stderr);
    let run = ground.run(&["resolve", "--remote", "--as", "ghost@example.com"]);
    assert_eq!(run.errors(), ["does not sign in: user_not_found"]);
}

#[test]
fn kv_that_does_not_answer_is_a_fault_and_not_a_missing_user() {
    let ground = kv_with_the_old_one("resolve-kv-down");
    let run = ground.run_as("wrong", &["resolve", "--remote", "--as", "moves@example.com"]);
    assert_eq!(run.errors(), ["does not sign in: catalog_unavailable"], "{}", run.stdout);
    assert!(run.stdout.contains("Authentication error"), "{}", run.stdout);
    let run = ground.run_as("wrong", &["resolve", "catalog.json", "--against", "kv"]);
    assert!(run.errors()[0].contains("status 403"), "{}", run.stderr);
}

/// A stand-in for npx with wrangler in it, which prints what wrangler 4 does.
#[cfg(unix)]
#[test]
fn wrangler_reads_kv_with_its_login_and_the_kv_of_wrangler_dev() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("wrangler", &by_email());
    folder.catalog(&old());
    folder.0.run(&["catalog", "build", "catalog.json", "--out", "kv.json"]);
    let records: Vec<Value> = serde_json::from_str(&folder.0.read("kv.json")).unwrap();
    let keys: Vec<Value> = records.iter().map(|it| json!({ "name": it["key"] })).collect();
    folder.0.write("keys", json!(keys).to_string());
    let mut values: serde_json::Map<String, Value> = records
        .iter()
        .map(|it| (it["key"].as_str().unwrap().to_owned(), json!({ "value": it["value"] })))
        .collect();
    values.insert("v1:email:ghost@example.com".to_owned(), json!({ "value": null }));
    folder.0.write("values", format!("{:#}", Value::Object(values)));
    let script = "#!/bin/sh\necho \"$@\" >> calls\necho \"[banner] {\"\necho\n\
                  case \"$5\" in list) cat keys;; get) cat values;; esac\n";
    folder.0.write("bin/npx", script);
    let npx = folder.0.path("bin/npx");
    std::fs::set_permissions(&npx, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", npx.parent().unwrap().display());
    let run = |arguments: &[&str]| folder.0.run_in(arguments, "", &[("PATH", &path)]);
    let moves = run(&["resolve", "--local", "--as", "moves@example.com", "--json"]);
    assert_eq!(moves.code, 0, "{}", moves.stderr);
    let document: Value = serde_json::from_str(&moves.stdout).unwrap();
    assert_eq!(document["user"], "user:default/moves");
    assert_eq!(
        run(&["resolve", "--remote", "--as", "ghost@example.com"]).errors(),
        ["does not sign in: user_not_found"]
    );
    folder.catalog(&new());
    let against = run(&["resolve", "catalog.json", "--against", "kv"]);
    assert_eq!(against.stdout, EXPECTED, "{}", against.stderr);
    let calls = folder.0.read("calls");
    assert!(
        calls.contains("--no-install wrangler kv key list --prefix v1: --binding CATALOG --remote"),
        "{calls}"
    );
    assert!(calls.contains(" --binding CATALOG --local --config /"), "{calls}");
    folder.0.write("bin/npx", "#!/bin/sh\necho '✘ [ERROR] Not logged in.' >&2\nexit 1\n");
    let refused = run(&["resolve", "catalog.json", "--against", "kv"]);
    assert_eq!(refused.errors(), ["wrangler kv key list --prefix v1:: ✘ [ERROR] Not logged in."]);
    let none =
        folder.0.run_in(&["resolve", "--local", "--as", "a@example.com"], "", &[("PATH", "/none")]);
    assert!(none.stdout.contains("npx: cannot be run"), "{}", none.stdout);
}
