//! `cfaccess catalog push`, against a KV and a Backstage on this machine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use backstage_cfaccess::catalog::is_sync_key;
use serde_json::{Value, json};

use crate::sandbox::{Run, Sandbox};
use crate::server::{Request, serve};

const ORG_YAML: &str = include_str!("org/org.yaml");
const ORG_KV: &str = include_str!("org/kv.json");

const NAMESPACE: &str = "/accounts/acc-1/storage/kv/namespaces/ns1";

/// A KV namespace behind Cloudflare's REST interface, in small: pages of two keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cloud {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Value and metadata by key.
    pairs: BTreeMap<String, (String, Value)>,
    requests: Vec<String>,
    /// How many requests are still answered; the one after them is done by half.
    lives: Option<usize>,
    /// Whether the first bulk write leaves one key out.
    forgets: bool,
}

impl Cloud {
    fn start(&self) -> String {
        let cloud = self.clone();
        serve(move |request| cloud.answer(request))
    }

    fn answer(&self, request: &Request) -> (u16, String) {
        let mut state = self.state.lock().unwrap();
        let Some(path) = request.path.strip_prefix(NAMESPACE) else {
            return (404, json!({ "success": false, "errors": [] }).to_string());
        };
        let (path, _) = path.split_once('?').unwrap_or((path, ""));
        if request.header("authorization") != Some("Bearer api-token") {
            let errors = json!([{ "code": 10000, "message": "Authentication error" }]);
            return (403, json!({ "success": false, "errors": errors }).to_string());
        }
        let by_half = state.lives == Some(0);
        if let Some(lives) = &mut state.lives {
            *lives = lives.saturating_sub(1);
        }
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let items = body.as_array().cloned().unwrap_or_default();
        let key_of = |item: &Value| item["key"].as_str().or(item.as_str()).map(is_sync_key);
        if items.is_empty() || !items.iter().all(|item| key_of(item) == Some(true)) {
            state.requests.push(format!("{} {path}", request.method));
        }
        let count = if by_half { items.len() / 2 } else { items.len() };
        let mut unsuccessful = Vec::new();
        let result = match (request.method.as_str(), path) {
            ("GET", "/keys") => {
                let after = request.query("cursor").unwrap_or_default();
                let prefix = request.query("prefix").unwrap();
                let keys = state.pairs.iter().filter(|(key, _)| key.starts_with(&prefix));
                let page: Vec<_> = keys.filter(|(key, _)| **key > after).take(3).collect();
                let cursor = if page.len() > 2 { page[1].0.as_str() } else { "" };
                let info = json!({ "cursor": cursor });
                let keys: Vec<Value> = page
                    .iter()
                    .take(2)
                    .map(|(key, (_, metadata))| match metadata {
                        Value::Null => json!({ "name": key }),
                        metadata => json!({ "name": key, "metadata": metadata }),
                    })
                    .collect();
                json!({ "success": true, "result": keys, "result_info": info })
            }
            ("PUT", "/bulk") => {
                for item in items.iter().take(count) {
                    let key = item["key"].as_str().unwrap().to_owned();
                    if !is_sync_key(&key) && std::mem::take(&mut state.forgets) {
                        unsuccessful.push(key);
                        continue;
                    }
                    let value = item["value"].as_str().unwrap().to_owned();
                    state.pairs.insert(key, (value, item["metadata"].clone()));
                }
                json!({ "success": true, "result": { "unsuccessful_keys": unsuccessful } })
            }
            ("POST", "/bulk/delete") => {
                for item in items.iter().take(count) {
                    state.pairs.remove(item.as_str().unwrap());
                }
                json!({ "success": true, "result": { "unsuccessful_keys": [] } })
            }
            ("POST", "/bulk/get") => {
                let keys = body["keys"].as_array().unwrap();
                assert!(keys.len() <= 100, "{}", keys.len());
                let value = |key: &Value| {
                    let key = key.as_str().unwrap();
                    (key.to_owned(), json!(state.pairs.get(key).map(|(value, _)| value)))
                };
                let values: serde_json::Map<String, Value> = keys.iter().map(value).collect();
                json!({ "success": true, "result": { "values": values } })
            }
            other => panic!("{other:?}"),
        };
        if by_half { (500, String::new()) } else { (200, result.to_string()) }
    }

    /// Puts a value there with itself as metadata.
    pub(crate) fn puts(&self, key: &str, value: &str) {
        let pair = (value.to_owned(), json!(value));
        self.state.lock().unwrap().pairs.insert(key.to_owned(), pair);
    }

