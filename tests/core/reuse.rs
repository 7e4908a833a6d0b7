//! Sessions and records that are given out again: what that saves, and that nothing outlives what
//! it rests on.

use backstage_cfaccess::gate::Gate;
use serde_json::{Value, json};

use crate::support::{
    Ask, Claims, NOW, OTHER, SIGNER, Setup, World, at, block_on, body_of, certs, code_of,
};

/// A minute is how long the catalog is remembered by default.
const MINUTE: i64 = 60;

fn refresh(gate: &Gate, world: &World, assertion: &str, now: i64) -> String {
    code_of(&Ask::refresh(assertion).at(now).of(gate, world))
}

fn session(gate: &Gate, world: &World, assertion: &str, now: i64) -> Value {
    let mut body = body_of(&Ask::refresh(assertion).at(now).of(gate, world));
    body["backstageIdentity"].take()
}

/// Jane's assertion, for two days.
fn lasting() -> String {
    Claims::user().set("exp", NOW + 2 * 86_400).mint()
}

#[test]
fn repeated_assertion_reads_nothing_and_signs_nothing() {
    let (gate, world) = (Setup::new().gate(), World::new());
    let assertion = lasting();
    let first = session(&gate, &world, &assertion, NOW);
    let reads = (world.catalog.reads(), world.cache.reads());
    // Neither KV nor a signature can be had any more.
    world.catalog.fails();
    world.cache.fails();
    world.crypto_is_down.set(true);
    let mut again = session(&gate, &world, &assertion, NOW + 59);
    assert_eq!(again["expiresInSeconds"], json!(3_600 - 59));
    again["expiresInSeconds"] = json!(3_600);
    assert_eq!(again, first);
    assert_eq!((world.catalog.reads(), world.cache.reads()), reads);
}

