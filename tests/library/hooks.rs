//! The profile transform and the ownership resolver.

use backstage_cfaccess::testing::{Catalog, Identity, Trial};
use backstage_cfaccess::{CfAccess, EntityRef, Profile, Rejection, UserQuery, slug};

fn catalog() -> Catalog {
    Catalog::new().user("jane", |it| {
        it.email("jane@acme.com").display_name("Jane of the catalog").member_of("team-a")
    })
}

const BY_EMAIL: &str =
    r#"{"signIn":{"resolvers":[{"resolver":"emailMatchingUserEntityProfileEmail"}]}}"#;

fn trial(app: CfAccess) -> Trial {
    Trial::of(app).config(BY_EMAIL).catalog(catalog())
}

fn jane() -> Identity {
    Identity::user("jane@acme.com").name("Jane Doe (Contractor)")
}

#[test]
fn profile_transform_runs_before_the_resolver_which_sees_its_profile() {
    let app = CfAccess::new().profile(async |result, _| {
        let name = result.name().and_then(|name| name.split(" (").next());
        Ok(Profile::new().email("jane@acme.com").display_name(name))
    });
    let signed_in = trial(app).sign_in(&Identity::user("alias@acme.com").name("Jane (X)")).unwrap();
    assert_eq!(signed_in.user(), "user:default/jane");
    assert_eq!(signed_in.display_name(), Some("Jane"));
}

#[test]
fn profile_transform_can_refuse_and_a_profile_without_email_is_a_500_for_a_resolver_by_email() {
    let refusing = CfAccess::new()
        .profile(async |_, _| Err(Rejection::not_allowed("not_now", "Come back tomorrow")));
    assert_eq!(trial(refusing).sign_in(&jane()).unwrap_err().code(), "not_now");
    let without = CfAccess::new().profile(async |_, _| Ok(Profile::new()));
    let rejection = trial(without).sign_in(&jane()).unwrap_err();
    assert_eq!((rejection.status(), rejection.code()), (500, "profile_without_email"));
}

#[test]
fn display_name_of_the_catalog_is_used_only_where_access_has_none() {
    let trial = trial(CfAccess::new());
    let named = trial.sign_in(&jane()).unwrap();
    assert_eq!(named.display_name(), Some("Jane Doe (Contractor)"));
    let unnamed = trial.sign_in(&Identity::user("jane@acme.com")).unwrap();
    assert_eq!(unnamed.display_name(), Some("Jane of the catalog"));
}

fn with_groups() -> CfAccess {
    CfAccess::new().ownership(async |user, info, _| {
        let mut refs = user.ownership();
        let groups = info.result.groups().filter_map(|it| slug(it.name()?));
        refs.extend(groups.filter_map(|name| EntityRef::group(&name)));
        Ok(refs)
    })
}

#[test]
fn ownership_resolver_sees_the_user_and_the_caller() {
    let caller = jane().group("Platform Team").group("Team-A");
    let signed_in = trial(with_groups()).sign_in(&caller).unwrap();
    assert_eq!(
        signed_in.ownership(),
        ["user:default/jane", "group:default/team-a", "group:default/platform-team"]
    );
}

#[test]
fn ownership_resolver_is_not_asked_for_a_fallback() {
    let app = CfAccess::new().ownership(async |_, _, _| Err(Rejection::conflict())).sign_in(
        async |_, ctx| {
            let guest = EntityRef::user("guest").ok_or_else(Rejection::not_found)?;
            ctx.sign_in_or_dangerously_as(UserQuery::email("x"), &guest).await
        },
    );
    let signed_in = Trial::of(app).catalog(catalog()).sign_in(&jane()).unwrap();
    assert_eq!(signed_in.ownership(), ["user:default/guest"]);
}

#[test]
fn ownership_in_code_and_in_the_configuration_is_misconfigured() {
    let config = r#"{"ownership":{"keep":["group:default/*"]}}"#;
    let rejection = trial(with_groups()).config(config).sign_in(&jane()).unwrap_err();
    assert_eq!(rejection.code(), "misconfigured");
    assert!(rejection.detail().unwrap().contains("CFACCESS.ownership must be left out"));
}
