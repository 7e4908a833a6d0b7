//! What most people write by hand, as configuration: rules, `userMatching`, ownership from groups,
//! copied claims, and the profile from the catalog.

use backstage_cfaccess::CfAccess;
use backstage_cfaccess::testing::{Catalog, Identity, Trial};
use serde_json::{Value, json};

fn catalog() -> Catalog {
    Catalog::new()
        .user("jane", |it| {
            it.email("jane@acme.com")
                .annotation("acme.com/id", "7")
                .member_of("team-a")
                .member_of("group:ops/oncall")
                .display_name("Jane of the catalog")
                .picture("https://acme.com/jane.png")
        })
        .user("hans.mueller", |it| it.namespace("de").email("hans@acme.de"))
}

fn by_email() -> Value {
    json!([{ "resolver": "emailMatchingUserEntityProfileEmail" }])
}

fn trial(config: &Value) -> Trial {
    let trial = Trial::of(CfAccess::new()).catalog(catalog());
    let sign_in = json!({ "signIn": { "resolvers": by_email() } });
    trial.config(&sign_in.to_string()).config(&config.to_string())
}

fn jane() -> Identity {
    Identity::user("jane@acme.com")
}

/// The user, or the code of the rejection.
fn outcome(trial: &Trial, caller: &Identity) -> String {
    match trial.sign_in(caller) {
        Ok(signed_in) => signed_in.user().to_owned(),
        Err(rejection) => rejection.code().to_owned(),
    }
}

fn requiring(rule: &Value) -> Trial {
    trial(&json!({ "signIn": { "require": [rule], "resolvers": by_email() } }))
}

#[test]
fn required_domain_group_and_attribute_are_checked_without_case() {
    let ok = "user:default/jane";
    let no = "requirement_not_met";
    for (rule, caller, expected) in [
        (json!({ "emailDomain": ["ACME.com"] }), jane(), ok),
        (json!({ "emailDomain": "acme.de" }), jane(), no),
        (json!({ "group": ["backstage-*", "x"] }), jane().group("Backstage-Users"), ok),
        (json!({ "group": "backstage" }), jane().group("backstage-users"), no),
        (json!({ "group": "backstage" }), jane(), no),
        (
            json!({ "attribute": "type", "is": "Employee" }),
            jane().attribute("type", "employee"),
            ok,
        ),
        (json!({ "attribute": "type", "is": "employee" }), jane(), no),
        (json!({ "attribute": "type", "not": ["temp"] }), jane().attribute("type", "temp"), no),
        (json!({ "attribute": "type", "not": ["temp"] }), jane(), ok),
    ] {
        assert_eq!(outcome(&requiring(&rule), &caller), expected, "{rule}");
    }
}

#[test]
fn requirement_with_a_code_of_its_own_is_a_403_with_that_code() {
    let rule = json!({
        "attribute": "type", "not": "contractor", "code": "contractor", "message": "No contractors",
    });
    let caller = jane().attribute("type", "contractor");
    let rejection = requiring(&rule).sign_in(&caller).unwrap_err();
    assert_eq!((rejection.status(), rejection.code()), (403, "contractor"));
    assert_eq!(rejection.message(), "No contractors");
}

#[test]
fn requirement_that_depends_on_get_identity_is_a_503_while_that_does_not_answer() {
    let caller = jane().incomplete();
    for rule in [json!({ "group": "x" }), json!({ "attribute": "a", "not": "b" })] {
        let rejection = requiring(&rule).sign_in(&caller).unwrap_err();
        assert_eq!((rejection.status(), rejection.code()), (503, "identity_unavailable"), "{rule}");
    }
    // The signed claims are enough for these.
    assert_eq!(
        outcome(&requiring(&json!({ "emailDomain": "acme.com" })), &caller),
        "user:default/jane"
    );
    let rule = json!({ "attribute": "a", "is": "b" });
    assert_eq!(outcome(&requiring(&rule), &caller.attribute("a", "b")), "user:default/jane");
}

#[test]
fn service_tokens_are_listed_one_by_one_so_no_requirement_applies_to_them() {
    let tokens = json!({ "serviceTokens": [{ "token": "1.access", "subject": "jane@acme.com" }] });
    let trial = requiring(&json!({ "group": "x" })).config(&tokens.to_string());
    assert_eq!(outcome(&trial, &Identity::service_token("1.access")), "user:default/jane");
}

