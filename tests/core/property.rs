//! What must hold for any input: no parser panics, no request gets through without an assertion,
//! and what is written can be read again.

use std::collections::BTreeSet;

use backstage_cfaccess::access::{JwkSet, UnverifiedAssertion};
use backstage_cfaccess::backstage::EntityRef;
use backstage_cfaccess::backstage::{join_jwks, read_token};
use backstage_cfaccess::catalog::{Key, Record, UserRecord, decode, encode};
use backstage_cfaccess::config::{AppCode, Config, RawConfig};
use backstage_cfaccess::gate::Decision;
use backstage_cfaccess::gate::{Route, cookie, is_identity_header, route};
use jwt_compact::UntrustedToken;
use proptest::collection::{btree_map, vec};
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use serde_json::{Map, Value, json};

use crate::support::{AUDIENCE, Ask, ISSUER, NOW, Setup, World, code_of, header, reply_of};

/// Any JSON value, a few levels deep.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(Value::from(AUDIENCE)),
        Just(Value::from(NOW + 60)),
    ];
    leaf.prop_recursive(3, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((any::<String>(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// An object whose members have names that mean something.
fn object(names: &'static [&'static str]) -> impl Strategy<Value = Map<String, Value>> {
    vec((proptest::sample::select(names), value()), 0..names.len())
        .prop_map(|members| members.into_iter().map(|(name, it)| (name.to_owned(), it)).collect())
}

const HEADER: &[&str] =
    &["alg", "kid", "typ", "cty", "crit", "b64", "jwk", "jku", "x5c", "x5t", "x5t#S256", "zip"];
const CLAIMS: &[&str] =
    &["iss", "aud", "type", "exp", "nbf", "iat", "sub", "email", "common_name", "custom"];
const JWK: &[&str] = &["kid", "kty", "alg", "use", "key_ops", "n", "e", "d", "crv", "x", "y"];
const RECORD: &[&str] =
    &["v", "user", "ambiguous", "ref", "ent", "email", "displayName", "annotations"];
const CONFIG: &[&str] = &[
    "teamName",
    "audience",
    "jwtHeaderName",
    "authorizationCookieName",
    "serviceTokens",
    "signIn",
    "providerId",
    "identity",
    "baseUrl",
    "trust",
    "backstageTokenExpiration",
    "corsOrigins",
    "origin",
    "publicPaths",
    "mode",
    "keys",
];

/// Texts that a person with bad intentions would write into a request.
pub(super) fn path() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("/api/auth/cfaccess/refresh".to_owned()),
        Just("/api/auth".to_owned()),
        Just("/public".to_owned()),
        Just("/..".to_owned()),
        Just("/.".to_owned()),
        Just("/%2e%2e".to_owned()),
        Just("%2f".to_owned()),
        Just("/".to_owned()),
        Just("\\".to_owned()),
        "[ -~]{0,8}",
        any::<String>(),
    ];
    vec(part, 0..5).prop_map(|parts| parts.concat())
}

/// Whether a path is below `/public` as the strictest origin would read it: decoded twice, backslashes
/// turned, dots taken.
pub(super) fn is_below_public(path: &str) -> bool {
    let decode = |text: &str| {
        let text = text.replace("%25", "%").replace("%2e", ".").replace("%2E", ".");
        text.replace("%2f", "/").replace("%2F", "/").replace("%5c", "\\").replace("%5C", "\\")
    };
    let read = decode(&decode(path)).replace('\\', "/");
    let mut segments = Vec::new();
    for segment in read.split('/').filter(|segment| !matches!(*segment, "" | ".")) {
        if segment == ".." {
            segments.pop();
        } else {
            segments.push(segment);
        }
    }
    segments.first() == Some(&"public")
}

/// Twice the usual number of cases for what is cheap, a quarter of it for what signs or builds whole
/// documents. `PROPTEST_CASES` sets the usual number.
pub(super) fn config(is_cheap: bool) -> ProptestConfig {
    let usual = ProptestConfig::default();
    let cases = if is_cheap { usual.cases * 2 } else { usual.cases / 4 };
    // No file of failures: a failure becomes a test with a name.
    ProptestConfig { cases, failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(config(true))]

    #[test]
    fn no_text_makes_a_parser_panic(text in any::<String>(), name in any::<String>()) {
        let _ = UnverifiedAssertion::parse(&text);
        let _ = JwkSet::parse(&text);
        let _ = decode(Key::Email(&name), &text);
        let _ = EntityRef::parse(&text, Some(&name));
        let _ = route(&name, &text, "/api/auth", "cfaccess", std::slice::from_ref(&name));
        let _ = cookie(&text, &name);
        let _ = is_identity_header(&text, &name);
        let _ = join_jwks(&[], Some(&text));
        let keys = Setup::new().config().signing_keys;
        let _ = read_token(&text, &keys);
        for source in [
            RawConfig { cfaccess: Some(text.clone()), ..RawConfig::default() },
            RawConfig { backstage: Some(text.clone()), ..RawConfig::default() },
            RawConfig { signing_keys: Some(text.clone()), ..RawConfig::default() },
        ] {
            prop_assert!(Config::read(&source, &AppCode::default()).is_err());
        }
    }

    #[test]
    fn no_compact_jws_makes_the_parser_panic(text in "[A-Za-z0-9_.-]{0,300}") {
        let _ = UnverifiedAssertion::parse(&text);
        let _ = read_token(&text, &Setup::new().config().signing_keys);
    }

    #[test]
    fn a_ref_that_was_printed_is_read_as_the_same(text in "\\PC{0,40}|[a-zA-Z:/.]{0,12}") {
        if let Some(entity_ref) = EntityRef::parse(&text, Some("User")) {
            let printed = entity_ref.to_string();
            let read = EntityRef::parse(&printed, None);
            prop_assert_eq!(read.as_ref(), Some(&entity_ref));
            prop_assert_eq!(EntityRef::parse(&printed, Some("Group")), Some(entity_ref));
        }
    }

    #[test]
    fn a_local_part_never_leaves_the_default_namespace(name in "\\PC{1,40}|[a-z:/]{1,12}") {
        let entity_ref = EntityRef::user(&name).unwrap();
        prop_assert!(entity_ref.as_str().starts_with("user:default/"));
        prop_assert_eq!(entity_ref.kind(), "user");
    }

    #[test]
    fn a_key_fits_into_kv_and_does_not_depend_on_case(text in "\\PC{0,600}") {
        let key = Key::Email(&text).to_kv();
        prop_assert!(key.len() <= 512);
        prop_assert_eq!(&Key::Email(&text.to_lowercase()).to_kv(), &key);
        if let Some(entity_ref) = EntityRef::user(&text) {
            let other = Key::Ref(&entity_ref).to_kv();
            prop_assert!(other.len() <= 512);
            prop_assert!(key != other);
        }
    }

    #[test]
    fn two_emails_have_two_keys(one in "\\PC{0,40}", other in "\\PC{0,40}") {
        let same = one.to_lowercase() == other.to_lowercase();
        prop_assert_eq!(Key::Email(&one).to_kv() == Key::Email(&other).to_kv(), same);
    }

    #[test]
    fn two_questions_have_two_keys(
        one in ("[a-zA-Z/.]{1,3}|[a-z]{300}", "\\PC{0,3}|[a-b=#:]{0,4}|[a-b]{400}"),
        other in ("[a-zA-Z/.]{1,3}|[a-z]{300}", "\\PC{0,3}|[a-b=#:]{0,4}|[a-b]{400}"),
    ) {
        let ask = |(name, value): &(String, String)| {
            let folded = (name.clone(), value.to_lowercase());
            (folded, Key::Annotation(name, value).to_kv())
        };
        let ((one, key), (other, other_key)) = (ask(&one), ask(&other));
        prop_assert_eq!(key == other_key, one == other);
        prop_assert!(key.len() <= 512);
        prop_assert!(key != Key::Email(&one.1).to_kv());
    }

    #[test]
    fn a_record_is_read_as_it_was_written(
        name in "\\PC{1,40}",
        email in any::<String>(),
        groups in vec(any::<String>(), 0..5),
        display_name in any::<Option<String>>(),
        picture in any::<Option<String>>(),
        annotations in btree_map("[a-z./]{1,9}", any::<String>(), 0..3),
        fields in btree_map("spec\\.[a-z]{1,3}", vec(any::<String>(), 1..3), 0..3),
    ) {
        let entity_ref = EntityRef::user(&name).unwrap();
        let own = entity_ref.to_string();
        let record = Record::One(UserRecord {
            entity_ref: own.clone(),
            ownership: [own].into_iter().chain(groups).collect(),
            email: Some(email.clone()),
            display_name,
            picture,
            annotations: annotations.iter().map(|(name, it)| (name.clone(), json!(it))).collect(),
            fields: fields.iter().map(|(path, it)| (path.clone(), json!(it))).collect(),
        });
        let text = encode(&record).unwrap();
        for key in [Key::Email(&email), Key::Ref(&entity_ref)] {
            let read = decode(key, &text);
            prop_assert_eq!(read.as_ref(), Ok(&record));
        }
        for (name, value) in &annotations {
            let read = decode(Key::Annotation(name, value), &text);
            prop_assert_eq!(read.as_ref(), Ok(&record));
            let other = format!("{value}x");
            prop_assert!(decode(Key::Annotation(name, &other), &text).is_err());
        }
        for (path, values) in &fields {
            for value in values {
                let read = decode(Key::Field(path, value), &text);
                prop_assert_eq!(read.as_ref(), Ok(&record));
            }
            let other = values.concat() + "x";
            prop_assert!(decode(Key::Field(path, &other), &text).is_err());
        }
    }

    #[test]
    fn a_public_path_lies_below_its_prefix_by_any_reading(path in path()) {
        let public = ["/public".to_owned()];
        if route("GET", &path, "/api/auth", "cfaccess", &public) == (Route::Forward { public: true })
        {
            prop_assert!(is_below_public(&path));
        }
    }

    #[test]
    fn request_without_a_verified_assertion_is_not_forwarded(
        method in prop_oneof![Just("GET".to_owned()), Just("POST".to_owned()), any::<String>()],
        path in path(),
        assertion in prop_oneof![any::<String>(), "[A-Za-z0-9_.-]{0,80}"],
        cookies in any::<String>(),
    ) {
        let ask = Ask::new(&method, &path)
            .header("cf-access-jwt-assertion", &assertion)
            .header("cookie", &cookies)
            .header("cf-access-authenticated-user-email", "boss@example.com");
        let outcome = ask.of(&Setup::new().gate(), &World::new());
        prop_assert!(matches!(outcome.decision, Decision::Reply(_)), "{}", code_of(&outcome));
        prop_assert!(serde_json::from_str::<Value>(&outcome.log.to_json()).is_ok());
    }
}

proptest! {
    #![proptest_config(config(false))]

    #[test]
    fn an_assertion_is_read_as_jwt_compact_reads_it_or_refused(
        more in object(HEADER),
        claims in object(CLAIMS),
        is_whole in any::<bool>(),
    ) {
        let mut header: Map<String, Value> = serde_json::from_str(&header()).unwrap();
        // jwt-compact wants these to be well-formed; we do not look at them.
        let names_a_key =
            ["jku", "x5u", "x5t", "x5t#S256"].iter().any(|name| more.contains_key(*name));
        header.extend(more.into_iter().filter(|(name, _)| !is_whole || name.len() > 3));
        let parts = [Value::Object(header), Value::Object(claims)].map(|part| part.to_string());
        let [header, claims] = parts.map(compact_part);
        let token = format!("{header}.{claims}.{}", compact_part("x".to_owned()));
        match (UnverifiedAssertion::parse(&token), UntrustedToken::new(&token)) {
            (Ok(ours), Ok(theirs)) => {
                prop_assert_eq!(theirs.algorithm(), "RS256");
                prop_assert_eq!(theirs.header().key_id.as_deref(), Some(ours.key_id.as_str()));
                prop_assert_eq!(theirs.signature_bytes(), ours.signature);
                // Theirs refuses null times; to ours they are absent.
                let claims = theirs.deserialize_claims_unchecked::<Map<String, Value>>();
                if let Ok(claims) = claims {
                    prop_assert_eq!(claims.expiration, ours.claims.expiration);
                    prop_assert_eq!(claims.not_before, ours.claims.not_before);
                    prop_assert_eq!(claims.issued_at, ours.claims.issued_at);
                }
            }
            (Ok(_), Err(error)) => prop_assert!(names_a_key, "{error}"),
            (Err(_), _) => {}
        }
    }

    #[test]
    fn no_unsigned_claims_get_an_assertion_through(
        claims in object(CLAIMS),
        iat in any::<i64>(),
        nbf in any::<i64>(),
    ) {
        let mut claims = claims;
        for (name, value) in [
            ("iss", json!(ISSUER)),
            ("aud", json!(AUDIENCE)),
            ("type", json!("app")),
            ("exp", json!(NOW + 60)),
            ("iat", json!(iat)),
            ("nbf", json!(nbf)),
        ] {
            claims.entry(name).or_insert(value);
        }
        let parts = [header(), Value::Object(claims).to_string(), "x".to_owned()];
        let token = parts.map(compact_part).join(".");
        let ask = Ask::get("/").header("cf-access-jwt-assertion", &token);
        let outcome = ask.of(&Setup::new().gate(), &World::new());
        prop_assert_eq!(reply_of(&outcome).status, 401);
    }

    #[test]
    fn no_json_makes_the_readers_panic(
        jwk in object(JWK),
        record in object(RECORD),
        config in object(CONFIG),
    ) {
        let jwks = json!({ "keys": [jwk] }).to_string();
        let _ = JwkSet::parse(&jwks);
        let _ = join_jwks(&[], Some(&jwks));
        let _ = decode(Key::Email("jane@example.com"), &Value::Object(record.clone()).to_string());
        let record = json!({ "v": 1, "user": record }).to_string();
        let _ = decode(Key::Email("jane@example.com"), &record);
        let config = Value::Object(config).to_string();
        let source = RawConfig {
            cfaccess: Some(config.clone()),
            backstage: Some(config),
            signing_keys: Some(jwks),
        };
        let _ = Config::read(&source, &AppCode::default());
    }

    #[test]
    fn a_key_set_that_is_joined_is_a_key_set_and_ours_comes_first(jwk in object(JWK)) {
        let ours = Setup::new().config().signing_keys.public_jwks();
        let joined = join_jwks(&ours, Some(&json!({ "keys": [jwk] }).to_string()));
        let joined: Value = serde_json::from_str(&joined).unwrap();
        let keys = joined["keys"].as_array().unwrap();
        prop_assert_eq!(&json!(keys[..2]), &serde_json::to_value(&ours).unwrap());
        let kids: BTreeSet<_> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
        prop_assert_eq!(kids.len(), keys.len());
        prop_assert!(keys.iter().all(|key| key.get("d").is_none()));
    }

    #[test]
    fn the_answer_is_json_whatever_access_and_catalog_say(
        name in any::<String>(),
        group in any::<String>(),
    ) {
        let world = World::new();
        world.adds("jane.doe", "jane@example.com", &[&group]);
        let document = json!({ "email": "jane@example.com", "name": name });
        world.identity.says(200, &document.to_string());
        let outcome = Ask::refresh(jane()).of(&Setup::new().gate(), &world);
        let body: Value = serde_json::from_str(reply_of(&outcome).body.as_ref().unwrap()).unwrap();
        prop_assert_eq!(&body["profile"]["displayName"], &json!(name));
        prop_assert_eq!(&body["providerInfo"]["cfIdentity"], &document);
        let owned = &body["backstageIdentity"]["identity"]["ownershipEntityRefs"];
        prop_assert_eq!(owned, &json!(["user:default/jane.doe", group]));
    }
}

/// Jane's assertion, minted once.
fn jane() -> &'static str {
    static JANE: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| crate::support::Claims::user().mint());
    &JANE
}

fn compact_part(text: String) -> String {
    crate::support::encode(text)
}
