//! `cfaccess catalog build`.

use std::path::Path;

use serde_json::{Value, json};

use crate::sandbox::{Run, Sandbox};

const ORG_YAML: &str = include_str!("org/org.yaml");
const ORG_JSON: &str = include_str!("org/entities.json");
const ORG_KV: &str = include_str!("org/kv.json");

/// A user as a catalog file has it.
fn user(name: &str, email: &str) -> String {
    format!(
        "kind: User\napiVersion: backstage.io/v1alpha1\nmetadata:\n  name: {name}\nspec:\n  profile:\n    email: {email}\n  memberOf: \
         []\n"
    )
}

fn build(sandbox: &Sandbox, source: &str) -> Run {
    sandbox.run(&["catalog", "build", source, "--out", "kv.json"])
}

#[test]
fn a_small_organisation_becomes_these_records() {
    let sandbox = Sandbox::new("org");
    sandbox.write("org.yaml", ORG_YAML);
    let run = build(&sandbox, "org.yaml");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(sandbox.read("kv.json"), ORG_KV);
    assert_eq!(run.stdout, "");
    assert_eq!(
        run.stderr,
        "warning: shared@example.com belongs to user:default/bob and user:default/carol: no user \
         can sign in by it\npassed over: 1 of other kinds\n4 users, 2 groups, 6 records; 1 ambiguous emails, 1 users without \
         email\n"
    );
}

#[test]
fn what_a_running_backstage_answers_becomes_the_same_records_as_its_files() {
    let sandbox = Sandbox::new("by-query");
    sandbox.write("by-query.json", ORG_JSON);
    assert_eq!(build(&sandbox, "by-query.json").code, 0);
    assert_eq!(sandbox.read("kv.json"), ORG_KV);
    let items: Value = serde_json::from_str(ORG_JSON).unwrap();
    sandbox.write("list", items["items"].to_string());
    assert_eq!(build(&sandbox, "list").code, 0);
    assert_eq!(sandbox.read("kv.json"), ORG_KV);
}

#[test]
fn every_record_is_one_that_the_worker_reads() {
    use backstage_cfaccess::backstage::EntityRef;
    use backstage_cfaccess::catalog::{Key, Record, decode};
    let entries: Vec<Value> = serde_json::from_str(ORG_KV).unwrap();
    let mut keys = Vec::new();
    for entry in &entries {
        let key = entry["key"].as_str().unwrap();
        let value = entry["value"].as_str().unwrap();
        let rest = key.strip_prefix("v1:").unwrap();
        let record = match rest.split_once(':').unwrap() {
            ("email", email) => decode(Key::Email(email), value),
            ("ref", text) => decode(Key::Ref(&EntityRef::parse(text, None).unwrap()), value),
            (other, _) => panic!("{other}"),
        };
        let is_shared = key == "v1:email:shared@example.com";
        assert_eq!(matches!(record.unwrap(), Record::Many(_)), is_shared, "{key}");
        keys.push(key);
    }
    assert!(keys.is_sorted());
}

#[test]
fn a_folder_is_searched_for_catalog_files_and_nothing_else() {
    let sandbox = Sandbox::new("folder");
    sandbox.write("org/b/two.yml", user("two", "two@example.com"));
    sandbox.write("org/a/one.yaml", user("one", "one@example.com"));
    sandbox.write(
        "org/three.json",
        json!({ "apiVersion": "backstage.io/v1alpha1", "kind": "User", "metadata": { "name": "three" },
            "spec": { "memberOf": [] } })
        .to_string(),
    );
    sandbox.write("org/README.md", "# Not a catalog file");
    sandbox.write("org/.github/workflow.yml", "on: push");
    let run = build(&sandbox, "org");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stderr
            .ends_with("3 users, 0 groups, 5 records; 0 ambiguous emails, 1 users without email\n")
    );
}

