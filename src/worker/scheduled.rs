//! The scheduled handler: a run of keeping the catalog in step with the origin's, and its line in the
//! log.

use serde_json::Value;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::env::Env;
use super::http::Target;
use super::promise::drive;
use super::{clock, env, fetch, kv};
use crate::catalog::PREFIX;
use crate::catalog::import::{Summary, SyncPorts, sync};
use crate::ports::{Failure, HttpRequest, HttpResponse};

/// The namespace that is kept in step.
const BINDING: &str = "CATALOG";

/// The promise of a run's end. Why it was refused, or what failed, is in the log; there is nobody else
/// to be told.
#[wasm_bindgen]
#[expect(unreachable_pub, reason = "exported to JavaScript")]
#[must_use]
pub fn scheduled(_event: JsValue, env: Env, _context: JsValue) -> JsValue {
    drive(async move {
        run(&env).await;
        Ok(JsValue::UNDEFINED)
    })
}

async fn run(env: &Env) {
    let gate = super::gate(env);
    let summary = match gate.as_ref() {
        Ok(gate) => {
            let backstage = &gate.config.backstage;
            // No request has brought the Worker here, whose own host could be asked.
            let public = Target::of(&backstage.issuer).origin;
            let origin = backstage.origin.as_deref().unwrap_or(public);
            let token = env::catalog_token(env);
            sync(&gate.config.sync_policy(), token.as_deref(), &RuntimePorts { env, origin }).await
        }
        Err(fault) => Summary::refused("misconfigured", fault.detail()),
    };
    super::log(summary.level(), &summary.to_json());
}

/// The runtime, as a run sees it.
struct RuntimePorts<'a> {
    env: &'a Env,
    origin: &'a str,
}

impl SyncPorts for RuntimePorts<'_> {
    fn now_ms(&self) -> i64 {
        clock::now().timestamp_millis()
    }

    async fn fetch_origin(&self, call: &HttpRequest) -> Result<HttpResponse, Failure> {
        fetch::call(call, &format!("{}{}", self.origin, call.url)).await
    }

    async fn list(&self, cursor: Option<&str>) -> Result<Value, Failure> {
        kv::list(self.env, BINDING, PREFIX, cursor).await
    }

    async fn change(&self, key: &str, value: Option<&str>) -> Result<(), Failure> {
        kv::change(self.env, BINDING, key, value).await
    }
}
