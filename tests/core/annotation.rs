//! From a caller to a Backstage user by annotation: by email and by a claim.

use backstage_cfaccess::SignedIn;
use backstage_cfaccess::backstage::EntityRef;
use backstage_cfaccess::catalog::{Key, Record, UserRecord, encode};
use backstage_cfaccess::error::{Fault, GateError};
use serde_json::{Map, Value, json};

use crate::support::{Ask, Claims, Setup, World, code_of, reply_of, sign_in};

const ID: &str = "example.com/id";
const MAIL: &str = "google.com/email";

fn by_mail() -> Value {
    json!({ "resolver": "emailMatchingUserEntityAnnotation", "annotation": MAIL })
}

fn by_profile() -> Value {
    json!({ "resolver": "emailMatchingUserEntityProfileEmail" })
}

fn by_claim(claim: &str) -> Value {
    json!({
        "resolver": "claimMatchingUserEntityAnnotation",
        "claim": claim,
        "annotation": ID,
    })
}

/// A world in which Jane and Joe have annotations, two have one value, and one record is damaged.
fn world() -> World {
    let world = World::new();
    for (name, id, mail) in [("jane", "E-7", "Jane@Mail.example"), ("joe", "e-8", "joe@x.example")]
    {
        annotate(&world, name, &[(ID, id), (MAIL, mail)]);
    }
    let twins = r#"{"v":1,"ambiguous":["user:default/a","user:default/b"]}"#;
    world.catalog.holds("v1:annotation:example.com/id=twin", twins);
    world.catalog.holds("v1:annotation:example.com/id=broken", "{");
    world
}

fn annotate(world: &World, name: &str, annotations: &[(&str, &str)]) {
    let own = EntityRef::user(name).unwrap().to_string();
    let annotations: Map<String, Value> =
        annotations.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let record = UserRecord {
        ownership: vec![own.clone()],
        entity_ref: own,
        annotations,
        ..UserRecord::default()
    };
    for key in record.keys(&[]) {
        world.catalog.holds(&key, &encode(&Record::One(record.clone())).unwrap());
    }
}

fn signs_in(
    email: &str,
    claims: &Value,
    resolvers: &[Value],
    world: &World,
) -> Result<SignedIn, GateError> {
    let members = claims.as_object().unwrap();
    let caller = Claims::user().set("email", email);
    let caller = members.iter().fold(caller, |it, (name, value)| it.set(name, value.clone()));
    sign_in(&caller, resolvers, world)
}

fn user(email: &str, claims: &Value, resolvers: &[Value], world: &World) -> String {
    match signs_in(email, claims, resolvers, world) {
        Ok(user) => user.user().to_owned(),
        Err(error) => error.code().to_owned(),
    }
}

#[test]
fn email_in_an_annotation_finds_the_user_whatever_its_case() {
    let world = world();
    for (email, expected) in [
        ("jane@mail.example", "user:default/jane"),
        ("JANE@MAIL.example", "user:default/jane"),
        // No second try without plus-addressing, as in Backstage's own modules.
        ("jane+x@mail.example", "user_not_found"),
        ("jane@example.com", "user_not_found"),
    ] {
        assert_eq!(user(email, &json!({}), &[by_mail()], &world), expected, "{email}");
    }
    assert_eq!(world.catalog.reads(), 4);
}

#[test]
fn claim_in_an_annotation_finds_the_user_whatever_its_case() {
    let world = world();
    let custom = |id: Value| json!({ "sub": "e-8", "custom": { "employee": id } });
    for (claims, expected) in [
        (custom(json!("E-7")), "user:default/jane"),
        (custom(json!("e-7")), "user:default/jane"),
        (custom(json!("e-9")), "user_not_found"),
        (custom(json!("twin")), "user_ambiguous"),
        (custom(json!("broken")), "catalog_corrupt"),
        (custom(json!("")), "user_not_found"),
        (custom(json!(7)), "user_not_found"),
        (custom(json!(["e-7"])), "user:default/jane"),
        (custom(json!(["e-7", "e-8"])), "user_not_found"),
        (json!({ "custom": null }), "user_not_found"),
        (json!({ "employee": "e-7" }), "user_not_found"),
    ] {
        let by_employee = [by_claim("custom.employee")];
        assert_eq!(user("x@y", &claims, &by_employee, &world), expected, "{claims}");
    }
    let found = user("x@y", &custom(json!("e-7")), &[by_claim("sub")], &world);
    assert_eq!(found, "user:default/joe");
}

