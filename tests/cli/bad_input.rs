//! What `cfaccess catalog build` says of each bad input.

use serde_json::json;

use crate::sandbox::Sandbox;

/// A user as a catalog file has it: nine lines with the separator.
const JANE: &str = "kind: User
apiVersion: backstage.io/v1alpha1
metadata:
  name: jane
spec:
  profile:
    email: jane@example.com
  memberOf: []
---
";

/// The file, what is in it, and how its messages begin, each after the name of the file.
const CASES: [(&str, &str, &[&str]); 34] = [
    (
        "truncated.yaml",
        "kind: User\napiVersion: backstage.io/v1alpha1\nspec: [a,\n",
        &[":3: is not valid YAML: "],
    ),
    ("quote.yaml", "kind: \"User\nmetadata: {}\n", &[":1: is not valid YAML: "]),
    (
        "twice.yaml",
        "kind: User\napiVersion: backstage.io/v1alpha1\nmetadata: {name: a}\nkind: Group\n",
        &[":4: is not valid YAML: the key `kind` is there twice"],
    ),
    ("truncated.json", "[{\"kind\":\n\"User\"", &[":2: is not valid JSON: EOF while parsing"]),
    ("empty.json", "", &[": is empty"]),
    (
        "nameless.yaml",
        "kind: User\napiVersion: backstage.io/v1alpha1\nmetadata:\n  title: x\nspec: {memberOf: []}\n",
        &[":4: metadata.name is missing"],
    ),
    ("kindless.yaml", "\nmetadata:\n  name: jo\n", &[":2: kind is missing"]),
    (
        "both.yaml",
        "kind: User\napiVersion: backstage.io/v1alpha1\nspec: {memberOf: []}\n---\nmetadata: {title: x}\n",
        &[":1: metadata.name is missing", ":5: kind is missing", ":5: metadata.name is missing"],
    ),
    (
        "number.yaml",
        "kind: User\napiVersion: backstage.io/v1alpha1\nmetadata:\n  name: 007\nspec: {memberOf: []}\n",
        &[":4: metadata.name must be a string, and not empty; it is a number (put it in quotes)"],
    ),
    (
        "null.yaml",
        "kind: User\napiVersion: backstage.io/v1alpha1\nmetadata:\nspec: {memberOf: []}\n",
        &[":3: metadata must be an object"],
    ),
    (
        "email.yaml",
        "kind: User\napiVersion: backstage.io/v1alpha1\nmetadata: {name: a}\nspec:\n  profile:\n    email: jane doe@example.com\n  memberOf: []\n",
        &[":6: spec.profile.email must not contain spaces or control characters: \"jane doe@"],
    ),
    (
        "email.json",
        r#"[{"apiVersion":"backstage.io/v1alpha1","kind":"User","metadata":{"name":"a"},
            "spec":{"memberOf":[]}}, {"apiVersion":"backstage.io/v1alpha1","kind":"User",
            "metadata":{"name":"b"},"spec":{"memberOf":[],"profile":{"email":"b@c "}}}]"#,
        &[" (entity 2): spec.profile.email must not contain spaces"],
    ),
    (
        "list.yaml",
        "- kind: User\n",
        &[":1: this is not a catalog entity: an object with `kind` and `metadata`"],
    ),
    ("text.yaml", "just text\n", &[":1: this is not a catalog entity"]),
    ("compose.yaml", "services:\n  web: {}\n", &[":1: this is not a catalog entity"]),
    ("null.json", "[null]", &[" (entity 1): this is not a catalog entity"]),
    (
        "other.yaml",
        "kind: User\napiVersion: backstage.io/v1alpha1\nmetadata: {name: Jo}\nspec: {memberOf: []}\n---\nkind: User\napiVersion: backstage.io/v1alpha1\nmetadata: {name: jo}\nspec: {memberOf: \
         [a]}\n",
        &[":6: user:default/jo is another one at other.yaml:1"],
    ),
    (
        "name.yaml",
        "kind: User\napiVersion: backstage.io/v1alpha1\nmetadata: {name: jane_}\nspec: {memberOf: []}\n",
        &[":3: metadata.name must be up to 63 of the characters a-z A-Z 0-9 - _ . with a letter"],
    ),
    (
        "namespace.yaml",
        "kind: Group\napiVersion: backstage.io/v1alpha1\nmetadata:\n  name: a\n  namespace: Ops\nspec: {type: t, children: []}\n",
        &[":5: metadata.namespace must be up to 63 of the characters a-z 0-9 -, not `Ops`"],
    ),
    (
        "case.yaml",
        "kind: user\nmetadata: {name: a}\n",
        &[":1: kind must be written `User`, not `user`"],
    ),
    (
        "members.yaml",
        "kind: Group\napiVersion: backstage.io/v1alpha1\nmetadata: {name: a}\nspec:\n  type: t\n  children: []\n  members: [b, '', ':c']\n",
        &[":7: spec.members[1] must be an entity ref", ":7: spec.members[2] must be an entity ref"],
    ),
    (
        "one.yaml",
        "kind: User\napiVersion: backstage.io/v1alpha1\nmetadata: {name: a}\nspec:\n  memberOf: team-a\n",
        &[":5: spec.memberOf must be a list, not a string"],
    ),
    (
        "relations.json",
        r#"{"kind":"User","metadata":{"name":"a"},"relations":[{"type":"memberOf"}]}"#,
        &[" (entity 1): relations[0].targetRef must be a whole entity ref"],
    ),
    (
        "cut.yaml",
        "kind: User\napiVersion: backstage.io/v1alpha1\nspec:\n  profile:\n    email: \"jane\n",
        &[":5: is not valid YAML: "],
    ),
    (
        "self.yaml",
        "kind: Group\napiVersion: backstage.io/v1alpha1\nmetadata: {name: a}\nspec:\n  type: t\n  children:\n    - b\n    - A\n",
        &[":8: spec.children[1] is the group itself"],
    ),
    (
        "member.yaml",
        "kind: Group\napiVersion: backstage.io/v1alpha1\nmetadata: {name: a}\nspec: {type: t, children: [], members: ['group:default/a']}\n",
        &[":4: spec.members[0] is the group itself"],
    ),
    (
        "parent.yaml",
        "kind: Group\napiVersion: backstage.io/v1alpha1\nmetadata: {name: a}\nspec:\n  type: t\n  children: []\n  parent: group:a\n",
        &[":7: spec.parent is the group itself"],
    ),
    (
        "parents.yaml",
        "kind: Group\napiVersion: backstage.io/v1alpha1\nmetadata: {name: a}\nspec:\n  type: t\n  \
         children: []\n  parent: /a\n",
        &[":7: spec.parent must be an entity ref"],
    ),
    (
        "circle.yaml",
        "kind: Group\napiVersion: backstage.io/v1alpha1\nmetadata: {name: a}\nspec: {type: t, children: \
         [b]}\n---\nkind: Group\napiVersion: backstage.io/v1alpha1\nmetadata: {name: b}\nspec: {type: t, \
         children: []}\n---\nkind: Group\napiVersion: backstage.io/v1alpha1\nmetadata: {name: c}\nspec: \
         {type: t, parent: b, children: [a]}\n",
        &[
            ":1: the group contains itself: group:default/a, in it group:default/b, in it group:default/c, \
           in it group:default/a",
        ],
    ),
    (
        "annotation.yaml",
        "kind: User\napiVersion: backstage.io/v1alpha1\nmetadata:\n  name: a\n  annotations:\n    example.com/id: 7\n    other: 7\nspec: {memberOf: []}\n",
        &[
            ":6: metadata.annotations.example.com/id must be a string; it is a number (put it in quotes)",
            ":7: metadata.annotations.other must be a string; it is a number (put it in quotes)",
        ],
    ),
    (
        "annotations.yaml",
        "kind: User\napiVersion: backstage.io/v1alpha1\nmetadata:\n  name: a\n  annotations: [a]\nspec: {memberOf: []}\n",
        &[":5: metadata.annotations must be an object"],
    ),
    (
        "nobody.yaml",
        "kind: User\napiVersion: backstage.io/v1alpha1\nmetadata:\n  name: ''\nspec: {memberOf: []}\n",
        &[":4: metadata.name must be a string, and not empty; it is an empty string"],
    ),
    ("complex.yaml", "? [a]\n: b\n", &[":1: this is not a catalog entity"]),
    (
        "binary.yaml",
        "kind: User\napiVersion: backstage.io/v1alpha1\nmetadata: {name: \"a\u{1}\"}\n",
        &[":3: "],
    ),
];

