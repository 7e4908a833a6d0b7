//! The JWKS cache while the certs endpoint or KV fails, hangs or answers late.

use std::pin::pin;
use std::task::Poll;

use backstage_cfaccess::access::COLD_LOOKS;
use backstage_cfaccess::error::{Fault, GateError, Refusal};
use serde_json::json;

use super::jwks_cache::{CERTS_KEY, code, is_unavailable, lasting, of_unknown_key, stored_at};
use crate::support::{
    Ask, Claims, Lab, NOW, OTHER, Setup, TEAM, World, at, certs, code_of, poll_once,
};

#[test]
fn failure_without_a_cached_set_is_a_fault_with_a_pause() {
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
fn answer_without_keys_is_a_fault_with_a_reason() {
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
fn unknown_key_is_a_refusal_while_keys_are_available_and_a_fault_otherwise() {
    let (lab, token) = (Lab::new(), of_unknown_key());
    assert_eq!(lab.verify(&token, NOW).err(), Some(Refusal::KeyUnknown.into()));
    lab.world.certs.fails();
    // Until a fetch has failed, the answer stays.
    assert_eq!(lab.verify(&token, NOW + 29).err(), Some(Refusal::KeyUnknown.into()));
    let stop = lab.verify(&token, NOW + 30).err();
    assert!(is_unavailable(stop.as_ref()), "{stop:?}");
    lab.world.certs.says(200, &certs(&[&TEAM]));
    assert_eq!(lab.verify(&token, NOW + 60).err(), Some(Refusal::KeyUnknown.into()));
}

#[test]
fn slow_older_answer_does_not_replace_a_newer_one() {
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
fn known_key_of_a_barely_stale_set_does_not_wait_for_a_slow_fetch() {
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
fn fetch_that_never_ends_holds_its_turn_for_a_second_and_causes_no_pause() {
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
fn fetches_that_never_end_do_not_keep_a_revoked_key_valid() {
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
fn request_waits_no_longer_than_a_fetch_can_take() {
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
fn requests_of_a_cold_isolate_share_a_few_fetches() {
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
fn fetch_that_fails_late_does_not_undo_a_newer_one() {
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
fn set_is_written_to_kv_only_if_it_differs_or_the_copy_is_old() {
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
fn clock_set_back_does_not_stop_fetches() {
    let before = NOW - 7_200;
    let new = Claims::user().set("iat", before).set("nbf", before).mint_by(&OTHER);
    let lab = Lab::new();
    lab.verify(&lasting(&TEAM), NOW).unwrap();
    lab.world.certs.says(200, &certs(&[&TEAM, &OTHER]));
    assert_eq!(code(&lab, &new, NOW - 3_600), "ok");
}

#[test]
fn forged_assertion_with_wrong_claims_or_form_causes_no_fetch() {
    let lab = Lab::new();
    let unknown = of_unknown_key();
    let expired = Claims::user().set("exp", NOW).mint_by(&OTHER);
    for token in ["", "a.b.c", &unknown.replace('.', ".."), &expired] {
        assert!(lab.verify(token, NOW).is_err());
    }
    assert_eq!((lab.world.certs.calls(), lab.world.cache.reads()), (0, 0));
}

#[test]
fn signature_that_cannot_be_checked_is_a_fault() {
    let lab = Lab::new();
    lab.world.crypto_is_down.set(true);
    let stop = lab.verify(&lasting(&TEAM), NOW).err();
    assert_eq!(stop, Some(Fault::Crypto("no crypto".to_owned()).into()));
}

#[test]
fn verified_assertion_is_trusted_as_long_as_its_key_is_fresh() {
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

#[test]
fn log_says_why_stale_keys_are_used() {
    let (gate, world) = (Setup::new().gate(), World::new());
    let ask = |seconds| Ask::refresh(&lasting(&TEAM)).at(NOW + seconds).of(&gate, &world);
    assert_eq!(code_of(&ask(0)), "200");
    world.certs.says(500, "");
    let outcome = ask(700);
    assert_eq!(code_of(&outcome), "200");
    let line = outcome.log.to_json();
    assert!(line.contains("stale keys of Access are used: certs endpoint: status 500"), "{line}");
    assert!(!ask(701).log.to_json().contains("stale keys"));
}
