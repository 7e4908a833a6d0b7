//! Runs that overlap: three of them, each call to KV and to the origin interleaved with the others' at
//! random. KV of this model shows each write to the next read.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use backstage_cfaccess::catalog::import::{Summary, SyncPorts, sync};
use backstage_cfaccess::catalog::{Metadata, PREFIX, is_sync_key};
use backstage_cfaccess::ports::{Failure, HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::support::block_on;
use crate::sync::{Pairs, config, page, user, wanted};

/// KV, and an origin whose catalog changes.
#[derive(Default)]
struct Shared {
    kv: RefCell<BTreeMap<String, String>>,
    version: Cell<usize>,
    now: Cell<i64>,
    /// Whether runs see each other.
    is_blind: bool,
}

/// The catalog at a version: users move from group to group, and some come and go.
fn catalog(version: usize) -> Vec<Value> {
    let name = |i: usize| format!("u{i:02}");
    let group = |i: usize| format!("g{}", (version + i) % 3);
    let stay = (0..18).map(|i| user(&name(i), &[&group(i)]));
    stay.chain([user(&name(20 + version % 2), &["a"])]).collect()
}

/// The world as one run sees it.
struct Ports<'a> {
    shared: &'a Shared,
    number: u32,
    /// The version that it has read.
    read: Cell<Option<usize>>,
}

/// Lets the others go on.
async fn turn_over() {
    let mut is_second = false;
    poll_fn(|_| {
        if is_second {
            return Poll::Ready(());
        }
        is_second = true;
        Poll::Pending
    })
    .await;
}

impl SyncPorts for Ports<'_> {
    fn now_ms(&self) -> i64 {
        self.shared.now.get()
    }

    fn random(&self) -> u32 {
        self.number
    }

    async fn fetch_origin(&self, _: &HttpRequest) -> Result<HttpResponse, Failure> {
        turn_over().await;
        let version = self.shared.version.get();
        self.read.set(Some(version));
        let answer = page(&catalog(version));
        turn_over().await;
        Ok(answer)
    }

    async fn list(&self, prefix: &str, cursor: Option<&str>) -> Result<Value, Failure> {
        turn_over().await;
        let kv = self.shared.kv.borrow();
        let is_shown = |key: &str| !(self.shared.is_blind && is_sync_key(key));
        let found = kv.iter().filter(|(key, _)| key.starts_with(prefix) && is_shown(key));
        let start: usize = cursor.map_or(0, |it| it.parse().unwrap());
        let keys: Vec<Value> = found
            .skip(start)
            .take(if prefix == PREFIX { 10 } else { 1_000 })
            .map(|(key, value)| {
                if is_sync_key(key) {
                    json!({ "name": key, "metadata": value })
                } else {
                    json!({ "name": key, "metadata": Metadata::of(value) })
                }
            })
            .collect();
        let is_last = prefix != PREFIX || keys.len() < 10;
        Ok(json!({ "keys": keys, "list_complete": is_last, "cursor": (start + 10).to_string() }))
    }

    async fn change(&self, key: &str, value: Option<&str>) -> Result<(), Failure> {
        turn_over().await;
        let mut kv = self.shared.kv.borrow_mut();
        match value {
            Some(value) => kv.insert(key.to_owned(), value.to_owned()),
            None => kv.remove(key),
        };
        Ok(())
    }
}

/// Numbers that are the same in each run of the test.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below this one (`SplitMix64`).
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }
}

