//! A run of the scheduled handler: what it writes, in which order, what it refuses, and that it ends
//! right wherever it was stopped.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use backstage_cfaccess::backstage::EntityRef;
use backstage_cfaccess::catalog::import::{
    Hierarchy, ImportPolicy, Index, LiveUser, MAX_KV_CALLS, Reconciliation, Summary, SyncPolicy,
    SyncPorts, live_entity, live_user, sync,
};
use backstage_cfaccess::catalog::{Key, Metadata, PREFIX, Record, decode, encode, is_sync_key};
use backstage_cfaccess::ports::{Failure, HttpRequest, HttpResponse};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Setup, block_on};

pub(crate) type Pairs = BTreeMap<String, String>;

/// KV and the origin.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) kv: RefCell<BTreeMap<String, (String, bool)>>,
    /// What the origin answers, page by page.
    pages: RefCell<Vec<HttpResponse>>,
    calls: RefCell<Vec<HttpRequest>>,
    /// What was done to KV, such as `put v1:ref:user:default/a`.
    changes: RefCell<Vec<String>>,
    lists: Cell<usize>,
    /// After which call the next one fails, once.
    pub(crate) fails_at: Cell<Option<usize>>,
    /// From which call on all fail.
    pub(crate) fails_from: Cell<Option<usize>>,
    /// A key that KV never takes.
    poisoned: RefCell<Option<String>>,
    asked: Cell<usize>,
    /// How long every call takes, in milliseconds.
    pace: Cell<i64>,
    pub(crate) now: Cell<i64>,
    /// How many keys a page of the list has.
    pub(crate) list_page: Cell<usize>,
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self::default();
        world.list_page.set(3);
        world
    }

    /// What the origin's catalog is, in pages of two.
    pub(crate) fn has(&self, users: &[Value]) {
        self.gives(users, users.len());
    }

    fn gives(&self, users: &[Value], total: usize) {
        let mut chunks: Vec<&[Value]> = users.chunks(2).collect();
        if chunks.is_empty() {
            chunks.push(&[]);
        }
        let last = chunks.len() - 1;
        let pages = chunks.iter().enumerate().map(|(index, items)| {
            let info = if index == last {
                json!({})
            } else {
                json!({ "nextCursor": format!("c={index}") })
            };
            let body = json!({ "items": items, "totalItems": total, "pageInfo": info });
            HttpResponse { status: 200, body: body.to_string(), is_html: false }
        });
        *self.pages.borrow_mut() = pages.collect();
    }

    pub(crate) fn says(&self, status: u16, body: &str) {
        *self.pages.borrow_mut() =
            vec![HttpResponse { status, body: body.to_owned(), is_html: false }];
    }

    pub(crate) fn holds(&self) -> Pairs {
        let kv = self.kv.borrow();
        let records = kv.iter().filter(|(key, _)| !is_sync_key(key));
        records.map(|(key, (value, _))| (key.clone(), value.clone())).collect()
    }

    /// Puts a value there without metadata.
    pub(crate) fn puts(&self, key: &str, value: &str) {
        self.kv.borrow_mut().insert(key.to_owned(), (value.to_owned(), false));
    }

    pub(crate) fn run(&self) -> Line {
        self.run_with(Some("token"))
    }

    fn run_with(&self, token: Option<&str>) -> Line {
        self.asked.set(0);
        self.lists.set(0);
        self.calls.borrow_mut().clear();
        self.changes.borrow_mut().clear();
        let summary = block_on(sync(&config(), token, self));
        Line::of(&summary)
    }

    fn ask(&self) -> Result<(), Failure> {
        let asked = self.asked.get();
        self.asked.set(asked + 1);
        self.now.set(self.now.get() + self.pace.get());
        if self.fails_from.get().is_some_and(|from| asked >= from) {
            return Err(Failure("out of order".to_owned()));
        }
        if self.fails_at.get() == Some(asked) {
            self.fails_at.set(None);
            return Err(Failure("out of order".to_owned()));
        }
        Ok(())
    }
}

impl SyncPorts for World {
    fn now_ms(&self) -> i64 {
        self.now.get()
    }

    async fn fetch_origin(&self, call: &HttpRequest) -> Result<HttpResponse, Failure> {
        self.ask()?;
        let index = self.calls.borrow().len();
        self.calls.borrow_mut().push(call.clone());
        let pages = self.pages.borrow();
        // The last one again, whoever asks for more.
        Ok(pages.get(index).or(pages.last()).unwrap().clone())
    }

    fn random(&self) -> u32 {
        7
    }

