//! The memory of verified assertions: what it saves, and that it outlives nothing it rests on.

use backstage_cfaccess::gate::{Decision, Gate};
use serde_json::json;

use crate::support::{Ask, Claims, NOW, OTHER, Setup, TEAM, World, at, block_on, certs};

fn ask(gate: &Gate, world: &World, assertion: &str, now: i64) -> String {
    let outcome = Ask::get("/api/catalog")
        .header("cf-access-jwt-assertion", assertion)
        .at(now)
        .of(gate, world);
    block_on(backstage_cfaccess::gate::run_background(outcome.background, at(now), gate, world));
    match outcome.decision {
        Decision::Forward(_) => "forwarded".to_owned(),
        Decision::Reply(reply) => {
            let body: serde_json::Value = serde_json::from_str(&reply.body.unwrap()).unwrap();
            body["error"]["code"].as_str().unwrap().to_owned()
        }
    }
}

#[test]
fn assertion_is_verified_once_for_many_requests() {
    let (gate, world) = (Setup::new().gate(), World::new());
    let assertion = Claims::user().mint();
    for second in 0..100 {
        assert_eq!(ask(&gate, &world, &assertion, NOW + second), "forwarded");
    }
    assert_eq!(world.verified.get(), 1);
}

#[test]
fn another_assertion_of_the_same_user_is_verified_separately() {
    let (gate, world) = (Setup::new().gate(), World::new());
    ask(&gate, &world, &Claims::user().mint(), NOW);
    let other = Claims::user().set("country", "NO").mint();
    let (body, _) = other.rsplit_once('.').unwrap();
    let good = Claims::user().mint();
    let (_, signature) = good.rsplit_once('.').unwrap();
    assert_eq!(ask(&gate, &world, &format!("{body}.{signature}"), NOW), "signature_invalid");
}

#[test]
fn cached_assertion_ends_with_its_expiry() {
    let (gate, world) = (Setup::new().gate(), World::new());
    let assertion = Claims::user().set("exp", NOW + 60).mint();
    assert_eq!(ask(&gate, &world, &assertion, NOW), "forwarded");
    assert_eq!(ask(&gate, &world, &assertion, NOW + 59), "forwarded");
    assert_eq!(ask(&gate, &world, &assertion, NOW + 60), "assertion_expired");
}

#[test]
fn cached_assertion_ends_when_its_key_is_gone() {
    let (gate, world) = (Setup::new().gate(), World::new());
    // A refresh comes early, so that the new set is fresh while the old one would be, too.
    world.random.set(119);
    let assertion = Claims::user().set("exp", NOW + 86_400).mint();
    assert_eq!(ask(&gate, &world, &assertion, NOW), "forwarded");
    world.certs.says(200, &certs(&[&OTHER]));
    assert_eq!(ask(&gate, &world, &assertion, NOW + 481), "forwarded", "the old set is held");
    // The refresh that this last request left behind has brought the new set.
    assert_eq!(ask(&gate, &world, &assertion, NOW + 482), "key_unknown");
}

#[test]
fn cached_assertion_ends_when_its_key_is_replaced_under_the_same_kid() {
    let (gate, world) = (Setup::new().gate(), World::new());
    // A refresh comes early, so that the new set is fresh while the old one would be, too.
    world.random.set(119);
    let assertion = Claims::user().set("exp", NOW + 86_400).mint();
    assert_eq!(ask(&gate, &world, &assertion, NOW), "forwarded");
    let mut replaced = OTHER.jwk();
    replaced["kid"] = json!(TEAM.kid);
    world.certs.says(200, &json!({ "keys": [replaced] }).to_string());
    assert_eq!(ask(&gate, &world, &assertion, NOW + 481), "forwarded", "the old set is held");
    assert_eq!(ask(&gate, &world, &assertion, NOW + 482), "signature_invalid");
}

#[test]
fn keys_are_refreshed_in_time_without_new_assertions() {
    let (gate, world) = (Setup::new().gate(), World::new());
    world.random.set(90);
    let assertion = Claims::user().set("exp", NOW + 86_400).mint();
    let mut now = NOW;
    while now < NOW + 3_600 {
        assert_eq!(ask(&gate, &world, &assertion, now), "forwarded");
        now += 60;
    }
    assert!(world.certs.calls() >= 5, "{} fetches in an hour", world.certs.calls());
    assert_eq!(world.verified.get(), 1);
}

#[test]
fn refusal_is_not_cached() {
    let (gate, world) = (Setup::new().gate(), World::new());
    let early = Claims::user().set("nbf", NOW + 60).mint();
    assert_eq!(ask(&gate, &world, &early, NOW), "assertion_not_yet_valid");
    assert_eq!(ask(&gate, &world, &early, NOW + 60), "forwarded");
}
