//! What Backstage is given: the token, which a backend must accept and take apart as its own, and
//! the answer of the refresh route, held against recorded ones of the official provider.

use backstage_cfaccess::backstage::{
    MAX_TOKEN_LENGTH, OwnershipClaim, SMALL_TOKEN_LENGTH, TokenRequest, issue,
};
use backstage_cfaccess::error::Fault;
use serde_json::{Value, json};

use crate::support::{
    Ask, Claims, NOW, SIGNER, SIGNER_2, Setup, World, block_on, body_of, code_of, encode, header,
    header_of, mint, payload_of, reply_of, verifies,
};

/// 2026-11-24T14:26:01Z: when the recorded assertions and tokens were issued.
const RECORDED_AT: i64 = 1_795_530_361;

/// The recorded exchange of this name.
fn recorded(name: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../vectors/refresh.json")).unwrap();
    all.as_array().unwrap().iter().find(|entry| entry["name"] == name).unwrap().clone()
}

fn recorded_body(name: &str) -> String {
    recorded(name)["body"].as_str().unwrap().to_owned()
}

/// The text between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap();
    rest.split_once(after).unwrap().0
}

/// The limited-user token that a backend makes of a user token, for cookies and for calls on behalf
/// of the user (`createLimitedUserToken` of `@backstage/backend-defaults`).
fn limited_user_token(user_token: &str) -> String {
    let [header, payload]: [Value; 2] = [header_of(user_token), payload_of(user_token)]
        .map(|part| serde_json::from_str(&part).unwrap());
    let header = format!(
        r#"{{"typ":"vnd.backstage.limited-user","alg":{},"kid":{}}}"#,
        header["alg"], header["kid"]
    );
    let limited = format!(
        r#"{{"sub":{},"iat":{},"exp":{}}}"#,
        payload["sub"], payload["iat"], payload["exp"]
    );
    format!("{}.{}.{}", encode(header), encode(limited), payload["uip"].as_str().unwrap())
}

/// The payload of a token, but for the signature in it.
fn without_uip(token: &str) -> String {
    let payload = payload_of(token);
    let uip = between(&payload, "\"uip\":\"", "\"").to_owned();
    payload.replace(&uip, "…")
}

/// The Backstage token in an answer.
fn token_in(body: &Value) -> String {
    body["backstageIdentity"]["token"].as_str().unwrap().to_owned()
}

fn refreshed(setup: &Setup, world: &World, claims: &Claims) -> Value {
    body_of(&Ask::refresh(&claims.mint()).of(&setup.gate(), world))
}

#[test]
fn answers_equal_the_recorded_ones() {
    let setup = Setup::new()
        .cfaccess("exposeAssertion", json!(true))
        .backstage("omitIdentityTokenOwnershipClaim", json!(true));
    for name in [
        "valid token (jane, first call, identity fetched)",
        "service token, permitted",
        "service token shape w/o sub claim, permitted",
        "plus-addressing jane+x@",
        "user without groups",
        "no iat claim (fresh sub)",
    ] {
        let theirs = recorded_body(name);
        let claims = between(&theirs, "\"claims\":", ",\"cfIdentity\":");
        let world = World::new();
        world.identity.says(200, between(&theirs, "\"cfIdentity\":", ",\"expiresInSeconds\":"));
        world.adds("bob", "bob@example.com", &["group:default/team-b"]);
        let assertion = mint(&header(), claims);
        let outcome = Ask::refresh(&assertion).at(RECORDED_AT).of(&setup.gate(), &world);

        // The same text, but for the two tokens and for the second that passed there.
        let parsed: Value = serde_json::from_str(&theirs).unwrap();
        let expected = theirs
            .replace(parsed["providerInfo"]["token"].as_str().unwrap(), &assertion)
            .replace(&token_in(&parsed), &token_in(&body_of(&outcome)))
            .replace("\"expiresInSeconds\":3599}}", "\"expiresInSeconds\":3600}}");
        assert_eq!(*reply_of(&outcome).body.as_ref().unwrap(), expected, "{name}");
        assert_eq!(reply_of(&outcome).status, 200);
    }
}

#[test]
fn answer_without_the_raw_assertion_lacks_only_that() {
    let claims = Claims::user();
    let body = |expose: bool| {
        let setup = Setup::new().cfaccess("exposeAssertion", json!(expose));
        refreshed(&setup, &World::new(), &claims)
    };
    let mut exposed = body(true);
    exposed["providerInfo"].as_object_mut().unwrap().remove("token").unwrap();
    assert_eq!(body(false), exposed);
}

