//! Mistakes in `CFACCESS`.

use serde_json::{Value, json};

use super::{AUDIENCE, HEADER, Mistake, RESOLVER, RESOLVERS, TEAM, TOKENS, one};

pub(super) fn access() -> Vec<Mistake> {
    vec![
        one("no vars", "required", "/vars", Value::Null),
        one("no CFACCESS", "required", "/vars/CFACCESS", Value::Null),
        one("CFACCESS that is a list", "invalid-value", "/vars/CFACCESS", json!([])),
        one(
            "CFACCESS with broken JSON",
            "invalid-value",
            "/vars/CFACCESS",
            json!("{ teamName: acme }"),
        ),
        one(
            "CFACCESS of 6 KB",
            "var-size",
            "/vars/CFACCESS/serviceTokens",
            (0..100)
                .map(|at| json!({ "token": format!("{at:032}.access"), "subject": "ci@acme.io" }))
                .collect(),
        ),
        one("no team", "required", TEAM, Value::Null),
        one("empty team", "invalid-value", TEAM, json!("")),
        one(
            "team with a scheme",
            "invalid-value",
            TEAM,
            json!("https://acme.cloudflareaccess.com"),
        ),
        one("team with a space", "invalid-value", TEAM, json!("acme corp")),
        one("team that is a list", "invalid-value", TEAM, json!(["acme"])),
        one("team of an example", "example", TEAM, json!("your-team-name")),
        one("team that is a domain", "team-name", TEAM, json!("acme.io")),
        one("no audience", "required", AUDIENCE, Value::Null),
        one("empty audience", "required", AUDIENCE, json!([])),
        one("audience that is empty text", "invalid-value", AUDIENCE, json!("")),
        one("audience of the example", "example", AUDIENCE, json!("0123456789abcdef".repeat(4))),
        one("audience in capitals", "audience", AUDIENCE, json!("A3".repeat(32))),
        one("audience that is a URL", "audience", AUDIENCE, json!("https://backstage.acme.io")),
        one("audience that is cut", "audience", AUDIENCE, json!("a3".repeat(31))),
        one("audience that is a number", "invalid-value", AUDIENCE, json!(7)),
        one("authorization as header", "header-name", HEADER, json!("Authorization")),
        one("cookie as header", "header-name", HEADER, json!("cookie")),
        one("unsigned header", "header-name", HEADER, json!("Cf-Access-Authenticated-User-Email")),
        one("header of a proxy", "header-name", HEADER, json!("X-Forwarded-Host")),
        one("header of Cloudflare", "header-name", HEADER, json!("CF-Connecting-IP")),
        one("header with a colon", "invalid-value", HEADER, json!("x-assertion:")),
        one(
            "cookie with a space",
            "invalid-value",
            "/vars/CFACCESS/authorizationCookieName",
            json!("a b"),
        ),
        one(
            "identity of another kind",
            "invalid-value",
            "/vars/CFACCESS/identity",
            json!("userinfo"),
        ),
    ]
}

pub(super) fn sign_in() -> Vec<Mistake> {
    let local_part = |domains: Value| json!({ "resolver": "emailLocalPartMatchingUserEntityName", "allowedDomains": domains });
    let email = "emailMatchingUserEntityProfileEmail";
    let tokens = |list: &[(&str, &str)]| -> Value {
        list.iter().map(|(token, subject)| json!({ "token": token, "subject": subject })).collect()
    };
    vec![
        one("no resolvers", "required", RESOLVERS, Value::Null),
        one("empty resolvers", "required", RESOLVERS, json!([])),
        one("resolvers as text", "invalid-value", RESOLVERS, json!(email)),
        one("unknown resolver", "invalid-value", RESOLVER, json!({ "resolver": "email" })),
        one(
            "resolver of another provider",
            "invalid-value",
            RESOLVER,
            json!({ "resolver": "usernameMatchingUserEntityName" }),
        ),
        one(
            "resolver twice",
            "resolver-twice",
            RESOLVERS,
            json!([{ "resolver": email }, { "resolver": email }]),
        ),
        one("local part without domains", "allowed-domains", RESOLVER, local_part(Value::Null)),
        one("domain with @", "allowed-domains", RESOLVER, local_part(json!(["@acme.io"]))),
        one(
            "domain with a wildcard",
            "allowed-domains",
            RESOLVER,
            local_part(json!(["*.acme.io"])),
        ),
        one("domain without a dot", "allowed-domains", RESOLVER, local_part(json!(["acme"]))),
        one("email as domain", "allowed-domains", RESOLVER, local_part(json!(["a@acme.io"]))),
        one("URL as domain", "allowed-domains", RESOLVER, local_part(json!(["https://acme.io"]))),
        one(
            "domains in one text",
            "allowed-domains",
            RESOLVER,
            local_part(json!("acme.io, acme.com")),
        ),
        one(
            "domain with a dot in front",
            "allowed-domains",
            RESOLVER,
            local_part(json!([".acme.io"])),
        ),
        one(
            "users outside the catalog",
            "users-outside-catalog",
            "/vars/CFACCESS/signIn/resolvers/0/dangerouslyAllowSignInWithoutUserInCatalog",
            json!(true),
        ),
        one(
            "client id without its end",
            "service-token",
            TOKENS,
            tokens(&[("s3cret", "ci@acme.io")]),
        ),
        one("subject without a domain", "service-token", TOKENS, tokens(&[("a.access", "ci")])),
        one(
            "subject without a domain behind @",
            "service-token",
            TOKENS,
            tokens(&[("a.access", "ci@")]),
        ),
        one(
            "subject that is a ref",
            "service-token",
            TOKENS,
            tokens(&[("a.access", "user:default/ci")]),
        ),
        one(
            "token twice",
            "service-token",
            TOKENS,
            tokens(&[("a.access", "a@acme.io"), ("a.access", "b@acme.io")]),
        ),
        one("token without subject", "required", TOKENS, json!([{ "token": "a.access" }])),
        one(
            "tokens as an object",
            "invalid-value",
            TOKENS,
            json!({ "token": "a.access", "subject": "a@acme.io" }),
        ),
    ]
}

pub(super) fn behaviour() -> Vec<Mistake> {
    vec![
        one(
            "session duration",
            "no-effect",
            "/vars/CFACCESS/sessionDuration",
            json!({ "hours": 24 }),
        ),
        one("assertion exposed", "expose-assertion", "/vars/CFACCESS/exposeAssertion", json!(true)),
        one(
            "assertion exposed as text",
            "invalid-value",
            "/vars/CFACCESS/exposeAssertion",
            json!("yes"),
        ),
        one(
            "not found at the origin, alone",
            "origin-provider",
            "/vars/CFACCESS/onUserNotFound",
            json!("origin"),
        ),
        one(
            "not found in another way",
            "invalid-value",
            "/vars/CFACCESS/onUserNotFound",
            json!("create"),
        ),
        one(
            "catalog that ages too fast",
            "invalid-value",
            "/vars/CFACCESS/catalogMaxAge",
            json!("5s"),
        ),
        one(
            "groups in another way",
            "invalid-value",
            "/vars/CFACCESS/catalog",
            json!({ "groups": "all" }),
        ),
        one(
            "provider id with a slash",
            "invalid-value",
            "/vars/CFACCESS/providerId",
            json!("cf/access"),
        ),
    ]
}
