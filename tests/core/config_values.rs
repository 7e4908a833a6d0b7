//! The configuration, key by key: which values are accepted and which are refused.

use std::path::Path;

use backstage_cfaccess::config::{AppCode, Config, RawConfig};
use serde_json::{Value, json};

use super::config::{paths, texts};
use crate::support::{AUDIENCE, OTHER, SIGNER, SIGNER_2, Setup};

#[test]
fn empty_audience_is_refused_in_every_form() {
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
fn value_of_the_wrong_type_is_refused_and_never_converted() {
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
fn binding_is_an_object_or_a_string_of_one() {
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
fn binding_that_is_no_object_is_refused() {
    for text in ["", "x", "null", "[]", "5", "\"\"", "\"x\"", "\"[]\"", "{", "{\"a\":1}x"] {
        let source = RawConfig { cfaccess: Some(text.to_owned()), ..Setup::new().source() };
        let problems = texts(&source);
        assert_eq!(problems.len(), 1, "{text}");
        assert!(problems[0].starts_with("CFACCESS "), "{text}: {problems:?}");
    }
}

#[test]
fn team_is_given_by_name_or_by_domain() {
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
fn first_signing_key_signs_and_all_are_published_without_secrets() {
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
fn signing_keys_that_cannot_sign_are_refused() {
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
fn problem_of_the_signing_keys_does_not_quote_them() {
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
fn each_problem_names_its_place_and_cause() {
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
fn shipped_configuration_is_valid() {
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
fn catalog_max_age_is_a_minute_by_default() {
    let max_age = |value: Value| {
        Setup::new().cfaccess("catalogMaxAge", value).config().sign_in.catalog_max_age
    };
    assert_eq!(max_age(Value::Null), 60);
    assert_eq!(max_age(json!("30s")), 30);
    assert_eq!(max_age(json!({ "minutes": 5 })), 300);
    assert_eq!(max_age(json!("PT1H")), 3_600);
}

#[test]
fn catalog_max_age_below_the_limit_of_kv_is_refused() {
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