fn matching(options: &Value) -> Trial {
    let mut resolver = options.clone();
    resolver["resolver"] = json!("userMatching");
    trial(&json!({ "signIn": { "resolvers": [resolver] } }))
}

#[test]
fn user_matching_finds_by_name_email_and_annotation() {
    let hans = Identity::user("Hans Müller@acme.de").attribute("mail", "HANS@acme.de");
    for (options, caller, expected) in [
        (json!({ "value": "email", "by": "email" }), jane(), "user:default/jane"),
        (
            json!({ "value": "email", "by": "name", "transform": ["localPart"] }),
            jane(),
            "user:default/jane",
        ),
        (
            json!({ "value": "attribute:id", "by": "annotation:acme.com/id" }),
            jane().attribute("id", "7"),
            "user:default/jane",
        ),
        (json!({ "value": "attribute:mail", "by": "email" }), hans, "user:de/hans.mueller"),
        (
            json!({ "value": "claim:upn", "by": "name", "transform": ["withoutPlus", "slug"] }),
            jane().claim("upn", "JANE+test"),
            "user:default/jane",
        ),
        (json!({ "value": "attribute:id", "by": "email" }), jane(), "user_not_found"),
        (
            json!({ "value": "attribute:id", "by": "email" }),
            jane().incomplete(),
            "identity_unavailable",
        ),
    ] {
        assert_eq!(outcome(&matching(&options), &caller), expected, "{options}");
    }
}

#[test]
fn attribute_is_found_in_get_identitys_document_when_access_left_it_out_of_the_claims() {
    let options = json!({ "value": "attribute:id", "by": "annotation:acme.com/id" });
    for member in ["custom", "oidc_fields", "saml_attributes"] {
        let caller = jane().document(member, json!({ "id": "7" }));
        assert_eq!(outcome(&matching(&options), &caller), "user:default/jane", "{member}");
    }
    let claim = json!([{
        "resolver": "claimMatchingUserEntityAnnotation",
        "claim": "custom.id",
        "annotation": "acme.com/id",
    }]);
    let trial = trial(&json!({ "signIn": { "resolvers": claim } }));
    let caller = jane().document("oidc_fields", json!({ "id": "7" }));
    assert_eq!(outcome(&trial, &caller), "user:default/jane");
}

#[test]
fn namespace_by_domain_refuses_other_domains_or_leaves_them_to_the_next_resolver() {
    let options = |mismatch: &str| {
        json!({
            "value": "email", "by": "name", "transform": ["localPart", "slug"],
            "namespace": { "acme.com": "default", "ACME.de": "de" }, "onDomainMismatch": mismatch,
        })
    };
    for (email, expected) in [
        ("jane@acme.com", "user:default/jane"),
        ("hans.mueller@acme.de", "user:de/hans.mueller"),
        ("jane@evil.example", "domain_not_allowed"),
        ("jane@acme.de", "user_not_found"),
    ] {
        let trial = matching(&options("refuse"));
        assert_eq!(outcome(&trial, &Identity::user(email)), expected, "{email}");
    }
    let mut first = options("next");
    first["resolver"] = json!("userMatching");
    let last = json!({ "resolver": "emailLocalPartMatchingUserEntityName" });
    let trial = trial(&json!({ "signIn": { "resolvers": [first, last] } }));
    assert_eq!(outcome(&trial, &Identity::user("jane@evil.example")), "user:default/jane");
}

#[test]
fn user_matching_without_the_catalog_needs_a_name_that_makes_a_plain_ref() {
    let options = json!({
        "value": "email", "by": "name", "transform": ["localPart"],
        "dangerouslyAllowSignInWithoutUserInCatalog": true,
    });
    let trial = matching(&options);
    assert_eq!(outcome(&trial, &Identity::user("ghost@acme.com")), "user:default/ghost");
    assert_eq!(outcome(&trial, &Identity::user("a/b@acme.com")), "user_not_found");
}

#[test]
fn ownership_is_added_from_groups_and_kept_by_pattern() {
    let rules = json!({ "ownership": {
        "add": [
            { "group": "platform-*", "ref": "group:default/*" },
            { "group": "admins", "ref": "group:default/backstage-admins" },
            { "group": "sre", "ref": "group:ops/idp-*" },
        ],
        "keep": ["group:default/*", "group:ops/idp-*"],
    } });
    let caller = jane().group("Platform-Core").group("Admins").group("SRE").group("other");
    let signed_in = trial(&rules).sign_in(&caller).unwrap();
    assert_eq!(
        signed_in.ownership(),
        [
            "user:default/jane",
            "group:default/team-a",
            "group:default/platform-core",
            "group:default/backstage-admins",
            "group:ops/idp-sre",
        ]
    );
    // Without get-identity's document nothing is added.
    let signed_in = trial(&rules).sign_in(&caller.incomplete()).unwrap();
    assert_eq!(signed_in.ownership(), ["user:default/jane", "group:default/team-a"]);
}

