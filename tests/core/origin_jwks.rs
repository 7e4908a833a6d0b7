//! The origin's JWK Set: remembered, asked again, and used while the origin does not answer.

use serde_json::json;

use crate::support::{Ask, NOW, Setup, World, body_of, reply_of};

const JWKS: &str = "/api/auth/.well-known/jwks.json";

fn kids(ask: &Ask, gate: &backstage_cfaccess::gate::Gate, world: &World) -> Vec<String> {
    let body = body_of(&ask.of(gate, world));
    let keys = body["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn set(kid: &str) -> String {
    json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": "x", "y": "y", "kid": kid }] }).to_string()
}

#[test]
fn origins_set_is_asked_for_again_after_half_a_minute() {
    let (gate, world) = (Setup::new().gate(), World::new());
    world.origin.says(200, &set("one"));
    let ours = kids(&Ask::get(JWKS), &gate, &world).len() - 1;
    world.origin.says(200, &set("two"));
    for (seconds, kid) in [(0, "one"), (29, "one"), (30, "two"), (59, "two")] {
        assert_eq!(kids(&Ask::get(JWKS).at(NOW + seconds), &gate, &world)[ours], kid, "{seconds}");
    }
    assert_eq!(world.origin.calls(), 2);
}

#[test]
fn remembered_set_is_answered_for_ten_minutes_while_the_origin_fails() {
    let (gate, world) = (Setup::new().gate(), World::new());
    world.origin.says(200, &set("one"));
    let all = kids(&Ask::get(JWKS), &gate, &world).len();
    world.origin.fails();
    for (seconds, count) in [(30, all), (599, all), (600, all - 1)] {
        let ask = Ask::get(JWKS).at(NOW + seconds);
        assert_eq!(kids(&ask, &gate, &world).len(), count, "{seconds}");
        let outcome = ask.of(&gate, &world);
        let headers = &reply_of(&outcome).headers;
        assert!(headers.iter().all(|(name, _)| *name != "cache-control"), "{seconds}");
    }
}

#[test]
fn origin_that_failed_is_not_asked_for_ten_seconds() {
    let (gate, world) = (Setup::new().gate(), World::new());
    world.origin.fails();
    for (seconds, calls) in [(0, 1), (1, 1), (9, 1), (10, 2), (19, 2), (20, 3)] {
        kids(&Ask::get(JWKS).at(NOW + seconds), &gate, &world);
        assert_eq!(world.origin.calls(), calls, "{seconds}");
    }
}

#[test]
fn answer_that_is_no_set_does_not_replace_the_remembered_one() {
    for body in ["<!doctype html>", "", "[]", r#"{"keys":{"a":1}}"#, r#"{"error":"down"}"#] {
        let (gate, world) = (Setup::new().gate(), World::new());
        world.origin.says(200, &set("one"));
        let all = kids(&Ask::get(JWKS), &gate, &world);
        world.origin.says(200, body);
        let outcome = Ask::get(JWKS).at(NOW + 30).of(&gate, &world);
        assert_eq!(kids(&Ask::get(JWKS).at(NOW + 31), &gate, &world), all, "{body}");
        let headers = &reply_of(&outcome).headers;
        assert!(headers.iter().all(|(name, _)| *name != "cache-control"), "{body}");
        let line = outcome.log.to_json();
        assert!(line.contains("the origin's JWK Set: not a JWK Set"), "{line}");
        // It counts as a failure, after which the origin is soon asked again.
        world.origin.says(200, &set("two"));
        assert!(kids(&Ask::get(JWKS).at(NOW + 40), &gate, &world).contains(&"two".to_owned()));
    }
}

#[test]
fn log_says_why_the_origins_set_is_missing() {
    let (gate, world) = (Setup::new().gate(), World::new());
    world.origin.says(500, "");
    let line = Ask::get(JWKS).of(&gate, &world).log.to_json();
    assert!(line.contains("the origin's JWK Set: status 500"), "{line}");
}
