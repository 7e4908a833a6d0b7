//! Mistakes in the file as a whole and in the platform that it asks for.

use serde_json::{Value, json};

use super::{CACHE_ID, DATE, FLAGS, KV, Mistake, ORIGIN, one};
use crate::doctor::GOOD;

pub(super) fn file_and_platform() -> Vec<Mistake> {
    vec![
        one("no name", "name", "/name", Value::Null),
        one("empty name", "name", "/name", json!("")),
        one("name in capitals", "name", "/name", json!("Backstage Gate")),
        one("name that is too long", "name", "/name", json!("a".repeat(64))),
        one("name that is a number", "name", "/name", json!(7)),
        one("account that is none", "account-id", "/account_id", json!("my-account")),
        one("account of an example", "account-id", "/account_id", json!("0".repeat(32))),
        one("no main", "main", "/main", Value::Null),
        one("main that is no text", "main", "/main", json!(["build/worker.mjs"])),
        one("main that is not there", "main", "/build", Value::Null),
        one("empty build command", "invalid-value", "/build/command", json!("")),
        one(
            "build command that is a list",
            "invalid-value",
            "/build/command",
            json!(["npm", "run"]),
        ),
        one("no date", "compatibility-date", DATE, Value::Null),
        one("date in the future", "compatibility-date", DATE, json!("2999-01-01")),
        one("date that is too old", "compatibility-date", DATE, json!("2021-01-01")),
        one("date in another form", "compatibility-date", DATE, json!("17.11.2026")),
        one("date of one digit", "compatibility-date", DATE, json!("2026-1-7")),
        one("date that does not exist", "compatibility-date", DATE, json!("2026-02-30")),
        one("date with a time", "compatibility-date", DATE, json!("2026-11-17T00:00:00Z")),
        one("date as a number", "compatibility-date", DATE, json!(20_261_117)),
        one("loop flag", "loop-flag", FLAGS, json!(["global_fetch_strictly_public"])),
        one(
            "loop flag among others",
            "loop-flag",
            FLAGS,
            json!(["nodejs_compat", "global_fetch_strictly_public"]),
        ),
        one("flags as text", "compatibility-flag", FLAGS, json!("nodejs_compat")),
        one("URLs of old", "compatibility-flag", FLAGS, json!(["url_original"])),
        one("assets", "assets", "/assets", json!({ "directory": "dist" })),
        one("site", "assets", "/site", json!({ "bucket": "dist" })),
        one("little cpu", "cpu-limit", "/limits/cpu_ms", json!(10)),
        one("no cpu", "cpu-limit", "/limits/cpu_ms", json!(0)),
        one("too much cpu", "cpu-limit", "/limits/cpu_ms", json!(3_000_000)),
        one("cpu as text", "cpu-limit", "/limits/cpu_ms", json!("100")),
        one("no observability", "observability", "/observability", Value::Null),
        one("observability off", "observability", "/observability/enabled", json!(false)),
        one("logs off", "observability", "/observability/logs", json!({ "enabled": false })),
        one("no line kept", "observability", "/observability/head_sampling_rate", json!(0)),
        one("percent as share", "observability", "/observability/head_sampling_rate", json!(10)),
        one("no required secrets", "secrets-required", "/secrets", Value::Null),
        one(
            "required secrets lack the keys",
            "secrets-required",
            "/secrets/required",
            json!(["CATALOG_TOKEN"]),
        ),
        one("required secrets are empty", "secrets-required", "/secrets/required", json!([])),
        one(
            "required secrets as text",
            "secrets-required",
            "/secrets/required",
            json!("SIGNING_KEYS"),
        ),
        one("cache", "cache", "/cache/enabled", json!(true)),
        one("workers.dev by default", "workers-dev", "/workers_dev", Value::Null),
        one("workers.dev on", "workers-dev", "/workers_dev", json!(true)),
        one("workers.dev as text", "workers-dev", "/workers_dev", json!("false")),
        one("previews by default", "preview-urls", "/preview_urls", Value::Null),
        one("previews on", "preview-urls", "/preview_urls", json!(true)),
    ]
}

