//! Where the team's keys come from, for how long they are believed, how often anybody is asked for
//! them, and what happens while nobody answers.

use std::pin::pin;
use std::task::Poll;

use backstage_cfaccess::access::{
    CACHE_MAX_AGE, COLD_LOOKS, COOLDOWN, ERROR_BACKOFF, REFRESH_JITTER, STALE_IF_ERROR,
    STALE_WHILE_REFRESHING,
};
use backstage_cfaccess::background::BackgroundTask;
use backstage_cfaccess::error::{Fault, GateError, Refusal};
use serde_json::json;

use crate::support::{Claims, ISSUER, Lab, NOW, OTHER, TEAM, TeamKey, at, certs, poll_once};

const CERTS_KEY: &str = "certs:v1:testteam.cloudflareaccess.com";

/// An assertion that outlives every cache.
fn lasting(key: &TeamKey) -> String {
    Claims::user().set("exp", NOW + 30 * 86_400).mint_by(key)
}

/// One that names a key of which nobody has heard.
fn of_unknown_key() -> String {
    let header = format!(r#"{{"alg":"RS256","kid":"{}","typ":"JWT"}}"#, "0".repeat(64));
    crate::support::mint(&header, &Claims::user().set("exp", NOW + 30 * 86_400).text())
}

/// What KV holds after a fetch at a time.
fn stored(fetched_at: i64, keys: &[&TeamKey]) -> String {
    format!("{fetched_at} {}", certs(keys))
}

/// The time of the fetch that KV holds.
fn stored_at(lab: &Lab) -> String {
    let value = lab.world.cache.value(CERTS_KEY).unwrap();
    value.split(' ').next().unwrap().to_owned()
}

fn code(lab: &Lab, token: &str, now: i64) -> String {
    lab.verify(token, now).map_or_else(|stop| stop.code().to_owned(), |_| "ok".to_owned())
}

fn is_unavailable(stop: Option<&GateError>) -> bool {
    matches!(stop, Some(GateError::Fault(Fault::KeysUnavailable(_))))
}

#[test]
fn a_rotated_key_is_found_behind_a_copy_of_this_very_second() {
    for fetched_at in [NOW, NOW + 60] {
        let (lab, new) = (Lab::new(), lasting(&OTHER));
        lab.world.cache.holds(CERTS_KEY, &stored(fetched_at, &[&TEAM]));
        lab.world.certs.says(200, &certs(&[&TEAM, &OTHER]));
        assert_eq!(code(&lab, &new, NOW), "ok");
    }
}

#[test]
fn the_times_are_what_the_documentation_says() {
    assert_eq!((CACHE_MAX_AGE, STALE_IF_ERROR), (600, 86_400));
    assert_eq!((REFRESH_JITTER, COOLDOWN, ERROR_BACKOFF), (120, 30, 10));
    assert_eq!((STALE_WHILE_REFRESHING, COLD_LOOKS), (30, 4));
}

#[test]
fn the_first_request_asks_kv_and_the_endpoint_and_later_ones_ask_nobody() {
    let (lab, token) = (Lab::new(), lasting(&TEAM));
    for second in 0..5 {
        assert_eq!(code(&lab, &token, NOW + second), "ok");
    }
    assert_eq!((lab.world.certs.calls(), lab.world.cache.reads()), (1, 1));
}

#[test]
fn the_endpoint_is_called_with_limits() {
    let lab = Lab::new();
    lab.verify(&lasting(&TEAM), NOW).unwrap();
    let call = lab.world.certs.last_call();
    assert_eq!(call.url, format!("{ISSUER}/cdn-cgi/access/certs"));
    assert_eq!(call.headers, [("accept".to_owned(), "application/json".to_owned())]);
    assert_eq!((call.timeout_ms, call.max_bytes), (3_000, 1024 * 1024));
}

#[test]
fn a_fetched_set_is_written_to_kv_for_a_day_and_serves_the_next_isolate() {
    let (lab, token) = (Lab::new(), lasting(&TEAM));
    lab.verify(&token, NOW).unwrap();
    assert_eq!(lab.tasks().len(), 1);
    assert_eq!(lab.run_tasks(NOW), []);
    assert_eq!(lab.world.cache.keys(), [CERTS_KEY]);
    assert_eq!(lab.world.cache.life(CERTS_KEY), Some(86_400));
    assert_eq!(stored_at(&lab), NOW.to_string());

    let next = Lab::new();
    next.world.certs.fails();
    next.world.cache.holds(CERTS_KEY, &lab.world.cache.value(CERTS_KEY).unwrap());
    assert_eq!(code(&next, &token, NOW + 5), "ok");
    assert_eq!((next.world.certs.calls(), next.tasks()), (0, vec![]));
}

#[test]
fn a_set_is_fresh_for_ten_minutes_and_not_a_second_more() {
    let (lab, token) = (Lab::new(), lasting(&TEAM));
    lab.verify(&token, NOW).unwrap();
    assert_eq!(code(&lab, &token, NOW + 599), "ok");
    assert_eq!(lab.world.certs.calls(), 1);
    assert_eq!(code(&lab, &token, NOW + 600), "ok");
    assert_eq!(lab.world.certs.calls(), 2);
    assert_eq!(code(&lab, &token, NOW + 1_199), "ok");
    assert_eq!(lab.world.certs.calls(), 2);
}

#[test]
fn shortly_before_the_end_one_request_leaves_a_refresh_to_be_done_after_its_answer() {
    let (lab, token) = (Lab::new(), lasting(&TEAM));
    lab.world.random.set(119);
    lab.verify(&token, NOW).unwrap();
    lab.run_tasks(NOW);
    assert_eq!(code(&lab, &token, NOW + 480), "ok");
    assert_eq!(lab.tasks(), []);
    assert_eq!(code(&lab, &token, NOW + 481), "ok");
    assert_eq!(lab.tasks(), [BackgroundTask::RefreshJwks]);
    // Others at the same time leave it to the first.
    assert_eq!(code(&lab, &token, NOW + 481), "ok");
    assert_eq!(lab.tasks(), [BackgroundTask::RefreshJwks]);
    assert_eq!(lab.world.certs.calls(), 1);

    assert_eq!(lab.run_tasks(NOW + 481), []);
    assert_eq!(lab.world.certs.calls(), 2);
    assert_eq!(code(&lab, &token, NOW + 961), "ok");
    assert_eq!((lab.world.certs.calls(), lab.tasks()), (2, vec![]));
    assert_eq!(stored_at(&lab), (NOW + 481).to_string());
}

#[test]
fn every_isolate_gets_its_own_part_of_the_spread() {
    for (random, refresh_at) in [(0, 600), (60, 540), (119, 481), (120, 600), (u32::MAX, 585)] {
        let (lab, token) = (Lab::new(), lasting(&TEAM));
        lab.world.random.set(random);
        lab.verify(&token, NOW).unwrap();
        lab.run_tasks(NOW);
        let tasks_at = |second| {
            lab.verify(&token, NOW + second).unwrap();
            lab.tasks().len() + lab.world.certs.calls()
        };
        assert_eq!(tasks_at(refresh_at - 1), 1, "{random}");
        assert!(tasks_at(refresh_at) > 1, "{random}");
    }
}

#[test]
fn a_refresh_is_content_with_what_another_isolate_has_just_stored() {
    let (lab, token) = (Lab::new(), lasting(&TEAM));
    lab.world.random.set(119);
    lab.verify(&token, NOW).unwrap();
    lab.run_tasks(NOW);
    lab.world.cache.holds(CERTS_KEY, &stored(NOW + 470, &[&TEAM, &OTHER]));
    lab.verify(&token, NOW + 481).unwrap();
    lab.run_tasks(NOW + 481);
    assert_eq!(lab.world.certs.calls(), 1);
    assert_eq!(code(&lab, &lasting(&OTHER), NOW + 482), "ok");
}

#[test]
fn a_failed_background_refresh_harms_nobody_and_is_tried_again_after_the_pause() {
    let (lab, token) = (Lab::new(), lasting(&TEAM));
    lab.world.random.set(119);
    lab.verify(&token, NOW).unwrap();
    lab.run_tasks(NOW);
    lab.world.certs.fails();
    lab.verify(&token, NOW + 481).unwrap();
    lab.run_tasks(NOW + 481);
    assert_eq!(lab.world.certs.calls(), 2);
    assert_eq!(code(&lab, &token, NOW + 510), "ok");
    assert_eq!(lab.tasks(), []);
    assert_eq!(code(&lab, &token, NOW + 511), "ok");
    assert_eq!(lab.tasks(), [BackgroundTask::RefreshJwks]);
}

#[test]
fn a_stale_set_is_used_while_the_endpoint_is_down_and_refused_after_a_day() {
    let (lab, token) = (Lab::new(), lasting(&TEAM));
    lab.verify(&token, NOW).unwrap();
    lab.world.certs.fails();
    for second in [600, 3_600, 43_200, 86_399] {
        assert_eq!(code(&lab, &token, NOW + second), "ok", "{second}");
    }
    for second in [86_400, 86_401, 100_000] {
        let stop = lab.verify(&token, NOW + second).err();
        assert!(is_unavailable(stop.as_ref()), "{second}: {stop:?}");
    }
}

#[test]
fn while_the_endpoint_is_down_a_stale_set_asks_it_once_per_pause() {
    let (lab, token) = (Lab::new(), lasting(&TEAM));
    lab.verify(&token, NOW).unwrap();
    lab.world.certs.fails();
    for second in 0..90 {
        assert_eq!(code(&lab, &token, NOW + 600 + second), "ok");
    }
    assert_eq!(lab.world.certs.calls(), 1 + 3);
    lab.world.certs.says(200, &certs(&[&TEAM]));
    assert_eq!(code(&lab, &token, NOW + 690), "ok");
    assert_eq!(lab.world.certs.calls(), 5);
    assert_eq!(code(&lab, &token, NOW + 1_289), "ok");
    assert_eq!(lab.world.certs.calls(), 5);
}

#[test]
fn a_stale_copy_in_kv_serves_a_new_isolate_while_the_endpoint_is_down() {
    let (lab, token) = (Lab::new(), lasting(&TEAM));
    lab.world.certs.fails();
    lab.world.cache.holds(CERTS_KEY, &stored(NOW - 86_399, &[&TEAM]));
    assert_eq!(code(&lab, &token, NOW), "ok");
    assert_eq!(lab.world.certs.calls(), 1);
    let stop = lab.verify(&token, NOW + 1).err();
    assert!(is_unavailable(stop.as_ref()), "{stop:?}");
}

#[test]
fn a_copy_in_kv_past_its_freshness_does_not_save_the_fetch() {
    let (lab, token) = (Lab::new(), lasting(&OTHER));
    lab.world.certs.says(200, &certs(&[&OTHER]));
    lab.world.cache.holds(CERTS_KEY, &stored(NOW - 600, &[&TEAM]));
    assert_eq!(code(&lab, &token, NOW), "ok");
    assert_eq!(lab.world.certs.calls(), 1);
    // And the older set is gone.
    assert_eq!(code(&lab, &lasting(&TEAM), NOW + 1), "key_unknown");
}

#[test]
fn a_copy_in_kv_that_is_damaged_too_old_or_from_the_future_is_passed_over() {
    let token = lasting(&TEAM);
    for value in [
        String::new(),
        " ".to_owned(),
        "null".to_owned(),
        NOW.to_string(),
        format!("{NOW} "),
        format!("{NOW} x"),
        format!("{NOW} {{\"keys\":[]}}"),
        format!("{NOW}.5 {}", certs(&[&OTHER])),
        format!("\"{NOW}\" {}", certs(&[&OTHER])),
        format!(" {}", certs(&[&OTHER])),
        certs(&[&OTHER]),
        stored(NOW, &[&OTHER])[..100].to_owned(),
        stored(NOW - 86_400, &[&OTHER]),
        stored(0, &[&OTHER]),
        stored(-1, &[&OTHER]),
        stored(NOW + 61, &[&OTHER]),
        stored(NOW + 86_400, &[&OTHER]),
        stored(i64::MAX, &[&OTHER]),
        stored(i64::MIN, &[&OTHER]),
    ] {
        let lab = Lab::new();
        lab.world.cache.holds(CERTS_KEY, &value);
        assert_eq!(code(&lab, &token, NOW), "ok", "{value}");
        assert_eq!(lab.world.certs.calls(), 1, "{value}");
        assert_eq!(code(&lab, &lasting(&OTHER), NOW), "key_unknown", "{value}");
    }
}

#[test]
fn a_copy_of_a_clock_a_little_ahead_counts_as_one_of_now() {
    let (lab, token) = (Lab::new(), lasting(&TEAM));
    lab.world.cache.holds(CERTS_KEY, &stored(NOW + 60, &[&TEAM]));
    assert_eq!(code(&lab, &token, NOW), "ok");
    lab.world.cache.loses(CERTS_KEY);
    assert_eq!(code(&lab, &token, NOW + 599), "ok");
    assert_eq!(lab.world.certs.calls(), 0);
    assert_eq!(code(&lab, &token, NOW + 600), "ok");
    assert_eq!(lab.world.certs.calls(), 1);
}

#[test]
fn kv_down_only_costs_the_fetch_that_it_would_have_saved() {
    let (lab, token) = (Lab::new(), lasting(&TEAM));
    lab.world.cache.fails();
    assert_eq!(code(&lab, &token, NOW), "ok");
    assert_eq!(lab.world.certs.calls(), 1);
    assert_eq!(lab.run_tasks(NOW).len(), 1);
    assert_eq!(code(&lab, &token, NOW + 1), "ok");
    assert_eq!(lab.world.certs.calls(), 1);
}

#[test]
fn an_unknown_key_causes_at_most_one_look_in_thirty_seconds() {
    let (lab, token) = (Lab::new(), of_unknown_key());
    for second in 0..=90 {
        let stop = lab.verify(&token, NOW + second).err();
        assert_eq!(stop, Some(Refusal::KeyUnknown.into()), "{second}");
    }
    // At 0, 30, 60 and 90.
    assert_eq!((lab.world.certs.calls(), lab.world.cache.reads()), (4, 4));
}

#[test]
fn unknown_keys_do_not_disturb_known_ones() {
    let (lab, known, unknown) = (Lab::new(), lasting(&TEAM), of_unknown_key());
    for second in 0..40 {
        assert_eq!(code(&lab, &unknown, NOW + second), "key_unknown");
        assert_eq!(code(&lab, &known, NOW + second), "ok");
    }
    lab.world.certs.fails();
    for second in 40..100 {
        lab.verify(&unknown, NOW + second).unwrap_err();
        assert_eq!(code(&lab, &known, NOW + second), "ok");
    }
}

#[test]
fn a_rotated_key_is_found_at_the_first_look() {
    let (lab, new) = (Lab::new(), lasting(&OTHER));
    lab.verify(&lasting(&TEAM), NOW).unwrap();
    lab.world.certs.says(200, &certs(&[&TEAM, &OTHER]));
    assert_eq!(code(&lab, &new, NOW + 100), "ok");
    assert_eq!(lab.world.certs.calls(), 2);
    assert_eq!(code(&lab, &lasting(&TEAM), NOW + 101), "ok");
    assert_eq!(lab.world.certs.calls(), 2);
}

#[test]
fn a_key_that_rotates_right_after_a_look_is_found_at_the_next() {
    let (lab, new) = (Lab::new(), lasting(&OTHER));
    lab.verify(&lasting(&TEAM), NOW).unwrap();
    lab.world.certs.says(200, &certs(&[&TEAM, &OTHER]));
    assert_eq!(code(&lab, &new, NOW + 29), "key_unknown");
    assert_eq!(code(&lab, &new, NOW + 30), "ok");
}

#[test]
fn a_rotated_key_is_found_behind_a_fresh_copy_in_kv_that_lacks_it() {
    let (lab, new) = (Lab::new(), lasting(&OTHER));
    lab.world.cache.holds(CERTS_KEY, &stored(NOW - 60, &[&TEAM]));
    lab.world.certs.says(200, &certs(&[&TEAM, &OTHER]));
    assert_eq!(code(&lab, &new, NOW), "ok");
    assert_eq!(lab.world.certs.calls(), 1);
}

#[test]
fn a_key_that_the_team_withdraws_is_forgotten_with_the_next_set() {
    let (lab, old) = (Lab::new(), lasting(&TEAM));
    lab.verify(&old, NOW).unwrap();
    lab.world.certs.says(200, &certs(&[&OTHER]));
    assert_eq!(code(&lab, &old, NOW + 599), "ok");
    assert_eq!(code(&lab, &old, NOW + 600), "key_unknown");
    assert!(lab.gate.caches.jwks.fresh_key(&TEAM.kid, NOW + 600).is_none());
}

#[test]
fn with_nothing_held_a_failure_is_a_fault_and_the_next_try_comes_after_a_pause() {
    let (lab, token) = (Lab::new(), lasting(&TEAM));
    lab.world.certs.fails();
    for second in 0..10 {
        let stop = lab.verify(&token, NOW + second).err();
        assert!(is_unavailable(stop.as_ref()), "{stop:?}");
        assert_eq!(lab.world.certs.calls(), 1, "{second}");
    }
    assert!(lab.verify(&token, NOW + 10).is_err());
    assert_eq!(lab.world.certs.calls(), 2);
    lab.world.certs.says(200, &certs(&[&TEAM]));
    assert!(lab.verify(&token, NOW + 19).is_err());
    assert_eq!(code(&lab, &token, NOW + 20), "ok");
    assert_eq!(lab.world.certs.calls(), 3);
}

#[test]
fn what_the_endpoint_says_in_place_of_keys_is_a_fault_with_a_reason() {
    let huge = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(1024 * 1024));
    for (status, body, reason) in [
        (404, "<html>", "certs endpoint: status 404"),
        (302, "", "certs endpoint: status 302"),
        (304, "", "certs endpoint: status 304"),
        (204, "", "certs endpoint: status 204"),
        (500, "", "certs endpoint: status 500"),
        (200, "<html>", "certs endpoint: not a JWK Set: "),
        (200, "", "certs endpoint: not a JWK Set: "),
        (200, "{\"keys\":[]}", "certs endpoint: no usable RSA key in the JWK Set"),
        (200, &huge, "more than 1048576 bytes"),
    ] {
        let lab = Lab::new();
        lab.world.certs.says(status, body);
        match lab.verify(&lasting(&TEAM), NOW).unwrap_err() {
            GateError::Fault(Fault::KeysUnavailable(why)) => {
                assert!(why.starts_with(reason), "{why}");
            }
            other => panic!("{status}: {other:?}"),
        }
        assert_eq!(lab.tasks(), []);
    }
}