#[test]
fn claims_are_copied_into_the_token_and_missing_values_left_out() {
    let config = json!({ "token": { "claims": {
        "email": "email", "dept": "attribute:department", "level": "attribute:level",
    } } });
    let caller = jane().attribute("department", "R&D");
    let signed_in = trial(&config).sign_in(&caller).unwrap();
    let expected = json!({ "email": "jane@acme.com", "dept": "R&D" });
    assert_eq!(Value::from(signed_in.claims().clone()), expected);
}

#[test]
fn profile_takes_name_and_picture_from_the_catalog_if_the_configuration_says_so() {
    let plain = trial(&json!({})).sign_in(&jane().name("Jane Doe")).unwrap();
    assert_eq!((plain.display_name(), plain.picture()), (Some("Jane Doe"), None));
    let config = json!({ "profile": { "displayName": "catalog", "picture": "catalog" } });
    let signed_in = trial(&config).sign_in(&jane().name("Jane Doe")).unwrap();
    assert_eq!(signed_in.display_name(), Some("Jane of the catalog"));
    assert_eq!(signed_in.picture(), Some("https://acme.com/jane.png"));
}

#[test]
fn user_matching_by_a_field_needs_no_other_declaration() {
    let resolver = json!({
        "resolver": "userMatching",
        "value": "attribute:employee_id",
        "by": "field:metadata.labels.acme.com/no",
    });
    let catalog = Catalog::new().user("ann", |it| it.label("acme.com/no", "E7"));
    let trial = trial(&json!({ "signIn": { "resolvers": [resolver] } })).catalog(catalog);
    let caller = |id: &str| jane().attribute("employee_id", id);
    assert_eq!(outcome(&trial, &caller("e7")), "user:default/ann");
    assert_eq!(outcome(&trial, &caller("e8")), "user_not_found");
}

#[test]
fn transitive_groups_add_the_ancestors_of_the_users_groups() {
    let group = |name: &str, spec: Value| {
        let version = "backstage.io/v1alpha1";
        json!({ "apiVersion": version, "kind": "Group", "metadata": { "name": name }, "spec": spec })
    };
    let groups = json!([
        group("team-a", json!({ "type": "team", "parent": "dept", "children": [] })),
        group("dept", json!({ "type": "team", "children": [] })),
        group("root", json!({ "type": "team", "children": ["dept"] })),
    ]);
    let catalog = catalog().json(&groups.to_string()).unwrap();
    let catalog_of_yaml = Catalog::new().yaml(
        "apiVersion: backstage.io/v1alpha1\nkind: User\nmetadata: {name: jane}\nspec:\n  profile: \
         {email: jane@acme.com}\n  memberOf: [dept]\n---\napiVersion: \
         backstage.io/v1alpha1\nkind: Group\nmetadata: {name: dept}\nspec: {type: team, parent: \
         root, children: []}\n",
    );
    let of_yaml = trial(&json!({ "catalog": { "groups": "transitive" } }));
    let of_yaml = of_yaml.catalog(catalog_of_yaml.unwrap()).sign_in(&jane()).unwrap();
    assert_eq!(
        of_yaml.ownership(),
        ["user:default/jane", "group:default/dept", "group:default/root"]
    );
    assert!(Catalog::new().yaml("a: [").is_err());
    let ownership = |config: Value| {
        let trial = trial(&config).catalog(catalog.clone());
        trial.sign_in(&jane()).unwrap().ownership().to_vec()
    };
    let direct = ["user:default/jane", "group:default/team-a", "group:ops/oncall"];
    let all = [&direct[..], &["group:default/dept", "group:default/root"]].concat();
    assert_eq!(ownership(json!({})), direct);
    assert_eq!(ownership(json!({ "catalog": { "groups": "direct" } })), direct);
    assert_eq!(ownership(json!({ "catalog": { "groups": "transitive" } })), all);
    let kept = json!({
        "catalog": { "groups": "transitive" },
        "ownership": { "keep": ["group:default/*"] },
    });
    assert_eq!(ownership(kept), [all[0], all[1], all[3], all[4]]);
}

