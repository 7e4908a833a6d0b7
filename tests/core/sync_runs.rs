//! What a run leaves for the next one: the marker, the turn with the removals of a day, and claims.

use backstage_cfaccess::catalog::import::{
    CLAIM_TTL, Marker, RunSource, RunState, claim_key, run_id,
};
use backstage_cfaccess::catalog::{MARKER_KEY, TURN_KEY, is_sync_key};
use serde_json::{Value, json};

use crate::sync::{World, user, users, wanted};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

fn marker(world: &World) -> Marker {
    Marker::read(&world.kv.borrow()[MARKER_KEY].0).unwrap()
}

fn passes(world: &World, ms: i64) {
    world.now.set(world.now.get() + ms);
}

#[test]
fn marker_has_the_last_run_and_when_one_was_right() {
    let world = World::new();
    world.now.set(10 * DAY);
    world.has(&[user("jane", &["a", "b"]), user("bob", &["b"])]);
    let line = world.run();
    assert_eq!((line.count("users"), line.count("groups")), (2, 2));
    assert!(line.0.get("sinceOk").is_none());
    let first = marker(&world);
    assert_eq!((first.users, first.groups, first.layout), (2, 2, 1));
    assert_eq!((first.source.as_str(), first.outcome.as_str(), first.code), ("cron", "ok", None));
    assert_eq!((first.start, first.ok), (10 * DAY, Some(10 * DAY)));

    passes(&world, 5 * MINUTE);
    world.says(503, "");
    let line = world.run();
    assert_eq!(line.count("sinceOk"), 300);
    let second = marker(&world);
    assert_eq!(second.outcome, "refused");
    assert_eq!(second.code.as_deref(), Some("origin_refused"));
    assert_eq!((second.start, second.ok), (10 * DAY + 5 * MINUTE, Some(10 * DAY)));

    for key in [MARKER_KEY, TURN_KEY] {
        assert!(world.kv.borrow().contains_key(key));
    }
    assert_eq!(world.kv.borrow().keys().filter(|key| is_sync_key(key)).count(), 2);
}

#[test]
fn source_that_shrinks_a_little_in_each_run_does_not_empty_the_catalog() {
    for percent in [5, 20] {
        let world = World::new();
        world.list_page.set(1_000);
        world.has(&users(100));
        world.run();
        let mut left = 100;
        for _ in 0..60 {
            passes(&world, 5 * MINUTE);
            left -= (left * percent / 100).max(1).min(left - 1);
            world.has(&users(left));
            world.run();
        }
        let held = world.holds().keys().filter(|key| key.starts_with("v1:ref:")).count();
        assert!(held >= 80, "{percent} %: {held} of 100");
        let line = world.run();
        assert_eq!(line.kind(), ["error", "refused", "removals_excessive"]);
        let detail = line.text("detail");
        assert!(detail.contains("with those before"), "{detail}");
        assert!(detail.contains("of 100 within a day"), "{detail}");
    }
}

#[test]
fn memberships_that_go_bit_by_bit_do_not_all_go() {
    let world = World::new();
    world.list_page.set(1_000);
    let of = |without: usize| -> Vec<Value> {
        (0..50)
            .map(|i| user(&format!("u{i:02}"), if i < without { &[] } else { &["a", "b"] }))
            .collect()
    };
    world.has(&of(0));
    world.run();
    for without in (2..50).step_by(2) {
        passes(&world, 5 * MINUTE);
        world.has(&of(without));
        world.run();
    }
    let held = world.holds();
    let records = held.iter().filter(|(key, _)| key.starts_with("v1:ref:"));
    let memberships: usize = records.map(|(_, value)| value.matches("group:").count()).sum();
    assert_eq!(memberships, 80);
    assert!(world.run().text("detail").contains(" of 100 within a day"));
}

#[test]
fn limit_is_one_for_a_day_and_a_clock_set_back_does_not_lift_it() {
    let world = World::new();
    world.now.set(10 * DAY);
    world.has(&users(100));
    world.run();
    world.has(&users(80));
    assert_eq!(world.run().text("outcome"), "synced");
    world.has(&users(75));
    let mut new = Vec::new();
    for now in [10 * DAY, 11 * DAY - 1, 5 * DAY, 6 * DAY - 1] {
        world.now.set(now);
        world.has(&[users(75), new.clone()].concat());
        assert_eq!(world.run().text("code"), "removals_excessive", "{now}");
        // What removes nothing is done.
        new.push(user(&format!("new{now}"), &[]));
        world.has(&[users(80), new.clone()].concat());
        assert_eq!(world.run().text("outcome"), "synced");
    }
    // The clock was set back by five days. The day began anew with the next run that wrote.
    world.now.set(6 * DAY + 1);
    world.has(&[users(75), new].concat());
    assert_eq!(world.run().text("outcome"), "synced");
}

#[test]
fn removals_of_a_run_that_was_stopped_count() {
    for calls in 0..36 {
        let world = World::new();
        world.has(&users(20));
        world.run();
        passes(&world, 5 * MINUTE);
        world.has(&users(16));
        // Every call from this one on fails, as if the run had been killed.
        world.fails_from.set(Some(calls));
        world.run();
        world.fails_from.set(None);
        passes(&world, 5 * MINUTE);
        assert_eq!(world.run().text("outcome"), "synced", "{calls}");
        passes(&world, 5 * MINUTE);
        world.has(&users(14));
        assert_eq!(world.run().text("code"), "removals_excessive", "{calls}");
    }
}

#[test]
fn run_stops_before_it_asks_the_origin_while_another_one_writes() {
    let world = World::new();
    world.now.set(DAY);
    world.has(&users(3));
    let claim = claim_key(&run_id(RunSource::Push, DAY - MINUTE, 1));
    world.puts(&claim, "");
    let line = world.run();
    assert_eq!(line.kind(), ["info", "skipped", "run_overlaps"]);
    assert_eq!(line.text("detail"), "a run of push began to write 60 s ago");
    assert_eq!(world.holds().len(), 0);
    assert!(!world.kv.borrow().contains_key(MARKER_KEY));
    // It was killed.
    passes(&world, 15 * MINUTE);
    assert_eq!(world.run().kind(), ["info", "synced", ""]);
    assert_eq!(world.holds(), wanted(&users(3)));
    const { assert!(CLAIM_TTL >= 15 * 60) };
}

#[test]
fn records_of_a_newer_layout_are_left_alone() {
    let world = World::new();
    world.has(&users(3));
    let newer = RunState::default().marker_after(RunSource::Push, (0, 0), (3, 1), ("ok", None));
    let newer = Marker { layout: 2, ..newer }.to_json();
    world.puts(MARKER_KEY, &newer);
    let line = world.run();
    assert_eq!(line.kind(), ["error", "refused", "layout_newer"]);
    assert_eq!(world.kv.borrow()[MARKER_KEY].0, newer);
    assert_eq!(world.holds().len(), 0);
}

#[test]
fn sync_keys_that_cannot_be_read_are_replaced() {
    let world = World::new();
    world.has(&users(3));
    for (key, value) in
        [(MARKER_KEY, "{}"), (TURN_KEY, "x"), ("v1:sync:run:", ""), ("v1:sync:x", "")]
    {
        world.puts(key, value);
    }
    assert_eq!(world.run().text("outcome"), "synced");
    assert_eq!(marker(&world).outcome, "ok");
    assert_eq!(world.holds(), wanted(&users(3)));
    assert_eq!(json!(world.run().count("written")), json!(0));
}