#[test]
fn an_unknown_key_is_a_refusal_while_the_keys_can_be_had_and_a_fault_while_they_cannot() {
    let (lab, token) = (Lab::new(), of_unknown_key());
    assert_eq!(lab.verify(&token, NOW).err(), Some(Refusal::KeyUnknown.into()));
    lab.world.certs.fails();
    // For as long as nobody has looked in vain, the answer stays.
    assert_eq!(lab.verify(&token, NOW + 29).err(), Some(Refusal::KeyUnknown.into()));
    let stop = lab.verify(&token, NOW + 30).err();
    assert!(is_unavailable(stop.as_ref()), "{stop:?}");
    lab.world.certs.says(200, &certs(&[&TEAM]));
    assert_eq!(lab.verify(&token, NOW + 60).err(), Some(Refusal::KeyUnknown.into()));
}

#[test]
fn a_slower_older_answer_does_not_replace_a_newer_one() {
    let (lab, old, new) = (Lab::new(), lasting(&TEAM), lasting(&OTHER));
    let latch = lab.world.certs.holds_back();
    let mut slow = pin!(lab.start(&old, at(NOW)));
    assert!(poll_once(slow.as_mut()).is_pending());
    // A second request in the meantime, after a rotation.
    lab.world.certs.says(200, &certs(&[&TEAM, &OTHER]));
    assert_eq!(code(&lab, &new, NOW + 1), "ok");
    latch.open();
    assert!(poll_once(slow.as_mut()).is_ready());
    assert_eq!(code(&lab, &new, NOW + 2), "ok");
    assert_eq!(lab.world.certs.calls(), 2);
}