#[test]
fn mistakes_in_declarations_are_reported_with_their_place() {
    let rules = |rule: Value| json!({ "signIn": { "require": [rule], "resolvers": by_email() } });
    let matching = |options: Value| {
        let mut resolver = options;
        resolver["resolver"] = json!("userMatching");
        json!({ "signIn": { "resolvers": [resolver] } })
    };
    for (config, expected) in [
        (rules(json!({})), "signIn.require[0] must have exactly one of"),
        (rules(json!({ "group": "a", "emailDomain": "b" })), "signIn.require[0] must have exactly"),
        (rules(json!({ "attribute": "a" })), "signIn.require[0].attribute needs either"),
        (
            rules(json!({ "attribute": "a", "is": "b", "not": "c" })),
            "signIn.require[0].attribute needs either",
        ),
        (rules(json!({ "group": "a", "code": "Not OK" })), "signIn.require[0].code is not usable"),
        (
            rules(json!({ "group": "a", "code": "internal" })),
            "signIn.require[0].code is not usable",
        ),
        (
            rules(json!({ "group": "a", "message": "x" })),
            "signIn.require[0].message needs a `code`",
        ),
        (rules(json!({ "grup": "a" })), "did you mean `group`?"),
        (matching(json!({ "by": "name" })), "resolvers[0].value is required"),
        (matching(json!({ "value": "mail", "by": "name" })), "resolvers[0].value must be"),
        (matching(json!({ "value": "email", "by": "uid" })), "resolvers[0].by must be"),
        (matching(json!({ "value": "email", "by": "field:uid" })), "resolvers[0].by must be"),
        (
            matching(json!({ "value": "email", "by": "name", "transform": ["upper"] })),
            "resolvers[0].transform must hold only",
        ),
        (
            matching(json!({ "value": "email", "by": "name", "namespace": {} })),
            "resolvers[0].namespace must not be empty",
        ),
        (
            matching(json!({
                "value": "email", "by": "email", "dangerouslyAllowSignInWithoutUserInCatalog": true,
            })),
            "needs `by: \"name\"`",
        ),
        (json!({ "ownership": { "keep": ["default/*"] } }), "ownership.keep must hold group refs"),
        (
            json!({ "ownership": { "add": [{ "group": "a", "ref": "user:default/*" }] } }),
            "ownership.add[0].ref must be a group ref",
        ),
        (json!({ "token": { "claims": { "sub": "email" } } }), "token.claims.sub is a claim that"),
        (json!({ "token": { "claims": { "x": "y" } } }), "token.claims.x must be"),
        (json!({ "catalog": { "indexes": ["metadata.uid"] } }), "catalog.indexes must hold"),
        (json!({ "catalog": { "fields": ["spec"] } }), "catalog.fields must hold"),
        (json!({ "catalog": { "groups": "all" } }), "catalog.groups must be one of"),
        (json!({ "profile": { "picture": "access" } }), "profile.picture must be one of"),
    ] {
        let rejection = trial(&config).sign_in(&jane()).unwrap_err();
        assert_eq!(rejection.code(), "misconfigured", "{config}");
        let detail = rejection.detail().unwrap();
        assert!(detail.contains(expected), "{config}: {detail}");
    }
}

#[test]
fn example_of_the_documentation_is_a_configuration_that_signs_in_and_refuses() {
    let page = include_str!("../../docs/configuration.md");
    let (_, section) = page.split_once("### More than a resolver").unwrap();
    let (_, block) = section.split_once("```json\n").unwrap();
    let (example, _) = block.split_once("```").unwrap();
    let trial = Trial::of(CfAccess::new()).catalog(catalog()).config(example);
    let member = jane().group("backstage-users").group("platform-core");
    let signed_in = trial.sign_in(&member).unwrap();
    assert_eq!(signed_in.user(), "user:default/jane");
    assert!(signed_in.ownership().contains(&"group:default/platform-core".to_owned()));
    assert_eq!(signed_in.claims()["email"], "jane@acme.com");
    assert_eq!(outcome(&trial, &member.clone().attribute("type", "contractor")), "contractor");
    let by_id = Identity::user("other@acme.de").group("backstage-x").attribute("employee_id", "7");
    assert_eq!(outcome(&trial, &by_id), "user:default/jane");
    assert_eq!(outcome(&trial, &Identity::user("x@evil.example")), "requirement_not_met");
}
