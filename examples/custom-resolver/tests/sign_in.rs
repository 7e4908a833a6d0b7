//! Sign-ins without a Worker, a key or a network.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use backstage_cfaccess::testing::{Catalog, Identity, Trial, TrialRejection};
use custom_resolver::app;

const CONFIG: &str = r#"{
    "catalog": { "indexes": ["metadata.annotations.acme.com/id"] },
    "signIn": { "resolvers": [
        { "resolver": "acme/employee", "annotation": "acme.com/id", "reject": ["contractor"] },
        { "resolver": "emailMatchingUserEntityProfileEmail" }
    ] }
}"#;

fn trial() -> Trial {
    let catalog = Catalog::new()
        .user("jane", |user| {
            user.email("j.doe@acme.com").member_of("team-a").annotation("acme.com/id", "7")
        })
        .user("bob", |user| user.email("bob@acme.com"));
    Trial::of(app()).config(CONFIG).catalog(catalog)
}

fn jane() -> Identity {
    Identity::user("jane@acme.com").attribute("employee_id", "7")
}

fn status_and_code(rejection: &TrialRejection) -> (u16, &str) {
    (rejection.status(), rejection.code())
}

#[test]
fn employee_id_finds_the_user_and_is_a_claim_of_the_token() {
    let signed_in = trial().sign_in(&jane()).unwrap();
    assert_eq!(signed_in.user(), "user:default/jane");
    assert_eq!(signed_in.claims().get("employee_id"), Some(&"7".into()));
}

#[test]
fn contractor_is_rejected_with_a_code() {
    let rejection = trial().sign_in(&jane().attribute("type", "contractor")).unwrap_err();
    assert_eq!(status_and_code(&rejection), (403, "contractor"));
}

#[test]
fn caller_without_employee_id_is_found_by_email() {
    let bob = trial().sign_in(&Identity::user("bob@acme.com")).unwrap();
    assert_eq!(bob.user(), "user:default/bob");
    assert_eq!(bob.tries(), ["acme/employee: user_not_found"]);
}

#[test]
fn missing_identity_is_temporary_and_does_not_try_the_next_resolver() {
    let rejection = trial().sign_in(&Identity::user("bob@acme.com").incomplete()).unwrap_err();
    assert_eq!(status_and_code(&rejection), (503, "employee_id_unavailable"));
}

#[test]
fn groups_of_the_identity_are_owned_in_a_namespace_of_their_own() {
    let signed_in = trial().sign_in(&jane().group("Platform Team").group("team-a")).unwrap();
    assert_eq!(
        signed_in.ownership(),
        [
            "user:default/jane",
            "group:default/team-a",
            "group:idp/platform-team",
            "group:idp/team-a",
        ]
    );
}

#[test]
fn display_name_has_no_suffix() {
    let signed_in = trial().sign_in(&jane().name("Jane Doe (Acme Ltd)")).unwrap();
    assert_eq!(signed_in.display_name(), Some("Jane Doe"));
    assert_eq!(signed_in.email(), Some("jane@acme.com"));
}

#[test]
fn wrong_options_are_misconfigured() {
    for options in ["", r#", "annotation": """#, r#", "anotation": "acme.com/id""#] {
        let resolver = format!(r#"{{ "resolver": "acme/employee"{options} }}"#);
        let config = format!(r#"{{ "signIn": {{ "resolvers": [{resolver}] }} }}"#);
        let rejection = trial().config(&config).sign_in(&jane()).unwrap_err();
        assert_eq!(status_and_code(&rejection), (503, "misconfigured"), "{options}");
    }
}