#[test]
fn a_known_key_of_a_barely_stale_set_does_not_wait_for_a_slow_look() {
    let (lab, known, new) = (Lab::new(), lasting(&TEAM), lasting(&OTHER));
    lab.verify(&known, NOW).unwrap();
    lab.world.certs.says(200, &certs(&[&TEAM, &OTHER]));
    let latch = lab.world.certs.holds_back();
    let mut slow = pin!(lab.start(&new, at(NOW + 600)));
    assert!(poll_once(slow.as_mut()).is_pending());
    assert_eq!(code(&lab, &known, NOW + 600), "ok");
    // The unknown key may be the new one: it waits, and does not look itself.
    let mut waiting = pin!(lab.start(&new, at(NOW + 600)));
    assert!(poll_once(waiting.as_mut()).is_pending());
    assert_eq!(lab.world.certs.calls(), 2);
    latch.open();
    assert!(poll_once(slow.as_mut()).is_ready());
    lab.world.passes(50);
    assert!(matches!(poll_once(waiting.as_mut()), Poll::Ready(Ok(_))));
    assert_eq!(lab.world.certs.calls(), 2);
}

#[test]
fn a_look_that_never_ends_holds_its_turn_for_a_second_and_causes_no_pause() {
    let (lab, known, new) = (Lab::new(), lasting(&TEAM), lasting(&OTHER));
    lab.verify(&known, NOW).unwrap();
    lab.world.certs.says(200, &certs(&[&TEAM, &OTHER]));
    let _never_opened = lab.world.certs.holds_back();
    let forged = of_unknown_key();
    let mut frozen = pin!(lab.start(&forged, at(NOW + 100)));
    assert!(poll_once(frozen.as_mut()).is_pending());
    // One of the same moment waits for the rest of the second, then looks itself.
    let mut waiting = pin!(lab.start(&new, at(NOW + 100)));
    for _ in 0..20 {
        assert!(poll_once(waiting.as_mut()).is_pending());
        lab.world.passes(50);
    }
    assert!(matches!(poll_once(waiting.as_mut()), Poll::Ready(Ok(_))));
    assert_eq!(code(&lab, &new, NOW + 101), "ok");
}

