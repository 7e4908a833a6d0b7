//! What a resolver can do with its context, and how it can fail.

use std::cell::Cell;
use std::rc::Rc;

use backstage_cfaccess::testing::{Catalog, Identity, Trial};
use backstage_cfaccess::{
    CfAccess, EntityRef, Fetch, Needs, Rejection, SignIn, SignInContext, SignInInfo, SignInResult,
    UserQuery,
};

fn catalog() -> Catalog {
    let id = "acme.com/id";
    Catalog::new()
        .user("jane", |it| it.email("jane@acme.com").annotation(id, "7").member_of("team-a"))
        .user("twin1", |it| it.email("twin@acme.com").annotation(id, "1"))
        .user("twin2", |it| it.email("Twin@acme.com").annotation(id, "2"))
        .user("ops", |it| it.namespace("ops").email("ops@acme.com"))
}

const INDEXES: &str = r#"{"catalog":{"indexes":["metadata.annotations.acme.com/id"]}}"#;

fn trial(
    resolver: impl AsyncFn(&SignInInfo<'_>, &SignInContext<'_>) -> SignInResult + 'static,
) -> Trial {
    let app = CfAccess::new().sign_in(resolver).needs(Needs::new().annotation("acme.com/id"));
    Trial::of(app).config(INDEXES).catalog(catalog())
}

fn jane() -> Identity {
    Identity::user("jane@acme.com")
}

/// The user that a query finds, or the code of the rejection.
fn found(make: impl Fn() -> UserQuery<'static> + 'static) -> String {
    let trial = trial(async move |_, ctx| ctx.sign_in_with_catalog_user(make()).await);
    match trial.sign_in(&jane()) {
        Ok(signed_in) => signed_in.user().to_owned(),
        Err(rejection) => rejection.code().to_owned(),
    }
}

#[test]
fn each_query_finds_its_user_without_case() {
    assert_eq!(found(|| UserQuery::entity_ref("Jane")), "user:default/jane");
    assert_eq!(found(|| UserQuery::entity_ref("user:ops/ops")), "user:ops/ops");
    assert_eq!(found(|| UserQuery::name("ops", "OPS")), "user:ops/ops");
    assert_eq!(found(|| UserQuery::email("JANE@acme.com")), "user:default/jane");
    assert_eq!(found(|| UserQuery::annotation("acme.com/id", "7")), "user:default/jane");
    for query in [
        || UserQuery::entity_ref("group:default/team-a"),
        || UserQuery::entity_ref(""),
        || UserQuery::name("default", ""),
        || UserQuery::email("x"),
    ] {
        assert_eq!(found(query), "user_not_found");
    }
}

#[test]
fn declared_fields_find_a_user_and_are_read_from_the_user() {
    let catalog = || {
        let entity = r#"{
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "User",
            "metadata": { "name": "list" },
            "spec": { "aliases": ["L1", "l2"], "desk": 7, "memberOf": [] }
        }"#;
        let catalog = Catalog::new()
            .user("jane", |it| it.email("jane@acme.com").label("acme.com/no", "E7"))
            .user("twin1", |it| it.email("twin@acme.com").label("acme.com/no", "e9"))
            .user("twin2", |it| it.email("twin@acme.com").label("acme.com/no", "e8"));
        catalog.json(entity).unwrap()
    };
    let config = r#"{ "catalog": {
        "indexes": ["metadata.labels.acme.com/no", "spec.aliases"],
        "fields": ["spec.desk", "metadata.annotations.acme.com/x"]
    } }"#;
    let found = |make: fn() -> UserQuery<'static>| {
        let app = CfAccess::new()
            .sign_in(async move |_, ctx| ctx.sign_in_with_catalog_user(make()).await)
            .needs(Needs::new().field("metadata.labels.acme.com/no").field("spec.desk"));
        let trial = Trial::of(app).config(config).catalog(catalog());
        match trial.sign_in(&jane()) {
            Ok(signed_in) => signed_in.user().to_owned(),
            Err(rejection) => rejection.code().to_owned(),
        }
    };
    let no = "metadata.labels.acme.com/no";
    assert_eq!(
        found(|| UserQuery::field("metadata.labels.acme.com/no", "e7")),
        "user:default/jane"
    );
    assert_eq!(found(|| UserQuery::field("spec.aliases", "L2")), "user:default/list");
    assert_eq!(found(|| UserQuery::field("spec.aliases", "l3")), "user_not_found");
    assert_eq!(
        found(|| UserQuery::field("spec.profile.email", "jane@acme.com")),
        "user:default/jane"
    );
    assert_eq!(found(|| UserQuery::field("spec.other", "x")), "query_not_indexed");
    // Carried, and not found by.
    assert_eq!(found(|| UserQuery::field("spec.desk", "7")), "query_not_indexed");
    let by_alias_and_desk =
        || UserQuery::field("spec.aliases", "l1").and(UserQuery::field("spec.desk", "7"));
    assert_eq!(found(by_alias_and_desk), "user:default/list");
    assert_eq!(found(|| UserQuery::email("twin@acme.com")), "user_ambiguous");
    let one_twin = || {
        UserQuery::email("twin@acme.com").and(UserQuery::field("metadata.labels.acme.com/no", "E8"))
    };
    assert_eq!(found(one_twin), "user:default/twin2");

    let app = CfAccess::new().sign_in(async move |_, ctx| {
        let user = ctx.find_catalog_user(UserQuery::entity_ref("list")).await?;
        let aliases: Vec<&str> = user.field("spec.aliases").collect();
        let desk = user.field("spec.desk").next().unwrap_or_default();
        ctx.note(&format!("{} {desk} {}", aliases.join(","), user.field(no).count()));
        ctx.sign_in_with_catalog_user(UserQuery::entity_ref("list")).await
    });
    let signed_in = Trial::of(app).config(config).catalog(catalog()).sign_in(&jane()).unwrap();
    assert_eq!(signed_in.notes(), ["L1,l2 7 0"]);
}

