//! What is done after the answer was sent: what the origin is told with `trust: "shared-key"`, and
//! that no failure of a task reaches a caller.

use std::pin::pin;
use std::task::Poll;

use backstage_cfaccess::background::BackgroundTask;
use backstage_cfaccess::config::Trust;
use backstage_cfaccess::gate::Gate;
use backstage_cfaccess::gate::run_background;
use backstage_cfaccess::gate::{REFRESH_LIMIT_MS, REGISTRATION_PAUSE};
use backstage_cfaccess::ports::Failure;
use serde_json::json;

use crate::support::{Ask, Claims, NOW, Setup, World, at, block_on, code_of, poll_once};

/// What the origin's refresh route answers, as far as it matters.
const REGISTERED: &str = r#"{"backstageIdentity":{}}"#;

/// Signs Jane in and does what is left to do.
fn sign_in(gate: &Gate, world: &World, claims: &Claims, now: i64) -> Vec<Failure> {
    let outcome = Ask::refresh(&claims.mint()).at(now).of(gate, world);
    assert_eq!(code_of(&outcome), "200");
    block_on(run_background(outcome.background, at(now), gate, world))
}

fn shared_key() -> Gate {
    let gate = Setup::new().backstage("trust", json!("shared-key")).gate();
    assert_eq!(gate.config.backstage.trust, Trust::SharedKey);
    gate
}

/// Jane's claims, for two days.
fn lasting() -> Claims {
    Claims::user().set("exp", NOW + 2 * 86_400)
}

#[test]
fn user_is_registered_with_the_origin_once_a_day() {
    let (gate, world) = (shared_key(), World::new());
    world.origin.says(200, REGISTERED);
    for second in [0, 1, 3_600, 86_399] {
        assert_eq!(sign_in(&gate, &world, &lasting(), NOW + second), []);
    }
    assert_eq!(world.origin.calls(), 1);
    // KV has forgotten by then, too.
    let registered =
        world.cache.keys().into_iter().find(|key| key.starts_with("registered:v1:")).unwrap();
    assert_eq!(world.cache.life(&registered), Some(86_400));
    world.cache.loses(&registered);
    sign_in(&gate, &world, &lasting(), NOW + 86_400);
    assert_eq!(world.origin.calls(), 2);
}

#[test]
fn registration_calls_the_origins_refresh_route_with_the_assertion() {
    let (gate, world) = (shared_key(), World::new());
    world.origin.says(200, REGISTERED);
    sign_in(&gate, &world, &lasting(), NOW);
    let call = world.origin.last_call();
    assert_eq!(call.url, "/api/auth/cfaccess/refresh");
    let assertion = lasting().mint();
    for (name, value) in [
        ("cf-access-jwt-assertion", assertion.clone()),
        ("cookie", format!("CF_Authorization={assertion}")),
        ("x-requested-with", "XMLHttpRequest".to_owned()),
    ] {
        assert!(call.headers.contains(&(name.to_owned(), value)), "{name}");
    }
    assert_eq!((call.timeout_ms, call.max_bytes), (3_000, 1024 * 1024));
}

#[test]
fn registration_in_one_isolate_counts_for_all_isolates() {
    let world = World::new();
    world.origin.says(200, REGISTERED);
    sign_in(&shared_key(), &world, &lasting(), NOW);
    sign_in(&shared_key(), &world, &lasting(), NOW + 60);
    assert_eq!(world.origin.calls(), 1);
    assert!(world.cache.keys().iter().all(|key| !key.contains("jane")));
}

#[test]
fn each_user_is_registered_separately() {
    let (gate, world) = (shared_key(), World::new());
    world.origin.says(200, REGISTERED);
    sign_in(&gate, &world, &Claims::user(), NOW);
    sign_in(&gate, &world, &Claims::service_token(), NOW);
    assert_eq!(world.origin.calls(), 2);
}

#[test]
fn first_sign_in_registers_before_the_answer_and_later_ones_in_the_background() {
    let (gate, world) = (shared_key(), World::new());
    world.origin.says(200, REGISTERED);
    let first = Ask::refresh(&lasting().mint()).of(&gate, &world);
    assert_eq!((code_of(&first).as_str(), world.origin.calls()), ("200", 1));
    // The session is reused; a day later the user is registered again, without a wait.
    let later = Ask::refresh(&lasting().mint()).at(NOW + 300).of(&gate, &world);
    assert_eq!((code_of(&later).as_str(), world.origin.calls()), ("200", 1));
    assert!(later.background.is_empty());
}

#[test]
fn failed_registration_does_not_stop_the_sign_in_and_pauses_all_registrations() {
    for status in [401, 404, 302, 500] {
        let (gate, world) = (shared_key(), World::new());
        world.origin.says(status, "");
        let outcome = Ask::refresh(&lasting().mint()).of(&gate, &world);
        assert_eq!(code_of(&outcome), "200");
        let note =
            format!("not registered with the origin: the origin's refresh route: status {status}");
        assert!(outcome.log.to_json().contains(&note), "{}", outcome.log.to_json());
        world.origin.says(200, REGISTERED);
        for second in [0, REGISTRATION_PAUSE - 1] {
            assert_eq!(sign_in(&gate, &world, &Claims::service_token(), NOW + second), []);
            assert_eq!(world.origin.calls(), 1, "{second}");
        }
        sign_in(&gate, &world, &lasting(), NOW + REGISTRATION_PAUSE);
        assert_eq!(world.origin.calls(), 2);
    }
}