#[test]
fn looks_that_never_end_do_not_keep_a_revoked_key_valid() {
    let (lab, revoked, new) = (Lab::new(), lasting(&TEAM), lasting(&OTHER));
    lab.verify(&revoked, NOW).unwrap();
    lab.world.certs.says(200, &certs(&[&OTHER]));
    let forged = of_unknown_key();
    let mut frozen = Vec::new();
    // The first of every second is a request with an invented key that is cancelled.
    for second in 100..700 {
        let _never_opened = lab.world.certs.holds_back();
        let mut request = Box::pin(lab.start(&forged, at(NOW + second)));
        assert!(poll_once(request.as_mut()).is_pending());
        frozen.push(request);
        let mut honest = pin!(lab.start(&revoked, at(NOW + second)));
        match poll_once(honest.as_mut()) {
            Poll::Ready(Ok(_)) => assert!(second < 630, "valid after {second} s"),
            Poll::Ready(Err(stop)) => panic!("{stop:?}"),
            Poll::Pending => {
                assert!(second >= 630);
                for _ in 0..20 {
                    lab.world.passes(50);
                    let _ = poll_once(honest.as_mut());
                }
                assert_eq!(code(&lab, &revoked, NOW + second + 1), "key_unknown");
                assert_eq!(code(&lab, &new, NOW + second + 1), "ok");
                return;
            }
        }
    }
    panic!("the revoked key stayed valid");
}