#[test]
fn each_gets_one_message_with_its_place_and_nothing_is_written() {
    for (file, content, expected) in CASES {
        let sandbox = Sandbox::new(&format!("bad-{file}"));
        sandbox.write("good.yaml", JANE);
        sandbox.write(file, content);
        sandbox.write("kv.json", "what was there");
        let build = ["catalog", "build", "good.yaml", file, "--out", "kv.json"];
        let run = sandbox.run(&[&build[..], &["--annotation", "example.com/id"]].concat());
        assert_eq!(run.code, 1, "{file}: {}", run.stderr);
        let errors = run.errors();
        assert_eq!(errors.len(), expected.len(), "{file}: {}", run.stderr);
        for (error, expected) in errors.iter().zip(expected) {
            assert!(error.starts_with(&format!("{file}{expected}")), "{error}");
        }
        assert_eq!(run.stderr.lines().count(), errors.len(), "{file}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{file}");
        assert_eq!(sandbox.read("kv.json"), "what was there", "{file}");
        assert_eq!(sandbox.names().len(), 3, "{file}");
    }
}

#[test]
fn an_annotation_of_megabytes_is_a_problem_and_is_not_printed() {
    let sandbox = Sandbox::new("bad-annotation");
    let big = "x".repeat(5_000_000);
    let user = "kind: User\napiVersion: backstage.io/v1alpha1\nspec: {memberOf: []}\nmetadata:\n  name: a\n  annotations:\n";
    sandbox.write("a.yaml", format!("{user}    example.com/a: b\n    example.com/big: {big}\n"));
    sandbox.write("b.yaml", format!("{user}    example.com/big: \"{big}\"\n"));
    let annotations = json!({ "example.com/big": big });
    let mut user = json!({ "apiVersion": "backstage.io/v1alpha1", "kind": "User" });
    user["metadata"] = json!({ "name": "a", "annotations": annotations });
    user["spec"] = json!({ "memberOf": [] });
    sandbox.write("c.json", user.to_string());
    let sources = ["a.yaml", "b.yaml", "c.json"];
    let run = sandbox.run(&[&["catalog", "build", "--out", "kv.json"], &sources[..]].concat());
    let problem = "metadata.annotations.example.com/big has 5000000 bytes; 262144 are allowed";
    let places = ["a.yaml:8", "b.yaml:7", "c.json (entity 1)"];
    assert_eq!(run.errors(), places.map(|place| format!("{place}: {problem}")));
    assert!(!sandbox.path("kv.json").exists());
}