#[test]
fn field_that_the_app_needs_must_be_declared() {
    let app = CfAccess::new()
        .sign_in(async |_, ctx| ctx.sign_in_with_catalog_user(UserQuery::email("x")).await)
        .needs(Needs::new().field("spec.id"));
    let rejection = Trial::of(app).sign_in(&jane()).unwrap_err();
    assert_eq!(rejection.code(), "misconfigured");
    let expected = "CFACCESS.catalog.indexes must hold `spec.id`, which the app needs";
    assert!(rejection.detail().unwrap().contains(expected), "{rejection:?}");
}

#[test]
fn second_condition_must_hold_and_tells_users_with_one_email_apart() {
    let email = || UserQuery::email("twin@acme.com");
    let id = |id: &'static str| UserQuery::annotation("acme.com/id", id);
    assert_eq!(found(email), "user_ambiguous");
    assert_eq!(found(move || email().and(id("2"))), "user:default/twin2");
    assert_eq!(found(move || email().and(id("3"))), "user_not_found");
    assert_eq!(found(move || id("7").and(UserQuery::email("jane@acme.com"))), "user:default/jane");
    assert_eq!(found(move || id("7").and(email())), "user_not_found");
}

#[test]
fn query_by_an_annotation_that_is_not_declared_is_a_500_that_says_what_to_add() {
    let trial = trial(async |_, ctx| {
        ctx.sign_in_with_catalog_user(UserQuery::annotation("other.io/x", "1")).await
    });
    let rejection = trial.sign_in(&jane()).unwrap_err();
    assert_eq!((rejection.status(), rejection.code()), (500, "query_not_indexed"));
    assert!(rejection.detail().unwrap().contains("metadata.annotations.other.io/x"));
}

#[test]
fn fallback_is_used_only_if_the_user_is_not_in_the_catalog() {
    let with_fallback = || {
        trial(async |info, ctx| {
            let fallback = EntityRef::user("guest").ok_or_else(Rejection::not_found)?;
            ctx.sign_in_or_dangerously_as(UserQuery::email(info.email()?), &fallback).await
        })
    };
    let sign_in = |email| with_fallback().sign_in(&Identity::user(email));
    assert_eq!(sign_in("jane@acme.com").unwrap().ownership().len(), 2);
    let guest = sign_in("ghost@acme.com").unwrap();
    assert_eq!((guest.user(), guest.ownership().len()), ("user:default/guest", 1));
    assert_eq!(sign_in("twin@acme.com").unwrap_err().code(), "user_ambiguous");
    let down = with_fallback().catalog_is_down().sign_in(&jane()).unwrap_err();
    assert_eq!((down.status(), down.code()), (503, "catalog_unavailable"));
}

#[test]
fn user_without_the_catalog_owns_what_the_resolver_says_each_once() {
    let trial = trial(async |_, _| {
        let group = |name| EntityRef::group(name).ok_or_else(Rejection::not_found);
        let user = EntityRef::user("Free").ok_or_else(Rejection::not_found)?;
        let refs = [user.clone(), group("a")?, group("A")?];
        Ok(SignIn::as_user(user).owning(refs).max_age(5))
    });
    let signed_in = trial.sign_in(&jane()).unwrap();
    assert_eq!(signed_in.ownership(), ["user:default/free", "group:default/a"]);
    assert_eq!(signed_in.max_age(), Some(5));
}

#[test]
fn ref_that_can_be_read_in_two_ways_gets_no_token() {
    for name in ["a/b", "a b", "a\nb"] {
        let trial = trial(async move |_, _| {
            let user = EntityRef::new("user", None, name).ok_or_else(Rejection::not_found)?;
            Ok(SignIn::as_user(user))
        });
        let rejection = trial.sign_in(&jane()).unwrap_err();
        assert_eq!((rejection.status(), rejection.code()), (500, "user_ref_invalid"), "{name:?}");
    }
}