fn records(shared: &Shared) -> Pairs {
    let kv = shared.kv.borrow();
    let records = kv.iter().filter(|(key, _)| !is_sync_key(key));
    records.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn outcome(summary: &Summary) -> String {
    let line: Value = serde_json::from_str(&summary.to_json()).unwrap();
    line["outcome"].as_str().unwrap().to_owned()
}

/// What came of three runs at once.
struct Ended {
    shared: Shared,
    /// The versions of those that say that KV is right.
    synced: Vec<usize>,
    skipped: usize,
}

fn interleave(seed: u64, is_blind: bool, kill: bool) -> Ended {
    let mut dice = Dice(seed);
    let shared = Shared { is_blind, ..Shared::default() };
    shared.now.set(1_000_000_000);
    let policy = config();
    let ports: Vec<Ports<'_>> =
        (0..3).map(|number| Ports { shared: &shared, number, read: Cell::new(None) }).collect();
    block_on_alone(&shared);
    let mut runs: Vec<Option<Pin<Box<dyn Future<Output = Summary> + '_>>>> = Vec::new();
    for ports in &ports {
        runs.push(Some(Box::pin(sync(&policy, Some("t"), ports))));
    }
    let (mut synced, mut skipped) = (Vec::new(), 0);
    let killed = kill.then(|| 10 + dice.below(120));
    for step in 0.. {
        let open: Vec<usize> = (0..3).filter(|it| runs[*it].is_some()).collect();
        if open.is_empty() {
            break;
        }
        if dice.below(15) == 0 {
            shared.version.set(shared.version.get() + 1);
        }
        shared.now.set(shared.now.get() + i64::try_from(dice.below(200)).unwrap());
        let at = open[dice.below(open.len())];
        if killed == Some(step) {
            runs[at] = None;
            continue;
        }
        // One of them may go on for a while.
        for _ in 0..=dice.below(12) {
            let Some(run) = &mut runs[at] else { break };
            if let Poll::Ready(summary) = run.as_mut().poll(&mut Context::from_waker(Waker::noop()))
            {
                runs[at] = None;
                match outcome(&summary).as_str() {
                    "synced" => synced.push(ports[at].read.get().unwrap()),
                    "skipped" => skipped += 1,
                    other => panic!("{other}: {}", summary.to_json()),
                }
            }
        }
    }
    drop(runs);
    drop(ports);
    Ended { shared, synced, skipped }
}

/// A run that nothing comes in the way of.
fn block_on_alone(shared: &Shared) -> String {
    let ports = Ports { shared, number: 99, read: Cell::new(None) };
    let policy = config();
    let mut run = Box::pin(sync(&policy, Some("t"), &ports));
    let summary = block_on(poll_fn(|_| {
        loop {
            if let Poll::Ready(summary) = run.as_mut().poll(&mut Context::from_waker(Waker::noop()))
            {
                return Poll::Ready(summary);
            }
        }
    }));
    outcome(&summary)
}

/// Whether KV is as one list was, no older than that of any run that says so.
fn is_right(ended: &Ended) -> bool {
    let held = records(&ended.shared);
    let newest = ended.synced.iter().max().copied().unwrap_or_default();
    (newest..=ended.shared.version.get()).any(|version| wanted(&catalog(version)) == held)
}

const SEEDS: u64 = 600;

#[test]
fn runs_that_overlap_leave_no_older_list_than_any_of_them_says() {
    let (mut done, mut skipped) = (0, 0);
    for seed in 0..SEEDS {
        let ended = interleave(seed, false, false);
        assert!(is_right(&ended), "seed {seed}");
        done += ended.synced.len();
        skipped += ended.skipped;
        assert_eq!(ended.shared.kv.borrow().keys().filter(|it| it.contains(":run:")).count(), 0);
    }
    // Both were seen, and most runs are done.
    assert!(skipped > 100 && done > 300, "{done} done, {skipped} skipped");
}

#[test]
fn model_finds_older_lists_when_runs_do_not_see_each_other() {
    let wrong = (0..200).filter(|seed| !is_right(&interleave(*seed, true, false))).count();
    assert!(wrong > 10, "{wrong}");
}

#[test]
fn run_that_was_killed_is_ended_by_the_next_one_after_its_claim() {
    for seed in 0..SEEDS / 3 {
        let ended = interleave(seed, false, true);
        let Shared { now, version, .. } = &ended.shared;
        now.set(now.get() + 300_000);
        assert_eq!(block_on_alone(&ended.shared), "synced", "seed {seed}");
        assert_eq!(records(&ended.shared), wanted(&catalog(version.get())), "seed {seed}");
    }
}