#[test]
fn a_mistake_in_one_document_leaves_the_places_of_the_others_right() {
    let sandbox = Sandbox::new("bad-middle");
    sandbox.write("a.yaml", format!("{JANE}kind: Users\nkind: User\n---\n{JANE}kind: User\napiVersion: backstage.io/v1alpha1\nspec: {{memberOf: []}}\n"));
    let run = sandbox.run(&["catalog", "build", "a.yaml", "--out", "kv.json"]);
    let places: Vec<&str> = run.errors().iter().filter_map(|it| it.split(": ").next()).collect();
    assert_eq!(places, ["a.yaml:11", "a.yaml:22"], "{}", run.stderr);
}

#[test]
fn problems_of_all_sources_come_at_once_and_in_their_order() {
    let sandbox = Sandbox::new("bad-all");
    sandbox.write(
        "a.yaml",
        "kind: User\napiVersion: backstage.io/v1alpha1\nspec: {memberOf: []}\n---\nkind: [\n",
    );
    sandbox.write("b.json", "{");
    sandbox.write(
        "c.yaml",
        "kind: User\napiVersion: backstage.io/v1alpha1\nmetadata:\n  name: a b\n  namespace: C\nspec: {memberOf: []}\n",
    );
    sandbox.write(
        "d.yaml",
        [&b"kind: User\napiVersion: backstage.io/v1alpha1\n# "[..], &[0xe4]].concat(),
    );
    let sources = ["c.yaml", "b.json", "d.yaml", "no.yaml", "a.yaml"];
    let run = sandbox.run(&[&["catalog", "build", "--out", "kv.json"], &sources[..]].concat());
    let places: Vec<&str> = run.errors().iter().filter_map(|it| it.split(": ").next()).collect();
    assert_eq!(
        places,
        ["c.yaml:4", "c.yaml:5", "b.json:1", "d.yaml", "no.yaml", "a.yaml:1", "a.yaml:5"],
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("error: d.yaml: is not UTF-8 text\n"));
    assert!(run.stderr.contains("error: no.yaml: cannot be read: "));
}

#[test]
fn nesting_without_end_is_a_problem_and_no_crash() {
    let sandbox = Sandbox::new("bad-deep");
    let deep = "[".repeat(100_000);
    sandbox
        .write("a.yaml", format!("kind: User\napiVersion: backstage.io/v1alpha1\nspec: {deep}\n"));
    sandbox.write("b.json", format!("[{{\"kind\": {deep}"));
    let run = sandbox.run(&["catalog", "build", "a.yaml", "b.json", "--out", "kv.json"]);
    assert_eq!((run.code, run.errors().len()), (1, 2), "{}", run.stderr);
    assert!(run.errors()[0].ends_with("is nested deeper than 1000 levels"), "{}", run.stderr);
}

#[test]
fn a_catalog_without_users_is_refused() {
    let sandbox = Sandbox::new("bad-nobody");
    sandbox.write("a.yaml", "kind: Group\napiVersion: backstage.io/v1alpha1\nmetadata: {name: a}\nspec: {type: t, children: [], members: [b]}\n");
    sandbox.write("empty.yaml", "# nothing\n---\n");
    for source in ["a.yaml", "empty.yaml"] {
        let run = sandbox.run(&["catalog", "build", source, "--out", "kv.json"]);
        assert_eq!(run.code, 1);
        assert_eq!(run.errors(), ["there is no user in the sources: no user could sign in"]);
    }
}

#[test]
fn a_folder_without_catalog_files_is_named() {
    let sandbox = Sandbox::new("bad-folder");
    sandbox.write("empty/README.md", "");
    let run = sandbox.run(&["catalog", "build", "empty", "--out", "new/kv.json"]);
    assert_eq!(run.code, 1);
    assert_eq!(run.errors(), ["empty: holds no .yaml, .yml or .json file"]);
    assert!(!sandbox.path("new").exists());
}
