//! Pages that are not the whole list, given to `cfaccess catalog push`: nothing is written.

use serde_json::{Value, json};

use crate::push::{Ground, users};
use crate::server::serve;

const URL: [&str; 2] = ["--token", "t"];

/// A Backstage that answers with these pages, one a request.
fn pages(pages: Vec<Value>) -> String {
    let mut at = 0;
    serve(move |_| {
        let page = pages.get(at).unwrap_or(&Value::Null);
        at += 1;
        (200, page.to_string())
    })
}

fn page(items: &[Value], total: usize, next: Option<&str>) -> Value {
    let info = next.map_or_else(|| json!({}), |next| json!({ "nextCursor": next }));
    json!({ "items": items, "totalItems": total, "pageInfo": info })
}

#[test]
fn a_list_that_ends_early_deletes_no_user() {
    let ground = Ground::new("early");
    let users = users(23);
    assert_eq!(ground.push_users(&users, &[]).code, 0);
    ground.cloud.writes();
    let first = page(&users[..20], 23, Some("c"));
    for (second, expected) in [
        (page(&[], 0, None), "said it has 23 entities, and on a later page 0"),
        (page(&[], 23, None), "says it has 23 entities and gave 20"),
        (page(&users[..20], 23, None), "says it has 23 entities and gave 20"),
        (page(&users[..20], 23, Some("d")), "gave a page twice"),
        (page(&[], 23, Some("d")), "gave an empty page"),
        (json!({ "items": users[20..], "pageInfo": {} }), "is not a page of entities"),
        (
            json!({ "error": { "name": "E", "message": "busy" }, "response": { "statusCode": 503 } }),
            "answered with an error, status 503: E: busy",
        ),
    ] {
        let url = pages(vec![first.clone(), second]);
        let run = ground.push(&[&["--url", &url], &URL[..]].concat());
        assert_eq!(run.code, 1, "{expected}: {}", run.stderr);
        assert!(run.errors()[0].contains(expected), "{}", run.stderr);
        assert_eq!(ground.cloud.writes(), [""; 0], "{expected}");
    }
    let url = pages(vec![first, page(&users[20..], 23, None)]);
    assert_eq!(ground.push(&[&["--url", &url], &URL[..]].concat()).code, 0);
}

#[test]
fn a_file_with_half_a_list_deletes_no_user() {
    let ground = Ground::new("half-file");
    let users = users(24);
    assert_eq!(ground.push_users(&users, &[]).code, 0);
    ground.cloud.writes();
    ground.sandbox.write("half.json", page(&users[..20], 24, Some("x")).to_string());
    let run = ground.push(&["half.json", "--force"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let error = "the catalog says it has 24 entities and gave 20: nothing is written";
    assert_eq!(run.errors(), [error]);
    assert_eq!(ground.cloud.writes(), [""; 0]);
}

#[test]
fn memberships_are_removed_up_to_a_share_and_beyond_it_by_force() {
    let ground = Ground::new("memberships");
    let mut users = users(10);
    assert_eq!(ground.push_users(&users, &[]).code, 0);
    ground.cloud.writes();
    for user in &mut users {
        user["relations"] = json!([]);
    }
    let run = ground.push_users(&users, &[]);
    assert_eq!(run.code, 1);
    let expected = "10 of 10 memberships would be removed, more than 20 %: nothing is written";
    assert!(run.errors()[0].contains(expected), "{}", run.stderr);
    assert_eq!(ground.cloud.writes(), [""; 0]);
    assert_eq!(ground.push_users(&users, &["--force"]).code, 0);
    assert_eq!(ground.push_users(&users, &[]).code, 0);
}

#[test]
fn names_and_refs_with_a_slash_or_a_control_character_are_refused() {
    let ground = Ground::new("names");
    for name in ["a/b", "a:b", "a\u{1b}[2J", "a\nb", "a b", ""] {
        let mut user = users(1).remove(0);
        user["metadata"]["name"] = json!(name);
        let url = pages(vec![page(&[user], 1, None)]);
        let run = ground.push(&[&["--url", &url], &URL[..]].concat());
        assert_eq!(run.code, 1, "{name:?}");
        assert!(run.errors()[0].contains("metadata.name must "), "{}", run.stderr);
        assert!(!run.stderr.contains('\u{1b}'));
        let mut user = users(1).remove(0);
        user["relations"][0]["targetRef"] = json!(format!("group:default/{name}"));
        let url = pages(vec![page(&[user], 1, None)]);
        let run = ground.push(&[&["--url", &url], &URL[..]].concat());
        assert_eq!(run.code, 1, "{name:?}");
        assert!(run.errors()[0].contains("relations[0].targetRef must be"), "{}", run.stderr);
    }
    assert_eq!(ground.cloud.writes(), [""; 0]);
}