    async fn list(&self, prefix: &str, cursor: Option<&str>) -> Result<Value, Failure> {
        self.ask()?;
        self.lists.set(self.lists.get() + usize::from(prefix == PREFIX));
        let start: usize = cursor.map_or(0, |it| it.parse().unwrap());
        let end = start + if prefix == PREFIX { self.list_page.get() } else { 1_000 };
        let kv = self.kv.borrow();
        let keys: Vec<Value> = kv
            .iter()
            .filter(|(key, _)| key.starts_with(prefix))
            .map(|(key, (value, marked))| match marked {
                _ if is_sync_key(key) => json!({ "name": key, "metadata": value }),
                true => json!({ "name": key, "metadata": Metadata::of(value) }),
                false => json!({ "name": key }),
            })
            .collect();
        let complete = end >= keys.len();
        let keys = &keys[start.min(keys.len())..end.min(keys.len())];
        Ok(if complete {
            json!({ "keys": keys, "list_complete": true, "cacheStatus": null })
        } else {
            json!({ "keys": keys, "list_complete": false, "cursor": end.to_string() })
        })
    }

    async fn change(&self, key: &str, value: Option<&str>) -> Result<(), Failure> {
        self.ask()?;
        if self.poisoned.borrow().as_deref() == Some(key) {
            return Err(Failure("429 Too Many Requests".to_owned()));
        }
        let what = if value.is_some() { "put" } else { "delete" };
        if !is_sync_key(key) {
            self.changes.borrow_mut().push(format!("{what} {key}"));
        }
        let mut kv = self.kv.borrow_mut();
        match value {
            Some(value) => kv.insert(key.to_owned(), (value.to_owned(), true)),
            None => kv.remove(key),
        };
        Ok(())
    }
}

/// The line in the log.
#[derive(Debug)]
pub(crate) struct Line(pub(crate) Value);

impl Line {
    fn of(summary: &Summary) -> Self {
        let line: Value = serde_json::from_str(&summary.to_json()).unwrap();
        assert_eq!(line["level"], summary.level());
        assert_eq!(line["task"], "catalog");
        let is_failed = line["outcome"] == "refused" || line["code"] == "catalog_write_failed";
        assert_eq!(summary.failure().is_some(), is_failed, "{line}");
        Self(line)
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_default()
    }

    pub(crate) fn count(&self, name: &str) -> u64 {
        self.0[name].as_u64().unwrap()
    }

    /// Level, outcome and code.
    pub(crate) fn kind(&self) -> [&str; 3] {
        [self.text("level"), self.text("outcome"), self.text("code")]
    }
}

pub(crate) fn config() -> SyncPolicy {
    Setup::new().config().sync_policy()
}

/// A user as a running catalog has it.
pub(crate) fn user(name: &str, groups: &[&str]) -> Value {
    let relations: Vec<Value> = groups
        .iter()
        .map(|group| json!({ "type": "memberOf", "targetRef": format!("group:default/{group}") }))
        .chain([json!({ "type": "ownerOf", "targetRef": "component:default/x" })])
        .collect();
    json!({
        "kind": "User",
        "metadata": { "name": name, "namespace": "default" },
        "spec": { "profile": { "email": format!("{name}@Example.com"), "displayName": name } },
        "relations": relations,
    })
}

pub(crate) fn users(count: usize) -> Vec<Value> {
    (0..count).map(|index| user(&format!("u{index:03}"), &["a"])).collect()
}

/// What KV should hold, as the command line works it out.
pub(crate) fn wanted(users: &[Value]) -> Pairs {
    let entities = users.iter().map(|user| live_entity(user, &ImportPolicy::default()).unwrap());
    let index = Index::of(&entities.map(|it| (it.entity_ref.clone(), it)).collect());
    index.records.iter().map(|(key, it)| (key.clone(), encode(it).unwrap())).collect()
}

#[test]
fn first_run_fills_kv_and_the_second_writes_nothing() {
    let world = World::new();
    let users = [user("jane", &["b", "a"]), user("bob", &[]), user("eve", &["a", "a"])];
    world.has(&users);
    let line = world.run();
    assert_eq!(line.kind(), ["info", "synced", ""]);
    let counts = ["users", "unchanged", "written", "removed", "putOff", "unreadable", "ms"];
    assert_eq!(counts.map(|it| line.count(it)), [3, 0, 6, 0, 0, 0, 0]);
    assert_eq!(world.holds(), wanted(&users));
    let jane = decode(Key::Email("JANE@example.com"), &world.holds()["v1:email:jane@example.com"]);
    let Ok(Record::One(jane)) = jane else { panic!("{jane:?}") };
    assert_eq!(jane.ownership, ["user:default/jane", "group:default/b", "group:default/a"]);

    let line = world.run();
    assert_eq!(line.kind(), ["info", "synced", ""]);
    assert_eq!(counts.map(|it| line.count(it)), [3, 6, 0, 0, 0, 0, 0]);
    assert_eq!(world.changes.take(), [""; 0]);
    // Six records, the marker and the turn, three a page; two pages of users.
    assert_eq!((world.lists.get(), world.calls.borrow().len()), (3, 2));
}

