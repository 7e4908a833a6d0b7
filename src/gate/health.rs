//! The health route: for probes and alerts.

use serde::Serialize;

use super::caches::IsolateCaches;
use super::decide::Decision;
use super::reply::Reply;
use super::request_scope::RequestScope;
use crate::access::keys_age;
use crate::ports::Ports;

/// A key of no record. To read it shows whether KV answers.
const PROBE: &str = "health";

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
}

impl<P: Ports> RequestScope<'_, P> {
    /// 200, or 503 with what is wrong. Callers without an assertion get the status alone.
    pub(super) async fn health(&self, is_verified: bool) -> Decision {
        let IsolateCaches { jwks, .. } = &self.gate.caches;
        let keys = keys_age(self, &self.gate.config.access, jwks).await;
        let catalog_answers = self.ports.read_catalog(PROBE).await.is_ok();
        let mut problems = Vec::new();
        if keys.is_err() {
            problems.push("keys_unavailable");
        }
        if !catalog_answers {
            problems.push("catalog_unavailable");
        }
        let is_healthy = problems.is_empty();
        let details = is_verified.then(|| Details {
            version: env!("CARGO_PKG_VERSION"),
            config: &self.gate.config.fingerprint,
            problems,
            keys: Keys { age_seconds: keys.unwrap_or_default() },
            catalog: Catalog { is_available: catalog_answers },
        });
        let health = Health { status: if is_healthy { "ok" } else { "failing" }, details };
        let body = serde_json::to_string(&health).unwrap_or_default();
        Decision::Reply(Reply::json(if is_healthy { 200 } else { 503 }, body))
    }
}
