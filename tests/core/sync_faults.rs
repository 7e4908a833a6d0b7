//! 1,000 random faults of the origin and of KV, each in a run of its own and followed by a good run. The
//! table of results is in docs/catalog.md.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use backstage_cfaccess::catalog::import::{SyncPorts, sync};
use backstage_cfaccess::catalog::{CLAIM_PREFIX, Metadata, PREFIX, is_sync_key};
use backstage_cfaccess::ports::{Failure, HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::support::block_on;
use crate::sync::{Pairs, config, user, wanted};
use crate::sync_overlap::Dice;

const RUNS: usize = 1_000;
const SEED: u64 = 20_261_201;
const PAGE: usize = 7;

/// What goes wrong, in one run.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Fault {
    PageTwice,
    PageMissing,
    PageCut,
    PageEmpty,
    ListEmpty,
    ListShort,
    TotalShrinks,
    TotalTooLarge,
    NoGroups,
    Html,
    Status,
    Hangs,
    KvListFails,
    KvListOld,
    KvWriteFails,
    KvDeleteFails,
    KvAnswerLost,
    Killed,
}

impl Fault {
    const ALL: [(Self, &'static str); 18] = [
        (Self::PageTwice, "a page comes twice"),
        (Self::PageMissing, "a page is left out"),
        (Self::PageCut, "the JSON of a page is cut"),
        (Self::PageEmpty, "an empty page before the end"),
        (Self::ListEmpty, "an empty list"),
        (Self::ListShort, "a quarter of the users or more is missing, and `totalItems` agrees"),
        (Self::TotalShrinks, "`totalItems` shrinks from page to page"),
        (Self::TotalTooLarge, "`totalItems` is too large"),
        (Self::NoGroups, "a third of the users or more has `relations: []`"),
        (Self::Html, "200 with HTML"),
        (Self::Status, "302, 401, 404, 429, 500 or 503"),
        (Self::Hangs, "the origin does not answer"),
        (Self::KvListFails, "KV does not list its keys"),
        (Self::KvListOld, "KV lists what it held an hour ago"),
        (Self::KvWriteFails, "KV does not take a third of the writes"),
        (Self::KvDeleteFails, "KV does not delete"),
        (Self::KvAnswerLost, "KV takes a write and does not say so"),
        (Self::Killed, "the run is killed at a random call"),
    ];
}

/// A user's name and groups.
type Org = BTreeMap<String, BTreeSet<String>>;

fn entities(org: &Org) -> Vec<Value> {
    org.iter()
        .map(|(name, groups)| user(name, &groups.iter().map(String::as_str).collect::<Vec<_>>()))
        .collect()
}

#[derive(Default)]
struct World {
    kv: RefCell<BTreeMap<String, String>>,
    /// KV as it was an hour ago.
    old: RefCell<BTreeMap<String, String>>,
    org: RefCell<Org>,
    listed: RefCell<Option<Rc<[Value]>>>,
    now: Cell<i64>,
    fault: Cell<Option<Fault>>,
    dice: RefCell<Dice>,
    calls: Cell<usize>,
    /// Which page or call it happens at.
    at: Cell<usize>,
    writes: Cell<usize>,
}

impl World {
    fn has(&self, fault: Fault) -> bool {
        self.fault.get() == Some(fault)
    }

    fn below(&self, end: usize) -> usize {
        self.dice.borrow_mut().below(end)
    }

