//! Mistakes in `BACKSTAGE`.

use serde_json::{Value, json};

use super::{BASE, CORS, LIFE, Mistake, ORIGIN, PUBLIC, one};

pub(super) fn backstage() -> Vec<Mistake> {
    let (invalid, host) = ("invalid-value", "private-host");
    vec![
        one("no BACKSTAGE", "required", "/vars/BACKSTAGE", Value::Null),
        one("no base URL", "required", BASE, Value::Null),
        one("base URL without a scheme", invalid, BASE, json!("backstage.acme.io")),
        one("base URL with a query", invalid, BASE, json!("https://backstage.acme.io?x")),
        one(
            "base URL of the auth plugin",
            "base-url",
            BASE,
            json!("https://backstage.acme.io/api/auth"),
        ),
        one("base URL of the API", "base-url", BASE, json!("https://backstage.acme.io/api")),
        one(
            "base URL with the backend's port",
            "base-url",
            BASE,
            json!("https://backstage.acme.io:7007"),
        ),
        one("base URL on localhost", host, BASE, json!("https://localhost:7007")),
        one("base URL in a private network", host, BASE, json!("https://10.1.2.3")),
        one("base URL with http", "plain-http", BASE, json!("http://backstage.acme.io")),
        one("origin on localhost", host, ORIGIN, json!("http://localhost:7007")),
        one("origin in a private network", host, ORIGIN, json!("http://192.168.0.4")),
        one("origin on the loopback of IPv6", host, ORIGIN, json!("http://[::1]:7007")),
        one("origin behind the NAT of a provider", host, ORIGIN, json!("http://100.64.1.2")),
        one("origin with one name", host, ORIGIN, json!("http://backstage:7007")),
        one("origin of a cluster", host, ORIGIN, json!("http://backstage.svc.cluster.local")),
        one("origin of a cloud", host, ORIGIN, json!("https://backstage.internal")),
        one("origin with a path", invalid, ORIGIN, json!("https://origin.acme.io/backstage")),
        one("origin without a scheme", invalid, ORIGIN, json!("origin.acme.io")),
        one("origin with http", "plain-http", ORIGIN, json!("http://origin.acme.io")),
        one("trust of another kind", invalid, "/vars/BACKSTAGE/trust", json!("shared_key")),
        one("mode of another kind", invalid, "/vars/BACKSTAGE/mode", json!("dark")),
        one("shadow alone", "origin-provider", "/vars/BACKSTAGE/mode", json!("shadow")),
        one("short life", "token-life", LIFE, json!({ "minutes": 5 })),
        one("long life", "token-life", LIFE, json!({ "days": 2 })),
        one("life without a unit", invalid, LIFE, json!(3600)),
        one("life with a slip", invalid, LIFE, json!({ "hour": 1 })),
        one("everything public", invalid, PUBLIC, json!(["/"])),
        one("API public", invalid, PUBLIC, json!(["/api"])),
        one("sign-in public", invalid, PUBLIC, json!(["/api/auth/cfaccess"])),
        one("public path with a wildcard", invalid, PUBLIC, json!(["/healthcheck/*"])),
        one("public path without a slash", invalid, PUBLIC, json!(["healthcheck"])),
        one("any origin", invalid, CORS, json!(["*"])),
        one("origin of CORS with a slash", invalid, CORS, json!(["https://app.acme.io/"])),
        one("origin of CORS on localhost", "cors-origin", CORS, json!(["http://localhost:3000"])),
        one("origin of CORS with http", "cors-origin", CORS, json!(["http://app.acme.io"])),
        one(
            "token to none",
            "attach-token",
            "/vars/BACKSTAGE/attachToken",
            json!("service-tokens"),
        ),
        one("token to all", invalid, "/vars/BACKSTAGE/attachToken", json!("always")),
        one(
            "groups left out in another way",
            invalid,
            "/vars/BACKSTAGE/omitIdentityTokenOwnershipClaim",
            json!("yes"),
        ),
        one(
            "share of the log in percent",
            invalid,
            "/vars/BACKSTAGE/log",
            json!({ "forwarded": 50 }),
        ),
    ]
}