    pub(crate) fn pairs(&self) -> BTreeMap<String, String> {
        let state = self.state.lock().unwrap();
        let records = state.pairs.iter().filter(|(key, _)| !is_sync_key(key));
        records.map(|(key, (value, _))| (key.clone(), value.clone())).collect()
    }

    /// The writes since it was last asked.
    pub(crate) fn writes(&self) -> Vec<String> {
        let requests = std::mem::take(&mut self.state.lock().unwrap().requests);
        requests.into_iter().filter(|request| !request.starts_with("GET")).collect()
    }

    /// Goes down after so many requests.
    fn dies_after(&self, lives: Option<usize>) {
        self.state.lock().unwrap().lives = lives;
    }
}

/// A sandbox, a KV, and a Backstage if the test starts one.
pub(crate) struct Ground {
    pub(crate) sandbox: Sandbox,
    pub(crate) cloud: Cloud,
    pub(crate) api: String,
}

impl Ground {
    pub(crate) fn new(name: &str) -> Self {
        let cloud = Cloud::default();
        let api = cloud.start();
        Self { sandbox: Sandbox::new(&format!("push-{name}")), cloud, api }
    }

    pub(crate) fn push(&self, arguments: &[&str]) -> Run {
        self.push_with(arguments, &[])
    }

    pub(crate) fn push_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        let ids = ["catalog", "push", "--account", "acc-1", "--namespace", "ns1"];
        let variables = [&self.variables()[..], variables].concat();
        self.sandbox.run_in(&[&ids[..], arguments].concat(), "", &variables)
    }

    /// Any command, with this KV.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_as("api-token", arguments)
    }

    /// The same with another token of Cloudflare's API.
    pub(crate) fn run_as(&self, api_token: &str, arguments: &[&str]) -> Run {
        let ids = ["--account", "acc-1", "--namespace", "ns1"];
        let variables = [&self.variables()[..], &[("CLOUDFLARE_API_TOKEN", api_token)]].concat();
        self.sandbox.run_in(&[arguments, &ids[..]].concat(), "", &variables)
    }

    fn variables(&self) -> [(&str, &str); 3] {
        [
            ("CLOUDFLARE_API_BASE_URL", &self.api),
            ("CLOUDFLARE_API_TOKEN", "api-token"),
            ("CFACCESS_RETRY_MS", "1"),
        ]
    }

    /// Pushes these users, from a file.
    pub(crate) fn push_users(&self, users: &[Value], arguments: &[&str]) -> Run {
        self.sandbox.write("users.json", json!(users).to_string());
        self.push(&[&["users.json"], arguments].concat())
    }
}

/// A user as a running catalog has it.
fn user(name: &str, email: &str, groups: &[&str]) -> Value {
    let relations: Vec<Value> = groups
        .iter()
        .map(|group| json!({ "type": "memberOf", "targetRef": format!("group:default/{group}") }))
        .collect();
    json!({
        "kind": "User",
        "metadata": { "name": name, "namespace": "default" },
        "spec": { "profile": { "email": email } },
        "relations": relations,
    })
}

pub(crate) fn users(count: usize) -> Vec<Value> {
    (0..count).map(|i| user(&format!("u{i}"), &format!("u{i}@example.com"), &["a"])).collect()
}