#[test]
fn a_request_waits_for_no_longer_than_a_look_can_take() {
    let (lab, forged) = (Lab::new(), of_unknown_key());
    let mut frozen = Vec::new();
    // In every second the first requests take all turns and are cancelled.
    let mut begin = |second: i64| {
        for _ in 0..COLD_LOOKS {
            let _never_opened = lab.world.certs.holds_back();
            let mut request = Box::pin(lab.start(&forged, at(NOW + second)));
            assert!(poll_once(request.as_mut()).is_pending());
            frozen.push(request);
        }
    };
    begin(0);
    let token = lasting(&TEAM);
    let mut waiting = pin!(lab.start(&token, at(NOW)));
    for tick in 1..=90 {
        assert!(poll_once(waiting.as_mut()).is_pending());
        if tick % 20 == 0 {
            begin(tick / 20);
        }
        lab.world.passes(50);
    }
    match poll_once(waiting.as_mut()) {
        Poll::Ready(result) => assert!(is_unavailable(result.err().as_ref())),
        Poll::Pending => panic!("still waits"),
    }
}

#[test]
fn many_requests_of_a_cold_isolate_share_a_few_looks() {
    for (answers, expected) in [(true, "key_unknown"), (false, "keys_unavailable")] {
        let (lab, token) = (Lab::new(), of_unknown_key());
        if !answers {
            lab.world.certs.fails();
        }
        let latch = lab.world.certs.holds_back_all();
        let mut requests: Vec<_> = (0..300).map(|_| Box::pin(lab.start(&token, at(NOW)))).collect();
        for request in &mut requests {
            assert!(poll_once(request.as_mut()).is_pending());
        }
        latch.open();
        lab.world.passes(50);
        for request in &mut requests {
            let Poll::Ready(result) = poll_once(request.as_mut()) else { panic!("still waits") };
            assert_eq!(result.unwrap_err().code(), expected);
        }
        assert_eq!((lab.world.certs.calls(), lab.world.cache.reads()), (COLD_LOOKS, COLD_LOOKS));
        assert_eq!(lab.tasks().len(), usize::from(answers));
    }
}