/// A group as a running catalog has it.
fn group(name: &str, parents: &[&str]) -> Value {
    let relations: Vec<Value> = parents
        .iter()
        .map(|it| json!({ "type": "childOf", "targetRef": format!("group:default/{it}") }))
        .chain([json!({ "type": "hasMember", "targetRef": "user:default/jane" })])
        .collect();
    json!({ "kind": "Group", "metadata": { "name": name }, "relations": relations })
}

/// A page that is the whole list.
pub(crate) fn page(items: &[Value]) -> HttpResponse {
    let body = json!({ "items": items, "totalItems": items.len(), "pageInfo": {} });
    HttpResponse { status: 200, body: body.to_string(), is_html: false }
}

fn transitive() -> SyncPolicy {
    Setup::new().cfaccess("catalog", json!({ "groups": "transitive" })).config().sync_policy()
}

#[test]
fn transitive_groups_are_read_before_the_users_and_their_ancestors_are_owned_too() {
    let world = World::new();
    // `a` is in `b` and `m`; `m` and `root` are in each other; nothing is known of `lost`.
    let groups = [
        group("root", &["m"]),
        group("m", &["root"]),
        group("b", &["root"]),
        group("a", &["m", "b"]),
    ];
    let users = [user("jane", &["lost", "a"]), user("bob", &["root"]), user("eve", &[])];
    *world.pages.borrow_mut() = vec![page(&groups), page(&users)];
    let line = Line::of(&block_on(sync(&transitive(), Some("token"), &world)));
    assert_eq!(line.kind(), ["info", "synced", ""]);
    let asked: Vec<String> = world.calls.borrow().iter().map(|it| it.url.clone()).collect();
    assert!(asked[0].contains("?filter=kind=group&fields=kind,metadata.name,"), "{asked:?}");
    assert!(asked[1].contains("?filter=kind=user&"), "{asked:?}");

    let ownership = |name: &str| {
        let entity_ref = EntityRef::new("user", None, name).unwrap();
        let key = Key::Ref(&entity_ref);
        let Ok(Record::One(user)) = decode(key, &world.holds()[&key.to_kv()]) else { panic!() };
        user.ownership.iter().map(|it| it.split('/').nth(1).unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ownership("jane"), ["jane", "lost", "a", "b", "m", "root"]);
    assert_eq!(ownership("bob"), ["bob", "root", "m"]);
    assert_eq!(ownership("eve"), ["eve"]);

    // As the command line works it out of the same entities.
    let entities = users.iter().map(|user| live_entity(user, &ImportPolicy::default()).unwrap());
    let entities = entities.map(|it| (it.entity_ref.clone(), it)).collect();
    let mut hierarchy = Hierarchy::default();
    for group in &groups {
        hierarchy.note(group).unwrap();
    }
    let index = Index::with(&entities, &hierarchy, &[]);
    let expected: Pairs =
        index.records.iter().map(|(key, it)| (key.clone(), encode(it).unwrap())).collect();
    assert_eq!(world.holds(), expected);
}

#[test]
fn users_below_a_group_whose_parents_cannot_be_read_keep_their_records() {
    let world = World::new();
    let groups = [group("a", &["b"]), group("b", &[])];
    let users = [user("jane", &["a"]), user("bob", &[])];
    *world.pages.borrow_mut() = vec![page(&groups), page(&users)];
    block_on(sync(&transitive(), Some("token"), &world));
    let before = world.holds();

    let mut unreadable = group("b", &[]);
    unreadable["relations"] = json!([{ "type": "childOf", "targetRef": 7 }]);
    let changed = [user("jane", &["a", "c"]), user("bob", &["c"])];
    world.calls.borrow_mut().clear();
    *world.pages.borrow_mut() = vec![page(&[group("a", &["b"]), unreadable]), page(&changed)];
    let line = Line::of(&block_on(sync(&transitive(), Some("token"), &world)));
    assert_eq!((line.kind(), line.count("unreadable")), (["warn", "synced", ""], 1));
    assert_eq!(line.0["named"][0], "group:default/b: relations");
    let after = world.holds();
    for key in ["v1:ref:user:default/jane", "v1:email:jane@example.com"] {
        assert_eq!(after[key], before[key]);
    }
    assert!(after["v1:ref:user:default/bob"].contains("group:default/c"));
}

#[test]
fn users_are_found_by_the_values_of_declared_fields() {
    let catalog =
        json!({ "indexes": ["metadata.labels.a.io/id", "spec.aliases"], "fields": ["spec.desk"] });
    let policy = Setup::new().cfaccess("catalog", catalog).config().sync_policy();
    let world = World::new();
    let mut jane = user("jane", &[]);
    jane["metadata"]["labels"] = json!({ "a.io/id": "E7" });
    jane["spec"]["aliases"] = json!(["JD", "jd", "doe"]);
    jane["spec"]["desk"] = json!(7);
    let mut joe = user("joe", &[]);
    joe["spec"]["aliases"] = json!("doe");
    *world.pages.borrow_mut() = vec![page(&[jane.clone(), joe.clone()])];
    let line = Line::of(&block_on(sync(&policy, Some("token"), &world)));
    assert_eq!(line.kind(), ["info", "synced", ""]);
    let fields = ",relations,metadata.labels.a.io/id,spec.aliases,spec.desk&limit=";
    assert!(world.calls.borrow()[0].url.contains(fields), "{}", world.calls.borrow()[0].url);
    let holds = world.holds();
    let fields: Vec<&String> = holds.keys().filter(|key| key.contains(":field")).collect();
    let expected = ["metadata.labels.a.io/id=e7", "spec.aliases=doe", "spec.aliases=jd"];
    assert_eq!(fields, expected.map(|it| format!("v1:field:{it}")).iter().collect::<Vec<_>>());
    let Ok(Record::Many(refs)) =
        decode(Key::Field("spec.aliases", "doe"), &holds["v1:field:spec.aliases=doe"])
    else {
        panic!()
    };
    assert_eq!(refs, ["user:default/jane", "user:default/joe"]);
    assert!(holds["v1:field:spec.aliases=jd"].contains(r#""spec.desk":"7""#));

    // As the command line works it out.
    let entities = [&jane, &joe].map(|it| live_entity(it, &policy.import).unwrap());
    let entities = entities.map(|it| (it.entity_ref.clone(), it)).into();
    let index = Index::with(&entities, &Hierarchy::default(), &policy.import.indexes);
    let expected: Pairs =
        index.records.iter().map(|(key, it)| (key.clone(), encode(it).unwrap())).collect();
    assert_eq!(holds, expected);

    // No longer declared, they may all go.
    world.calls.borrow_mut().clear();
    let line = Line::of(&block_on(sync(&config(), Some("token"), &world)));
    assert_eq!((line.kind(), line.count("removed")), (["info", "synced", ""], 3));

    // Whoever may edit one entity cannot fill KV.
    world.calls.borrow_mut().clear();
    jane["spec"]["aliases"] = json!((0..101).map(|it| it.to_string()).collect::<Vec<_>>());
    *world.pages.borrow_mut() = vec![page(&[jane])];
    let line = Line::of(&block_on(sync(&policy, Some("token"), &world)));
    assert_eq!(line.count("unreadable"), 1);
    assert!(world.holds().keys().all(|key| !key.contains("spec.aliases")));
}

#[test]
fn half_a_list_of_groups_changes_nothing() {
    let world = World::new();
    let users = [user("jane", &["a"])];
    let mut half = page(&[group("a", &["b"])]);
    half.body = half.body.replace("\"totalItems\":1", "\"totalItems\":2");
    *world.pages.borrow_mut() = vec![half, page(&users)];
    let line = Line::of(&block_on(sync(&transitive(), Some("token"), &world)));
    assert_eq!(line.kind(), ["error", "refused", "origin_incomplete"]);
    assert_eq!(world.holds(), Pairs::new());
}

#[test]
fn origin_is_called_below_its_base_url_with_the_token() {
    let world = World::new();
    world.has(&users(3));
    let backstage = Setup::new()
        .backstage("baseUrl", json!("https://x.example/tools/bs"))
        .config()
        .sync_policy();
    block_on(sync(&backstage, Some("s3cret"), &world));
    let calls = world.calls.borrow();
    assert!(calls[0].url.starts_with("/tools/bs/api/catalog/entities/by-query?filter=kind=user"));
    assert!(calls[1].url.contains("by-query?cursor=c%3D0&"), "{}", calls[1].url);
    for call in calls.iter() {
        let token = ("authorization".to_owned(), "Bearer s3cret".to_owned());
        assert!(call.headers.contains(&token));
    }
}

#[test]
fn changes_are_written_in_the_safe_order() {
    let world = World::new();
    let mut all = users(10);
    world.has(&all);
    world.run();
    all.remove(3);
    all[5] = user("u006", &["a", "b"]);
    all.push(user("new", &[]));
    world.has(&all);
    let line = world.run();
    assert_eq!(["written", "removed", "unchanged"].map(|it| line.count(it)), [4, 2, 16]);
    assert_eq!(
        world.changes.take(),
        [
            "delete v1:email:u003@example.com",
            "delete v1:ref:user:default/u003",
            "put v1:email:u006@example.com",
            "put v1:ref:user:default/u006",
            "put v1:ref:user:default/new",
            "put v1:email:new@example.com",
        ]
    );
    assert_eq!(world.holds(), wanted(&all));
}

#[test]
fn list_without_groups_removes_no_membership() {
    // With the number of groups in the metadata, and without it, as records of earlier versions.
    for is_marked in [true, false] {
        let world = World::new();
        let all: Vec<Value> = (0..10).map(|i| user(&format!("u{i}"), &["a", "b", "c"])).collect();
        world.has(&all);
        world.run();
        for (_, marked) in world.kv.borrow_mut().values_mut() {
            *marked = is_marked;
        }
        let before = world.holds();
        let without = |count: usize| {
            let mut users = all.clone();
            for user in &mut users[..count] {
                user["relations"] = json!([]);
            }
            users
        };
        for count in [3, 10] {
            world.has(&without(count));
            let line = world.run();
            assert_eq!(line.kind(), ["error", "refused", "removals_excessive"]);
            let (lost, total) = if is_marked { (3 * count, 30) } else { (count, 10) };
            let detail = format!("{lost} of {total} memberships would be removed, more than 20 %");
            assert!(line.text("detail").starts_with(&detail), "{}", line.text("detail"));
            assert_eq!(world.holds(), before);
        }
        // All of one user's, however many those are.
        let pair = [user("u0", &["a", "b", "c"]), user("u1", &[])];
        let other = World::new();
        other.has(&pair);
        other.run();
        other.has(&[user("u0", &[]), user("u1", &[])]);
        assert_eq!(other.run().kind(), ["info", "synced", ""]);
        world.has(&without(2));
        assert_eq!(world.run().kind(), ["info", "synced", ""]);
        assert_eq!(world.holds(), wanted(&without(2)));
    }
}

#[test]
fn two_users_with_one_email_are_ambiguous() {
    let world = World::new();
    let mut twins = [user("a", &[]), user("b", &[]), user("c", &[])];
    for twin in &mut twins[1..] {
        twin["spec"]["profile"]["email"] = json!("Twin@example.com");
    }
    world.has(&twins);
    world.run();
    assert_eq!(world.holds(), wanted(&twins));
    let value = &world.holds()["v1:email:twin@example.com"];
    let both = vec!["user:default/b".to_owned(), "user:default/c".to_owned()];
    assert_eq!(decode(Key::Email("twin@example.com"), value), Ok(Record::Many(both)));
}

#[test]
fn users_are_found_by_the_annotations_of_the_resolvers_and_by_no_others() {
    let resolver = |name: &str| {
        let resolvers = json!([{ "resolver": name, "annotation": "example.com/id" }]);
        Setup::new().cfaccess("signIn", json!({ "resolvers": resolvers })).config().sync_policy()
    };
    let world = World::new();
    let mut all = users(3);
    for (index, id) in [json!("ID-0"), json!(7), json!("x".repeat(300_000))].into_iter().enumerate()
    {
        all[index]["metadata"]["annotations"] = json!({ "example.com/id": id, "other": "y" });
    }
    world.has(&all);
    let line = Line::of(&block_on(sync(
        &resolver("emailMatchingUserEntityAnnotation"),
        Some("token"),
        &world,
    )));
    assert_eq!([line.count("users"), line.count("written"), line.count("unreadable")], [3, 7, 2]);
    assert!(line.0["named"][0].as_str().unwrap().ends_with("u001: metadata.annotations"));
    assert!(world.calls.borrow()[0].url.contains(",metadata.annotations.example.com/id&"));
    let value = &world.holds()["v1:annotation:example.com/id=id-0"];
    let Ok(Record::One(user)) = decode(Key::Annotation("example.com/id", "id-0"), value) else {
        panic!("{value}")
    };
    assert_eq!(user.entity_ref, "user:default/u000");
    // The resolver is gone, and with it what only it has read.
    assert_eq!(world.run().count("removed"), 1);
}

#[test]
fn foreign_keys_stay_and_records_without_a_digest_are_written_again() {
    let world = World::new();
    let users = users(1);
    world.puts("other", "x");
    for (key, value) in wanted(&users) {
        world.puts(&key, &value);
    }
    world.has(&users);
    assert_eq!(world.run().count("written"), 2);
    assert_eq!(world.run().count("written"), 0);
    assert_eq!(world.holds()["other"], "x");
}

#[test]
fn invalid_users_are_not_written() {
    let page = |value: Value| value.to_string();
    let endless = json!({
        "items": users(2), "totalItems": 2, "pageInfo": { "nextCursor": "again" },
    });
    let empty = json!({ "items": [], "totalItems": 9, "pageInfo": { "nextCursor": "x" } });
    let truncated = page(json!({ "items": users(2), "totalItems": 2 }));
    let truncated = &truncated[..truncated.len() - 9];
    let nameless = json!({ "items": [{ "kind": "User" }], "totalItems": 1, "pageInfo": {} });
    let incomplete = "origin_incomplete";
    for (status, body, code, detail) in [
        (200, page(endless), incomplete, "the catalog's pages have no end"),
        (200, page(empty), incomplete, "the catalog gave an empty page"),
        (200, truncated.to_owned(), incomplete, "is not a page of entities"),
        (200, "<html>".to_owned(), incomplete, "is a web page (HTML)"),
        (
            200,
            page(nameless),
            incomplete,
            "there is no user in the origin's catalog that can be read",
        ),
        (401, String::new(), "origin_refused", "status 401: CATALOG_TOKEN is not good enough"),
        (403, String::new(), "origin_refused", "status 403"),
        (302, String::new(), "origin_refused", "perhaps to the login of Cloudflare Access"),
        (404, String::new(), "origin_refused", "is BACKSTAGE.baseUrl right?"),
        (503, String::new(), "origin_refused", "status 503"),
    ] {
        let world = World::new();
        world.has(&users(5));
        world.run();
        let before = world.holds();
        world.says(status, &body);
        let line = world.run();
        assert_eq!(line.kind(), ["error", "refused", code], "{detail}");
        assert!(line.text("detail").contains(detail), "{line:?}");
        assert_eq!(world.holds(), before);
        assert_eq!(world.changes.take(), [""; 0]);
    }
}

#[test]
fn half_a_list_an_empty_one_and_mass_removals_are_refused() {
    let world = World::new();
    world.has(&users(10));
    world.run();
    let before = world.holds();
    for (left, total, code, detail) in [
        (5, 10, "origin_incomplete", "the catalog says it has 10 entities and gave 5"),
        (0, 0, "origin_incomplete", "there is no user"),
        (7, 7, "removals_excessive", "3 of 10 users would be removed, more than 20 %: if that is"),
    ] {
        world.gives(&users(left), total);
        let line = world.run();
        assert_eq!(line.kind(), ["error", "refused", code]);
        assert!(line.text("detail").contains(detail), "{line:?}");
        assert_eq!(world.holds(), before);
    }
    world.has(&users(8));
    assert_eq!(world.run().count("removed"), 4);
}

#[test]
fn run_without_a_token_calls_nothing() {
    let world = World::new();
    world.has(&users(1));
    let line = world.run_with(None);
    assert_eq!(line.kind(), ["error", "refused", "catalog_token_missing"]);
    assert!(line.text("detail").contains("wrangler secret put CATALOG_TOKEN"));
    assert_eq!((world.asked.get(), world.holds().len()), (0, 0));
}

#[test]
fn unreadable_profile_is_left_out_and_groups_are_updated() {
    let world = World::new();
    let mut all = users(16);
    world.has(&all);
    world.run();
    for (index, profile) in [
        (0, json!({ "email": "u 000@example.com", "displayName": "u000" })),
        (1, json!({ "email": "u001@Example.com", "displayName": 5, "picture": "" })),
        (2, json!("nonsense")),
    ] {
        all[index]["spec"]["profile"] = profile;
        all[index]["relations"] = json!([]);
    }
    world.has(&all);
    let line = world.run();
    assert_eq!(line.kind(), ["warn", "synced", ""]);
    assert_eq!([line.count("users"), line.count("unreadable")], [16, 2]);
    let named = json!([
        "user:default/u000: spec.profile.email",
        "user:default/u001: spec.profile.displayName, spec.profile.picture",
    ]);
    assert_eq!(line.0["named"], named);
    let read = |key: Key<'_>| decode(key, &world.holds()[&key.to_kv()]);
    for name in ["u000", "u001", "u002"] {
        let entity_ref = EntityRef::user(name).unwrap();
        let Ok(Record::One(record)) = read(Key::Ref(&entity_ref)) else { panic!("{name}") };
        assert_eq!(record.ownership, [entity_ref.as_str()]);
    }
    assert!(read(Key::Email("u001@example.com")).is_ok());
    assert!(!world.holds().contains_key("v1:email:u000@example.com"));
    assert!(!line.0.to_string().contains('@'), "{line:?}");
}

#[test]
fn user_with_unreadable_groups_keeps_their_record() {
    let world = World::new();
    let mut all = users(4);
    world.has(&all);
    world.run();
    let before = world.holds();
    all[0].as_object_mut().unwrap().remove("relations");
    all[1]["relations"] = json!([{ "type": "memberOf", "targetRef": 1 }]);
    all[2]["kind"] = json!(["User"]);
    let mut new = user("new", &["a"]);
    new["relations"] = Value::Null;
    all.push(new);
    // The email of a user who keeps it is not free.
    all.push(user("thief", &[]));
    all[5]["spec"]["profile"]["email"] = json!("u001@example.com");
    world.has(&all);
    let line = world.run();
    assert_eq!(line.kind(), ["warn", "synced", ""]);
    assert_eq!([line.count("users"), line.count("unreadable")], [2, 4]);
    let after = world.holds();
    for name in ["u000", "u003"] {
        for key in [format!("v1:email:{name}@example.com"), format!("v1:ref:user:default/{name}")] {
            assert_eq!(after[&key], before[&key]);
        }
    }
    assert_eq!(after["v1:ref:user:default/u001"], before["v1:ref:user:default/u001"]);
    let both = vec!["user:default/thief".to_owned(), "user:default/u001".to_owned()];
    let email = decode(Key::Email("u001@example.com"), &after["v1:email:u001@example.com"]);
    assert_eq!(email, Ok(Record::Many(both)));
    // An entity that is not known to be a user is none.
    assert!(!after.contains_key("v1:ref:user:default/u002"));
    assert!(!after.contains_key("v1:ref:user:default/new"));
    assert_eq!(line.count("unchanged"), 5);
}

#[test]
fn run_stays_within_its_calls_to_kv_and_the_next_one_continues() {
    let world = World::new();
    world.list_page.set(1_000);
    let all = users(1_000);
    world.has(&all);
    let mut left = 2_000;
    for lists in [1, 1, 2] {
        let line = world.run();
        // Two lists of what runs have left, the claim and its end, the turn and its end, the marker.
        let writes = (MAX_KV_CALLS - lists - 7).min(left);
        left -= writes;
        assert_eq!(world.lists.get(), lists);
        assert_eq!(world.changes.borrow().len(), writes);
        assert_eq!(line.count("putOff"), u64::try_from(left).unwrap());
        match left {
            0 => assert_eq!(line.kind(), ["info", "synced", ""]),
            _ => assert_eq!(line.kind(), ["info", "partly", "run_limit"]),
        }
    }
    assert_eq!(world.holds(), wanted(&all));
}

#[test]
fn run_ends_before_the_next_one_begins() {
    let world = World::new();
    let all = users(20);
    world.has(&all);
    world.pace.set(10_000);
    let line = world.run();
    assert_eq!(line.kind(), ["info", "partly", "run_limit"]);
    assert_eq!((line.count("ms"), line.count("written")), (260_000, 9));
    world.pace.set(30_000);
    let before = world.holds();
    let line = world.run();
    assert_eq!(line.kind(), ["error", "refused", "run_limit"]);
    assert_eq!(world.holds(), before);
}

#[test]
fn kv_write_failure_does_not_stop_other_writes() {
    let world = World::new();
    let all = users(20);
    world.has(&all);
    let poisoned = "v1:ref:user:default/u004";
    *world.poisoned.borrow_mut() = Some(poisoned.to_owned());
    let line = world.run();
    assert_eq!(line.kind(), ["warn", "partly", "catalog_write_failed"]);
    assert_eq!([line.count("written"), line.count("putOff")], [39, 1]);
    assert_eq!(line.text("detail"), "429 Too Many Requests");
    *world.poisoned.borrow_mut() = None;
    assert_eq!(world.run().count("written"), 1);
    assert_eq!(world.holds(), wanted(&all));
}

#[test]
fn run_ends_after_ten_failed_writes() {
    struct Full(World);
    impl SyncPorts for Full {
        fn now_ms(&self) -> i64 {
            0
        }
        async fn fetch_origin(&self, call: &HttpRequest) -> Result<HttpResponse, Failure> {
            self.0.fetch_origin(call).await
        }
        fn random(&self) -> u32 {
            7
        }
        async fn list(&self, prefix: &str, cursor: Option<&str>) -> Result<Value, Failure> {
            self.0.list(prefix, cursor).await
        }
        async fn change(&self, key: &str, value: Option<&str>) -> Result<(), Failure> {
            if is_sync_key(key) {
                return self.0.change(key, value).await;
            }
            self.0.asked.set(self.0.asked.get() + 1);
            Err(Failure("the day's writes are used up".to_owned()))
        }
    }
    let full = Full(World::new());
    full.0.has(&users(20));
    let line = Line::of(&block_on(sync(&config(), Some("token"), &full)));
    assert_eq!(line.kind(), ["warn", "partly", "catalog_write_failed"]);
    // Two lists before and one after the claim, ten pages, ten attempts; claim, turn, claim and marker.
    assert_eq!(full.0.asked.get(), 27);
}

#[test]
fn kept_email_is_not_counted_where_kv_has_no_record() {
    let mut comparison = Reconciliation::new(100, Vec::new());
    comparison.actual(&json!([{ "name": "v1:ref:a" }])).unwrap();
    comparison.keep("v1:ref:a".into(), "a");
    comparison.keep("v1:ref:b".into(), "b");
    let plan = comparison.plan().unwrap();
    assert!(plan.is_empty());
    assert_eq!(plan.unchanged, 1);
}

#[test]
fn replacements_fit_beside_any_number_of_additions() {
    let mut comparison = Reconciliation::new(10, Vec::new());
    comparison.actual(&json!([{ "name": "v1:ref:z" }])).unwrap();
    for key in ["v1:ref:a", "v1:ref:b", "v1:ref:c", "v1:ref:d"] {
        comparison.want(key.into(), key, "two");
    }
    comparison.want("v1:ref:z".into(), "z", "five!");
    let plan = comparison.plan().unwrap();
    assert_eq!((plan.added.len(), plan.changed.len(), plan.put_off), (1, 1, 3));
}

fn many() -> Vec<Value> {
    users(15)
}

/// A catalog: of each of some users whether it is there, its groups, and whether it shares an email.
fn catalog() -> impl Strategy<Value = Vec<Value>> {
    let one = (any::<bool>(), 0..3_usize, any::<bool>());
    prop::collection::vec(one, 1..4).prop_map(|users| {
        // Enough of them that the removal of any one is within the limit.
        let mut all = many();
        for (index, (there, groups, shares)) in users.into_iter().enumerate() {
            let mut user = user(&format!("u{index}"), &["a", "b"][..groups.min(2)]);
            if shares {
                user["spec"]["profile"]["email"] = json!("shared@example.com");
            }
            if there {
                all.push(user);
            }
        }
        all
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn stopped_at_any_call_every_key_is_right_and_the_next_run_ends_it(
        first in catalog(),
        second in catalog(),
    ) {
        let (old, new) = (wanted(&first), wanted(&second));
        for call in 0.. {
            let world = World::new();
            world.has(&first);
            assert_eq!(world.run().text("outcome"), "synced");
            assert_eq!(world.holds(), old);
            world.has(&second);
            world.fails_at.set(Some(call));
            let line = world.run();
            let now = world.holds();
            for key in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
                let held = now.get(key);
                assert!(held == old.get(key) || held == new.get(key), "{key}: {held:?}");
            }
            let changes = world.changes.take();
            let keys: BTreeSet<_> = changes.iter().map(|it| it.split_once(' ').unwrap().1).collect();
            assert_eq!(keys.len(), changes.len(), "a key is written once a run");
            // What nothing came in the way of is done.
            let was_stopped = world.fails_at.take().is_none();
            if line.text("outcome") == "synced" {
                assert_eq!(now, new);
            } else {
                assert!(was_stopped);
            }
            // A claim that was left ends before the next run.
            world.now.set(world.now.get() + 300_000);
            assert_eq!(world.run().text("outcome"), "synced");
            assert_eq!(world.holds(), new);
            if !was_stopped {
                break;
            }
        }
    }

    #[test]
    fn a_user_that_can_be_read_is_read_as_the_command_line_reads_it(
        name in "[a-zA-Z0-9.é_-]{1,6}",
        namespace in prop::option::of("[a-zA-Z-]{1,4}"),
        email in prop::option::of("[a-zA-Zẞ .@\t-]{0,6}"),
        display in prop::option::of("[a-z ]{0,3}"),
        annotated in prop::option::of("[a-z]{0,2}"),
        field in prop::option::of(prop::collection::vec("[a-z]{0,2}", 95..105)),
        relations in prop::collection::vec(("(memberOf|ownerOf|hasMember)", "((Group|user|[a-z]{0,2}):)?([a-z]{0,2}/)?[A-Ca-c]{0,2}"), 0..6),
    ) {
        let relations: Vec<Value> = relations
            .iter()
            .map(|(kind, target)| json!({ "type": kind, "targetRef": target }))
            .collect();
        let mut item = json!({ "kind": "User", "metadata": { "name": name }, "relations": relations });
        if let Some(namespace) = namespace {
            item["metadata"]["namespace"] = json!(namespace);
        }
        if let Some(email) = email {
            item["spec"]["profile"]["email"] = json!(email);
        }
        if let Some(display) = display {
            item["spec"]["profile"]["displayName"] = json!(display);
        }
        let policy = ImportPolicy {
            annotations: vec!["example.com/id".to_owned()],
            indexes: vec!["spec.ids".to_owned()],
            fields: vec!["spec.profile.displayName".to_owned()],
            ..ImportPolicy::default()
        };
        if let Some(field) = field {
            item["spec"]["ids"] = json!(field);
        }
        if let Some(annotated) = annotated {
            item["metadata"]["annotations"] = json!({ "example.com/id": annotated, "other": 1 });
        }
        let LiveUser { entity_ref, user, left_out } = live_user(&item, &policy).unwrap();
        match live_entity(&item, &policy) {
            Err(_) => assert!(!left_out.is_empty(), "{item}"),
            Ok(entity) => {
                assert!(left_out.is_empty(), "{item}");
                assert_eq!(entity.entity_ref, entity_ref);
                let index = Index::of(&[(entity_ref.clone(), entity)].into());
                let expected = &index.records[&Key::Ref(&entity_ref).to_kv()];
                assert_eq!(*expected, Record::One(user));
            }
        }
    }
}
