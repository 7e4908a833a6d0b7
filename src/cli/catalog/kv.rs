//! A KV namespace over Cloudflare's REST interface
//! (developers.cloudflare.com/api/resources/kv/subresources/namespaces).

use serde_json::Value;

use super::super::http::{Method, send_with_retry};
use super::entry::Entry;
use crate::catalog::import::{Reconciliation, RunState, percent_encode};
use crate::catalog::{MARKER_KEY, PREFIX};
use crate::ports::HttpRequest;

/// The most pairs or keys of one request, as Cloudflare limits them, and the most bytes: it allows
/// 100 MB.
const MAX_PAIRS: usize = 10_000;
const MAX_BYTES: usize = 50 * 1024 * 1024;

/// Limits of an answer: milliseconds and bytes.
const TIMEOUT_MS: u32 = 60_000;
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// How often what was not taken is sent again.
const TRIES: usize = 3;

/// A namespace.
#[derive(Debug)]
pub(in crate::cli) struct Namespace {
    /// Its URL.
    pub(super) url: String,
    pub(super) api_token: String,
}

impl Namespace {
    /// Notes which records are there.
    pub(super) fn list(&self, reconciliation: &mut Reconciliation) -> Result<(), String> {
        self.pages(PREFIX, |keys| reconciliation.actual(keys))
    }

    /// What the runs have left.
    pub(super) fn state(&self) -> Result<RunState, String> {
        let mut all = Vec::new();
        self.pages(MARKER_KEY, |keys| {
            all.extend(keys.as_array()?.iter().cloned());
            Some(())
        })?;
        RunState::read(&Value::Array(all)).ok_or_else(|| self.unreadable())
    }

    fn unreadable(&self) -> String {
        format!("{}: the list of keys cannot be read", self.url)
    }

    /// Reads the list of the keys that begin with this.
    fn pages(
        &self,
        prefix: &str,
        mut note: impl FnMut(&Value) -> Option<()>,
    ) -> Result<(), String> {
        let mut cursor = String::new();
        loop {
            let cursor_part = match cursor.as_str() {
                "" => String::new(),
                cursor => format!("&cursor={}", percent_encode(cursor)),
            };
            let path = format!("/keys?limit=1000&prefix={}{cursor_part}", percent_encode(prefix));
            let page = self.call(Method::Get, &path, "")?;
            let noted = page.get("result").and_then(&mut note);
            noted.ok_or_else(|| self.unreadable())?;
            let next = page.pointer("/result_info/cursor").and_then(Value::as_str);
            let next = next.unwrap_or_default();
            if next.is_empty() {
                return Ok(());
            }
            if next == cursor {
                return Err(format!("{}: the list of keys has no end", self.url));
            }
            next.clone_into(&mut cursor);
        }
    }

    /// Writes records, as many at once as one request takes.
    pub(super) fn write(&self, entries: Vec<Entry>) -> Result<(), String> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        for entry in entries {
            let size = entry.size();
            if batch.len() == MAX_PAIRS || bytes + size > MAX_BYTES {
                self.write_batch(std::mem::take(&mut batch))?;
                bytes = 0;
            }
            bytes += size;
            batch.push(entry);
        }
        self.write_batch(batch)
    }

    fn write_batch(&self, mut batch: Vec<Entry>) -> Result<(), String> {
        for _ in 0..TRIES {
            if batch.is_empty() {
                return Ok(());
            }
            let body = serde_json::to_string(&batch).map_err(|error| error.to_string())?;
            let answer = self.call(Method::Put, "/bulk", &body)?;
            let left = unsuccessful(&answer);
            batch.retain(|entry| left.contains(&entry.key()));
        }
        self.not_taken(batch.len())
    }

    /// Deletes keys.
    pub(super) fn delete(&self, keys: &[String]) -> Result<(), String> {
        for batch in keys.chunks(MAX_PAIRS) {
            let mut batch: Vec<&str> = batch.iter().map(String::as_str).collect();
            for _ in 0..TRIES {
                if batch.is_empty() {
                    break;
                }
                let body = serde_json::to_string(&batch).map_err(|error| error.to_string())?;
                let answer = self.call(Method::Post, "/bulk/delete", &body)?;
                let left = unsuccessful(&answer);
                batch.retain(|key| left.contains(key));
            }
            self.not_taken(batch.len())?;
        }
        Ok(())
    }

    fn not_taken(&self, count: usize) -> Result<(), String> {
        match count {
            0 => Ok(()),
            _ => Err(format!("{}: KV did not take {count} keys; run it again", self.url)),
        }
    }

    pub(super) fn call(&self, method: Method, path: &str, body: &str) -> Result<Value, String> {
        let mut headers = vec![
            ("accept".to_owned(), "application/json".to_owned()),
            ("authorization".to_owned(), format!("Bearer {}", self.api_token)),
        ];
        if method != Method::Get {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        let call = HttpRequest {
            url: format!("{}{path}", self.url),
            headers,
            timeout_ms: TIMEOUT_MS,
            max_bytes: MAX_ANSWER,
        };
        let answer = send_with_retry(method, &call, body).map_err(|failure| failure.0)?;
        let value: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        if answer.status == 200 && value.get("success").and_then(Value::as_bool) == Some(true) {
            return Ok(value);
        }
        let errors = value.get("errors").and_then(Value::as_array);
        let messages: Vec<&str> = errors
            .into_iter()
            .flatten()
            .filter_map(|error| error.get("message").and_then(Value::as_str))
            .collect();
        Err(format!("{}: status {}: {}", self.url, answer.status, messages.join("; ")))
    }
}

fn unsuccessful(answer: &Value) -> Vec<&str> {
    let keys = answer.pointer("/result/unsuccessful_keys").and_then(Value::as_array);
    keys.into_iter().flatten().filter_map(Value::as_str).collect()
}
