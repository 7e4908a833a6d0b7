//! From a caller to a Backstage user: the resolvers with their options, in any order.

use backstage_cfaccess::SignedIn;
use backstage_cfaccess::error::{Fault, GateError, Refusal};
use serde_json::{Value, json};

use crate::support::{Claims, World, sign_in};

const BY_EMAIL: &str = "emailMatchingUserEntityProfileEmail";
const BY_NAME: &str = "emailLocalPartMatchingUserEntityName";

fn resolver(name: &str) -> Value {
    json!({ "resolver": name })
}

/// With `dangerouslyAllowSignInWithoutUserInCatalog`.
fn lenient(name: &str) -> Value {
    json!({ "resolver": name, "dangerouslyAllowSignInWithoutUserInCatalog": true })
}

fn of_domains(name: &str, domains: &[&str], without_user: bool) -> Value {
    json!({
        "resolver": name,
        "allowedDomains": domains,
        "dangerouslyAllowSignInWithoutUserInCatalog": without_user,
    })
}

fn signs_in(email: &str, resolvers: &[Value], world: &World) -> Result<SignedIn, GateError> {
    sign_in(&Claims::user().set("email", email), resolvers, world)
}

fn user(email: &str, resolvers: &[Value], world: &World) -> String {
    match signs_in(email, resolvers, world) {
        Ok(user) => user.user().to_owned(),
        Err(error) => error.code().to_owned(),
    }
}

/// A world in which two users have one email, and one record is damaged.
fn troubled() -> World {
    let world = World::new();
    let record = r#"{"v":1,"ambiguous":["user:default/twin","user:default/twin2"]}"#;
    world.catalog.holds("v1:email:twin@example.com", record);
    world.catalog.holds("v1:email:broken@example.com", "{\"v\":1,");
    world.catalog.holds("v1:ref:user:default/broken", "{\"v\":1,");
    world
}

#[test]
fn user_is_found_by_email_whatever_its_case() {
    let world = World::new();
    for email in ["jane@example.com", "JANE@Example.COM", "Jane@example.com"] {
        let signed_in = signs_in(email, &[resolver(BY_EMAIL)], &world).unwrap();
        assert_eq!(signed_in.user(), "user:default/jane.doe");
        assert_eq!(
            signed_in.ownership(),
            ["user:default/jane.doe", "group:default/team-a", "group:default/team-b"]
        );
    }
    assert_eq!(world.catalog.reads(), 3);
}

#[test]
fn user_is_found_by_the_local_part_whatever_its_case() {
    let world = World::new();
    for email in ["jane.doe@example.com", "JANE.Doe@elsewhere.example", "jane.doe", "Jane.Doe@"] {
        let found = user(email, &[resolver(BY_NAME)], &world);
        assert_eq!(found, "user:default/jane.doe", "{email}");
    }
    assert_eq!(user("jane@example.com", &[resolver(BY_NAME)], &world), "user_not_found");
}

#[test]
fn plus_addressing_is_removed_on_the_second_try_and_only_by_email() {
    let world = World::new();
    world.adds("tagged", "jane+tag@example.com", &[]);
    let by_email = [resolver(BY_EMAIL)];
    for (email, found) in [
        ("jane+x@example.com", "user:default/jane.doe"),
        ("JANE+x+y@example.com", "user:default/jane.doe"),
        ("jane+tag@example.com", "user:default/tagged"),
        ("jane+TAG@example.com", "user:default/tagged"),
        ("jane+@example.com", "user_not_found"),
        ("+jane@example.com", "user_not_found"),
        ("ghost+x@example.com", "user_not_found"),
        ("jane+x", "user_not_found"),
    ] {
        assert_eq!(user(email, &by_email, &world), found, "{email}");
    }
    let by_name = [resolver(BY_NAME)];
    assert_eq!(user("jane.doe+x@example.com", &by_name, &world), "user_not_found");
}

#[test]
fn email_without_a_plus_is_looked_up_once_and_with_a_plus_at_most_twice() {
    for (email, reads) in
        [("ghost@example.com", 1), ("ghost+x@example.com", 2), ("jane@example.com", 1)]
    {
        let world = World::new();
        let _ = signs_in(email, &[resolver(BY_EMAIL)], &world);
        assert_eq!(world.catalog.reads(), reads, "{email}");
    }
}

