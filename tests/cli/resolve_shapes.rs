//! Users as the catalog's modules for Microsoft Graph, Okta, LDAP and GitHub write them, in the form in which
//! a running Backstage answers them, each with the resolvers that fit.

use serde_json::{Value, json};

use crate::resolve::Folder;

/// A page of `/api/catalog/entities/by-query`.
fn page(users: &[Value]) -> Value {
    json!({ "items": users, "totalItems": users.len(), "pageInfo": {} })
}

fn user(name: &str, annotations: &Value, profile: &Value, groups: &[&str]) -> Value {
    let relations: Vec<Value> = groups
        .iter()
        .map(|group| json!({ "type": "memberOf", "targetRef": format!("group:default/{group}") }))
        .collect();
    let mut annotations = annotations.clone();
    annotations["backstage.io/managed-by-location"] = json!("url:https://example.com/org");
    annotations["backstage.io/managed-by-origin-location"] = json!("url:https://example.com/org");
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "User",
        "metadata": {
            "uid": "3b0a8b1c-6a5e-4b4e-9d2b-0d8f3f1c2a11",
            "etag": "5c7f0a",
            "namespace": "default",
            "name": name,
            "annotations": annotations,
        },
        "spec": { "profile": profile, "memberOf": [] },
        "relations": relations,
    })
}

/// The user that the arguments sign in.
fn signs_in(folder: &Folder, arguments: &[&str]) -> (Value, Value) {
    let document = folder.json(arguments);
    assert_eq!(document["signsIn"], true, "{document}");
    (document["user"].clone(), document["resolver"].clone())
}

#[test]
fn microsoft_graph() {
    let folder = Folder::new(
        "msgraph",
        &json!([
            { "resolver": "emailMatchingUserEntityAnnotation", "annotation": "microsoft.com/email" },
            { "resolver": "emailMatchingUserEntityProfileEmail" },
            { "resolver": "userMatching", "value": "attribute:oid",
              "by": "annotation:graph.microsoft.com/user-id" },
        ]),
    );
    let annotations = json!({
        "graph.microsoft.com/user-id": "E1A2B3C4-0000-4000-8000-00000000000A",
        "microsoft.com/email": "Jane.Doe@acme.onmicrosoft.com",
    });
    let profile = json!({ "displayName": "Jane Doe", "email": "jane.doe@acme.com",
        "picture": "data:image/jpeg;base64,/9j/4AAQ" });
    folder.catalog(&page(&[user("jane.doe_acme.com", &annotations, &profile, &["platform_eu"])]));
    let jane = json!("user:default/jane.doe_acme.com");
    for (email, more, resolver) in [
        ("jane.doe@ACME.onmicrosoft.com", "", "emailMatchingUserEntityAnnotation"),
        ("jane.doe@acme.com", "", "emailMatchingUserEntityProfileEmail"),
        ("j@other.com", "oid=e1a2b3c4-0000-4000-8000-00000000000a", "userMatching"),
    ] {
        let mut arguments = vec!["--as", email];
        if !more.is_empty() {
            arguments.extend(["--attribute", more]);
        }
        assert_eq!(signs_in(&folder, &arguments), (jane.clone(), json!(resolver)), "{email}");
    }
}

#[test]
fn okta() {
    let resolver = json!([{ "resolver": "emailLocalPartMatchingUserEntityName", "allowedDomains": ["acme.com"] },
        { "resolver": "claimMatchingUserEntityAnnotation", "claim": "sub", "annotation": "okta.com/id" }]);
    let folder = Folder::new("okta", &resolver);
    let annotations = json!({ "okta.com/id": "00u1abcdEFGH2ijkl3M4" });
    let profile = json!({ "displayName": "Jane Doe", "email": "jane.doe@acme.com" });
    folder.catalog(&page(&[user("jane.doe", &annotations, &profile, &["everyone", "00g-eng"])]));
    let jane = json!("user:default/jane.doe");
    let found = signs_in(&folder, &["--as", "jane.doe@acme.com"]);
    assert_eq!(found, (jane.clone(), json!("emailLocalPartMatchingUserEntityName")));
    let found = signs_in(&folder, &["--as", "other@acme.com", "--sub", "00U1ABCDefgh2ijkl3m4"]);
    assert_eq!(found, (jane, json!("claimMatchingUserEntityAnnotation")));
}

#[test]
fn ldap() {
    let resolver = json!([{ "resolver": "userMatching", "value": "attribute:uid", "transform": ["lowerCase"],
        "by": "annotation:backstage.io/ldap-rdn" }]);
    let folder = Folder::new("ldap", &resolver);
    let annotations = json!({
        "backstage.io/ldap-rdn": "jdoe",
        "backstage.io/ldap-uuid": "76ef928a-b251-1037-9840-d78227f36a7e",
        "backstage.io/ldap-dn": "uid=jdoe,ou=people,dc=acme,dc=com",
    });
    let profile = json!({ "displayName": "Döe, Jane", "email": "jdoe@acme.com" });
    folder.catalog(&page(&[user("jdoe", &annotations, &profile, &["cn-eng"])]));
    let found = signs_in(&folder, &["--as", "jane@acme.com", "--attribute", "uid=JDoe"]);
    assert_eq!(found.0, "user:default/jdoe");
    let document = folder.json(&["--as", "jdoe@acme.com"]);
    assert_eq!(
        (&document["signsIn"], &document["code"]),
        (&json!(false), &json!("user_not_found"))
    );
}

#[test]
fn github() {
    let resolver = json!([{ "resolver": "emailMatchingUserEntityProfileEmail" },
        { "resolver": "userMatching", "value": "attribute:login", "by": "annotation:github.com/user-login" }]);
    let folder = Folder::new("github", &resolver);
    // Most members of an organisation have no public email.
    let octocat = user(
        "OctoCat",
        &json!({ "github.com/user-login": "OctoCat" }),
        &json!({ "displayName": "Octo", "picture": "https://avatars.githubusercontent.com/u/583231?v=4" }),
        &["core"],
    );
    folder.catalog(&page(&[octocat]));
    let found = signs_in(&folder, &["--as", "octo@acme.com", "--attribute", "login=octocat"]);
    assert_eq!(found, (json!("user:default/octocat"), json!("userMatching")));
    let refused = folder.json(&["--as", "octo@acme.com"]);
    let keys: Vec<&str> = refused["resolvers"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|it| it["reads"].as_array().unwrap())
        .map(|it| it["key"].as_str().unwrap())
        .collect();
    assert_eq!(keys, ["v1:email:octo@acme.com"]);
}
