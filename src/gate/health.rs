//! The health route: for probes and alerts.

use serde::Serialize;
use serde_json::{Map, Value};

use super::caches::IsolateCaches;
use super::decide::Decision;
use super::reply::Reply;
use super::request_scope::RequestScope;
use crate::access::keys_age;
use crate::catalog::MARKER_KEY;
use crate::catalog::import::age_seconds;
use crate::json::read_unique;
use crate::ports::Ports;

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
    /// Since the last run that was right, of cron or `catalog push`; `null` if none is recorded.
    age_seconds: Option<i64>,
    last_run: Option<Map<String, Value>>,
}

impl<P: Ports> RequestScope<'_, P> {
    /// 200, or 503 with what is wrong. Callers without an assertion get the status alone.
    pub(super) async fn health(&self, is_verified: bool) -> Decision {
        let IsolateCaches { jwks, .. } = &self.gate.caches;
        let keys = keys_age(self, &self.gate.config.access, jwks).await;
        let marker = self.ports.read_catalog(MARKER_KEY).await;
        let catalog_answers = marker.is_ok();
        let mut problems = Vec::new();
        if keys.is_err() {
            problems.push("keys_unavailable");
        }
        if !catalog_answers {
            problems.push("catalog_unavailable");
        }
        let is_healthy = problems.is_empty();
        let last_run = marker.ok().flatten().and_then(|it| read_unique(it.as_bytes()).ok());
        let last_ok = last_run.as_ref().and_then(|it| it.get("ok")?.as_i64());
        let age_seconds = last_ok.map(|ok| age_seconds(ok, self.now.timestamp_millis()));
        let details = is_verified.then(|| Details {
            version: env!("CARGO_PKG_VERSION"),
            config: &self.gate.config.fingerprint,
            problems,
            keys: Keys { age_seconds: keys.unwrap_or_default() },
            catalog: Catalog { is_available: catalog_answers, age_seconds, last_run },
        });
        let health = Health { status: if is_healthy { "ok" } else { "failing" }, details };
        let body = serde_json::to_string(&health).unwrap_or_default();
        Decision::Reply(Reply::json(if is_healthy { 200 } else { 503 }, body))
    }
}
