//! Resolvers that the configuration names: their options, their order, and what is misconfigured.

use backstage_cfaccess::testing::{Catalog, Identity, Trial};
use backstage_cfaccess::{
    CfAccess, Needs, Rejection, SignInContext, SignInInfo, SignInResolver, SignInResult, UserQuery,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    annotation: String,
    #[serde(default)]
    reject: Vec<String>,
}

struct Employee(Options);

impl SignInResolver for Employee {
    async fn resolve(&self, info: &SignInInfo<'_>, ctx: &SignInContext<'_>) -> SignInResult {
        if info.result.attribute("type").is_some_and(|it| self.0.reject.iter().any(|no| no == it)) {
            return Err(Rejection::not_allowed("contractor", "Contractors have no access"));
        }
        let id = info.result.attribute("employee_id").ok_or_else(Rejection::not_found)?;
        ctx.sign_in_with_catalog_user(UserQuery::annotation(&self.0.annotation, id)).await
    }

    fn needs(&self) -> Needs {
        Needs::new().annotation(&self.0.annotation)
    }
}

fn app() -> CfAccess {
    CfAccess::new().resolver_with("acme/employee", |options: Options| Ok(Employee(options)))
}

const CONFIG: &str = r#"{
    "catalog": { "indexes": ["metadata.annotations.acme.com/id"] },
    "signIn": { "resolvers": [
        { "resolver": "acme/employee", "annotation": "acme.com/id", "reject": ["contractor"] },
        { "resolver": "emailMatchingUserEntityProfileEmail" }
    ] }
}"#;

fn catalog() -> Catalog {
    Catalog::new()
        .user("jane", |it| it.email("jane@acme.com").annotation("acme.com/id", "7"))
        .user("joe", |it| it.email("joe@acme.com"))
}

fn trial() -> Trial {
    Trial::of(app()).config(CONFIG).catalog(catalog())
}

#[test]
fn named_resolver_with_options_finds_a_user_by_annotation() {
    let caller = Identity::user("other@acme.com").attribute("employee_id", "7");
    assert_eq!(trial().sign_in(&caller).unwrap().user(), "user:default/jane");
}

#[test]
fn rejection_of_a_named_resolver_ends_the_list_with_its_code() {
    let caller = Identity::user("joe@acme.com").attribute("type", "contractor");
    let rejection = trial().sign_in(&caller).unwrap_err();
    assert_eq!((rejection.status(), rejection.code()), (403, "contractor"));
    assert_eq!(rejection.message(), "Contractors have no access");
    assert_eq!(rejection.tries(), ["acme/employee: contractor"]);
}

#[test]
fn not_found_moves_on_to_the_next_resolver_and_is_traced() {
    let joe = trial().sign_in(&Identity::user("joe@acme.com")).unwrap();
    assert_eq!(joe.user(), "user:default/joe");
    assert_eq!(joe.tries(), ["acme/employee: user_not_found"]);
    let ghost = trial().sign_in(&Identity::user("ghost@acme.com")).unwrap_err();
    assert_eq!((ghost.status(), ghost.code()), (404, "user_not_found"));
    assert_eq!(ghost.tries().len(), 2);
}

fn problem_of(app: CfAccess, config: &str) -> String {
    let rejection = Trial::of(app).config(config).sign_in(&Identity::user("a@b.c")).unwrap_err();
    assert_eq!((rejection.status(), rejection.code()), (503, "misconfigured"));
    rejection.detail().unwrap().to_owned()
}

#[test]
fn options_that_the_resolver_does_not_take_are_misconfigured_with_their_place() {
    let with = |options: &str| {
        format!(r#"{{"signIn":{{"resolvers":[{{"resolver":"acme/employee"{options}}}]}}}}"#)
    };
    for (options, expected) in [
        ("", "missing field `annotation`"),
        (r#","annotation":7"#, "invalid type: integer `7`, expected a string"),
        (r#","anotation":"x""#, "unknown field `anotation`, expected `annotation` or `reject`"),
    ] {
        let problem = problem_of(app(), &with(options));
        let place = "CFACCESS.signIn.resolvers[0] is not what `acme/employee` takes: ";
        assert!(problem.contains(&format!("{place}{expected}")), "{problem}");
    }
}

#[test]
fn unknown_name_is_misconfigured_and_the_message_lists_the_names() {
    let config = r#"{"signIn":{"resolvers":[{"resolver":"acme/employe"}]}}"#;
    let problem = problem_of(app(), config);
    assert!(problem.contains("`acme/employe` is not available"), "{problem}");
    assert!(problem.contains("acme/employee"), "{problem}");
}

#[test]
fn need_that_is_not_declared_is_misconfigured_and_the_message_has_the_index() {
    let config =
        r#"{"signIn":{"resolvers":[{"resolver":"acme/employee","annotation":"x.io/id"}]}}"#;
    let problem = problem_of(app(), config);
    let expected = "CFACCESS.catalog.indexes must hold `metadata.annotations.x.io/id`";
    assert!(problem.contains(expected), "{problem}");
}

#[test]
fn app_with_two_resolvers_of_one_name_or_without_a_slash_is_misconfigured() {
    let twice = app().resolver_with("acme/employee", |options: Options| Ok(Employee(options)));
    assert!(problem_of(twice, CONFIG).contains("two resolvers with the name `acme/employee`"));
    let plain = app().resolver_with("employee", |options: Options| Ok(Employee(options)));
    assert!(problem_of(plain, CONFIG).contains("`acme/employee`"));
}

#[test]
fn resolver_in_code_and_in_the_configuration_is_misconfigured() {
    let both = || app().sign_in(async |_, _| Err(Rejection::not_found()));
    assert!(problem_of(both(), CONFIG).contains("signIn.resolvers must be left out"));
    let twice = both().sign_in(async |_, _| Err(Rejection::not_found()));
    assert!(problem_of(twice, "{}").contains("app calls `sign_in` twice"));
    assert!(problem_of(CfAccess::new(), "{}").contains("signIn.resolvers is required"));
}

struct Always;

impl SignInResolver for Always {
    async fn resolve(&self, _: &SignInInfo<'_>, ctx: &SignInContext<'_>) -> SignInResult {
        ctx.sign_in_with_catalog_user(UserQuery::entity_ref("jane")).await
    }
}

#[test]
fn resolver_without_options_refuses_options() {
    let app = || CfAccess::new().resolver("acme/always", Always);
    let trial = Trial::of(app()).catalog(catalog());
    let trial = trial.config(r#"{"signIn":{"resolvers":[{"resolver":"acme/always"}]}}"#);
    assert_eq!(trial.sign_in(&Identity::user("x@y.z")).unwrap().user(), "user:default/jane");
    let config = r#"{"signIn":{"resolvers":[{"resolver":"acme/always","a":1}]}}"#;
    assert!(problem_of(app(), config).contains("takes no options, and has `a`"));
}