#[test]
fn caller_without_the_claim_goes_to_the_next_resolver_without_a_read() {
    let world = world();
    let resolvers = [by_claim("custom.employee"), by_profile()];
    let found = user("jane@example.com", &json!({ "sub": "x" }), &resolvers, &world);
    assert_eq!((found.as_str(), world.catalog.reads()), ("user:default/jane.doe", 1));
    // The first that finds a user wins; two users with one value end it, and so does a fault.
    for (id, expected) in
        [("e-8", "user:default/joe"), ("twin", "user_ambiguous"), ("broken", "catalog_corrupt")]
    {
        let claims = json!({ "custom": { "employee": id } });
        assert_eq!(user("jane@example.com", &claims, &resolvers, &world), expected);
        let last = [by_mail(), by_claim("custom.employee")];
        assert_eq!(user("jane@example.com", &claims, &last, &world), expected);
    }
}

#[test]
fn record_of_another_annotation_or_value_is_corrupt() {
    let world = world();
    let jane = world.catalog.value("v1:annotation:example.com/id=e-7").unwrap();
    for key in ["example.com/id=e-9", "example.com/other=e-7", "google.com/email=e-7"] {
        world.catalog.holds(&format!("v1:annotation:{key}"), &jane);
    }
    let claims = json!({ "sub": "e-9" });
    let stop = signs_in("x@y", &claims, &[by_claim("sub")], &world).unwrap_err();
    let GateError::Fault(Fault::CatalogCorrupt(detail)) = stop else { panic!("{stop:?}") };
    assert!(detail.starts_with("v1:annotation:example.com/id=e-9: "), "{detail}");
    assert_eq!(user("e-7", &json!({}), &[by_mail()], &world), "catalog_corrupt");
    // The annotation is none of the user's other keys.
    world.catalog.holds("v1:email:e-7", &jane);
    assert_eq!(user("e-7", &json!({}), &[by_profile()], &world), "catalog_corrupt");
}

#[test]
fn resolver_by_annotation_has_the_options_of_resolvers_by_email() {
    let world = world();
    let with = |domains: Option<&str>, without_user: bool| {
        [json!({
            "resolver": "emailMatchingUserEntityAnnotation",
            "annotation": MAIL,
            "allowedDomains": domains,
            "dangerouslyAllowSignInWithoutUserInCatalog": without_user,
        })]
    };
    let none = json!({});
    let lenient = with(None, true);
    assert_eq!(user("Ghost@x", &none, &lenient, &world), "user:default/ghost@x");
    assert_eq!(user("joe@x.example", &none, &lenient, &world), "user:default/joe");
    let strict = with(Some("X.example"), true);
    assert_eq!(user("joe@X.example", &none, &strict, &world), "user:default/joe");
    assert_eq!(user("jane@mail.example", &none, &strict, &world), "domain_not_allowed");
}

#[test]
fn value_too_long_for_a_key_is_found_by_its_digest() {
    let world = world();
    let long = "Ä".repeat(2_000);
    annotate(&world, "long", &[(ID, &long)]);
    let key = Key::Annotation(ID, &long).to_kv();
    assert!(key.starts_with("v1:annotation:example.com/id#") && key.len() < 512, "{key}");
    let claims = json!({ "sub": long.to_lowercase() });
    assert_eq!(user("x@y", &claims, &[by_claim("sub")], &world), "user:default/long");
    // The digest itself is no user's value.
    let digest = key.split('#').next_back().unwrap();
    for value in [digest.to_owned(), format!("#{digest}")] {
        let claims = json!({ "sub": value });
        assert_eq!(user("x@y", &claims, &[by_claim("sub")], &world), "user_not_found");
    }
}

#[test]
fn signed_custom_claim_leads_to_a_session() {
    let world = world();
    let resolver = json!({
        "resolver": "claimMatchingUserEntityAnnotation",
        "claim": "custom.employee",
        "annotation": ID,
    });
    let gate = Setup::new().resolvers(&json!([resolver])).gate();
    let of = |id: &str| {
        let token = Claims::user().set("custom", json!({ "employee": id })).mint();
        Ask::refresh(&token).of(&gate, &world)
    };
    let body: Value = serde_json::from_str(reply_of(&of("E-7")).body.as_ref().unwrap()).unwrap();
    assert_eq!(body["backstageIdentity"]["identity"]["userEntityRef"], "user:default/jane");
    assert_eq!(code_of(&of("E-70")), "user_not_found");
    assert_eq!(code_of(&of("twin")), "user_ambiguous");
    // Unsigned parts of a request are not read.
    let token = Claims::user().mint();
    assert_eq!(code_of(&Ask::refresh(&token).of(&gate, &world)), "user_not_found");
}
