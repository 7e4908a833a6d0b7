//! The values of a KV namespace, over the same interface.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::http::Method;
use super::super::trial::{MemoryRecords, Records};
use super::kv::Namespace;
use crate::catalog::import::{ImportPolicy, Reconciliation};

/// The most keys of one request, as Cloudflare limits them.
const MAX_KEYS: usize = 100;

impl Namespace {
    /// The values of these keys, without those that are not there.
    pub(in crate::cli) fn values(&self, keys: &[String]) -> Result<MemoryRecords, String> {
        let mut values = BTreeMap::new();
        for batch in keys.chunks(MAX_KEYS) {
            let body = json!({ "keys": batch, "type": "text" }).to_string();
            let answer = self.call(Method::Post, "/bulk/get", &body)?;
            let found = answer.pointer("/result/values").and_then(Value::as_object);
            let found = found.ok_or_else(|| format!("{}: the values cannot be read", self.url))?;
            for key in batch {
                if let Some(value) = found.get(key).and_then(Value::as_str) {
                    values.insert(key.clone(), value.to_owned());
                }
            }
        }
        Ok(values)
    }

    /// All records.
    pub(in crate::cli) fn records(&self) -> Result<MemoryRecords, String> {
        // Where nothing is wanted, all that is there is to be removed.
        let mut reconciliation = Reconciliation::new(0, ImportPolicy::default());
        self.list(&mut reconciliation)?;
        let plan = reconciliation.plan().map_err(|error| error.to_string())?;
        self.values(&plan.removed)
    }
}

impl Records for Namespace {
    fn value(&self, key: &str) -> Result<Option<String>, String> {
        Ok(self.values(&[key.to_owned()])?.remove(key))
    }
}