#[test]
fn a_look_that_fails_late_does_not_undo_a_newer_one() {
    let (lab, known) = (Lab::new(), lasting(&TEAM));
    lab.world.certs.fails();
    let latch = lab.world.certs.holds_back();
    let mut slow = pin!(lab.start(&known, at(NOW)));
    assert!(poll_once(slow.as_mut()).is_pending());
    lab.world.certs.says(200, &certs(&[&TEAM]));
    assert_eq!(code(&lab, &known, NOW + 2), "ok");
    latch.open();
    assert!(poll_once(slow.as_mut()).is_ready());
    assert_eq!(code(&lab, &of_unknown_key(), NOW + 3), "key_unknown");
}

#[test]
fn a_set_is_written_to_kv_only_if_it_differs_or_the_copy_is_old() {
    let (lab, token) = (Lab::new(), of_unknown_key());
    let written_at = |second: i64| {
        lab.verify(&token, NOW + second).unwrap_err();
        lab.run_tasks(NOW + second);
        stored_at(&lab).parse::<i64>().unwrap() - NOW
    };
    assert_eq!(written_at(0), 0);
    for second in (30..480).step_by(30) {
        assert_eq!(written_at(second), 0);
    }
    assert_eq!(written_at(480), 480);
    lab.world.certs.says(200, &certs(&[&TEAM, &OTHER]));
    assert_eq!(written_at(510), 510);
    // While KV cannot be read, what this isolate has written counts.
    lab.world.cache.loses(CERTS_KEY);
    lab.verify(&token, NOW + 540).unwrap_err();
    assert_eq!(lab.tasks(), []);
}