#[test]
fn what_is_pushed_is_what_build_writes_and_a_second_time_nothing_is() {
    let ground = Ground::new("first");
    ground.sandbox.write("org.yaml", ORG_YAML);
    let run = ground.push(&["org.yaml"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.ends_with("0 to remove, 0 to change, 6 to add, 0 unchanged\n"));
    let built: Vec<Value> = serde_json::from_str(ORG_KV).unwrap();
    let state = ground.cloud.state.lock().unwrap();
    let records = state.pairs.keys().filter(|key| !is_sync_key(key));
    assert_eq!(records.count(), built.len());
    for entry in built {
        let (value, metadata) = &state.pairs[entry["key"].as_str().unwrap()];
        assert_eq!((json!(value), metadata), (entry["value"].clone(), &entry["metadata"]));
    }
    drop(state);
    assert_eq!(ground.cloud.writes().len(), 1);

    let again = ground.push(&["org.yaml"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(again.stdout, "0 to remove, 0 to change, 0 to add, 6 unchanged\n");
    assert_eq!(ground.cloud.writes(), [""; 0]);
}

#[test]
fn only_what_differs_is_written_and_keys_of_others_are_left_alone() {
    let ground = Ground::new("change");
    assert_eq!(ground.push_users(&users(10), &[]).code, 0);
    {
        let mut state = ground.cloud.state.lock().unwrap();
        state.pairs.insert("other:key".into(), ("x".into(), Value::Null));
        // As `wrangler kv key put` would leave it: without the digest.
        state.pairs.get_mut("v1:ref:user:default/u1").unwrap().1 = Value::Null;
    }
    ground.cloud.writes();
    let mut changed = users(9);
    changed[0] = user("u0", "u0@example.com", &["b"]);
    changed.push(user("new", "new@example.com", &[]));
    let run = ground.push_users(&changed, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(
        run.stdout,
        "remove v1:email:u9@example.com
remove v1:ref:user:default/u9
change v1:email:u0@example.com
change v1:ref:user:default/u0
change v1:ref:user:default/u1
add    v1:email:new@example.com
add    v1:ref:user:default/new
2 to remove, 3 to change, 2 to add, 15 unchanged
"
    );
    assert_eq!(ground.cloud.writes(), ["POST /bulk/delete", "PUT /bulk", "PUT /bulk"]);
    let pairs = ground.cloud.pairs();
    assert_eq!(pairs.len(), 21);
    assert_eq!(pairs["other:key"], "x");
    assert!(pairs["v1:email:u0@example.com"].contains("group:default/b"));
}

#[test]
fn a_dry_run_says_the_same_and_writes_nothing() {
    let ground = Ground::new("dry");
    let run = ground.push_users(&users(2), &["--dry-run"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.ends_with("0 to remove, 0 to change, 4 to add, 0 unchanged\n"));
    assert_eq!(ground.cloud.writes(), [""; 0]);
}

#[test]
fn more_than_the_share_is_removed_only_by_force() {
    let ground = Ground::new("share");
    assert_eq!(ground.push_users(&users(10), &[]).code, 0);
    ground.cloud.writes();
    let run = ground.push_users(&users(7), &[]);
    assert_eq!(run.code, 1);
    assert_eq!(
        run.errors(),
        ["3 of 10 users would be removed, more than 20 %: nothing is written. If the source is \
          right, run it with --force"]
    );
    assert!(run.stdout.contains("6 to remove"), "{}", run.stdout);
    // Everybody is there still, but cannot be found by email.
    let nameless: Vec<Value> = users(10)
        .into_iter()
        .map(|mut user| {
            user["spec"] = json!({});
            user
        })
        .collect();
    let run = ground.push_users(&nameless, &[]);
    assert_eq!(run.code, 1);
    assert!(run.errors()[0].starts_with("10 of 10 emails would be removed"));
    assert_eq!(ground.cloud.writes(), [""; 0]);

    assert_eq!(ground.push_users(&users(7), &["--max-deletions", "30%"]).code, 0);
    assert_eq!(ground.push_users(&users(1), &["--force"]).code, 0);
    assert_eq!(ground.cloud.pairs().len(), 2);
}

#[test]
fn stopped_anywhere_and_run_again_it_ends_right() {
    // Jane leaves and her email goes to Joe; Ann and Bob come to share one; Eve is new.
    let mut before = users(10);
    before.extend([
        user("jane", "desk@example.com", &["secret"]),
        user("joe", "joe@example.com", &["b"]),
        user("ann", "ann@example.com", &["c"]),
        user("bob", "bob@example.com", &["d"]),
    ]);
    let mut after = users(10);
    after.extend([
        user("joe", "desk@example.com", &["b"]),
        user("ann", "ann@example.com", &["c"]),
        user("bob", "ann@example.com", &["d"]),
        user("eve", "eve@example.com", &[]),
    ]);
    let ground = Ground::new("stopped");
    ground.push_users(&before, &[]);
    let old = ground.cloud.pairs();
    ground.push_users(&after, &[]);
    let new = ground.cloud.pairs();
    assert_ne!(old, new);
    let mut steps = 0;
    for lives in 0.. {
        ground.cloud.dies_after(None);
        ground.push_users(&before, &["--force", "--resume"]);
        assert_eq!(ground.cloud.pairs(), old);
        ground.cloud.dies_after(Some(lives));
        let stopped = ground.push_users(&after, &[]);
        for (key, value) in ground.cloud.pairs() {
            let known = [old.get(&key), new.get(&key)];
            assert!(known.contains(&Some(&value)), "after {lives} requests, {key} is {value}");
        }
        if stopped.code == 0 {
            assert_eq!(ground.cloud.pairs(), new);
            break;
        }
        assert_eq!(stopped.code, 1);
        assert_eq!(stopped.errors().len(), 1, "{}", stopped.stderr);
        steps += usize::from(ground.cloud.pairs() != old);
        ground.cloud.dies_after(None);
        // KV was gone before the run could say that it has ended.
        let again = ground.push_users(&after, &["--resume"]);
        assert_eq!(again.code, 0, "{}", again.stderr);
        assert_eq!(ground.cloud.pairs(), new, "after {lives} requests");
    }
    assert!(steps >= 3, "{steps}");
}

#[test]
fn what_kv_did_not_take_is_sent_again() {
    let ground = Ground::new("forgets");
    ground.cloud.state.lock().unwrap().forgets = true;
    assert_eq!(ground.push_users(&users(3), &[]).code, 0);
    assert_eq!(ground.cloud.pairs().len(), 6);
    assert_eq!(ground.cloud.writes().len(), 2);
}

/// A Backstage with these users, in pages of two, that answers each request with an error at first,
/// as often as `errors` says.
fn backstage(users: Vec<Value>, total: usize, errors: usize) -> String {
    let mut left = errors;
    serve(move |request| {
        if left > 0 {
            left -= 1;
            return (if left.is_multiple_of(2) { 500 } else { 429 }, "busy".into());
        }
        left = errors;
        assert!(request.path.starts_with("/tools/api/catalog/entities/by-query?"));
        if request.header("authorization") != Some("Bearer catalog-token") {
            return (401, "{}".into());
        }
        assert!(request.query("fields").unwrap().contains("relations"));
        let cursor = request.query("cursor");
        assert_eq!(cursor.is_none(), request.query("filter").as_deref() == Some("kind=user"));
        let at: usize = cursor.map_or(0, |it| it.strip_prefix("a+/=").unwrap().parse().unwrap());
        let items: Vec<&Value> = users.iter().skip(at).take(2).collect();
        let mut page = json!({ "items": items, "totalItems": total, "pageInfo": {} });
        if at + 2 < users.len() {
            page["pageInfo"] = json!({ "nextCursor": format!("a+/={}", at + 2) });
        }
        (200, page.to_string())
    })
}

#[test]
fn groups_of_a_running_backstage_are_read_if_ownership_is_transitive() {
    let ground = Ground::new("transitive");
    ground.sandbox.write(
        "wrangler.toml",
        "[vars.CFACCESS]\ncatalog.groups = \"transitive\"\nsignIn.resolvers = [{ resolver = \
         \"emailMatchingUserEntityProfileEmail\" }]\n",
    );
    let group = |parent: Value| {
        let relations = json!([{ "type": "childOf", "targetRef": parent }]);
        json!({ "kind": "Group", "metadata": { "name": "a" }, "relations": relations })
    };
    let url = |group: Value| {
        serve(move |request| {
            let is_group = request.query("filter").as_deref() == Some("kind=group");
            let item = if is_group { group.clone() } else { users(1).remove(0) };
            (200, json!({ "items": [item], "totalItems": 1, "pageInfo": {} }).to_string())
        })
    };
    let run = ground.push(&["--url", &url(group(json!("group:default/dept")))]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let pairs = ground.cloud.pairs();
    let record = pairs.iter().find(|(key, _)| key.starts_with("v1:ref:")).unwrap().1;
    let expected = r#""group:default/a","group:default/dept"]"#;
    assert!(record.contains(expected), "{record}");

    let run = ground.push(&["--url", &url(group(json!(7)))]);
    assert_eq!(run.code, 1);
    assert!(
        run.stderr.contains("group:default/a: its `relations` cannot be read"),
        "{}",
        run.stderr
    );
    assert_eq!(ground.cloud.pairs(), pairs);
}

#[test]
fn a_running_backstage_is_read_page_by_page_and_patiently() {
    let ground = Ground::new("live");
    let url = format!("{}/tools/", backstage(users(5), 5, 3));
    let token = [("CATALOG_TOKEN", "catalog-token")];
    let run = ground.push_with(&["--url", &url], &token);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.starts_with("5 users, 10 records; "), "{}", run.stderr);
    let live = ground.cloud.pairs();
    assert_eq!(ground.push_users(&users(5), &[]).stdout.lines().count(), 1);
    assert_eq!(live.len(), 10);
    let run = ground.push(&["--url", &url, "--token", "catalog-token"]);
    assert_eq!(run.stdout, "0 to remove, 0 to change, 0 to add, 10 unchanged\n");
}

#[test]
fn a_backstage_that_does_not_give_everything_is_refused_and_nothing_is_written() {
    let bad = || {
        let mut users = users(3);
        users[1]["spec"]["profile"]["email"] = json!("u 1@example.com");
        users[2].as_object_mut().unwrap().remove("relations");
        users
    };
    let token = "catalog-token";
    for (url, token, expected) in [
        (backstage(users(3), 6, 0), token, "the catalog says it has 6 entities and gave 3"),
        (backstage(users(0), 0, 0), token, "there is no user in its catalog"),
        (backstage(users(3), 3, 9), token, "status 500"),
        (backstage(users(3), 3, 0), "wrong", "status 401: the token is missing, or not good"),
        (backstage(bad(), 3, 0), token, "user u1: spec.profile.email must not contain spaces"),
        (backstage(bad(), 3, 0), token, "user u2: is not a user with `relations`"),
        (serve(|_| (302, String::new())), token, "perhaps to the login of Cloudflare Access"),
        (serve(|_| (404, String::new())), token, "is this the base URL of a Backstage backend"),
        (serve(|_| (200, "<html>".into())), token, "is a web page (HTML)"),
        (
            serve(|_| {
                let info = json!({ "nextCursor": "again" });
                (200, json!({ "items": [1], "totalItems": 9, "pageInfo": info }).to_string())
            }),
            token,
            "the catalog's pages have no end",
        ),
        ("http://127.0.0.1:1".into(), token, "http://127.0.0.1:1"),
    ] {
        let ground = Ground::new("refused");
        let url = format!("{url}/tools");
        let run = ground.push(&["--url", &url, "--token", token]);
        assert_eq!(run.code, 1, "{expected}: {}", run.stderr);
        assert!(run.errors().iter().any(|it| it.contains(expected)), "{}", run.stderr);
        assert_eq!(run.stdout, "");
        assert_eq!(ground.cloud.writes(), [""; 0]);
    }
}

#[test]
fn ids_come_from_wrangler_toml_and_what_is_missing_is_said_at_once() {
    let ground = Ground::new("ids");
    let push = ["catalog", "push", "users.json"];
    ground.sandbox.write("users.json", json!(users(2)).to_string());
    let run = ground.sandbox.run(&push);
    assert_eq!((run.code, run.errors().len()), (1, 3), "{}", run.stderr);
    ground.sandbox.write(
        "wrangler.toml",
        "account_id = 'acc-1'\n[[kv_namespaces]]\nbinding = 'CATALOG'\nid = 'ns1'\n[env.x]\n",
    );
    let run = ground.sandbox.run_in(&push, "", &ground.variables());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run =
        ground.sandbox.run_in(&[&push[..], &["--env", "x"]].concat(), "", &ground.variables());
    assert_eq!(
        run.errors(),
        ["the id of the namespace (--namespace, CATALOG in wrangler.toml) is missing"]
    );
    // As `backstage-cfaccess init` writes it.
    ground.sandbox.write("wrangler.jsonc", "// of init\n{}");
    let run = ground.sandbox.run(&push);
    assert_eq!(
        run.errors(),
        [
            "wrangler.jsonc and wrangler.toml are both there: delete one, or name the file with --config"
        ]
    );
    std::fs::remove_file(ground.sandbox.path("wrangler.toml")).unwrap();
    ground.sandbox.write(
        "wrangler.jsonc",
        r#"{ "account_id": "acc-1", "kv_namespaces": [{ "binding": "CATALOG", "id": "ns1" }] }"#,
    );
    let run = ground.sandbox.run_in(&push, "", &ground.variables());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let mut variables = ground.variables();
    variables[1].1 = "wrong";
    let run = ground.sandbox.run_in(&push, "", &variables);
    assert!(run.errors()[0].ends_with(": status 403: Authentication error"), "{}", run.stderr);
    assert_eq!(ground.push(&[]).code, 2);
    assert_eq!(ground.push(&["x.json", "--url", "https://b.example"]).code, 2);
    assert_eq!(ground.push(&["--url", "b.example"]).code, 2);
    assert_eq!(ground.push(&["x.json", "--max-deletions", "101"]).code, 2);
}