#[test]
fn additional_claims_are_kept_and_reserved_ones_are_a_500() {
    let with = |name: &'static str| {
        trial(async move |_, ctx| {
            ctx.sign_in_with_catalog_user(UserQuery::entity_ref("jane")).await?.claim(name, 7)
        })
    };
    assert_eq!(with("level").sign_in(&jane()).unwrap().claims()["level"], 7);
    for name in ["iss", "sub", "ent", "aud", "iat", "exp", "nbf", "uip"] {
        let rejection = with(name).sign_in(&jane()).unwrap_err();
        assert_eq!((rejection.status(), rejection.code()), (500, "claim_reserved"), "{name}");
    }
}

#[test]
fn error_of_a_resolver_is_a_500_and_its_text_is_for_the_log_only() {
    let trial = trial(async |_, _| {
        "hunter2".parse::<u8>()?;
        Err(Rejection::not_found())
    });
    let rejection = trial.sign_in(&jane()).unwrap_err();
    assert_eq!((rejection.status(), rejection.code()), (500, "resolver_failed"));
    assert_eq!(rejection.message(), "Internal error");
    assert_eq!(rejection.detail(), Some("invalid digit found in string"));
}

#[test]
fn resolver_that_never_ends_is_a_503() {
    let trial = trial(async |_, _| {
        std::future::pending::<()>().await;
        Err(Rejection::not_found())
    });
    let rejection = trial.sign_in(&jane()).unwrap_err();
    assert_eq!((rejection.status(), rejection.code()), (503, "resolver_timeout"));
}

const HR: &str = "https://hr.acme.com/jane";

fn asks_hr() -> Trial {
    trial(async |_, ctx| {
        let token = ctx.var("HR_TOKEN").ok_or_else(|| Rejection::failed("no HR_TOKEN"))?;
        let fetch = Fetch::get(HR).header("authorization", format!("Bearer {token}"));
        let answer = ctx.fetch(fetch.timeout_ms(99_999).max_bytes(10)).await;
        let answer =
            answer.map_err(|_| Rejection::unavailable("hr_unavailable", "HR is down", 5))?;
        let name: String = answer.json()?;
        ctx.note("asked HR");
        ctx.sign_in_with_catalog_user(UserQuery::name("default", &name)).await
    })
}

#[test]
fn resolver_asks_another_service_with_a_secret_and_notes_it() {
    let trial = asks_hr().var("HR_TOKEN", "x");
    let signed_in = trial.clone().fetches(HR, "\"jane\"").sign_in(&jane()).unwrap();
    assert_eq!(
        (signed_in.user(), signed_in.notes()),
        ("user:default/jane", &["asked HR".into()][..])
    );
    for (trial, status, code) in [
        (asks_hr().fetches(HR, "\"jane\""), 500, "resolver_failed"),
        (trial.clone(), 503, "hr_unavailable"),
        (trial.clone().answers(HR, 404, ""), 500, "resolver_failed"),
        (trial.clone().fetches(HR, "<html>"), 500, "resolver_failed"),
        (trial.fetches(HR, "\"much too long a body\""), 503, "hr_unavailable"),
    ] {
        let rejection = trial.sign_in(&jane()).unwrap_err();
        assert_eq!((rejection.status(), rejection.code()), (status, code));
    }
}

#[test]
fn cached_value_is_made_once_and_a_rejection_is_not_cached() {
    let made = Rc::new(Cell::new(0));
    let count = Rc::clone(&made);
    let trial = trial(async move |_, ctx| {
        for key in ["a", "a", "b"] {
            let value = ctx
                .cached(key, 60, async || {
                    count.set(count.get() + 1);
                    Ok("jane".to_owned())
                })
                .await?;
            assert_eq!(value, "jane");
        }
        let failed = ctx.cached("c", 60, async || Err(Rejection::conflict())).await;
        assert_eq!(failed.unwrap_err().code(), "user_ambiguous");
        assert_eq!(ctx.cached("c", 60, async || Ok("x".to_owned())).await?, "x");
        ctx.sign_in_with_catalog_user(UserQuery::entity_ref("jane")).await
    });
    assert_eq!(trial.sign_in(&jane()).unwrap().user(), "user:default/jane");
    assert_eq!(made.get(), 2);
}

#[test]
fn service_token_signs_in_as_its_subject_and_an_unknown_one_is_refused() {
    let trial = trial(async |info, ctx| {
        assert_eq!(info.result.service_token(), Some("1.access"));
        assert_eq!(info.result.name(), Some("Bot"));
        ctx.sign_in_with_catalog_user(UserQuery::email(info.email()?)).await
    });
    let config = r#"{"serviceTokens":[{"token":"1.access","subject":"ops@acme.com"}]}"#;
    let trial = trial.config(config);
    let bot = trial.sign_in(&Identity::service_token("1.access")).unwrap();
    assert_eq!(bot.user(), "user:ops/ops");
    let unknown = trial.sign_in(&Identity::service_token("2.access")).unwrap_err();
    assert_eq!((unknown.status(), unknown.code()), (403, "service_token_unknown"));
}
