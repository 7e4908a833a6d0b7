//! Mistakes in routes, crons and between environments.

use serde_json::{Value, json};

use super::{CRONS, DATE, Mistake, ORIGIN, ROUTES, one};
use crate::doctor::GOOD;

pub(super) fn routes() -> Vec<Mistake> {
    let route = |pattern: &str| json!([{ "pattern": pattern, "zone_name": "acme.io" }]);
    let custom = |pattern: &str| json!([{ "pattern": pattern, "custom_domain": true }]);
    let (missing, pattern) = ("route-missing", "route-pattern");
    vec![
        one("no routes", missing, ROUTES, Value::Null),
        one("empty routes", missing, ROUTES, json!([])),
        one("route of another host", missing, ROUTES, route("www.acme.io/*")),
        one("route of one page", missing, ROUTES, route("backstage.acme.io/catalog/*")),
        one("route of the root alone", missing, ROUTES, route("backstage.acme.io/")),
        (
            "custom domain that is off",
            missing,
            vec![
                (ORIGIN, json!("https://origin.acme.io")),
                (
                    ROUTES,
                    json!([{ "pattern": "backstage.acme.io", "custom_domain": true, "enabled": false }]),
                ),
            ],
        ),
        one("route of http alone", missing, ROUTES, route("http://backstage.acme.io/*")),
        one("route of the API", "route-coverage", ROUTES, route("backstage.acme.io/api/*")),
        one(
            "route of the auth plugin",
            "route-coverage",
            ROUTES,
            route("backstage.acme.io/api/auth/*"),
        ),
        one(
            "route of the provider",
            "route-coverage",
            ROUTES,
            route("backstage.acme.io/api/auth/cfaccess/*"),
        ),
        one("route without a pattern", pattern, ROUTES, json!([{ "zone_name": "acme.io" }])),
        one("routes as text", pattern, ROUTES, json!("backstage.acme.io/*")),
        one("route and routes", pattern, "/route", json!("backstage.acme.io/*")),
        one("route with a port", pattern, ROUTES, route("backstage.acme.io:443/*")),
        one("route with a wildcard inside", pattern, ROUTES, route("backstage.*.io/*")),
        one("route with a query", pattern, ROUTES, route("backstage.acme.io/*?x=1")),
        one("route with a space", pattern, ROUTES, route("backstage.acme.io/ *")),
        one("route with ftp", pattern, ROUTES, route("ftp://backstage.acme.io/*")),
        one("custom domain with a path", pattern, ROUTES, custom("backstage.acme.io/*")),
        one("custom domain with a scheme", pattern, ROUTES, custom("https://backstage.acme.io")),
        one("custom domain without origin", "custom-domain", ROUTES, custom("backstage.acme.io")),
        one(
            "zone of another name",
            "route-zone",
            ROUTES,
            json!([{ "pattern": "backstage.acme.io/*", "zone_name": "acme.com" }]),
        ),
        one(
            "zone that only ends alike",
            "route-zone",
            ROUTES,
            json!([{ "pattern": "backstage.acme.io/*", "zone_name": "me.io" }]),
        ),
        one(
            "zone with a scheme",
            "route-zone",
            ROUTES,
            json!([{ "pattern": "backstage.acme.io/*", "zone_name": "https://acme.io" }]),
        ),
        one(
            "zone with a placeholder for its id",
            "route-zone",
            ROUTES,
            json!([{ "pattern": "backstage.acme.io/*", "zone_id": "<zone id>" }]),
        ),
        (
            "origin that has a route",
            "origin-is-worker",
            vec![
                (ROUTES, json!(["backstage.acme.io/*", "auth.acme.io/*"])),
                (ORIGIN, json!("https://auth.acme.io")),
            ],
        ),
        one(
            "origin that is the base URL",
            "invalid-value",
            ORIGIN,
            json!("https://backstage.acme.io"),
        ),
    ]
}

pub(super) fn crons() -> Vec<Mistake> {
    let crons = |name, code, crons: Value| -> Mistake {
        (name, code, vec![(ORIGIN, json!("https://origin.acme.io")), (CRONS, crons)])
    };
    vec![
        crons("cron on a day that no month has", "cron", json!(["0 3 31 2,4 *"])),
        crons("cron of four fields", "cron", json!(["* * * *"])),
        crons("cron of six fields", "cron", json!(["0 */5 * * * *"])),
        crons("cron at minute 61", "cron", json!(["61 * * * *"])),
        crons("cron by name", "cron", json!(["@daily"])),
        crons("empty cron", "cron", json!([""])),
        crons("crons as text", "cron", json!("*/5 * * * *")),
        crons("every minute", "cron-often", json!(["* * * * *"])),
        crons("every two minutes", "cron-often", json!(["*/2 * * * *"])),
        crons("overlapping", "cron-often", json!(["*/15 * * * *", "1 3 * * *"])),
        crons("the same twice", "cron-often", json!(["*/5 * * * *", "*/5 * * * *"])),
        one("cron without an origin", "cron-origin", CRONS, json!(["*/5 * * * *"])),
        (
            "cron without its secret",
            "secrets-required",
            vec![
                (ORIGIN, json!("https://origin.acme.io")),
                (CRONS, json!(["*/5 * * * *"])),
                ("/secrets/required", json!(["SIGNING_KEYS"])),
            ],
        ),
    ]
}

/// Mistakes beside a right environment `staging`.
pub(super) fn environments() -> Vec<Mistake> {
    let good: Value = toml::from_str(GOOD).unwrap();
    vec![
        one(
            "shared KV",
            "kv-shared",
            "/env/staging/kv_namespaces/0/id",
            good["kv_namespaces"][0]["id"].clone(),
        ),
        one("one name", "environment-name", "/env/staging/name", json!("gate")),
        one("no vars", "required", "/env/staging/vars", Value::Null),
        one("no KV", "kv-binding", "/env/staging/kv_namespaces", Value::Null),
        one("no required secrets", "secrets-required", "/env/staging/secrets", Value::Null),
        one("workers.dev in one", "workers-dev", "/env/staging/workers_dev", json!(true)),
        one("workers.dev in both", "workers-dev", "/workers_dev", json!(true)),
        one("date of both", "compatibility-date", DATE, json!("2999-01-01")),
        one("slip in one", "unknown-key", "/env/staging/observabilty", json!({})),
        (
            "one route",
            "route-shared",
            vec![
                ("/env/staging/routes", good["routes"].clone()),
                (
                    "/env/staging/vars/BACKSTAGE/baseUrl",
                    good["vars"]["BACKSTAGE"]["baseUrl"].clone(),
                ),
            ],
        ),
    ]
}
