//! The configuration: what is read from it, and that everything wrong with it is said at once.

use std::path::Path;

use backstage_cfaccess::access::{IdentityFrom, ServiceToken};
use backstage_cfaccess::catalog::import::ImportPolicy;
use backstage_cfaccess::config::{AppCode, Config, Mode, RawConfig, Trust, import_policy};
use backstage_cfaccess::sign_in::OnUserNotFound;
use serde_json::{Value, json};

use crate::support::{AUDIENCE, ISSUER, OTHER, SIGNER, SIGNER_2, Setup};

/// The problems of a set-up, without what they say.
fn paths(setup: &Setup) -> Vec<String> {
    let problems = setup.problems();
    problems.iter().map(|problem| problem.split(' ').next().unwrap().to_owned()).collect()
}

fn texts(source: &RawConfig) -> Vec<String> {
    let problems = Config::read(source, &AppCode::default()).err().unwrap_or_default();
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn the_least_that_an_operator_must_write_is_enough() {
    let setup = Setup::new()
        .cfaccess("serviceTokens", json!(null))
        .signing_keys(json!({ "keys": [SIGNER.private_jwk()] }));
    let Config { access, sign_in, backstage, signing_keys } = setup.config();
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
    assert!(!backstage.omit_ownership_claim);
    assert_eq!((backstage.cors_origins.len(), backstage.public_paths.len()), (0, 0));
    assert_eq!(backstage.origin, None);
    assert_eq!(backstage.mode, Mode::Answer);
    assert_eq!(signing_keys.first().id, SIGNER.kid);
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
    assert!(backstage.omit_ownership_claim);
    assert_eq!(backstage.cors_origins, ["https://app.example.com", "http://localhost:3000"]);
    assert_eq!(backstage.origin.as_deref(), Some("https://origin.example.com"));
    assert_eq!(backstage.public_paths, ["/healthcheck", "/assets/"]);
    assert_eq!(backstage.mode, Mode::Shadow);
}

#[test]
fn everything_wrong_is_said_at_once_and_in_order() {
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
                "trust": "nobody",
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
fn nothing_configured_at_all_names_the_three_bindings() {
    let problems = texts(&RawConfig::default());
    assert_eq!(problems.len(), 3, "{problems:?}");
    for (problem, binding) in problems.iter().zip(["CFACCESS", "BACKSTAGE", "SIGNING_KEYS"]) {
        assert!(problem.starts_with(&format!("{binding} is missing")), "{problem}");
    }
}

#[test]
fn an_unknown_key_is_refused_and_a_slip_of_a_known_one_is_recognised() {
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
fn resolvers_by_annotation_say_which_and_by_what() {
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
fn what_is_wrong_with_a_resolver_by_annotation_is_said_with_its_remedy() {
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
fn the_annotations_of_the_resolvers_are_read_whatever_else_is_wrong() {
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
fn with(resolver: &str, options: &Value) -> Setup {
    let mut resolver = json!({ "resolver": resolver });
    for (key, value) in options.as_object().unwrap() {
        resolver[key] = value.clone();
    }
    Setup::new().resolvers(&json!([resolver]))
}

#[test]
fn an_audience_that_is_empty_in_any_way_is_refused() {
    for audience in [
        json!(null),
        json!(""),
        json!("  "),
        json!([]),
        json!([""]),
        json!([AUDIENCE, ""]),
        json!([AUDIENCE, " "]),
        json!([AUDIENCE, null]),
        json!([AUDIENCE, 5]),
        json!(5),
        json!({}),
        json!(false),
        json!([[AUDIENCE]]),
    ] {
        let paths = paths(&Setup::new().cfaccess("audience", audience.clone()));
        assert!(!paths.is_empty(), "{audience}");
        assert!(paths.iter().all(|path| path == "CFACCESS.audience"), "{audience}: {paths:?}");
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_refused_and_never_converted() {
    for (key, value) in [
        ("teamName", json!(5)),
        ("teamName", json!(["testteam"])),
        ("teamName", json!("")),
        ("jwtHeaderName", json!(true)),
        ("authorizationCookieName", json!({})),
        ("exposeAssertion", json!("true")),
        ("exposeAssertion", json!(1)),
        ("onUserNotFound", json!("ask")),
        ("onUserNotFound", json!(true)),
        ("identity", json!("get_identity")),
        ("serviceTokens", json!({})),
        ("serviceTokens", json!("t.access")),
        ("serviceTokens", json!([{ "token": "", "subject": "s" }])),
        ("serviceTokens", json!([{ "token": "t" }])),
        ("serviceTokens", json!(["t"])),
        ("signIn", json!("emailMatchingUserEntityProfileEmail")),
        ("signIn", json!({ "resolvers": {} })),
        ("signIn", json!({ "resolvers": [] })),
        ("signIn", json!({ "resolvers": ["emailMatchingUserEntityProfileEmail"] })),
        ("signIn", json!(null)),
        ("providerId", json!("a/b")),
        ("providerId", json!("a b")),
    ] {
        let paths = paths(&Setup::new().cfaccess(key, value.clone()));
        assert!(!paths.is_empty(), "{key}: {value}");
        let prefix = format!("CFACCESS.{key}");
        assert!(paths.iter().all(|path| path.starts_with(&prefix)), "{key}: {value}: {paths:?}");
    }
    for (key, value) in [
        ("baseUrl", json!(null)),
        ("baseUrl", json!("backstage.example.com")),
        ("baseUrl", json!("ftp://backstage.example.com")),
        ("baseUrl", json!("https://user@backstage.example.com")),
        ("baseUrl", json!("https://backstage.example.com/?x")),
        ("baseUrl", json!("https://backstage.example.com/../x")),
        ("trust", json!("shared")),
        ("mode", json!("dark")),
        ("omitIdentityTokenOwnershipClaim", json!("false")),
        ("origin", json!("origin.example.com")),
        ("origin", json!("https://origin.example.com/path")),
        ("corsOrigins", json!(["https://app.example.com/"])),
        ("corsOrigins", json!(["null"])),
        ("corsOrigins", json!("*")),
        ("publicPaths", json!(["healthcheck"])),
        ("publicPaths", json!(["/"])),
        ("publicPaths", json!([""])),
        ("publicPaths", json!(["/a/../b"])),
        ("publicPaths", json!(["/a//b"])),
        ("publicPaths", json!(["/a?b"])),
        ("publicPaths", json!(["/%61"])),
        ("publicPaths", json!(["/*"])),
        ("publicPaths", json!([5])),
    ] {
        let paths = paths(&Setup::new().backstage(key, value.clone()));
        assert_eq!(paths, [format!("BACKSTAGE.{key}")], "{key}: {value}");
    }
}

#[test]
fn null_counts_as_absent() {
    let mut setup = Setup::new();
    for key in ["jwtHeaderName", "authorizationCookieName", "identity", "onUserNotFound"] {
        setup = setup.cfaccess(key, json!(null));
    }
    for key in ["trust", "mode", "origin", "backstageTokenExpiration", "publicPaths"] {
        setup = setup.backstage(key, json!(null));
    }
    assert_eq!(setup.problems(), Vec::<String>::new());
}

#[test]
fn a_binding_may_be_an_object_or_a_string_of_one() {
    let source = Setup::new().source();
    let quoted = |text: &Option<String>| text.as_ref().map(|text| json!(text).to_string());
    let strings = RawConfig {
        cfaccess: quoted(&source.cfaccess),
        backstage: quoted(&source.backstage),
        ..source.clone()
    };
    assert_eq!(Config::read(&strings, &AppCode::default()).unwrap().access.audience, [AUDIENCE]);
    let twice = RawConfig { cfaccess: quoted(&strings.cfaccess), ..source };
    assert_eq!(texts(&twice).len(), 1);
}

#[test]
fn a_binding_that_is_no_object_is_refused() {
    for text in ["", "x", "null", "[]", "5", "\"\"", "\"x\"", "\"[]\"", "{", "{\"a\":1}x"] {
        let source = RawConfig { cfaccess: Some(text.to_owned()), ..Setup::new().source() };
        let problems = texts(&source);
        assert_eq!(problems.len(), 1, "{text}");
        assert!(problems[0].starts_with("CFACCESS "), "{text}: {problems:?}");
    }
}

#[test]
fn a_team_is_given_by_its_name_or_by_its_whole_domain() {
    for (name, domain) in [
        ("testteam", "testteam.cloudflareaccess.com"),
        ("TestTeam", "testteam.cloudflareaccess.com"),
        (" testteam ", "testteam.cloudflareaccess.com"),
        ("testteam.cloudflareaccess.com", "testteam.cloudflareaccess.com"),
        ("testteam.fed.cloudflareaccess.com", "testteam.fed.cloudflareaccess.com"),
    ] {
        let access = Setup::new().cfaccess("teamName", json!(name)).config().access;
        assert_eq!(access.team_domain, domain);
        assert_eq!(access.issuer, format!("https://{domain}"));
    }
    for name in [
        "https://testteam.cloudflareaccess.com",
        "testteam.cloudflareaccess.com/",
        "test team",
        "testteam@evil.example",
        "-testteam",
        "testteam..com",
        "testteam?",
        "testteam#",
        "тест",
        "testteam:443",
    ] {
        let paths = paths(&Setup::new().cfaccess("teamName", json!(name)));
        assert_eq!(paths, ["CFACCESS.teamName"], "{name}");
    }
}

#[test]
fn durations_are_read_as_backstage_reads_them_and_kept_within_its_bounds() {
    for (duration, seconds) in [
        (json!({ "hours": 1 }), 3_600),
        (json!({ "minutes": 90 }), 5_400),
        (json!({ "hours": 1, "minutes": 30, "seconds": 1 }), 5_401),
        (json!("PT2H"), 7_200),
        (json!("PT45M"), 2_700),
        (json!("2h"), 7_200),
        (json!("90 minutes"), 5_400),
        (json!("1.5h"), 5_400),
        // The bounds: 10 minutes and 24 hours.
        (json!("599s"), 600),
        (json!("600s"), 600),
        (json!("601s"), 601),
        (json!({ "milliseconds": 0 }), 600),
        (json!("24h"), 86_400),
        (json!("86401s"), 86_400),
        (json!("P1Y"), 86_400),
        (json!({ "years": 1e9 }), 86_400),
    ] {
        let setup = Setup::new().backstage("backstageTokenExpiration", duration.clone());
        assert_eq!(setup.config().backstage.token_life, seconds, "{duration}");
    }
    for duration in [
        json!(3_600),
        json!("3600"),
        json!("an hour"),
        json!("-1h"),
        json!("P"),
        json!([]),
        json!({}),
        json!({ "hour": 1 }),
        json!({ "hours": "1" }),
        json!({ "hours": -1 }),
        json!({ "years": 1e300 }),
        json!(true),
    ] {
        let paths = paths(&Setup::new().backstage("backstageTokenExpiration", duration.clone()));
        assert_eq!(paths, ["BACKSTAGE.backstageTokenExpiration"], "{duration}");
    }
}

#[test]
fn the_first_signing_key_signs_and_all_are_published_without_their_secrets() {
    let keys = Setup::new().config().signing_keys;
    assert_eq!(keys.first().id, SIGNER.kid);
    let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    assert_eq!(ids, [&SIGNER.kid, &SIGNER_2.kid]);
    assert!(keys.get(&SIGNER_2.kid).is_some());
    assert!(keys.get("other").is_none());
    let published = serde_json::to_value(keys.public_jwks()).unwrap();
    assert_eq!(published, json!([SIGNER.public_jwk(), SIGNER_2.public_jwk()]));
}

#[test]
fn signing_keys_that_could_not_sign_are_refused() {
    let with = |name: &str, value: Value| {
        let mut jwk = SIGNER.private_jwk();
        jwk[name] = value;
        json!({ "keys": [jwk] })
    };
    for keys in [
        json!(null),
        json!([]),
        json!({}),
        json!({ "keys": {} }),
        json!({ "keys": [] }),
        json!({ "keys": [null] }),
        json!({ "keys": ["x"] }),
        json!({ "keys": [SIGNER.public_jwk()] }),
        json!({ "keys": [OTHER.jwk()] }),
        json!({ "keys": [SIGNER.private_jwk(), SIGNER.private_jwk()] }),
        json!({ "keys": [SIGNER.private_jwk(), SIGNER_2.public_jwk()] }),
        SIGNER.private_jwk(),
        with("kid", json!(null)),
        with("kid", json!("")),
        with("kid", json!(1)),
        with("alg", json!("ES384")),
        with("alg", json!("es256")),
        with("use", json!("enc")),
        with("kty", json!("RSA")),
        with("kty", json!("OKP")),
        with("crv", json!("P-384")),
        with("crv", json!("p-256")),
        with("d", json!("AAAA")),
        with("d", json!("!")),
        with("d", json!(1)),
        with("x", json!("AAAA")),
        with("y", json!(null)),
    ] {
        assert_eq!(paths(&Setup::new().signing_keys(keys.clone())), ["SIGNING_KEYS"], "{keys}");
    }
}

#[test]
fn no_problem_of_the_signing_keys_quotes_them() {
    let mut jwk = SIGNER.private_jwk();
    let secret = jwk["d"].as_str().unwrap().to_owned();
    let mut texts = Vec::new();
    for (name, value) in [
        ("d", json!(format!("{secret}!"))),
        ("d", json!([secret])),
        ("kid", json!(secret)),
        ("alg", json!(secret)),
        ("crv", json!(secret)),
        ("kty", json!(secret)),
        ("use", json!(secret)),
        ("x", json!(secret[1..])),
    ] {
        jwk[name] = value;
        texts.push(json!({ "keys": [jwk, jwk] }).to_string());
    }
    texts.push(secret.clone());
    texts.push(format!("\"{secret}\""));
    texts.push(format!("{{\"keys\":\"{secret}\"}}"));
    texts.push(format!("{{\"keys\":[{{\"d\":\"{secret}"));
    texts.push(format!("{{\"{secret}\":1}}"));
    for text in texts {
        let source = RawConfig { signing_keys: Some(text.clone()), ..Setup::new().source() };
        let problems = Config::read(&source, &AppCode::default()).unwrap_err();
        let said = format!("{problems:?}");
        assert!(!said.contains(&secret) && !said.contains(&secret[..8]), "{said}");
    }
}

#[test]
fn every_problem_says_where_and_what() {
    let setup = Setup::new().cfaccess("audience", json!(null)).backstage("mode", json!("x"));
    assert_eq!(
        setup.problems(),
        [
            "CFACCESS.audience is required: the Application Audience (AUD) tag of the Access \
             application",
            "BACKSTAGE.mode must be one of `answer`, `shadow`, not `x`",
        ]
    );
}

#[test]
fn the_shipped_configuration_is_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("wrangler.toml");
    let Ok(text) = std::fs::read_to_string(&path) else { return };
    let manifest: Value = toml::from_str(&text).unwrap();
    let vars = &manifest["vars"];
    let text = |name: &str| Some(vars[name].to_string());
    let source = RawConfig {
        cfaccess: text("CFACCESS"),
        backstage: text("BACKSTAGE"),
        signing_keys: Setup::new().source().signing_keys,
    };
    assert_eq!(texts(&source), Vec::<String>::new());
    // And guards what it is attached to: no second way in.
    assert_eq!(manifest["workers_dev"], false);
    assert_eq!(manifest["preview_urls"], false);
}

#[test]
fn the_catalog_is_a_minute_old_at_most_unless_told_otherwise() {
    let max_age = |value: Value| {
        Setup::new().cfaccess("catalogMaxAge", value).config().sign_in.catalog_max_age
    };
    assert_eq!(max_age(Value::Null), 60);
    assert_eq!(max_age(json!("30s")), 30);
    assert_eq!(max_age(json!({ "minutes": 5 })), 300);
    assert_eq!(max_age(json!("PT1H")), 3_600);
}

#[test]
fn a_catalog_younger_than_kv_can_make_it_is_a_problem() {
    for value in [json!("29s"), json!("0s"), json!("25h")] {
        assert_eq!(
            Setup::new().cfaccess("catalogMaxAge", value).problems(),
            ["CFACCESS.catalogMaxAge must be from 30 seconds, which is KV's limit, to a day"]
        );
    }
    let problems = Setup::new().cfaccess("catalogMaxAge", json!(60)).problems();
    assert_eq!(
        problems,
        ["CFACCESS.catalogMaxAge must be a duration: `1h`, `PT1H` or `{ hours = 1 }`"]
    );
}