#[test]
fn errors_equal_the_recorded_ones_with_a_code() {
    let world = World::new();
    let ambiguous = r#"{"v":1,"ambiguous":["user:default/a","user:default/b"]}"#;
    world.catalog.holds("v1:email:jane@example.com", ambiguous);
    for name in [
        "GET start",
        "GET start?env=production with valid token",
        "GET handler/frame",
        "POST logout",
        "PUT refresh",
        "no token",
        "two catalog users share the email",
        "userinfo for jane via cached backstage token",
    ] {
        let theirs = recorded(name);
        let (method, path) = (theirs["method"].as_str().unwrap(), theirs["path"].as_str().unwrap());
        let assertion = if name == "no token" { String::new() } else { Claims::user().mint() };
        let ask = Ask::new(method, path).header("cf-access-jwt-assertion", &assertion);
        let outcome = ask.of(&Setup::new().gate(), &world);
        let code = format!(",\"code\":\"{}\"", code_of(&outcome));
        let ours = reply_of(&outcome).body.as_ref().unwrap().replace(&code, "");
        assert_eq!(ours, theirs["body"], "{name}");
        assert_eq!(reply_of(&outcome).status, theirs["status"], "{name}");
    }
}

#[test]
fn user_outside_the_catalog_gets_the_recorded_message() {
    let theirs: Value = serde_json::from_str(&recorded_body("user not in catalog")).unwrap();
    let ghost = Claims::user().set("email", "ghost@example.com");
    let ours = refreshed(&Setup::new(), &World::new(), &ghost);
    assert_eq!(ours["error"]["message"], theirs["error"]["message"]);
}

#[test]
fn published_key_has_the_recorded_members_in_their_order() {
    let theirs = recorded_body("jwks");
    let setup = Setup::new().signing_keys(json!({ "keys": [SIGNER.private_jwk()] }));
    let outcome = Ask::get("/api/auth/.well-known/jwks.json").of(&setup.gate(), &World::new());
    let parsed: Value = serde_json::from_str(&theirs).unwrap();
    let public = SIGNER.public_jwk();
    let expected = ["x", "y"].iter().fold(theirs, |text, coordinate| {
        let [theirs, ours] = [&parsed["keys"][0], &public].map(|key| key[coordinate].as_str());
        text.replace(theirs.unwrap(), ours.unwrap())
    });
    assert_eq!(*reply_of(&outcome).body.as_ref().unwrap(), expected);
}

