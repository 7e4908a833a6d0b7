//! The userinfo route.

use serde_json::json;

use crate::support::{
    Ask, Claims, NOW, SIGNER, SIGNER_2, Setup, USERINFO, World, ask_stock, body_of, code_of,
    encode, forwarded, payload_of, reply_of, token_header, user_token, verify_user_token,
};

#[test]
fn userinfo_answers_the_claims_of_the_token() {
    let ent = json!(["user:default/jane.doe", "group:default/team-a"]);
    let claims = json!({
        "iss": "http://127.0.0.1:7007/api/auth",
        "sub": "user:default/jane.doe",
        "ent": ent,
        "aud": "backstage",
        "iat": NOW - 10,
        "exp": NOW + 1,
    });
    let world = World::new();
    world.catalog.fails();
    let outcome = verify_user_token(&user_token(&claims)).of(&Setup::new().gate(), &world);
    let expected = json!({ "claims": { "sub": "user:default/jane.doe", "ent": ent } });
    assert_eq!(body_of(&outcome), expected);
    assert_eq!(world.certs.calls(), 0);
}

#[test]
fn userinfo_accepts_the_token_of_the_refresh_route() {
    for omit in [false, true] {
        let gate = Setup::new().backstage("omitIdentityTokenOwnershipClaim", json!(omit)).gate();
        let world = World::new();
        let refresh = Ask::refresh(&Claims::user().mint()).of(&gate, &world);
        let body = body_of(&refresh);
        let token = body["backstageIdentity"]["token"].as_str().unwrap().to_owned();
        assert_eq!(payload_of(&token).contains("\"ent\""), !omit);
        let outcome = verify_user_token(&token).at(NOW + 3_599).of(&gate, &world);
        let identity = &body["backstageIdentity"]["identity"];
        let (sub, ent) = (&identity["userEntityRef"], &identity["ownershipEntityRefs"]);
        assert_eq!(body_of(&outcome), json!({ "claims": { "sub": sub, "ent": ent } }));
        let outcome = verify_user_token(&token).at(NOW + 3_600).of(&gate, &world);
        assert_eq!(code_of(&outcome), "token_invalid");
    }
}

#[test]
fn userinfo_of_a_limited_user_token_comes_from_the_catalog() {
    let claims = json!({ "sub": "user:default/jane.doe", "iat": NOW, "exp": NOW + 600 });
    let header = token_header("vnd.backstage.limited-user", &SIGNER.kid);
    let token = SIGNER.token(&header, &claims.to_string());
    let (gate, world) = (Setup::new().gate(), World::new());
    let ent = json!(["user:default/jane.doe", "group:default/team-a", "group:default/team-b"]);
    let expected = json!({ "claims": { "sub": "user:default/jane.doe", "ent": ent } });
    assert_eq!(body_of(&verify_user_token(&token).of(&gate, &world)), expected);

    // Each time after what was remembered is over.
    world.catalog.fails();
    let outcome = verify_user_token(&token).at(NOW + 60).of(&gate, &world);
    assert_eq!(code_of(&outcome), "catalog_unavailable");
    world.catalog.recovers();
    world.catalog.holds("v1:ref:user:default/jane.doe", "{}");
    let outcome = verify_user_token(&token).at(NOW + 60).of(&gate, &world);
    assert_eq!(code_of(&outcome), "catalog_corrupt");
    // The user has left.
    world.catalog.loses("v1:ref:user:default/jane.doe");
    let outcome = verify_user_token(&token).at(NOW + 120).of(&gate, &world);
    assert_eq!((code_of(&outcome).as_str(), reply_of(&outcome).status), ("user_not_found", 404));
}

#[test]
fn limited_user_outside_the_catalog_owns_only_their_own_ref() {
    let claims = json!({ "sub": "user:default/guest", "iat": NOW, "exp": NOW + 60 });
    let resolvers = json!([{
        "resolver": "emailLocalPartMatchingUserEntityName",
        "dangerouslyAllowSignInWithoutUserInCatalog": true,
    }]);
    let gate = Setup::new().resolvers(&resolvers).gate();
    let outcome = verify_user_token(&user_token(&claims)).of(&gate, &World::new());
    let expected =
        json!({ "claims": { "sub": "user:default/guest", "ent": ["user:default/guest"] } });
    assert_eq!(body_of(&outcome), expected);
}

#[test]
fn userinfo_accepts_tokens_of_every_published_key() {
    let claims = json!({ "sub": "user:default/x", "ent": [], "iat": NOW, "exp": NOW + 60 });
    let header = token_header("vnd.backstage.user", &SIGNER_2.kid);
    let token = SIGNER_2.token(&header, &claims.to_string());
    let outcome = ask_stock(&verify_user_token(&token));
    assert_eq!(body_of(&outcome), json!({ "claims": { "sub": "user:default/x", "ent": [] } }));
}

