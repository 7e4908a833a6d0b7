//! The configuration: what is read from it, and that everything wrong with it is said at once.

use backstage_cfaccess::access::{IdentityFrom, ServiceToken};
use backstage_cfaccess::backstage::OwnershipClaim;
use backstage_cfaccess::catalog::import::ImportPolicy;
use backstage_cfaccess::config::{AppCode, Config, Mode, RawConfig, Trust, import_policy};
use backstage_cfaccess::sign_in::OnUserNotFound;
use serde_json::{Value, json};

use crate::support::{AUDIENCE, ISSUER, SIGNER, Setup};

/// The problems of a set-up, without what they say.
pub(super) fn paths(setup: &Setup) -> Vec<String> {
    let problems = setup.problems();
    problems.iter().map(|problem| problem.split(' ').next().unwrap().to_owned()).collect()
}

pub(super) fn texts(source: &RawConfig) -> Vec<String> {
    let problems = Config::read(source, &AppCode::default()).err().unwrap_or_default();
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn minimal_configuration_is_accepted() {
    let setup = Setup::new()
        .cfaccess("serviceTokens", json!(null))
        .signing_keys(json!({ "keys": [SIGNER.private_jwk()] }));
    let Config { access, sign_in, backstage, signing_keys, without_effect, fingerprint } =
        setup.config();
    assert!(without_effect.is_empty());
    assert_eq!(access.team_domain, "testteam.cloudflareaccess.com");
    assert_eq!(access.issuer, ISSUER);
    assert_eq!(access.audience, [AUDIENCE]);
    assert_eq!(access.jwt_header_name, "cf-access-jwt-assertion");
    assert_eq!(access.authorization_cookie_name, "CF_Authorization");
    assert_eq!(access.identity, IdentityFrom::GetIdentity);
    assert_eq!(access.service_tokens, []);
    assert_eq!(sign_in.provider_id, "cfaccess");
    assert_eq!(sign_in.resolvers.len(), 1);
    assert!(!sign_in.expose_assertion);
    assert_eq!(sign_in.on_user_not_found, OnUserNotFound::Refuse);
    assert_eq!(backstage.auth_path, "/api/auth");
    assert_eq!(backstage.issuer, "http://127.0.0.1:7007/api/auth");
    assert_eq!(backstage.trust, Trust::Service);
    assert_eq!(backstage.token_life, 3_600);
    assert_eq!(backstage.ownership_claim, OwnershipClaim::WhileSmall);
    assert_eq!((backstage.cors_origins.len(), backstage.public_paths.len()), (0, 0));
    assert_eq!(backstage.origin, None);
    assert_eq!(backstage.mode, Mode::Answer);
    assert_eq!(signing_keys.first().id, SIGNER.kid);
    assert_eq!(fingerprint.len(), 8);
}

#[test]
fn fingerprint_changes_with_each_binding() {
    let setup = || Setup::new().signing_keys(json!({ "keys": [SIGNER.private_jwk()] }));
    let fingerprint = setup().config().fingerprint;
    assert_eq!(setup().config().fingerprint, fingerprint);
    let mut other_id = SIGNER.private_jwk();
    other_id["kid"] = json!("other");
    for changed in [
        setup().cfaccess("exposeAssertion", json!(true)),
        setup().backstage("mode", json!("shadow")),
        setup().signing_keys(json!({ "keys": [other_id] })),
    ] {
        assert_ne!(changed.config().fingerprint, fingerprint);
    }
}

#[test]
fn every_key_is_read() {
    let config = Setup::new()
        .cfaccess("audience", json!([AUDIENCE, "other"]))
        .cfaccess("jwtHeaderName", json!("X-Access-JWT"))
        .cfaccess("authorizationCookieName", json!("Other_Cookie"))
        .cfaccess("identity", json!("claims"))
        .cfaccess("serviceTokens", json!([{ "token": "t.access", "subject": "bot@example.com" }]))
        .cfaccess("providerId", json!("sso"))
        .cfaccess("exposeAssertion", json!(true))
        .cfaccess("onUserNotFound", json!("origin"))
        .backstage("baseUrl", json!("https://example.com/backstage/"))
        .backstage("trust", json!("shared-key"))
        .backstage("backstageTokenExpiration", json!({ "hours": 2 }))
        .backstage("omitIdentityTokenOwnershipClaim", json!(true))
        .backstage("corsOrigins", json!(["https://app.example.com", "http://localhost:3000"]))
        .backstage("origin", json!("https://origin.example.com/"))
        .backstage("publicPaths", json!(["/healthcheck", "/assets/"]))
        .backstage("mode", json!("shadow"))
        .config();
    let Config { access, sign_in, backstage, .. } = config;
    assert_eq!(access.audience, [AUDIENCE, "other"]);
    assert_eq!(access.jwt_header_name, "x-access-jwt");
    assert_eq!(access.authorization_cookie_name, "Other_Cookie");
    assert_eq!(access.identity, IdentityFrom::Claims);
    let token = ServiceToken { token: "t.access".into(), subject: "bot@example.com".into() };
    assert_eq!(access.service_tokens, [token]);
    assert_eq!(sign_in.provider_id, "sso");
    assert!(sign_in.expose_assertion);
    assert_eq!(sign_in.on_user_not_found, OnUserNotFound::Origin);
    assert_eq!(backstage.auth_path, "/backstage/api/auth");
    assert_eq!(backstage.issuer, "https://example.com/backstage/api/auth");
    assert_eq!(backstage.trust, Trust::SharedKey);
    assert_eq!(backstage.token_life, 7_200);
    assert_eq!(backstage.ownership_claim, OwnershipClaim::Never);
    assert_eq!(backstage.cors_origins, ["https://app.example.com", "http://localhost:3000"]);
    assert_eq!(backstage.origin.as_deref(), Some("https://origin.example.com"));
    assert_eq!(backstage.public_paths, ["/healthcheck", "/assets/"]);
    assert_eq!(backstage.mode, Mode::Shadow);
}

#[test]
fn all_problems_are_reported_at_once_and_in_order() {
    let source = RawConfig {
        cfaccess: Some(
            json!({
                "teamNmae": "testteam",
                "audience": [],
                "jwtHeaderName": "a b",
                "identity": "both",
                "serviceTokens": [{ "token": 5 }],
                "signIn": { "resolvers": [{ "resolver": "byMagic", "allowedDomains": [] }] },
                "exposeAssertion": "yes",
            })
            .to_string(),
        ),
        backstage: Some(
            json!({
                "trust": "no-one",
                "backstageTokenExpiration": "soon",
                "corsOrigins": ["*"],
                "publicPaths": ["/"],
            })
            .to_string(),
        ),
        signing_keys: None,
    };
    let problems = Config::read(&source, &AppCode::default()).unwrap_err();
    let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "CFACCESS.teamName",
            "CFACCESS.audience",
            "CFACCESS.jwtHeaderName",
            "CFACCESS.identity",
            "CFACCESS.serviceTokens[0].token",
            "CFACCESS.serviceTokens[0].subject",
            "CFACCESS.signIn.resolvers[0].resolver",
            "CFACCESS.signIn.resolvers",
            "CFACCESS.exposeAssertion",
            "CFACCESS.teamNmae",
            "BACKSTAGE.baseUrl",
            "BACKSTAGE.trust",
            "BACKSTAGE.backstageTokenExpiration",
            "BACKSTAGE.corsOrigins",
            "BACKSTAGE.publicPaths",
            "SIGNING_KEYS",
        ]
    );
}

