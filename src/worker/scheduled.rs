//! The scheduled handler: a run that keeps the catalog in step with the origin's, and its log event.

use serde_json::Value;
use wasm_bindgen::JsValue;

use super::env::{self, Bindings};
use super::target::Target;
use super::{clock, fetch, gate, kv};
use crate::catalog::import::{Summary, SyncPorts, sync};
use crate::gate::CfAccess;
use crate::ports::{Failure, HttpRequest, HttpResponse};

/// The namespace that is kept in step.
const BINDING: &str = "CATALOG";

/// Makes a run. What it did, or why it did nothing, is in the log: a scheduled event has no answer.
pub async fn scheduled(app: impl Fn() -> CfAccess, env: &impl AsRef<JsValue>) {
    run_sync(app, env).await;
}

/// The same. Returns why the run was refused or failed, in words.
pub(crate) async fn run_sync(
    app: impl Fn() -> CfAccess,
    env: &impl AsRef<JsValue>,
) -> Option<String> {
    let env = env.as_ref();
    let gate = gate::of_isolate(&app, env).await;
    let summary = match gate.as_ref() {
        Ok(gate) => {
            let backstage = &gate.config.backstage;
            // There is no request whose host could be the origin's.
            let public = Target::of(&backstage.issuer).origin;
            let origin = backstage.origin.as_deref().unwrap_or(public);
            let token = env::catalog_token(env);
            sync(&gate.config.sync_policy(), token.as_deref(), &SyncRuntime { env, origin }).await
        }
        Err(fault) => Summary::refused("misconfigured", fault.detail()),
    };
    super::write_line(summary.level(), &summary.to_json());
    summary.failure()
}

/// The runtime, as a run sees it.
struct SyncRuntime<'a> {
    env: &'a Bindings,
    origin: &'a str,
}

impl SyncPorts for SyncRuntime<'_> {
    fn now_ms(&self) -> i64 {
        clock::now().timestamp_millis()
    }

    async fn fetch_origin(&self, call: &HttpRequest) -> Result<HttpResponse, Failure> {
        fetch::call_origin(call, self.origin).await
    }

    fn random(&self) -> u32 {
        getrandom::u32().unwrap_or(0)
    }

    async fn list(&self, prefix: &str, cursor: Option<&str>) -> Result<Value, Failure> {
        kv::list(self.env, BINDING, prefix, cursor).await
    }

    async fn change(&self, key: &str, value: Option<&str>) -> Result<(), Failure> {
        kv::change(self.env, BINDING, key, value).await
    }
}