    /// Lets the test kill the run.
    async fn call(&self) {
        self.calls.set(self.calls.get() + 1);
        let mut is_second = false;
        poll_fn(|_| {
            if std::mem::replace(&mut is_second, true) {
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
    }

    /// The users as the source lists them in this run.
    fn listed(&self) -> Rc<[Value]> {
        let mut listed = self.listed.borrow_mut();
        Rc::clone(listed.get_or_insert_with(|| self.list_users().into()))
    }

    fn list_users(&self) -> Vec<Value> {
        let fault = self.fault.get();
        let mut users = entities(&self.org.borrow());
        if fault == Some(Fault::ListShort) {
            let gone = users.len() / 4 + 1 + self.at.get() % (users.len() / 2);
            users.truncate(users.len() - gone);
        } else if fault == Some(Fault::NoGroups) {
            let count = users.len() / 3 + 1 + self.at.get() % (users.len() / 2);
            for user in users.iter_mut().take(count) {
                user["relations"] = json!([]);
            }
        } else if fault == Some(Fault::ListEmpty) {
            users.clear();
        }
        users
    }

    /// The answer to a request for this page.
    fn page(&self, number: usize) -> HttpResponse {
        let fault = self.fault.get();
        let users = self.listed();
        let pages = users.len().div_ceil(PAGE).max(1);
        let is_hit = number == 1 + self.at.get() % (pages - 1).max(1);
        let (mut shown, mut total) = (number, users.len());
        match fault {
            Some(Fault::PageTwice) if is_hit => shown = number - 1,
            Some(Fault::PageMissing) if number > self.at.get() % (pages - 1) => {
                shown = number + 1;
            }
            Some(Fault::TotalShrinks) => total -= number,
            Some(Fault::TotalTooLarge) => total += 1 + self.at.get() % 9,
            _ => {}
        }
        let is_last = shown + 1 >= pages;
        let mut items: Vec<&Value> = users.iter().skip(shown * PAGE).take(PAGE).collect();
        if fault == Some(Fault::PageEmpty) && is_hit {
            items.clear();
        }
        let info =
            if is_last { json!({}) } else { json!({ "nextCursor": (number + 1).to_string() }) };
        let mut body = json!({ "items": items, "totalItems": total, "pageInfo": info }).to_string();
        let mut status = 200;
        match fault {
            Some(Fault::PageCut) if is_hit => body.truncate(body.len() - 1 - self.at.get() % 40),
            Some(Fault::Html) if is_hit || self.at.get().is_multiple_of(2) => {
                body = "<!doctype html>".into();
            }
            Some(Fault::Status) if is_hit || self.at.get().is_multiple_of(2) => {
                (status, body) = ([302, 401, 404, 429, 500, 503][self.at.get() % 6], String::new());
            }
            _ => {}
        }
        HttpResponse { status, body, is_html: fault == Some(Fault::Html) }
    }
}

impl Default for Dice {
    fn default() -> Self {
        Self(SEED)
    }
}

impl SyncPorts for World {
    fn now_ms(&self) -> i64 {
        self.now.get()
    }

    fn random(&self) -> u32 {
        1
    }

    async fn fetch_origin(&self, call: &HttpRequest) -> Result<HttpResponse, Failure> {
        self.call().await;
        let cursor =
            call.url.split_once("cursor=").map(|(_, rest)| rest.split('&').next().unwrap());
        let number: usize = cursor.map_or(0, |it| it.parse().unwrap());
        if self.has(Fault::Hangs) && number >= self.at.get() % 4 {
            self.now.set(self.now.get() + i64::from(call.timeout_ms));
            return Err(Failure("no answer in time".to_owned()));
        }
        Ok(self.page(number))
    }

    async fn list(&self, prefix: &str, cursor: Option<&str>) -> Result<Value, Failure> {
        self.call().await;
        if self.has(Fault::KvListFails) && self.at.get() % 3 < self.calls.get() {
            return Err(Failure("KV GET failed: 500".to_owned()));
        }
        let kv = if self.has(Fault::KvListOld) { &self.old } else { &self.kv };
        let start: usize = cursor.map_or(0, |it| it.parse().unwrap());
        let kv = kv.borrow();
        let found = kv.iter().filter(|(key, _)| key.starts_with(prefix));
        let keys: Vec<Value> = found
            .skip(start)
            .take(if prefix == PREFIX { 50 } else { 1_000 })
            .map(|(key, value)| {
                if is_sync_key(key) {
                    json!({ "name": key, "metadata": value })
                } else {
                    json!({ "name": key, "metadata": Metadata::of(value) })
                }
            })
            .collect();
        let is_last = prefix != PREFIX || keys.len() < 50;
        Ok(json!({ "keys": keys, "list_complete": is_last, "cursor": (start + 50).to_string() }))
    }

    async fn change(&self, key: &str, value: Option<&str>) -> Result<(), Failure> {
        self.call().await;
        let is_lost = self.has(Fault::KvAnswerLost) && self.below(3) == 0;
        let fails = match value {
            Some(_) => self.has(Fault::KvWriteFails) && self.below(3) == 0,
            None => self.has(Fault::KvDeleteFails),
        };
        if !fails {
            self.writes.set(self.writes.get() + usize::from(!is_sync_key(key)));
            let mut kv = self.kv.borrow_mut();
            match value {
                Some(value) => kv.insert(key.to_owned(), value.to_owned()),
                None => kv.remove(key),
            };
        }
        if fails || is_lost { Err(Failure("KV PUT failed: 503".to_owned())) } else { Ok(()) }
    }
}

impl World {
    /// Makes a run. Returns its outcome, or that it was killed.
    fn run(&self, killed_at: Option<usize>) -> String {
        self.calls.set(0);
        self.writes.set(0);
        self.listed.take();
        let policy = config();
        let mut run = pin!(sync(&policy, Some("token"), self));
        let mut polls = 0;
        let summary = block_on(poll_fn(|_| {
            loop {
                if killed_at == Some(polls) {
                    return Poll::Ready(None);
                }
                polls += 1;
                if let Poll::Ready(it) = run.as_mut().poll(&mut Context::from_waker(Waker::noop()))
                {
                    return Poll::Ready(Some(it));
                }
            }
        }));
        let Some(summary) = summary else { return "killed".to_owned() };
        let line: Value = serde_json::from_str(&summary.to_json()).unwrap();
        line["outcome"].as_str().unwrap().to_owned()
    }

    fn records(&self) -> Pairs {
        let kv = self.kv.borrow();
        let records = kv.iter().filter(|(key, _)| !is_sync_key(key));
        records.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// What happens in an organisation in five minutes. Some users change groups, few leave.
    fn changes(&self) {
        let names: Vec<String> = self.org.borrow().keys().cloned().collect();
        let name = names[self.below(names.len())].clone();
        let mut org = self.org.borrow_mut();
        let groups = org.get_mut(&name).unwrap();
        let group = format!("g{}", self.below(9));
        match self.below(40) {
            0 if names.len() > 58 => drop(org.remove(&name)),
            1 | 2 => drop(org.insert(format!("n{:04}", self.below(9_999)), [group].into())),
            3 if groups.len() > 1 => drop(groups.pop_first()),
            _ => {
                if groups.insert(group.clone()) && groups.len() > 1 {
                    let other = groups.iter().find(|it| **it != group).unwrap().clone();
                    groups.remove(&other);
                }
            }
        }
    }

    /// How many of these users cannot be found.
    fn lost(&self, org: &Org) -> usize {
        let kv = self.kv.borrow();
        let found = |key: &str| kv.contains_key(key);
        let is_lost = |name: &&String| {
            !found(&format!("v1:ref:user:default/{name}"))
                || !found(&format!("v1:email:{name}@example.com"))
        };
        org.keys().filter(is_lost).count()
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Row {
    runs: usize,
    untouched: usize,
    partly: usize,
    whole: usize,
    lost: usize,
    left: usize,
}

/// The rows, and how many runs wrote something.
fn run_all() -> BTreeMap<Fault, Row> {
    let world = World::default();
    world.now.set(1_000_000_000_000);
    for i in 0..60 {
        let groups = [format!("g{}", i % 9), format!("h{}", i % 4)];
        world.org.borrow_mut().insert(format!("u{i:02}"), groups.into());
    }
    assert_eq!(world.run(None), "synced");
    let mut rows = BTreeMap::<Fault, Row>::new();
    let mut history = Vec::new();
    for round in 0..RUNS {
        let known = world.org.borrow().clone();
        for _ in 0..=world.below(4) {
            world.changes();
        }
        let org = world.org.borrow().clone();
        let staying: Org =
            org.clone().into_iter().filter(|(name, _)| known.contains_key(name)).collect();
        let (fault, _) = Fault::ALL[if round < 36 { round % 18 } else { world.below(18) }];
        world.fault.set(Some(fault));
        world.at.set(world.below(1_000));
        let killed_at = (fault == Fault::Killed).then(|| world.below(45));
        let before = world.records();
        let outcome = world.run(killed_at);
        world.fault.set(None);
        let expected = wanted(&entities(&org));
        let row = rows.entry(fault).or_default();
        row.runs += 1;
        let after = world.records();
        if after == before && world.writes.get() == 0 {
            row.untouched += 1;
        } else if after == expected {
            row.whole += 1;
        } else {
            row.partly += 1;
        }
        row.lost += world.lost(&staying);
        if outcome == "synced" && fault != Fault::KvListOld {
            assert_eq!(after, expected, "round {round}: {fault:?}");
        }
        world.now.set(world.now.get() + 300_000);
        let outcome = world.run(None);
        assert_eq!(outcome, "synced", "round {round}: the good run after {fault:?}");
        let held = world.records();
        if held != expected {
            row.left += 1;
        }
        // Claims end by themselves (`CLAIM_TTL`).
        world.kv.borrow_mut().retain(|key, _| !key.starts_with(CLAIM_PREFIX));
        // KV's list is never older than an hour.
        history.push(world.kv.borrow().clone());
        if history.len() > 6 {
            *world.old.borrow_mut() = history.remove(0);
        }
        // So that what leaves in a day is within the limit.
        world.now.set(world.now.get() + 3_600_000 * 2);
    }
    rows
}

fn table(rows: &BTreeMap<Fault, Row>) -> String {
    let mut text = "| fault | runs | wrote nothing | wrote a part | wrote everything | existing users lost | removed groups or users left after the next good run |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n".to_owned();
    let mut sum = Row::default();
    for (fault, what) in Fault::ALL {
        let row = rows[&fault];
        let Row { runs, untouched, partly, whole, lost, left } = row;
        writeln!(text, "| {what} | {runs} | {untouched} | {partly} | {whole} | {lost} | {left} |")
            .unwrap();
        sum.runs += runs;
        sum.untouched += untouched;
        sum.partly += partly;
        sum.whole += whole;
        sum.lost += lost;
        sum.left += left;
    }
    let Row { runs, untouched, partly, whole, lost, left } = sum;
    writeln!(text, "| all | {runs} | {untouched} | {partly} | {whole} | {lost} | {left} |")
        .unwrap();
    text
}

#[test]
fn thousand_random_faults_lose_no_user_and_leave_no_removed_group() {
    let rows = run_all();
    let table = table(&rows);
    for row in rows.values() {
        assert_eq!((row.lost, row.left), (0, 0), "{table}");
    }
    // Faults of the source alone never lead to a write.
    for (fault, row) in rows.range(Fault::PageTwice..=Fault::KvListFails) {
        assert_eq!(row.untouched, row.runs, "{fault:?}: {table}");
    }
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/catalog.md");
    let docs = fs::read_to_string(docs).unwrap();
    assert!(docs.contains(&table), "docs/catalog.md should have this table:\n{table}");
}