#[test]
fn empty_configuration_reports_the_three_bindings() {
    let problems = texts(&RawConfig::default());
    assert_eq!(problems.len(), 3, "{problems:?}");
    for (problem, binding) in problems.iter().zip(["CFACCESS", "BACKSTAGE", "SIGNING_KEYS"]) {
        assert!(problem.starts_with(&format!("{binding} is missing")), "{problem}");
    }
}

#[test]
fn unknown_key_is_refused_with_the_known_key_that_it_resembles() {
    for (setup, expected) in [
        (
            Setup::new().cfaccess("Audience", json!("x")),
            "CFACCESS.Audience is not a known key; did you mean `audience`?",
        ),
        (
            Setup::new().cfaccess("teamname", json!("x")),
            "CFACCESS.teamname is not a known key; did you mean `teamName`?",
        ),
        (
            Setup::new().cfaccess("authorisationCookieName", json!("x")),
            "CFACCESS.authorisationCookieName is not a known key; did you mean \
             `authorizationCookieName`?",
        ),
        (Setup::new().cfaccess("zzz", json!(1)), "CFACCESS.zzz is not a known key"),
        (
            Setup::new().backstage("baseURL", json!("x")),
            "BACKSTAGE.baseURL is not a known key; did you mean `baseUrl`?",
        ),
        (
            Setup::new().resolvers(&json!([{
                "resolver": "emailMatchingUserEntityProfileEmail",
                "allowedDomain": ["example.com"],
            }])),
            "CFACCESS.signIn.resolvers[0].allowedDomain is not a known key; did you mean \
             `allowedDomains`?",
        ),
        (
            Setup::new().cfaccess(
                "signIn",
                json!({
                    "resolvers": [{ "resolver": "emailMatchingUserEntityProfileEmail" }],
                    "resolver": {},
                }),
            ),
            "CFACCESS.signIn.resolver is not a known key; did you mean `resolvers`?",
        ),
        (
            Setup::new().cfaccess(
                "serviceTokens",
                json!([{
                    "token": "t", "subject": "s", "secret": "x",
                }]),
            ),
            "CFACCESS.serviceTokens[0].secret is not a known key",
        ),
    ] {
        assert_eq!(setup.problems(), [expected]);
    }
}