#[test]
fn one_entity_in_two_sources_counts_once() {
    let sandbox = Sandbox::new("twice");
    sandbox.write("a.yaml", user("jane", "jane@example.com"));
    sandbox.write("b.yaml", format!("# the same\n{}", user("Jane", "jane@example.com")));
    let run = sandbox.run(&["catalog", "build", "a.yaml", "b.yaml", "a.yaml", "--out", "-"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(serde_json::from_str::<Vec<Value>>(&run.stdout).unwrap().len(), 2);
}

#[test]
fn what_is_legal_but_not_meant_is_a_warning() {
    let sandbox = Sandbox::new("warnings");
    let page = json!({
        "items": [{ "apiVersion": "backstage.io/v1alpha1", "kind": "User", "metadata": { "name": "jo" }, "relations": [] }],
        "pageInfo": { "nextCursor": "abc" },
    });
    sandbox.write("page.json", page.to_string());
    sandbox.write(
        "files.yaml",
        "kind: Location\nmetadata: {name: l}\nspec: {targets: [./x.yaml]}\n---\nkind: User\napiVersion: backstage.io/v1alpha1\n\
         metadata: {name: ann}\nspec: {memberOf: []}\n",
    );
    let run = sandbox.run(&["catalog", "build", "page.json", "files.yaml", "--out", "kv.json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let expected = [
        "location:default/l has `spec.targets`, which are not followed: ",
        "page.json: the last page of the list is missing",
    ];
    let warnings = run.warnings();
    assert_eq!(warnings.len(), expected.len(), "{}", run.stderr);
    for (warning, expected) in warnings.iter().zip(expected) {
        assert!(warning.starts_with(expected), "{warning}");
    }
}

#[test]
fn names_that_a_running_backstage_allows_by_rules_of_its_own_are_taken() {
    let sandbox = Sandbox::new("own-rules");
    let entity = json!([{ "apiVersion": "backstage.io/v1alpha1", "kind": "User", "metadata": { "name": "jane@example.com" },
        "relations": [{ "type": "memberOf", "targetRef": "Group:Default/A@b" }] }]);
    sandbox.write("entities.json", entity.to_string());
    let run = build(&sandbox, "entities.json");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        sandbox
            .read("kv.json")
            .contains(r#"[\"user:default/jane@example.com\",\"group:default/a@b\"]"#)
    );
}

#[test]
fn a_file_that_cannot_be_written_is_an_error() {
    let sandbox = Sandbox::new("unwritable");
    sandbox.write("a.yaml", user("jane", "jane@example.com"));
    sandbox.write("folder/kv.json/x", "");
    let run = sandbox.run(&["catalog", "build", "a.yaml", "--out", "folder/kv.json"]);
    assert_eq!(run.code, 1);
    assert!(run.errors()[0].starts_with("folder/kv.json: cannot be written: "), "{}", run.stderr);
    assert!(Path::new(&sandbox.path("folder")).read_dir().unwrap().count() == 1);
}

#[test]
fn wrong_usage_exits_with_2() {
    let sandbox = Sandbox::new("usage");
    for arguments in
        [&["catalog", "build"][..], &["catalog", "build", "a.yaml"], &["catalog"], &["what"], &[]]
    {
        assert_eq!(sandbox.run(arguments).code, 2, "{arguments:?}");
    }
}

const TRANSITIVE: &str = "[vars.CFACCESS]\nteamName = \"t\"\naudience = \"a\"\ncatalog.groups = \
                          \"transitive\"\nsignIn.resolvers = [{ resolver = \
                          \"emailMatchingUserEntityProfileEmail\" }]\n";

/// The ownership of `user:default/jane` in kv.json, without kinds and namespaces.
fn ownership_of_jane(sandbox: &Sandbox) -> Vec<String> {
    let entries: Vec<Value> = serde_json::from_str(&sandbox.read("kv.json")).unwrap();
    let entry = entries.iter().find(|it| it["key"] == "v1:ref:user:default/jane").unwrap();
    let record: Value = serde_json::from_str(entry["value"].as_str().unwrap()).unwrap();
    let refs = record["user"]["ent"].as_array().unwrap().iter();
    refs.map(|it| it.as_str().unwrap().rsplit('/').next().unwrap().to_owned()).collect()
}

#[test]
fn transitive_groups_of_files_and_of_a_running_backstage_give_the_same_ownership() {
    let sandbox = Sandbox::new("transitive");
    let files = "kind: User\napiVersion: backstage.io/v1alpha1\nmetadata: {name: jane}\nspec: {memberOf: [team]}\n---\nkind: Group\napiVersion: backstage.io/v1alpha1\nmetadata: {name: team}\nspec: {type: t, parent: dept, children: []}\n---\nkind: Group\napiVersion: backstage.io/v1alpha1\nmetadata: {name: dept}\nspec: {type: t, children: []}\n---\nkind: Group\napiVersion: backstage.io/v1alpha1\nmetadata: {name: root}\nspec: {type: t, children: [dept]}\n";
    let group = |name: &str, parents: &[&str]| {
        let child_of =
            |it: &&str| json!({ "type": "childOf", "targetRef": format!("group:default/{it}") });
        let relations: Vec<Value> = parents.iter().map(child_of).collect();
        json!({ "kind": "Group", "metadata": { "name": name }, "relations": relations })
    };
    let member_of = json!([{ "type": "memberOf", "targetRef": "group:default/team" }]);
    let jane = json!({ "apiVersion": "backstage.io/v1alpha1", "kind": "User", "metadata": { "name": "jane" }, "relations": member_of });
    let groups = [group("team", &["dept"]), group("dept", &["root"]), group("root", &[])];
    let live = json!([&[jane.clone()][..], &groups].concat());
    for (name, text) in [("org.yaml", files.to_owned()), ("live.json", live.to_string())] {
        sandbox.write(name, text);
        sandbox.write("wrangler.toml", "");
        assert_eq!(build(&sandbox, name).code, 0);
        assert_eq!(ownership_of_jane(&sandbox), ["jane", "team"], "{name}");
        sandbox.write("wrangler.toml", TRANSITIVE);
        let run = build(&sandbox, name);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(ownership_of_jane(&sandbox), ["jane", "team", "dept", "root"], "{name}");
        assert!(!run.stderr.contains("warning"), "{}", run.stderr);
    }
    sandbox.write("users.json", json!([jane]).to_string());
    let run = build(&sandbox, "users.json");
    let expected = "warning: group:default/team: not in the sources, so which groups contain them";
    assert!(run.stderr.contains(expected), "{}", run.stderr);
}
