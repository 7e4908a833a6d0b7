//! The names of bindings: each is there once, and what the Worker reads is of the kind that it reads.

use serde_json::Value;

use super::super::wrangler::Deployment;
use super::findings::{Code, Findings};

/// What the Worker reads: the name, and where it is bound.
const OURS: [(&str, &str); 6] = [
    ("CATALOG", "kv_namespaces"),
    ("ACCESS_CACHE", "kv_namespaces"),
    ("CFACCESS", "vars"),
    ("BACKSTAGE", "vars"),
    ("SIGNING_KEYS", "secrets.required"),
    ("CATALOG_TOKEN", "secrets.required"),
];

/// Lists of bindings that are in another object: its key, the list, and the member with the name.
const INNER: [(&str, &str, &str); 3] = [
    ("queues", "producers", "binding"),
    ("durable_objects", "bindings", "name"),
    ("unsafe", "bindings", "name"),
];

/// Lists of which the items have their binding in `name`.
const BY_NAME: [&str; 3] = ["logfwdr", "ratelimits", "send_email"];

/// A binding.
struct Bound<'a> {
    name: &'a str,
    /// The key of wrangler's file that makes it.
    by: &'a str,
    place: String,
}

pub(super) fn check(deployment: &Deployment, findings: &mut Findings) {
    let all = bindings(deployment);
    for (at, bound) in all.iter().enumerate() {
        let before = all.iter().take(at).find(|other| other.name == bound.name);
        let kind = OURS.iter().find(|(name, _)| *name == bound.name).map(|(_, kind)| *kind);
        // A secret among the vars, and one KV binding of two, are said elsewhere.
        let is_said = |by: &str| {
            kind == Some("secrets.required") && by == "vars"
                || by == "kv_namespaces" && bound.by == "kv_namespaces"
        };
        if let Some(before) = before.filter(|before| !is_said(before.by) && !is_said(bound.by)) {
            findings.problem(
                Code::BindingTwice,
                bound.place.clone(),
                format!(
                    "`{}` is bound twice: by `{}` and `{}`",
                    bound.name, before.place, bound.place
                ),
                "give each binding its own name",
            );
        } else if let Some(kind) = kind
            && before.is_none()
            && kind != bound.by
            && !is_said(bound.by)
            && !may_be_secret(bound)
        {
            let remedy = if kind == "secrets.required" {
                format!("use a secret: `wrangler secret put {}`", bound.name)
            } else {
                format!("bind it by `{kind}`")
            };
            findings.problem(
                Code::BindingKind,
                bound.place.clone(),
                format!("`{}` binds {}, which the Worker does not read so", bound.by, bound.name),
                remedy,
            );
        }
    }
}

/// Whether something else than a KV namespace has the name of one.
pub(super) fn is_bound_elsewhere(deployment: &Deployment, name: &str) -> bool {
    bindings(deployment).iter().any(|bound| bound.name == name && bound.by != "kv_namespaces")
}

/// Whether something that is neither a secret nor a var has the name of a secret.
pub(super) fn is_no_secret(deployment: &Deployment, name: &str) -> bool {
    let is_text = |bound: &Bound<'_>| matches!(bound.by, "secrets.required" | "vars");
    bindings(deployment).iter().any(|bound| bound.name == name && !is_text(bound))
}

/// A secret is text, as a var is.
fn may_be_secret(bound: &Bound<'_>) -> bool {
    bound.by == "secrets.required" && matches!(bound.name, "CFACCESS" | "BACKSTAGE")
}

fn bindings(deployment: &Deployment) -> Vec<Bound<'_>> {
    let mut all = Vec::new();
    for (key, value) in &deployment.settings {
        match (key.as_str(), value) {
            ("vars", Value::Object(vars)) => {
                for name in vars.keys() {
                    all.push(Bound { name, by: key, place: format!("vars.{name}") });
                }
            }
            (_, Value::Array(items)) => {
                let member = if BY_NAME.contains(&key.as_str()) { "name" } else { "binding" };
                list(key, key, items, member, &mut all);
            }
            (_, Value::Object(object)) => {
                if let Some(name) = object.get("binding").and_then(Value::as_str) {
                    all.push(Bound { name, by: key, place: format!("{key}.binding") });
                }
                for (_, below, member) in INNER.iter().filter(|(outer, ..)| outer == key) {
                    if let Some(items) = object.get(*below).and_then(Value::as_array) {
                        list(key, &format!("{key}.{below}"), items, member, &mut all);
                    }
                }
            }
            _ => {}
        }
    }
    let required = deployment.get("secrets.required").and_then(Value::as_array);
    for (at, name) in required.into_iter().flatten().enumerate() {
        if let Some(name) = name.as_str() {
            let place = format!("secrets.required[{at}]");
            all.push(Bound { name, by: "secrets.required", place });
        }
    }
    all
}

fn list<'a>(by: &'a str, path: &str, items: &'a [Value], member: &str, all: &mut Vec<Bound<'a>>) {
    for (at, item) in items.iter().enumerate() {
        if let Some(name) = item.get(member).and_then(Value::as_str) {
            all.push(Bound { name, by, place: format!("{path}[{at}].{member}") });
        }
    }
}
