//! The forms in which people have their entities, and what Backstage refuses of them. The files of
//! `cases/` are inputs that once had another outcome.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::sandbox::{Run, Sandbox};

fn build(sandbox: &Sandbox, sources: &[&str]) -> Run {
    sandbox.run(&[&["catalog", "build", "--out", "kv.json"], sources].concat())
}

/// A run on a file or folder of `cases/`, in a sandbox of this name.
fn build_case(name: &str) -> (Sandbox, Run) {
    let sandbox = Sandbox::new(&format!("case-{}", name.replace('/', "-")));
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/cases").join(name);
    let run = build(&sandbox, &[case.to_str().unwrap()]);
    (sandbox, run)
}

/// The ownership of each user, without the user's own ref.
fn groups(sandbox: &Sandbox) -> BTreeMap<String, Vec<String>> {
    let entries: Vec<Value> = serde_json::from_str(&sandbox.read("kv.json")).unwrap();
    let refs = entries.iter().filter_map(|it| {
        let user = it["key"].as_str().unwrap().strip_prefix("v1:ref:")?;
        let record: Value = serde_json::from_str(it["value"].as_str().unwrap()).unwrap();
        let ent = record["user"]["ent"].as_array().unwrap().iter().skip(1);
        Some((user.to_owned(), ent.map(|it| it.as_str().unwrap().to_owned()).collect()))
    });
    refs.collect()
}

fn of(expected: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
    let texts = |it: &[&str]| it.iter().map(|it| format!("group:default/{it}")).collect();
    expected.iter().map(|(user, it)| (format!("user:default/{user}"), texts(it))).collect()
}

#[test]
fn these_files_have_users_as_backstage_reads_them() {
    for (name, expected) in [
        ("plain-scalars.yaml", of(&[("1_000", &["0b11", "1_000", "2024_01"])])),
        ("complex-key-in-another-kind.yaml", of(&[("jane", &["a"])])),
        ("kubernetes-kinds", of(&[("jane", &["team-a"])])),
        ("bom.json", of(&[("jane", &[])])),
        ("utf16.json", of(&[("jane", &[])])),
        ("pages/slurped-pages.json", of(&[("jane", &["team-a"]), ("joe", &["team-b"])])),
        ("pages/ndjson.json", of(&[("jane", &["team-a"]), ("joe", &["team-b"])])),
        ("pages/by-refs.json", of(&[("jane", &["team-a"])])),
    ] {
        let (sandbox, run) = build_case(name);
        assert_eq!((run.code, run.errors().len()), (0, 0), "{name}: {}", run.stderr);
        assert_eq!(run.warnings(), [""; 0], "{name}");
        assert_eq!(groups(&sandbox), expected, "{name}");
    }
    let (_, run) = build_case("kubernetes-kinds");
    assert!(run.stderr.starts_with("passed over: 3 of kind User, Group or Location with another"));
    let (_, run) = build_case("pages/by-refs.json");
    assert!(run.stderr.starts_with("passed over: 1 null\n"), "{}", run.stderr);
}

#[test]
fn these_files_are_refused_as_backstage_refuses_them() {
    for (name, expected) in [
        ("not-a-number.yaml", ":4: spec.profile.displayName must be a string"),
        ("other-api-group.yaml", "there is no user in the sources"),
        ("member-of-at-the-root.yaml", ":4: memberOf is not a member of an entity"),
        ("group-without-children.yaml", ":4: spec.children is missing"),
        (
            "pages/error-answer.json",
            ": Backstage answered with an error, status 401: AuthenticationError: Missing credentials",
        ),
    ] {
        let (sandbox, run) = build_case(name);
        assert_eq!((run.code, run.errors().len()), (1, 1), "{name}: {}", run.stderr);
        assert!(run.errors()[0].contains(expected), "{name}: {}", run.stderr);
        assert!(!sandbox.path("kv.json").exists(), "{name}");
    }
}

fn user(name: &str) -> Value {
    let version = "backstage.io/v1alpha1";
    let metadata = json!({ "name": name });
    let spec = json!({ "memberOf": [] });
    json!({ "apiVersion": version, "kind": "User", "metadata": metadata, "spec": spec })
}

#[test]
fn skeletons_of_templates_and_excluded_files_are_passed_over() {
    let sandbox = Sandbox::new("exclude");
    sandbox.write("org/users.json", user("jane").to_string());
    for skeleton in ["template/content", "node/skeleton"] {
        sandbox
            .write(&format!("org/{skeleton}/catalog-info.yaml"), "a: ${{ values.a | dump }}: b\n");
    }
    sandbox.write("org/node/template.yaml", "kind: Template\n");
    sandbox.write("org/content/joe.json", user("joe").to_string());
    sandbox.write("org/a/test/bad.yaml", "a: [");
    let run = build(&sandbox, &["org", "--exclude", "**/test/**"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(groups(&sandbox), of(&[("jane", &[]), ("joe", &[])]));
    let note = "passed over: 1 of other kinds, 2 folders with skeletons of templates\n";
    assert!(run.stderr.starts_with(note), "{}", run.stderr);
    assert_eq!(build(&sandbox, &["org"]).code, 1);
}

#[test]
fn pages_in_several_files_are_one_list() {
    let sandbox = Sandbox::new("pages");
    let page = |name: &str, info: Value| {
        let items = [user(name)];
        json!({ "items": items, "totalItems": 2, "pageInfo": info }).to_string()
    };
    sandbox.write("1.json", page("jane", json!({ "nextCursor": "x" })));
    sandbox.write("2.json", page("joe", json!({})));
    let run = build(&sandbox, &["1.json", "2.json"]);
    assert_eq!((run.code, run.warnings().len()), (0, 0), "{}", run.stderr);
    assert_eq!(groups(&sandbox), of(&[("jane", &[]), ("joe", &[])]));
    let run = build(&sandbox, &["1.json"]);
    assert_eq!(run.warnings(), ["the catalog says it has 2 entities and gave 1"]);
}

#[test]
fn relations_in_yaml_and_misspelled_versions_are_refused() {
    let sandbox = Sandbox::new("misspelled");
    let entity = "kind: User\nmetadata: {name: a}\nspec: {memberOf: []}\n";
    for (text, expected) in [
        ("apiVersion: backstage.io/v1alpha1\nrelations: []\n", ":2: relations"),
        ("apiVersion: backstage.io/v1\n", ":1: apiVersion must be `backstage.io/v1alpha1`"),
        ("", ":1: apiVersion is missing"),
        ("apiVersion: 1.0\n", ":1: apiVersion must be"),
    ] {
        sandbox.write("a.yaml", format!("{text}{entity}"));
        let run = build(&sandbox, &["a.yaml"]);
        assert_eq!((run.code, run.errors().len()), (1, 1), "{}", run.stderr);
        assert!(run.errors()[0].contains(expected), "{}", run.stderr);
    }
}