pub(super) fn bindings() -> Vec<Mistake> {
    let good: Value = toml::from_str(GOOD).unwrap();
    let first = good["kv_namespaces"][0].clone();
    vec![
        one("no KV", "kv-binding", KV, Value::Null),
        one("empty KV", "kv-binding", KV, json!([])),
        one("KV as an object", "kv-binding", KV, first.clone()),
        one("one KV alone", "kv-binding", KV, json!([first])),
        one("KV of another name", "kv-binding", "/kv_namespaces/0/binding", json!("CATALOGUE")),
        one("KV in small letters", "kv-binding", "/kv_namespaces/0/binding", json!("catalog")),
        one("KV twice", "kv-binding", "/kv_namespaces/1/binding", json!("CATALOG")),
        one("KV with a placeholder", "kv-id", CACHE_ID, json!("<your id>")),
        one("KV with zeros", "kv-id", CACHE_ID, json!("00000000000000000000000000000001")),
        one(
            "KV with digits in order",
            "kv-id",
            CACHE_ID,
            json!("0123456789abcdef0123456789abcdef"),
        ),
        one("KV with its title", "kv-id", CACHE_ID, json!("gate-ACCESS_CACHE")),
        one("KV with a short id", "kv-id", CACHE_ID, json!("06779da6940b431db6e566b4846d64d")),
        one("KV with a number", "kv-id", CACHE_ID, json!(7)),
        one("KV with an empty id", "kv-id", CACHE_ID, json!("")),
        one("two KV of one id", "kv-id", CACHE_ID, json!("0f2ac74b498b48028cb68387c421e279")),
        one(
            "two KV of one id in capitals",
            "kv-id",
            CACHE_ID,
            json!("0F2AC74B498B48028CB68387C421E279"),
        ),
        one(
            "signing keys in vars",
            "secret-in-vars",
            "/vars/SIGNING_KEYS",
            json!("{\"keys\":[{\"d\":\"s3cret\"}]}"),
        ),
        one(
            "signing keys in vars under another name",
            "secret-in-vars",
            "/vars/JWKS",
            json!({ "keys": [{ "kty": "EC", "d": "s3cret" }] }),
        ),
        one("catalog token in vars", "secret-in-vars", "/vars/CATALOG_TOKEN", json!("s3cret")),
    ]
}

pub(super) fn keys_of_the_file() -> Vec<Mistake> {
    let good: Value = toml::from_str(GOOD).unwrap();
    let renamed = |from: &'static str, to: &'static str| {
        vec![(to, good.pointer(from).unwrap().clone()), (from, Value::Null)]
    };
    vec![
        ("slip in routes", "unknown-key", renamed("/routes", "/rutes")),
        ("slip in kv_namespaces", "unknown-key", renamed("/kv_namespaces", "/kv_namespace")),
        ("slip in workers_dev", "unknown-key", renamed("/workers_dev", "/worker_dev")),
        ("workersDev", "unknown-key", renamed("/workers_dev", "/workersDev")),
        (
            "slip in compatibility_date",
            "unknown-key",
            renamed("/compatibility_date", "/compatability_date"),
        ),
        ("slip in observability", "unknown-key", renamed("/observability", "/observabilty")),
        ("slip in secrets", "unknown-key", renamed("/secrets", "/secret")),
        ("slip in a route", "unknown-key", renamed("/routes/0/pattern", "/routes/0/patern")),
        ("slip in CFACCESS", "unknown-key", renamed("/vars/CFACCESS", "/vars/CF_ACCESS")),
        (
            "BACKSTAGE in small letters",
            "unknown-key",
            renamed("/vars/BACKSTAGE", "/vars/backstage"),
        ),
        (
            "slip in teamName",
            "unknown-key",
            renamed("/vars/CFACCESS/teamName", "/vars/CFACCESS/teamname"),
        ),
        (
            "slip in audience",
            "unknown-key",
            renamed("/vars/CFACCESS/audience", "/vars/CFACCESS/audiance"),
        ),
        (
            "slip in signIn",
            "unknown-key",
            renamed("/vars/CFACCESS/signIn", "/vars/CFACCESS/signin"),
        ),
        (
            "slip in resolvers",
            "unknown-key",
            renamed("/vars/CFACCESS/signIn/resolvers", "/vars/CFACCESS/signIn/resolver"),
        ),
        (
            "slip in baseUrl",
            "unknown-key",
            renamed("/vars/BACKSTAGE/baseUrl", "/vars/BACKSTAGE/baseURL"),
        ),
        ("CFACCESS beside vars", "misplaced", renamed("/vars/CFACCESS", "/CFACCESS")),
        ("BACKSTAGE beside vars", "misplaced", renamed("/vars/BACKSTAGE", "/BACKSTAGE")),
        (
            "crons beside triggers",
            "misplaced",
            vec![("/crons", json!(["*/5 * * * *"])), (ORIGIN, json!("https://origin.acme.io"))],
        ),
        one("unknown key", "unknown-key", "/frobnicate", json!(true)),
        one("unknown key of CFACCESS", "unknown-key", "/vars/CFACCESS/frobnicate", json!(true)),
        one("unknown key of BACKSTAGE", "unknown-key", "/vars/BACKSTAGE/frobnicate", json!(true)),
        one("unknown key of build", "unknown-key", "/build/cmd", json!("x")),
        one(
            "unknown option of a resolver",
            "unknown-key",
            "/vars/CFACCESS/signIn/resolvers/0/domains",
            json!(["acme.io"]),
        ),
    ]
}