#[test]
fn another_assertion_gets_a_session_of_its_own() {
    let (gate, world) = (Setup::new().gate(), World::new());
    let jane = session(&gate, &world, &lasting(), NOW);
    world.identity.says(200, r#"{"email":"nogroups@example.com"}"#);
    let other = Claims::user().set("email", "nogroups@example.com").mint();
    let other = session(&gate, &world, &other, NOW);
    assert_ne!(jane["token"], other["token"]);
    assert_eq!(other["identity"]["userEntityRef"], "user:default/nogroups");
}

#[test]
fn forged_signature_gets_no_cached_session() {
    let (gate, world) = (Setup::new().gate(), World::new());
    let assertion = lasting();
    assert_eq!(refresh(&gate, &world, &assertion, NOW), "200");
    let forged = assertion.get(..assertion.len() - 4).unwrap().to_owned() + "AAAA";
    assert_eq!(refresh(&gate, &world, &forged, NOW), "signature_invalid");
}

#[test]
fn session_ends_with_its_assertion() {
    let (gate, world) = (Setup::new().gate(), World::new());
    let assertion = Claims::user().set("exp", NOW + 30).mint();
    assert_eq!(refresh(&gate, &world, &assertion, NOW), "200");
    assert_eq!(refresh(&gate, &world, &assertion, NOW + 29), "200");
    assert_eq!(refresh(&gate, &world, &assertion, NOW + 30), "assertion_expired");
}

#[test]
fn session_ends_when_the_key_of_its_assertion_is_gone() {
    let setup = Setup::new().cfaccess("catalogMaxAge", json!("1d"));
    let setup = setup.backstage("backstageTokenExpiration", json!("1d"));
    let (gate, world) = (setup.gate(), World::new());
    world.random.set(119);
    let assertion = lasting();
    assert_eq!(refresh(&gate, &world, &assertion, NOW), "200");
    world.certs.says(200, &certs(&[&OTHER]));
    let outcome = Ask::refresh(&assertion).at(NOW + 481).of(&gate, &world);
    assert_eq!(code_of(&outcome), "200", "the old set is held");
    block_on(backstage_cfaccess::gate::run_background(
        outcome.background,
        at(NOW + 481),
        &gate,
        &world,
    ));
    assert_eq!(refresh(&gate, &world, &assertion, NOW + 482), "key_unknown");
}

#[test]
fn session_ends_with_its_catalog_record() {
    for (max_age, seconds) in [(None, MINUTE), (Some("30s"), 30), (Some("5m"), 300)] {
        let setup = Setup::new().cfaccess("catalogMaxAge", json!(max_age));
        let (gate, world) = (setup.gate(), World::new());
        let assertion = lasting();
        assert_eq!(refresh(&gate, &world, &assertion, NOW), "200");
        world.catalog.loses("v1:email:jane@example.com");
        assert_eq!(refresh(&gate, &world, &assertion, NOW + seconds - 1), "200");
        assert_eq!(refresh(&gate, &world, &assertion, NOW + seconds), "user_not_found");
    }
}

#[test]
fn session_of_a_cached_record_does_not_extend_the_records_age() {
    let (gate, world) = (Setup::new().gate(), World::new());
    assert_eq!(refresh(&gate, &world, &lasting(), NOW), "200");
    world.catalog.loses("v1:email:jane@example.com");
    // A new login, half a minute later: the record is remembered.
    let again = Claims::user().set("exp", NOW + 86_400).mint();
    assert_eq!(refresh(&gate, &world, &again, NOW + MINUTE / 2), "200");
    assert_eq!(refresh(&gate, &world, &again, NOW + MINUTE - 1), "200");
    assert_eq!(refresh(&gate, &world, &again, NOW + MINUTE), "user_not_found");
}

#[test]
fn session_is_reused_for_a_tenth_of_its_tokens_lifetime() {
    let setup = Setup::new().cfaccess("catalogMaxAge", json!("1d"));
    let (gate, world) = (setup.gate(), World::new());
    let assertion = lasting();
    let first = session(&gate, &world, &assertion, NOW);
    let again = session(&gate, &world, &assertion, NOW + 359);
    assert_eq!(first["token"], again["token"]);
    let new = session(&gate, &world, &assertion, NOW + 360);
    assert_ne!(first["token"], new["token"]);
    assert_eq!(new["expiresInSeconds"], 3_600);
}

#[test]
fn session_ends_with_its_identity() {
    let setup = Setup::new().cfaccess("catalogMaxAge", json!("1d"));
    let setup = setup.backstage("backstageTokenExpiration", json!("1d"));
    let (gate, world) = (setup.gate(), World::new());
    let assertion = lasting();
    assert_eq!(refresh(&gate, &world, &assertion, NOW), "200");
    // Access has ended the session since.
    world.identity.says(401, "");
    assert_eq!(refresh(&gate, &world, &assertion, NOW + 3_599), "200");
    assert_eq!(refresh(&gate, &world, &assertion, NOW + 3_600), "identity_refused");
}

#[test]
fn session_without_the_document_of_get_identity_is_reused_for_thirty_seconds() {
    let (gate, world) = (Setup::new().gate(), World::new());
    world.identity.fails();
    let assertion = lasting();
    assert_eq!(refresh(&gate, &world, &assertion, NOW), "200");
    world.identity.says(401, "");
    assert_eq!(refresh(&gate, &world, &assertion, NOW + 29), "200");
    assert_eq!(world.identity.calls(), 1);
    assert_eq!(refresh(&gate, &world, &assertion, NOW + 30), "identity_refused");
}

#[test]
fn missing_catalog_record_is_not_cached() {
    let (gate, world) = (Setup::new().gate(), World::new());
    world.identity.says(200, r#"{"email":"new@example.com"}"#);
    let assertion = Claims::user().set("email", "new@example.com").mint();
    assert_eq!(refresh(&gate, &world, &assertion, NOW), "user_not_found");
    world.adds("new", "new@example.com", &[]);
    assert_eq!(refresh(&gate, &world, &assertion, NOW), "200");
}

#[test]
fn corrupt_record_is_not_cached_and_a_correction_works_at_once() {
    let (gate, world) = (Setup::new().gate(), World::new());
    let (key, assertion) = ("v1:email:jane@example.com", lasting());
    let good = world.catalog.value(key).unwrap();
    world.catalog.holds(key, good.get(1..).unwrap());
    assert_eq!(refresh(&gate, &world, &assertion, NOW), "catalog_corrupt");
    world.catalog.holds(key, &good);
    assert_eq!(refresh(&gate, &world, &assertion, NOW), "200");
}

#[test]
fn userinfo_caches_the_record_of_a_user() {
    let (gate, world) = (Setup::new().gate(), World::new());
    let claims = json!({ "sub": "user:default/jane.doe", "iat": NOW, "exp": NOW + 600 });
    let header = json!({ "typ": "vnd.backstage.limited-user", "alg": "ES256", "kid": SIGNER.kid });
    let token = SIGNER.token(&header.to_string(), &claims.to_string());
    let ask = |now| {
        let bearer = format!("Bearer {token}");
        Ask::get("/api/auth/v1/userinfo").header("authorization", &bearer).at(now)
    };
    for second in 0..MINUTE {
        assert_eq!(code_of(&ask(NOW + second).of(&gate, &world)), "200");
    }
    assert_eq!(world.catalog.reads(), 1);
    world.catalog.loses("v1:ref:user:default/jane.doe");
    assert_eq!(code_of(&ask(NOW + MINUTE).of(&gate, &world)), "user_not_found");
}

#[test]
fn memory_of_an_isolate_is_bounded() {
    let (gate, world) = (Setup::new().cfaccess("identity", json!("claims")).gate(), World::new());
    for login in 0..2_100 {
        let assertion = Claims::user().set("identity_nonce", format!("{login}")).mint();
        assert_eq!(refresh(&gate, &world, &assertion, NOW), "200");
    }
    assert_eq!((gate.caches.sessions.len(), gate.caches.assertions.len()), (2_000, 2_000));
}
