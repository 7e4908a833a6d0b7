//! The health route: for probes and alerts.

use serde::Serialize;

use super::caches::IsolateCaches;
use super::decide::Decision;
use super::reply::Reply;
use super::request_scope::RequestScope;
use crate::access::keys_age;
use crate::ports::Ports;

/// The record of the last run of the catalog. There is none if no run has written one yet.
const LAST_RUN: &str = "v1:sync";

#[derive(Serialize)]
struct Health<'a> {
    status: &'a str,
    #[serde(flatten)]
    details: Option<Details<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Details<'a> {
    version: &'a str,
    /// As in the log.
    config: &'a str,
    /// Codes of what is wrong.
    problems: Vec<&'a str>,
    keys: Keys,
    catalog: Catalog,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Keys {
    /// Since Access answered with them.
    age_seconds: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Catalog {
    is_available: bool,
    /// What the last run of the catalog says of itself.
    last_run: Option<serde_json::Value>,
}

impl<P: Ports> RequestScope<'_, P> {
    /// 200, or 503 with what is wrong. Callers without an assertion get the status alone.
    pub(super) async fn health(&self, is_verified: bool) -> Decision {
        let IsolateCaches { jwks, .. } = &self.gate.caches;
        let keys = keys_age(self, &self.gate.config.access, jwks).await;
        let last_run = self.ports.read_catalog(LAST_RUN).await;
        let mut problems = Vec::new();
        if keys.is_err() {
            problems.push("keys_unavailable");
        }
        if last_run.is_err() {
            problems.push("catalog_unavailable");
        }
        let is_healthy = problems.is_empty();
        let details = is_verified.then(|| Details {
            version: env!("CARGO_PKG_VERSION"),
            config: &self.gate.config.fingerprint,
            problems,
            keys: Keys { age_seconds: keys.unwrap_or_default() },
            catalog: Catalog {
                is_available: last_run.is_ok(),
                last_run: last_run.ok().flatten().and_then(|it| serde_json::from_str(&it).ok()),
            },
        });
        let health = Health { status: if is_healthy { "ok" } else { "failing" }, details };
        let body = serde_json::to_string(&health).unwrap_or_default();
        Decision::Reply(Reply::json(if is_healthy { 200 } else { 503 }, body))
    }
}