#[test]
fn userinfo_of_a_limited_user_token_equals_the_recorded_one() {
    let limited = json!({ "sub": "user:default/jane.doe", "iat": NOW, "exp": NOW + 60 });
    let header =
        format!(r#"{{"typ":"vnd.backstage.limited-user","alg":"ES256","kid":"{}"}}"#, SIGNER.kid);
    let token = SIGNER.token(&header, &limited.to_string());
    let ask = Ask::get("/api/auth/v1/userinfo").header("authorization", &format!("Bearer {token}"));
    let outcome = ask.of(&Setup::new().gate(), &World::new());
    let theirs = recorded_body("userinfo, limited token of jane");
    assert_eq!(reply_of(&outcome).body, Some(theirs));
}

#[test]
fn header_and_claims_of_the_token_equal_the_recorded_ones() {
    let theirs = recorded_body("valid token (jane, first call, identity fetched)");
    let theirs = token_in(&serde_json::from_str(&theirs).unwrap());
    let claims = Claims::user().set("iat", RECORDED_AT).set("nbf", RECORDED_AT);
    let setup = Setup::new().backstage("omitIdentityTokenOwnershipClaim", json!(true));
    let outcome = Ask::refresh(&claims.mint()).at(RECORDED_AT).of(&setup.gate(), &World::new());
    let ours = token_in(&body_of(&outcome));
    assert_eq!(header_of(&ours), header_of(&theirs));
    assert_eq!(without_uip(&ours), without_uip(&theirs));
}

#[test]
fn token_has_the_ownership_refs_between_sub_and_aud() {
    let token = token_in(&refreshed(&Setup::new(), &World::new(), &Claims::user()));
    assert_eq!(
        without_uip(&token),
        format!(
            concat!(
                r#"{{"iss":"http://127.0.0.1:7007/api/auth","sub":"user:default/jane.doe","#,
                r#""ent":["user:default/jane.doe","group:default/team-a","group:default/team-b"],"#,
                r#""aud":"backstage","iat":{},"exp":{},"uip":"…"}}"#
            ),
            NOW,
            NOW + 3_600
        )
    );
}

#[test]
fn limited_user_token_is_derived_as_in_the_backend() {
    // Backstage's own token, its own key: what we do below to our tokens is what it does to its.
    let jwks: Value = serde_json::from_str(&recorded_body("jwks")).unwrap();
    let body = recorded_body("valid token (jane, first call, identity fetched)");
    let token = token_in(&serde_json::from_str(&body).unwrap());
    assert!(verifies(&token, &jwks["keys"][0]));
    assert!(verifies(&limited_user_token(&token), &jwks["keys"][0]));
}

#[test]
fn backend_verifies_the_token_and_derives_a_limited_user_token() {
    for omit in [false, true] {
        let setup = Setup::new().backstage("omitIdentityTokenOwnershipClaim", json!(omit));
        for claims in [Claims::user(), Claims::service_token()] {
            let token = token_in(&refreshed(&setup, &World::new(), &claims));
            let limited = limited_user_token(&token);
            assert!(verifies(&token, &SIGNER.public_jwk()));
            assert!(verifies(&limited, &SIGNER.public_jwk()));
            assert!(!verifies(&token, &SIGNER_2.public_jwk()));
            // And for no other user.
            let (user, other) = ("user:default/", "user:other/");
            let forged = [header_of(&limited), payload_of(&limited).replace(user, other)];
            let signature = limited.rsplit('.').next().unwrap();
            let forged = format!("{}.{}.{signature}", encode(&forged[0]), encode(&forged[1]));
            assert!(!verifies(&forged, &SIGNER.public_jwk()));
        }
    }
}

#[test]
fn limited_user_token_gets_userinfo() {
    let (setup, world) = (Setup::new(), World::new());
    let body = refreshed(&setup, &world, &Claims::user());
    let limited = limited_user_token(&token_in(&body));
    let ask =
        Ask::get("/api/auth/v1/userinfo").header("authorization", &format!("Bearer {limited}"));
    let identity = &body["backstageIdentity"]["identity"];
    let claims = json!({
        "sub": identity["userEntityRef"],
        "ent": identity["ownershipEntityRefs"],
    });
    assert_eq!(body_of(&ask.of(&setup.gate(), &world)), json!({ "claims": claims }));
}

#[test]
fn first_key_signs() {
    for (keys, first) in [([&SIGNER, &SIGNER_2], &SIGNER), ([&SIGNER_2, &SIGNER], &SIGNER_2)] {
        let keys = keys.map(|key| key.private_jwk());
        let setup = Setup::new().signing_keys(json!({ "keys": keys }));
        let token = token_in(&refreshed(&setup, &World::new(), &Claims::user()));
        assert!(verifies(&token, &first.public_jwk()));
        let header: Value = serde_json::from_str(&header_of(&token)).unwrap();
        assert_eq!(header["kid"], first.kid);
    }
}

#[test]
fn token_lifetime_is_the_configured_one_in_both_places() {
    for (expiration, seconds) in
        [(json!("20m"), 1_200), (json!({ "hours": 2 }), 7_200), (json!("1s"), 600)]
    {
        let setup = Setup::new().backstage("backstageTokenExpiration", expiration);
        let body = refreshed(&setup, &World::new(), &Claims::user());
        assert_eq!(body["backstageIdentity"]["expiresInSeconds"], seconds);
        let payload: Value = serde_json::from_str(&payload_of(&token_in(&body))).unwrap();
        assert_eq!((&payload["iat"], &payload["exp"]), (&json!(NOW), &json!(NOW + seconds)));
    }
}

#[test]
fn issuer_is_the_url_of_the_auth_plugin() {
    let setup = Setup::new().backstage("baseUrl", json!("https://Example.com/tools/"));
    let ask = Ask::get("/tools/api/auth/cfaccess/refresh")
        .header("cf-access-jwt-assertion", &Claims::user().mint());
    let body = body_of(&ask.of(&setup.gate(), &World::new()));
    let payload: Value = serde_json::from_str(&payload_of(&token_in(&body))).unwrap();
    assert_eq!(payload["iss"], "https://example.com/tools/api/auth");
}

#[test]
fn lifetime_of_the_access_session_is_exp_minus_iat() {
    let claims = Claims::user().set("iat", NOW - 600).set("exp", NOW + 3_000);
    let body = refreshed(&Setup::new(), &World::new(), &claims);
    assert_eq!(body["providerInfo"]["expiresInSeconds"], 3_600);
    let body = refreshed(&Setup::new(), &World::new(), &claims.without("iat"));
    assert_eq!(body["providerInfo"]["expiresInSeconds"], json!(null));
}

#[test]
fn claims_in_the_answer_keep_the_spelling_of_access() {
    let claims = Claims::user().text().replacen('{', r#"{"b":1.50,"a":"\u00e9\/","#, 1);
    let outcome = Ask::refresh(&mint(&header(), &claims)).of(&Setup::new().gate(), &World::new());
    assert!(reply_of(&outcome).body.as_ref().unwrap().contains(&claims));
}

#[test]
fn names_with_json_escapes_are_unchanged() {
    let world = World::new();
    let name = "J\"ane\\ \u{7} </script> 日本";
    let document = json!({ "email": "jane@example.com", "name": name });
    world.identity.says(200, &document.to_string());
    let body = refreshed(&Setup::new(), &world, &Claims::user());
    assert_eq!(body["profile"]["displayName"], name);
    assert_eq!(body["providerInfo"]["cfIdentity"], document);
}

#[test]
fn longest_token_is_issued_and_a_longer_one_is_a_fault() {
    let (gate, world) = (Setup::new().gate(), World::new());
    let issue_with = |filler: usize| {
        let ownership = [format!("group:default/{}", "g".repeat(filler))];
        let request = TokenRequest {
            issuer: "http://127.0.0.1:7007/api/auth",
            user: "user:default/jane.doe",
            ownership: &ownership,
            ownership_claim: OwnershipClaim::Always,
            claims: &serde_json::Map::new(),
            issued_at: NOW,
            expires_at: NOW + 3_600,
        };
        block_on(issue(&request, gate.config.signing_keys.first(), &world))
    };
    let room = MAX_TOKEN_LENGTH - issue_with(0).unwrap().len();
    let lengths: Vec<usize> = (room / 4 * 3 - 8..room / 4 * 3 + 8)
        .map(|filler| match issue_with(filler) {
            Ok(token) => token.len(),
            Err(Fault::TokenTooLarge(length)) => {
                assert!(length > MAX_TOKEN_LENGTH);
                length
            }
            Err(other) => panic!("{other:?}"),
        })
        .collect();
    assert!(lengths.contains(&MAX_TOKEN_LENGTH), "{lengths:?}");
    // One more makes no base64: two more it is.
    assert!(lengths.contains(&(MAX_TOKEN_LENGTH + 2)), "{lengths:?}");
}

#[test]
fn user_with_too_many_groups_signs_in_once_the_claim_is_omitted() {
    let groups: Vec<String> =
        (0..1_500).map(|index| format!("group:default/a-rather-long-name-{index}")).collect();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let world = World::new();
    world.adds("jane.doe", "jane@example.com", &groups);
    let ask = Ask::refresh(&Claims::user().mint());
    let with = |omit| Setup::new().backstage("omitIdentityTokenOwnershipClaim", omit).gate();
    let outcome = ask.of(&with(json!(false)), &world);
    assert_eq!((code_of(&outcome).as_str(), reply_of(&outcome).status), ("token_too_large", 500));
    for gate in [with(json!(true)), with(json!("auto")), Setup::new().gate()] {
        let outcome = ask.of(&gate, &world);
        let identity = &body_of(&outcome)["backstageIdentity"]["identity"];
        assert_eq!(identity["ownershipEntityRefs"].as_array().unwrap().len(), 1_501);
    }
}

#[test]
fn token_carries_the_ownership_refs_while_it_is_shorter_than_six_kibibytes() {
    let (gate, world) = (Setup::new().gate(), World::new());
    let issued = |claim, filler: usize| {
        let ownership = [format!("group:default/{}", "g".repeat(filler))];
        let request = TokenRequest {
            issuer: "http://127.0.0.1:7007/api/auth",
            user: "user:default/jane.doe",
            ownership: &ownership,
            ownership_claim: claim,
            claims: &serde_json::Map::new(),
            issued_at: NOW,
            expires_at: NOW + 3_600,
        };
        block_on(issue(&request, gate.config.signing_keys.first(), &world)).unwrap()
    };
    let mut seen = [0, 0];
    for filler in 4_000..4_400 {
        let whole = issued(OwnershipClaim::Always, filler);
        let token = issued(OwnershipClaim::WhileSmall, filler);
        let is_small = whole.len() < SMALL_TOKEN_LENGTH;
        assert_eq!(payload_of(&token).contains("\"ent\""), is_small, "{}", whole.len());
        assert!(token.len() < SMALL_TOKEN_LENGTH);
        assert!(verifies(&token, &SIGNER.public_jwk()));
        assert!(verifies(&limited_user_token(&token), &SIGNER.public_jwk()));
        seen[usize::from(is_small)] += 1;
    }
    assert!(seen.iter().all(|count| *count > 20), "{seen:?}");
}
