//! Where the team's keys come from, how long they are trusted, and how often KV and the certs endpoint are
//! called for them.

use backstage_cfaccess::access::{
    CACHE_MAX_AGE, COLD_LOOKS, COOLDOWN, ERROR_BACKOFF, REFRESH_JITTER, STALE_IF_ERROR,
    STALE_WHILE_REFRESHING,
};
use backstage_cfaccess::background::BackgroundTask;
use backstage_cfaccess::error::{Fault, GateError, Refusal};

use crate::support::{Claims, ISSUER, Lab, NOW, OTHER, TEAM, TeamKey, certs};

pub(super) const CERTS_KEY: &str = "certs:v1:testteam.cloudflareaccess.com";

/// An assertion that outlives every cache.
pub(super) fn lasting(key: &TeamKey) -> String {
    Claims::user().set("exp", NOW + 30 * 86_400).mint_by(key)
}

/// One that names an unknown key.
pub(super) fn of_unknown_key() -> String {
    let header = format!(r#"{{"alg":"RS256","kid":"{}","typ":"JWT"}}"#, "0".repeat(64));
    crate::support::mint(&header, &Claims::user().set("exp", NOW + 30 * 86_400).text())
}

/// What KV holds after a fetch at a time.
fn stored(fetched_at: i64, keys: &[&TeamKey]) -> String {
    format!("{fetched_at} {}", certs(keys))
}

/// The time of the fetch that KV holds.
pub(super) fn stored_at(lab: &Lab) -> String {
    let value = lab.world.cache.value(CERTS_KEY).unwrap();
    value.split(' ').next().unwrap().to_owned()
}

pub(super) fn code(lab: &Lab, token: &str, now: i64) -> String {
    lab.verify(token, now).map_or_else(|stop| stop.code().to_owned(), |_| "ok".to_owned())
}

pub(super) fn is_unavailable(stop: Option<&GateError>) -> bool {
    matches!(stop, Some(GateError::Fault(Fault::KeysUnavailable(_))))
}

#[test]
fn rotated_key_is_found_although_the_copy_in_kv_is_of_this_second() {
    for fetched_at in [NOW, NOW + 60] {
        let (lab, new) = (Lab::new(), lasting(&OTHER));
        lab.world.cache.holds(CERTS_KEY, &stored(fetched_at, &[&TEAM]));
        lab.world.certs.says(200, &certs(&[&TEAM, &OTHER]));
        assert_eq!(code(&lab, &new, NOW), "ok");
    }
}

#[test]
fn cache_times_are_those_of_the_documentation() {
    assert_eq!((CACHE_MAX_AGE, STALE_IF_ERROR), (600, 86_400));
    assert_eq!((REFRESH_JITTER, COOLDOWN, ERROR_BACKOFF), (120, 30, 10));
    assert_eq!((STALE_WHILE_REFRESHING, COLD_LOOKS), (30, 4));
}

#[test]
fn first_request_reads_kv_and_the_endpoint_and_later_ones_read_nothing() {
    let (lab, token) = (Lab::new(), lasting(&TEAM));
    for second in 0..5 {
        assert_eq!(code(&lab, &token, NOW + second), "ok");
    }
    assert_eq!((lab.world.certs.calls(), lab.world.cache.reads()), (1, 1));
}

#[test]
fn certs_endpoint_is_called_with_limits() {
    let lab = Lab::new();
    lab.verify(&lasting(&TEAM), NOW).unwrap();
    let call = lab.world.certs.last_call();
    assert_eq!(call.url, format!("{ISSUER}/cdn-cgi/access/certs"));
    assert_eq!(call.headers, [("accept".to_owned(), "application/json".to_owned())]);
    assert_eq!((call.timeout_ms, call.max_bytes), (3_000, 1024 * 1024));
}

#[test]
fn fetched_set_is_written_to_kv_for_a_day_and_serves_the_next_isolate() {
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
fn set_is_fresh_for_ten_minutes() {
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
fn one_request_refreshes_the_set_in_the_background_before_it_expires() {
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
fn refresh_time_differs_between_isolates() {
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
fn refresh_uses_the_set_that_another_isolate_has_just_stored() {
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
fn failed_background_refresh_fails_no_request_and_is_repeated_after_the_pause() {
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
fn stale_set_is_used_for_a_day_while_the_endpoint_is_down() {
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
fn stale_set_causes_one_call_per_pause_while_the_endpoint_is_down() {
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
fn stale_copy_in_kv_serves_a_new_isolate_while_the_endpoint_is_down() {
    let (lab, token) = (Lab::new(), lasting(&TEAM));
    lab.world.certs.fails();
    lab.world.cache.holds(CERTS_KEY, &stored(NOW - 86_399, &[&TEAM]));
    assert_eq!(code(&lab, &token, NOW), "ok");
    assert_eq!(lab.world.certs.calls(), 1);
    let stop = lab.verify(&token, NOW + 1).err();
    assert!(is_unavailable(stop.as_ref()), "{stop:?}");
}

#[test]
fn copy_in_kv_that_is_not_fresh_does_not_save_the_fetch() {
    let (lab, token) = (Lab::new(), lasting(&OTHER));
    lab.world.certs.says(200, &certs(&[&OTHER]));
    lab.world.cache.holds(CERTS_KEY, &stored(NOW - 600, &[&TEAM]));
    assert_eq!(code(&lab, &token, NOW), "ok");
    assert_eq!(lab.world.certs.calls(), 1);
    // And the older set is gone.
    assert_eq!(code(&lab, &lasting(&TEAM), NOW + 1), "key_unknown");
}

#[test]
fn copy_in_kv_that_is_damaged_too_old_or_from_the_future_is_ignored() {
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
fn copy_from_a_clock_slightly_ahead_counts_as_current() {
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
fn kv_outage_costs_only_the_fetch_of_the_keys() {
    let (lab, token) = (Lab::new(), lasting(&TEAM));
    lab.world.cache.fails();
    assert_eq!(code(&lab, &token, NOW), "ok");
    assert_eq!(lab.world.certs.calls(), 1);
    assert_eq!(lab.run_tasks(NOW).len(), 1);
    assert_eq!(code(&lab, &token, NOW + 1), "ok");
    assert_eq!(lab.world.certs.calls(), 1);
}

#[test]
fn unknown_key_causes_at_most_one_fetch_in_thirty_seconds() {
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
fn rotated_key_is_found_with_the_first_fetch() {
    let (lab, new) = (Lab::new(), lasting(&OTHER));
    lab.verify(&lasting(&TEAM), NOW).unwrap();
    lab.world.certs.says(200, &certs(&[&TEAM, &OTHER]));
    assert_eq!(code(&lab, &new, NOW + 100), "ok");
    assert_eq!(lab.world.certs.calls(), 2);
    assert_eq!(code(&lab, &lasting(&TEAM), NOW + 101), "ok");
    assert_eq!(lab.world.certs.calls(), 2);
}

#[test]
fn key_rotated_right_after_a_fetch_is_found_with_the_next() {
    let (lab, new) = (Lab::new(), lasting(&OTHER));
    lab.verify(&lasting(&TEAM), NOW).unwrap();
    lab.world.certs.says(200, &certs(&[&TEAM, &OTHER]));
    assert_eq!(code(&lab, &new, NOW + 29), "key_unknown");
    assert_eq!(code(&lab, &new, NOW + 30), "ok");
}

#[test]
fn rotated_key_is_found_although_the_fresh_copy_in_kv_lacks_it() {
    let (lab, new) = (Lab::new(), lasting(&OTHER));
    lab.world.cache.holds(CERTS_KEY, &stored(NOW - 60, &[&TEAM]));
    lab.world.certs.says(200, &certs(&[&TEAM, &OTHER]));
    assert_eq!(code(&lab, &new, NOW), "ok");
    assert_eq!(lab.world.certs.calls(), 1);
}

#[test]
fn withdrawn_key_is_refused_with_the_next_set() {
    let (lab, old) = (Lab::new(), lasting(&TEAM));
    lab.verify(&old, NOW).unwrap();
    lab.world.certs.says(200, &certs(&[&OTHER]));
    assert_eq!(code(&lab, &old, NOW + 599), "ok");
    assert_eq!(code(&lab, &old, NOW + 600), "key_unknown");
    assert!(lab.gate.caches.jwks.fresh_key(&TEAM.kid, NOW + 600).is_none());
}