#[test]
fn resolver_by_annotation_has_annotation_and_claim() {
    let by_email = |options: Value| with("emailMatchingUserEntityAnnotation", &options);
    let by_claim = |options: Value| with("claimMatchingUserEntityAnnotation", &options);
    for (setup, annotations) in [
        (by_email(json!({ "annotation": "google.com/email" })), ["google.com/email"]),
        (
            by_email(json!({
                "annotation": "mail",
                "allowedDomains": ["example.com"],
                "dangerouslyAllowSignInWithoutUserInCatalog": true,
            })),
            ["mail"],
        ),
        (by_claim(json!({ "annotation": "a.io/id", "claim": "sub" })), ["a.io/id"]),
        (by_claim(json!({ "annotation": "a.io/id", "claim": "custom.x y" })), ["a.io/id"]),
    ] {
        assert_eq!(setup.config().sign_in.annotations(), annotations);
    }
    let twice = json!([
        { "resolver": "emailMatchingUserEntityAnnotation", "annotation": "b" },
        { "resolver": "emailMatchingUserEntityProfileEmail" },
        { "resolver": "claimMatchingUserEntityAnnotation", "annotation": "a", "claim": "sub" },
        { "resolver": "claimMatchingUserEntityAnnotation", "annotation": "b", "claim": "sub" },
    ]);
    assert_eq!(Setup::new().resolvers(&twice).config().sign_in.annotations(), ["a", "b"]);
}

#[test]
fn wrong_resolver_by_annotation_is_reported_with_its_remedy() {
    let by_email = |options: Value| with("emailMatchingUserEntityAnnotation", &options);
    let by_claim = |options: Value| with("claimMatchingUserEntityAnnotation", &options);
    let by_profile = |options: Value| with("emailMatchingUserEntityProfileEmail", &options);
    let claim = json!({ "annotation": "a", "claim": "sub" });
    let and = |key: &str, value: Value| {
        let mut options = claim.clone();
        options[key] = value;
        options
    };
    for (setup, expected) in [
        (by_email(json!({})), "annotation is required: the annotation of the users that is"),
        (by_email(json!({ "annotation": 5 })), "annotation must be a string"),
        (
            by_email(json!({ "annotation": "a=b" })),
            "annotation must be the name of an annotation such as `google.com/email`, not `a=b`",
        ),
        (by_email(json!({ "annotation": "a", "claim": "sub" })), "claim is not a known key"),
        (by_claim(json!({ "annotation": "a" })), "claim is required: the claim of the assertion"),
        (
            by_claim(and("claim", json!("email"))),
            "claim must be `sub` or `custom.<name>`, not `email`: no other identifies a user",
        ),
        (by_claim(and("allowedDomains", json!(["x"]))), "allowedDomains is not a known key"),
        (
            by_claim(and("dangerouslyAllowSignInWithoutUserInCatalog", json!(true))),
            "dangerouslyAllowSignInWithoutUserInCatalog is not a known key",
        ),
        (by_profile(json!({ "annotation": "a" })), "annotation is not a known key"),
    ] {
        let problems = setup.problems();
        let first = problems.first().map(String::as_str).unwrap_or_default();
        let expected = format!("CFACCESS.signIn.resolvers[0].{expected}");
        assert!(first.starts_with(&expected), "{problems:?}");
        // A resolver that cannot be read leaves none.
        let rest: Vec<&str> = problems.iter().skip(1).map(String::as_str).collect();
        assert!(rest.iter().all(|it| it.contains("signIn.resolvers is required")), "{problems:?}");
    }
    assert_eq!(by_claim(json!({})).problems().len(), 3);
}

#[test]
fn annotations_of_resolvers_are_read_despite_other_problems() {
    let resolvers = |resolver: Value| json!({ "signIn": { "resolvers": [resolver] } }).to_string();
    let by_email = json!({ "resolver": "emailMatchingUserEntityAnnotation", "annotation": "a" });
    assert_eq!(import_policy(&resolvers(by_email)).unwrap().annotations, ["a"]);
    let none = json!({ "resolver": "emailMatchingUserEntityProfileEmail" });
    assert!(import_policy(&resolvers(none)).unwrap().annotations.is_empty());
    // A Worker may have its resolver in code.
    assert_eq!(import_policy("{}"), Ok(ImportPolicy::default()));
    for text in ["", "[]", &resolvers(json!({ "resolver": "x" }))] {
        assert!(import_policy(text).is_err(), "{text}");
    }
}

/// A set-up with this resolver alone.
pub(super) fn with(resolver: &str, options: &Value) -> Setup {
    let mut resolver = json!({ "resolver": resolver });
    for (key, value) in options.as_object().unwrap() {
        resolver[key] = value.clone();
    }
    Setup::new().resolvers(&json!([resolver]))
}

#[test]
fn session_duration_is_accepted_and_named_as_without_effect() {
    for value in [json!("24h"), json!({ "hours": 24 }), json!("PT24H")] {
        let config = Setup::new().cfaccess("sessionDuration", value).config();
        assert_eq!(config.without_effect, ["sessionDuration"]);
    }
}
