//! The published JWK Set.

use serde_json::json;

use crate::support::{Ask, JWKS, SIGNER, SIGNER_2, Setup, World, ask_stock, body_of, reply_of};

#[test]
fn key_set_joins_the_origins_keys_and_needs_no_assertion() {
    let (gate, world) = (Setup::new().gate(), World::new());
    let theirs = json!({ "kty": "EC", "kid": "theirs", "crv": "P-256", "x": "x", "y": "y" });
    let impostor = json!({ "kty": "EC", "kid": SIGNER.kid, "crv": "P-256", "x": "x", "y": "y" });
    let leaked = json!({ "kty": "EC", "kid": "leaked", "crv": "P-256", "d": "d" });
    let origin = json!({ "keys": [theirs, impostor, leaked] });
    world.origin.says(200, &origin.to_string());
    let outcome = Ask::get(JWKS).of(&gate, &world);
    let ours = [SIGNER.public_jwk(), SIGNER_2.public_jwk()];
    assert_eq!(body_of(&outcome), json!({ "keys": [ours[0], ours[1], theirs] }));
    assert_eq!(world.origin.last_call().url, JWKS);
    // No caller's header goes along.
    let ours = ["accept", "x-backstage-cfaccess-hop"];
    assert!(world.origin.last_call().headers.iter().all(|(name, _)| ours.contains(&&**name)));
    let head = Ask::new("HEAD", JWKS).of(&gate, &world);
    assert_eq!((reply_of(&head).status, reply_of(&head).body.clone()), (200, None));
}

#[test]
fn key_set_is_the_workers_alone_while_the_origin_fails() {
    let gate = Setup::new().gate();
    let ours = json!({ "keys": [SIGNER.public_jwk(), SIGNER_2.public_jwk()] });
    for (status, body) in [
        (500, ""),
        (302, ""),
        (401, ""),
        (200, "<html>"),
        (200, "{\"keys\":{}}"),
        (200, "[]"),
        (200, ""),
    ] {
        let world = World::new();
        world.origin.says(status, body);
        assert_eq!(body_of(&Ask::get(JWKS).of(&gate, &world)), ours, "{status} {body}");
    }
    let world = World::new();
    world.origin.fails();
    assert_eq!(body_of(&Ask::get(JWKS).of(&gate, &world)), ours);
    world.origin.says(200, &format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(256 * 1024)));
    assert_eq!(body_of(&Ask::get(JWKS).of(&gate, &world)), ours);
}

#[test]
fn key_set_request_that_comes_back_is_answered_without_the_origin() {
    let (gate, world) = (Setup::new().gate(), World::new());
    world.origin.says(200, r#"{"keys":[{"kty":"EC","kid":"theirs"}]}"#);
    Ask::get(JWKS).of(&gate, &world);
    let (name, value) = world.origin.last_call().headers.pop().unwrap();
    let outcome = Ask::get(JWKS).header(&name, &value).of(&gate, &world);
    let ours = [SIGNER.public_jwk(), SIGNER_2.public_jwk()];
    assert_eq!(body_of(&outcome), json!({ "keys": ours }));
    assert_eq!(world.origin.calls(), 1);
}

#[test]
fn key_set_has_no_private_member() {
    let outcome = ask_stock(&Ask::get(JWKS));
    for key in body_of(&outcome)["keys"].as_array().unwrap() {
        let mut members: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    }
}