#[test]
fn userinfo_refuses_tokens_of_ours_that_are_forged_expired_or_malformed() {
    let claims = json!({ "sub": "user:default/jane.doe", "iat": NOW, "exp": NOW + 60 });
    let header = token_header("vnd.backstage.user", &SIGNER.kid);
    let genuine = SIGNER.token(&header, &claims.to_string());
    let (input, signature) = genuine.rsplit_once('.').unwrap();
    let admin = genuine.replacen(
        &encode(claims.to_string()),
        &encode(claims.to_string().replace("jane.doe", "admin")),
        1,
    );
    let text = |from: &str, to: &str| SIGNER.token(&header, &claims.to_string().replace(from, to));
    for (what, token) in [
        ("by another key", SIGNER_2.token(&header, &claims.to_string())),
        ("with another payload", admin),
        ("without a signature", format!("{input}.")),
        ("with half a signature", format!("{input}.{}", &signature[..43])),
        ("with a signature of zeros", format!("{input}.{}", encode([0_u8; 64]))),
        ("with a DER signature", format!("{input}.{}", encode([0x30_u8; 70]))),
        ("with a padded signature", format!("{genuine}==")),
        ("expired this second", text(&format!("{}", NOW + 60), &NOW.to_string())),
        ("without exp", text("exp", "xp")),
        ("with exp as a string", text(&format!("{}", NOW + 60), "\"9999999999\"")),
        ("without sub", text("sub", "su")),
        ("with sub as a number", text("\"user:default/jane.doe\"", "1")),
        ("with a sub that is no ref", text("user:default/jane.doe", "jane")),
        ("with an empty sub", text("user:default/jane.doe", "")),
        ("with ent of another type", text("\"sub\"", "\"ent\":\"x\",\"sub\"")),
        ("with two subs", text("\"sub\"", "\"sub\":\"user:default/admin\",\"sub\"")),
        ("with a payload that is no JSON", SIGNER.token(&header, "x")),
        ("with a payload that is no object", SIGNER.token(&header, "[]")),
        ("with no payload", SIGNER.token(&header, "")),
    ] {
        let outcome = ask_stock(&verify_user_token(&token));
        assert_eq!(code_of(&outcome), "token_invalid", "{what}");
        assert_eq!(reply_of(&outcome).status, 401);
    }
    assert_eq!(code_of(&ask_stock(&verify_user_token(&genuine))), "200");
}

#[test]
fn userinfo_forwards_tokens_of_other_signers_without_an_identity() {
    let claims = json!({ "sub": "user:default/jane.doe", "iat": NOW, "exp": NOW + 60 }).to_string();
    let token = |header: &str| SIGNER.token(header, &claims);
    for token in [
        token(&token_header("vnd.backstage.user", "of-the-origin")),
        token(&token_header("vnd.backstage.plugin", &SIGNER.kid)),
        token(&token_header("JWT", &SIGNER.kid)),
        token(r#"{"alg":"ES256","kid":"static-key-1"}"#),
        token(r#"{"typ":"vnd.backstage.user","alg":"ES256"}"#),
        token(r#"{"typ":"vnd.backstage.user","alg":"none","kid":"static-key-1"}"#),
        "opaque".to_owned(),
        "a.b.c".to_owned(),
        Claims::user().mint(),
    ] {
        let ask = verify_user_token(&token)
            .header("cf-access-jwt-assertion", "x")
            .header("cf-access-authenticated-user-email", "boss@example.com");
        let outcome = ask_stock(&ask);
        let edits = &forwarded(&outcome).edits;
        let expected = ["cf-access-authenticated-user-email", "cf-access-jwt-assertion"];
        assert_eq!(edits.remove, expected, "{token}");
        assert!(edits.set.is_empty());
    }
}

#[test]
fn userinfo_without_a_token_is_refused() {
    let good = Claims::user().mint();
    for ask in [
        Ask::get(USERINFO),
        Ask::get(USERINFO).header("cf-access-jwt-assertion", &good),
        Ask::get(USERINFO).header("authorization", ""),
        Ask::get(USERINFO).header("authorization", "Bearer"),
        Ask::get(USERINFO).header("authorization", "Bearer "),
        Ask::get(USERINFO).header("authorization", "Basic amFuZTpkb2U="),
        Ask::get(USERINFO).header("authorization", "Bearer\ttoken"),
    ] {
        let outcome = ask_stock(&ask);
        assert_eq!(code_of(&outcome), "token_missing");
        assert_eq!(body_of(&outcome)["error"]["message"], "No token provided");
        assert_eq!(body_of(&outcome)["request"]["url"], "/v1/userinfo");
    }
    // The scheme's case means nothing, as in the backend.
    let outcome = ask_stock(&Ask::get(USERINFO).header("authorization", "bearer a.b.c"));
    assert_eq!(code_of(&outcome), "forwarded");
    // Every other method is a forwarded request like any other.
    let outcome = ask_stock(&Ask::new("POST", USERINFO).header("authorization", "Bearer a.b.c"));
    assert_eq!(code_of(&outcome), "assertion_missing");
}