#[test]
fn a_clock_that_is_set_back_does_not_stop_the_looks() {
    let before = NOW - 7_200;
    let new = Claims::user().set("iat", before).set("nbf", before).mint_by(&OTHER);
    let lab = Lab::new();
    lab.verify(&lasting(&TEAM), NOW).unwrap();
    lab.world.certs.says(200, &certs(&[&TEAM, &OTHER]));
    assert_eq!(code(&lab, &new, NOW - 3_600), "ok");
}

#[test]
fn a_forged_assertion_costs_no_fetch_when_its_claims_or_form_are_wrong() {
    let lab = Lab::new();
    let unknown = of_unknown_key();
    let expired = Claims::user().set("exp", NOW).mint_by(&OTHER);
    for token in ["", "a.b.c", &unknown.replace('.', ".."), &expired] {
        assert!(lab.verify(token, NOW).is_err());
    }
    assert_eq!((lab.world.certs.calls(), lab.world.cache.reads()), (0, 0));
}

#[test]
fn a_signature_that_cannot_be_checked_is_a_fault_and_no_acceptance() {
    let lab = Lab::new();
    lab.world.crypto_is_down.set(true);
    let stop = lab.verify(&lasting(&TEAM), NOW).err();
    assert_eq!(stop, Some(Fault::Crypto("no crypto".to_owned()).into()));
}

#[test]
fn what_was_verified_with_a_key_is_trusted_as_long_as_the_key_is_fresh() {
    let lab = Lab::new();
    lab.verify(&lasting(&TEAM), NOW).unwrap();
    let keys = &lab.gate.caches.jwks;
    assert!(keys.fresh_key(&TEAM.kid, NOW + 599).is_some());
    assert!(keys.fresh_key(&TEAM.kid, NOW + 600).is_none());
    assert!(keys.fresh_key(&OTHER.kid, NOW).is_none());
    assert!(keys.fresh_key("", NOW).is_none());
}

#[test]
fn teams_have_separate_copies_in_kv() {
    let setup = crate::support::Setup::new().cfaccess("teamName", json!("other"));
    assert_eq!(setup.config().access.certs_cache_key(), "certs:v1:other.cloudflareaccess.com");
}