#[test]
fn only_emails_of_allowed_domains_sign_in_with_either_resolver() {
    for name in [BY_EMAIL, BY_NAME] {
        let world = World::new();
        world.adds("jane", "jane@example.com", &[]);
        let resolvers = [of_domains(name, &["other.example", "Example.COM"], false)];
        for email in ["jane@example.com", "JANE@EXAMPLE.com"] {
            assert_eq!(user(email, &resolvers, &world), "user:default/jane", "{name:?} {email}");
        }
        let reads = world.catalog.reads();
        for email in [
            "jane@sub.example.com",
            "jane@example.com.evil.example",
            "jane@xexample.com",
            "jane@example.co",
            "jane@example.com ",
            "jane@evil.example@example.com",
            "jane@",
            "jane",
            "@",
        ] {
            assert_eq!(user(email, &resolvers, &world), "domain_not_allowed", "{name:?} {email}");
        }
        assert_eq!(world.catalog.reads(), reads);
    }
}

#[test]
fn user_outside_the_catalog_signs_in_only_if_configured() {
    let world = World::new();
    for name in [BY_EMAIL, BY_NAME] {
        assert_eq!(user("ghost@example.com", &[resolver(name)], &world), "user_not_found");
    }
    for (name, email, expected) in [
        (BY_NAME, "Ghost@example.com", "user:default/ghost"),
        (BY_NAME, "ghost+x@example.com", "user:default/ghost+x"),
        (BY_EMAIL, "Ghost@example.com", "user:default/ghost@example.com"),
        // The fallback belongs to the second try, as there.
        (BY_EMAIL, "ghost+x@example.com", "user:default/ghost@example.com"),
        (BY_EMAIL, "+x@example.com", "user_not_found"),
        (BY_EMAIL, "ghost", "user_not_found"),
        (BY_NAME, "@example.com", "user_not_found"),
    ] {
        assert_eq!(user(email, &[lenient(name)], &world), expected, "{name:?} {email}");
    }
    let signed_in = signs_in("ghost@example.com", &[lenient(BY_NAME)], &world).unwrap();
    assert_eq!(signed_in.ownership(), ["user:default/ghost"]);
}

#[test]
fn user_in_the_catalog_keeps_their_groups_where_others_may_sign_in_too() {
    let world = World::new();
    let signed_in = signs_in("jane@example.com", &[lenient(BY_EMAIL)], &world).unwrap();
    assert_eq!(signed_in.ownership().len(), 3);
    let signed_in = signs_in("jane+x@example.com", &[lenient(BY_EMAIL)], &world).unwrap();
    assert_eq!(signed_in.user(), "user:default/jane.doe");
}

#[test]
fn user_outside_the_catalog_needs_an_allowed_domain() {
    let world = World::new();
    for name in [BY_EMAIL, BY_NAME] {
        let resolvers = [of_domains(name, &["example.com"], true)];
        assert_eq!(user("ghost@evil.example", &resolvers, &world), "domain_not_allowed");
        assert!(user("ghost@example.com", &resolvers, &world).starts_with("user:default/ghost"));
    }
}

#[test]
fn local_part_that_looks_like_a_ref_gets_no_token() {
    let world = World::new();
    for local_part in ["user:ops/admin", "ops/admin", "group:default/team-a", "../x", "a b", "a\tb"]
    {
        let found = user(&format!("{local_part}@example.com"), &[lenient(BY_NAME)], &world);
        assert_eq!(found, "user_not_found", "{local_part}");
    }
    let found = user("system@example.com", &[lenient(BY_NAME)], &world);
    assert_eq!(found, "user:default/system");
}

#[test]
fn two_users_with_one_email_are_ambiguous_with_every_option_and_order() {
    let world = troubled();
    for resolvers in [
        vec![resolver(BY_EMAIL)],
        vec![lenient(BY_EMAIL)],
        vec![resolver(BY_EMAIL), lenient(BY_NAME)],
        vec![resolver(BY_NAME), resolver(BY_EMAIL)],
    ] {
        for email in ["twin@example.com", "twin+x@example.com"] {
            let stop = signs_in(email, &resolvers, &world).err();
            assert_eq!(stop, Some(Refusal::UserAmbiguous.into()), "{email} {resolvers:?}");
        }
    }
}

