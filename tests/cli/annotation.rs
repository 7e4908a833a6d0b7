//! Records by annotation: which ones `catalog build` and `catalog push` make, and what becomes of
//! them.

use serde_json::{Value, json};

use crate::push::Ground;
use crate::sandbox::Sandbox;
use crate::server::serve;

/// A configuration of which only the resolvers matter.
fn wrangler(top: &str, staging: &str) -> String {
    let by = |annotation: &str| {
        format!(
            "{{ signIn.resolvers = [{{ resolver = 'emailMatchingUserEntityAnnotation', annotation = \
             '{annotation}' }}] }}"
        )
    };
    format!("vars.CFACCESS = {}\n[env.staging.vars]\nCFACCESS = {}\n", by(top), by(staging))
}

/// A user of a running Backstage with this annotation.
fn user(name: &str, id: &str) -> Value {
    json!({
        "kind": "User",
        "metadata": { "name": name, "annotations": { "a.io/id": id, "a.io/other": "x" } },
        "relations": [],
    })
}

fn keys(kv: &str) -> Vec<String> {
    let entries: Vec<Value> = serde_json::from_str(kv).unwrap();
    entries.iter().map(|entry| entry["key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_resolvers_of_wrangler_toml_and_the_option_say_which_annotations_make_records() {
    let sandbox = Sandbox::new("annotation-build");
    sandbox.write("wrangler.toml", wrangler("a.io/id", "a.io/other"));
    sandbox.write("users.json", json!([user("ann", "Ä 1"), user("bob", "2")]).to_string());
    let build = |options: &[&str]| {
        let build = ["catalog", "build", "users.json", "--out", "kv.json"];
        let run = sandbox.run(&[&build[..], options].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        (keys(&sandbox.read("kv.json")), run.stderr)
    };
    let by_id = ["v1:annotation:a.io/id=2", "v1:annotation:a.io/id=ä 1"];
    let by_other = ["v1:annotation:a.io/other=x"];
    let by_ref = ["v1:ref:user:default/ann", "v1:ref:user:default/bob"];
    let (found, stderr) = build(&[]);
    assert_eq!(found, [&by_id[..], &by_ref].concat());
    assert_eq!(
        stderr,
        "2 users, 0 groups, 4 records; 0 ambiguous emails or annotations, 2 users without email, \
         2 with a.io/id\n"
    );
    let (found, stderr) = build(&["--env", "staging"]);
    assert_eq!(found, [&by_other[..], &by_ref].concat());
    let warning = "warning: a.io/other=x belongs to user:default/ann and user:default/bob: no user";
    assert!(stderr.starts_with(warning), "{stderr}");
    let (found, stderr) = build(&["--annotation", "a.io/other", "--annotation", "a.io/none"]);
    assert_eq!(found, [&by_id[..], &by_other, &by_ref].concat());
    assert!(stderr.contains("warning: no user has the annotation a.io/none: no user can sign in"));
    // Without a configuration, as many a catalog is built.
    std::fs::remove_file(sandbox.path("wrangler.toml")).unwrap();
    assert_eq!(build(&[]).0, by_ref);
    let value = sandbox.read("kv.json");
    assert!(!value.contains("annotations"), "{value}");
}

#[test]
fn resolvers_that_cannot_be_read_are_named_with_their_place_and_nothing_is_written() {
    let sandbox = Sandbox::new("annotation-bad");
    sandbox.write("users.json", json!([user("ann", "1")]).to_string());
    let build = |options: &[&str]| {
        let build = ["catalog", "build", "users.json", "--out", "kv.json"];
        let run = sandbox.run(&[&build[..], options].concat());
        assert_eq!(sandbox.names().len(), 2, "{}", run.stderr);
        (run.code, run.errors().join("\n"))
    };
    sandbox.write("wrangler.toml", wrangler("a=b", "x"));
    let (code, error) = build(&[]);
    assert_eq!(code, 1);
    let place = "wrangler.toml: CFACCESS.signIn.resolvers[0].annotation must be the name";
    assert!(error.starts_with(place), "{error}");
    sandbox.write("wrangler.toml", "vars = \n");
    assert_eq!(build(&[]).0, 1);
    assert!(build(&["--env", "none"]).1.starts_with("wrangler.toml:1: is not valid TOML"));
    assert!(build(&["--config", "none.toml"]).1.starts_with("none.toml: cannot be read"));
    assert_eq!(build(&["--annotation", "a=b"]).0, 2);
}

#[test]
fn a_running_backstage_is_asked_for_the_annotations_of_the_resolvers_alone() {
    let ground = Ground::new("annotation-live");
    ground.sandbox.write("wrangler.toml", wrangler("a.io/id", "x"));
    let url = serve(|request| {
        let fields = request.query("fields").unwrap();
        assert!(fields.ends_with(",relations,metadata.annotations.a.io/id"), "{fields}");
        // This one gives more than it was asked for.
        let items = json!([user("ann", "1"), user("bob", "2")]);
        (200, json!({ "items": items, "totalItems": 2, "pageInfo": {} }).to_string())
    });
    let run = ground.push(&["--url", &url]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let pairs = ground.cloud.pairs();
    let ann = r#"{"v":1,"user":{"ref":"user:default/ann","ent":["user:default/ann"],"annotations":{"a.io/id":"1"}}}"#;
    assert_eq!(pairs["v1:annotation:a.io/id=1"], ann);
    assert_eq!(pairs["v1:ref:user:default/ann"], ann);
    assert_eq!(pairs.len(), 4);
}

#[test]
fn a_changed_annotation_moves_and_half_of_them_do_not_go_unasked() {
    let ground = Ground::new("annotation-push");
    let push = |users: &[Value], options: &[&str]| {
        ground.sandbox.write("users.json", json!(users).to_string());
        ground.push(&[&["users.json"][..], options].concat())
    };
    let by_id = ["--annotation", "a.io/id"];
    let mut users: Vec<Value> = (0..10).map(|i| user(&format!("u{i}"), &i.to_string())).collect();
    assert_eq!(push(&users, &by_id).code, 0);
    users[3]["metadata"]["annotations"]["a.io/id"] = json!("new");
    let run = push(&users, &by_id);
    assert_eq!(
        run.stdout,
        "remove v1:annotation:a.io/id=3\nchange v1:ref:user:default/u3\nadd    \
         v1:annotation:a.io/id=new\n1 to remove, 1 to change, 1 to add, 18 unchanged\n"
    );
    // Now Backstage has lost the annotation of three.
    for user in &mut users[4..7] {
        user["metadata"]["annotations"] = json!({});
    }
    ground.cloud.writes();
    let run = push(&users, &by_id);
    assert!(run.errors()[0].starts_with("3 of 10 annotations would be removed"), "{}", run.stderr);
    assert_eq!(ground.cloud.writes(), [""; 0]);
    // No resolver asks for it any more: all of them may go.
    assert_eq!(push(&users, &[]).code, 0);
    assert_eq!(ground.cloud.pairs().len(), 10);
}