#[test]
fn answer_that_is_no_session_registers_no_user() {
    for body in ["<!doctype html>", "", "[1]", "{}", r#"{"backstageIdentity":"#] {
        let (gate, world) = (shared_key(), World::new());
        world.origin.says(200, body);
        let outcome = Ask::refresh(&lasting().mint()).of(&gate, &world);
        assert_eq!(code_of(&outcome), "200");
        let line = outcome.log.to_json();
        assert!(line.contains("not registered with the origin: "), "{body}: {line}");
        world.origin.says(200, REGISTERED);
        sign_in(&gate, &world, &lasting(), NOW + REGISTRATION_PAUSE);
        assert_eq!(world.origin.calls(), 2, "{body}");
    }
}

#[test]
fn origin_that_hangs_delays_the_answer_for_no_longer_than_its_limit() {
    let (gate, world) = (shared_key(), World::new());
    world.origin.says(200, REGISTERED);
    let _latch = world.origin.holds_back();
    world.is_late.set(true);
    let outcome = Ask::refresh(&lasting().mint()).of(&gate, &world);
    assert_eq!(code_of(&outcome), "200");
    assert!(outcome.log.to_json().contains("no answer in time"));
}

#[test]
fn refresh_ends_within_its_limit_whatever_hangs() {
    let (gate, world) = (shared_key(), World::new());
    world.origin.says(200, REGISTERED);
    let (_origin, certs) = (world.origin.holds_back(), world.certs.holds_back());
    let ask = Ask::refresh(&lasting().mint());
    let request = ask.request();
    let mut slow = pin!(gate.decide(&request, at(NOW), &world));
    assert!(poll_once(slow.as_mut()).is_pending());
    world.passes(REFRESH_LIMIT_MS - 1_000);
    certs.open();
    // The registration gets no more than the rest of the time.
    assert!(poll_once(slow.as_mut()).is_pending());
    world.passes(999);
    assert!(poll_once(slow.as_mut()).is_pending());
    world.passes(1);
    let Poll::Ready(outcome) = poll_once(slow.as_mut()) else { panic!("still waits") };
    assert_eq!(code_of(&outcome), "200");

    let (gate, world) = (shared_key(), World::new());
    let _never_opened = world.certs.holds_back();
    let mut hung = pin!(gate.decide(&request, at(NOW), &world));
    assert!(poll_once(hung.as_mut()).is_pending());
    world.passes(REFRESH_LIMIT_MS);
    let Poll::Ready(outcome) = poll_once(hung.as_mut()) else { panic!("still waits") };
    assert_eq!(code_of(&outcome), "refresh_timeout");
}

#[test]
fn requests_of_one_user_at_once_register_once() {
    let (gate, world) = (shared_key(), World::new());
    world.origin.says(200, REGISTERED);
    let latch = world.origin.holds_back();
    let token = lasting().mint();
    let first = Ask::refresh(&token);
    let request = first.request();
    let mut waiting = pin!(gate.decide(&request, at(NOW), &world));
    assert!(poll_once(waiting.as_mut()).is_pending());
    for nonce in 0..50 {
        let other = lasting().set("identity_nonce", nonce).mint();
        assert_eq!(code_of(&Ask::refresh(&other).of(&gate, &world)), "200");
    }
    latch.open();
    assert!(poll_once(waiting.as_mut()).is_ready());
    assert_eq!(world.origin.calls(), 1);
}

#[test]
fn kv_outage_leads_to_one_registration_per_isolate() {
    let (gate, world) = (shared_key(), World::new());
    world.origin.says(200, REGISTERED);
    world.cache.fails();
    for second in 0..3 {
        sign_in(&gate, &world, &lasting(), NOW + second);
    }
    assert_eq!(world.origin.calls(), 1);
}

#[test]
fn trust_service_registers_no_user_with_the_origin() {
    let world = World::new();
    sign_in(&Setup::new().gate(), &world, &lasting(), NOW);
    assert_eq!(world.origin.calls(), 0);
}

#[test]
fn registration_waits_until_the_session_exists() {
    let (gate, world) = (shared_key(), World::new());
    for claims in [
        Claims::user().set("exp", NOW),
        Claims::user().set("email", "ghost@example.com"),
        Claims::service_token().set("common_name", "2.access"),
    ] {
        let outcome = Ask::refresh(&claims.mint()).of(&gate, &world);
        assert_ne!(code_of(&outcome), "200");
        let tells =
            |task: &BackgroundTask| matches!(task, BackgroundTask::RegisterWithOrigin { .. });
        assert!(!outcome.background.iter().any(tells));
    }
}

#[test]
fn failed_background_write_is_reported_and_other_tasks_still_run() {
    let (gate, world) = (Setup::new().gate(), World::new());
    world.cache.fails();
    let write =
        |key: &str| BackgroundTask::WriteCache { key: key.into(), value: "v".into(), ttl: 60 };
    let tasks = vec![write("a"), BackgroundTask::RefreshJwks, write("b")];
    let failures = block_on(run_background(tasks, at(NOW), &gate, &world));
    // Both, and that of the set that was fetched meanwhile.
    assert_eq!(failures.len(), 3);
    assert_eq!(world.certs.calls(), 1);
    assert!(gate.caches.jwks.fresh_key(&"a".repeat(64), NOW).is_some());
}

#[test]
fn failed_refresh_of_the_keys_is_reported() {
    let (gate, world) = (Setup::new().gate(), World::new());
    world.certs.says(500, "");
    let tasks = vec![BackgroundTask::RefreshJwks];
    let failures = block_on(run_background(tasks, at(NOW), &gate, &world));
    assert_eq!(failures, [Failure("certs endpoint: status 500".to_owned())]);
}