#[test]
fn corrupt_record_is_a_fault_with_its_key_and_stops_the_sign_in() {
    let world = troubled();
    for (resolvers, key) in [
        (vec![resolver(BY_EMAIL)], "v1:email:broken@example.com: "),
        (vec![lenient(BY_EMAIL), lenient(BY_NAME)], "v1:email:broken@example.com: "),
        (vec![lenient(BY_NAME)], "v1:ref:user:default/broken: "),
    ] {
        match signs_in("broken@example.com", &resolvers, &world).unwrap_err() {
            GateError::Fault(Fault::CatalogCorrupt(detail)) => assert!(detail.starts_with(key)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(user("jane@example.com", &[resolver(BY_EMAIL)], &world), "user:default/jane.doe");
}

#[test]
fn record_of_another_key_is_corrupt() {
    let world = World::new();
    let jane = world.catalog.value("v1:email:jane@example.com").unwrap();
    world.catalog.holds("v1:email:joe@example.com", &jane);
    world.catalog.holds("v1:ref:user:default/joe", &jane);
    for name in [BY_EMAIL, BY_NAME] {
        assert_eq!(user("joe@example.com", &[lenient(name)], &world), "catalog_corrupt");
    }
}

#[test]
fn catalog_outage_is_a_fault_and_signs_no_user_in() {
    let world = World::new();
    world.catalog.fails();
    for resolvers in [vec![resolver(BY_EMAIL)], vec![lenient(BY_NAME), lenient(BY_EMAIL)]] {
        let stop = signs_in("jane@example.com", &resolvers, &world).err();
        assert_eq!(stop, Some(Fault::CatalogUnavailable("KV: 500".to_owned()).into()));
    }
    assert_eq!(world.catalog.reads(), 2);
}

#[test]
fn only_not_found_moves_on_to_the_next_resolver() {
    let world = troubled();
    world.adds("ghost", "other@example.com", &[]);
    let (by_email, by_name) = (resolver(BY_EMAIL), resolver(BY_NAME));
    let strict = |name: &str| of_domains(name, &["example.com"], false);
    let elsewhere = |name: &str| of_domains(name, &["other.example"], false);
    for (email, resolvers, expected) in [
        // Found by the second alone.
        ("ghost@example.com", vec![by_email.clone(), by_name.clone()], "user:default/ghost"),
        ("ghost@example.com", vec![by_name.clone(), by_email.clone()], "user:default/ghost"),
        // The first of two that find a user wins.
        ("jane@example.com", vec![by_email.clone(), lenient(BY_NAME)], "user:default/jane.doe"),
        ("jane@example.com", vec![lenient(BY_NAME), by_email.clone()], "user:default/jane"),
        // A domain that is not allowed ends it, in whatever place.
        ("jane@example.com", vec![elsewhere(BY_NAME), by_email.clone()], "domain_not_allowed"),
        ("ghost@example.com", vec![by_email.clone(), elsewhere(BY_NAME)], "domain_not_allowed"),
        ("jane@example.com", vec![strict(BY_NAME), strict(BY_EMAIL)], "user:default/jane.doe"),
        // So does a fault.
        ("broken@example.com", vec![by_name.clone(), by_email.clone()], "catalog_corrupt"),
        ("nobody@example.com", vec![by_name, by_email], "user_not_found"),
    ] {
        assert_eq!(user(email, &resolvers, &world), expected, "{email} {resolvers:?}");
    }
}

#[test]
fn email_too_long_for_a_key_is_not_found() {
    let world = World::new();
    let email = format!("{}@example.com", "j".repeat(8_000));
    for name in [BY_EMAIL, BY_NAME] {
        assert_eq!(user(&email, &[resolver(name)], &world), "user_not_found");
    }
    world.adds("long", &email, &[]);
    assert_eq!(user(&email, &[resolver(BY_EMAIL)], &world), "user:default/long");
}
