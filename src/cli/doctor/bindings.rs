//! The KV bindings, and what wrangler needs to deploy anything at all.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::wrangler::Deployment;
use super::Findings;

/// The KV namespaces of the Worker.
const NAMESPACES: [&str; 2] = ["CATALOG", "ACCESS_CACHE"];

pub(super) fn check(deployment: &Deployment, findings: &mut Findings) {
    for (key, what) in [
        ("name", "the Worker's name"),
        ("main", "the built Worker, such as `build/worker.mjs`"),
        ("compatibility_date", "a date such as `2026-11-17`"),
    ] {
        if !deployment.get(key).is_some_and(Value::is_string) {
            findings.problem(format!("`{key}` is missing: {what}"));
        }
    }
    if deployment.get("build.command").is_none() {
        findings.note("there is no [build] command: what lies at `main` is deployed as it is");
    }
    check_namespaces(deployment, findings);
}

fn check_namespaces(deployment: &Deployment, findings: &mut Findings) {
    let none = Vec::new();
    let namespaces =
        deployment.get("kv_namespaces").and_then(Value::as_array).unwrap_or(&none).iter();
    let mut ids: BTreeMap<&str, &str> = BTreeMap::new();
    for binding in NAMESPACES {
        let create = format!("`wrangler kv namespace create {binding}` makes it and says its id");
        let mut found = namespaces
            .clone()
            .filter(|it| it.get("binding").and_then(Value::as_str) == Some(binding));
        let Some(namespace) = found.next() else {
            let inherits = if deployment.env.is_some() {
                "; an environment does not inherit KV bindings"
            } else {
                ""
            };
            findings.problem(format!("the KV binding {binding} is missing: {create}{inherits}"));
            continue;
        };
        if found.next().is_some() {
            findings.problem(format!("the KV binding {binding} is there twice: keep one"));
        }
        match namespace.get("id").map(|id| id.as_str().unwrap_or_default()) {
            None => findings.note(format!(
                "the KV binding {binding} has no id: wrangler makes a namespace when it deploys"
            )),
            Some(id) if !is_namespace_id(id) => findings
                .problem(format!("the KV binding {binding} has the made-up id `{id}`: {create}")),
            Some(id) => {
                if let Some(other) = ids.insert(id, binding) {
                    findings.problem(format!(
                        "the KV bindings {other} and {binding} are one namespace: {create}"
                    ));
                }
            }
        }
    }
}

/// Whether this can be the id of a namespace: 32 hexadecimal digits, and not a
/// placeholder.
fn is_namespace_id(id: &str) -> bool {
    let mut digits: Vec<u8> = id.bytes().collect();
    let is_hex = digits.len() == 32 && digits.iter().all(u8::is_ascii_hexdigit);
    digits.sort_unstable();
    digits.dedup();
    is_hex && digits.len() > 3
}
