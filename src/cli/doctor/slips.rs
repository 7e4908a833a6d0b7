//! Keys that wrangler does not know, or that are in the wrong place. They are taken for what they were
//! meant to be, so that one slip is one finding.

use serde_json::{Map, Value};

use super::super::wrangler::Deployment;
use super::findings::{Code, Findings};

/// How alike an unknown key must be to a known one to be taken for a slip of it (Jaro-Winkler).
const ALIKE: f64 = 0.85;

/// The keys of wrangler's file (its `config-schema.json`, `RawConfig`), of wrangler 4.
const TOP: &[&str] = &[
    "$schema",
    "access",
    "account_id",
    "addresses",
    "agent_memory",
    "ai",
    "ai_search",
    "ai_search_namespaces",
    "alias",
    "analytics",
    "analytics_engine_datasets",
    "artifacts",
    "assets",
    "base_dir",
    "browser",
    "build",
    "cache",
    "cloudchamber",
    "compatibility_date",
    "compatibility_flags",
    "compliance_region",
    "connect",
    "containers",
    "d1_databases",
    "data_blobs",
    "define",
    "dependencies_instrumentation",
    "dev",
    "dispatch_namespaces",
    "durable_objects",
    "env",
    "exports",
    "find_additional_modules",
    "first_party_worker",
    "flagship",
    "hyperdrive",
    "images",
    "jsx_factory",
    "jsx_fragment",
    "k2",
    "keep_names",
    "keep_vars",
    "kv_namespaces",
    "limits",
    "logfwdr",
    "logpush",
    "main",
    "media",
    "migrations",
    "minify",
    "mtls_certificates",
    "name",
    "no_bundle",
    "observability",
    "pages_build_output_dir",
    "pipelines",
    "placement",
    "preserve_file_names",
    "preview_urls",
    "previews",
    "python_modules",
    "queues",
    "r2_buckets",
    "ratelimits",
    "route",
    "routes",
    "rules",
    "secrets",
    "secrets_store_secrets",
    "send_email",
    "send_metrics",
    "services",
    "site",
    "stream",
    "streaming_tail_consumers",
    "tail_consumers",
    "text_blobs",
    "triggers",
    "tsconfig",
    "unsafe",
    "unsafe_hello_world",
    "upload_source_maps",
    "vars",
    "vectorize",
    "version_metadata",
    "vpc_networks",
    "vpc_services",
    "wasm_modules",
    "worker_loaders",
    "workers_dev",
    "workflows",
];

/// The keys of the objects that matter here.
const BELOW: &[(&str, &[&str])] = &[
    ("build", &["command", "cwd", "watch_dir"]),
    ("cache", &["enabled"]),
    ("limits", &["cpu_ms", "subrequests"]),
    ("observability", &["enabled", "head_sampling_rate", "logs", "traces"]),
    ("secrets", &["required"]),
    ("triggers", &["crons"]),
];

/// The keys of the items of lists.
const ITEMS: &[(&str, &[&str])] = &[
    ("kv_namespaces", &["binding", "id", "preview_id", "remote", "experimental_remote"]),
    (
        "routes",
        &["pattern", "zone_id", "zone_name", "custom_domain", "enabled", "previews_enabled"],
    ),
];

/// The bindings that are vars.
const VARS: [&str; 2] = ["CFACCESS", "BACKSTAGE"];

/// Keys that belong into another object: the key, and the object.
const MISPLACED: &[(&str, &str)] =
    &[("CFACCESS", "vars"), ("BACKSTAGE", "vars"), ("crons", "triggers"), ("cpu_ms", "limits")];

/// Finds them, and puts the deployment right for the checks that follow.
pub(super) fn check(deployment: &mut Deployment, findings: &mut Findings) {
    let settings = &mut deployment.settings;
    for (key, below) in MISPLACED {
        let Some(value) = settings.remove(*key) else { continue };
        findings.problem(
            Code::Misplaced,
            *key,
            format!("`{key}` is not read at this place"),
            format!("move it into `{below}`"),
        );
        let place = settings.entry(*below).or_insert_with(|| Value::Object(Map::new()));
        if let Some(object) = place.as_object_mut() {
            object.entry(*key).or_insert(value);
        }
    }
    correct(settings, TOP, "", true, findings);
    for (key, known) in BELOW {
        if let Some(object) = settings.get_mut(*key).and_then(Value::as_object_mut) {
            correct(object, known, key, true, findings);
        }
    }
    for (key, known) in ITEMS {
        let items = settings.get_mut(*key).and_then(Value::as_array_mut);
        for (at, item) in items.into_iter().flatten().enumerate() {
            if let Some(object) = item.as_object_mut() {
                correct(object, known, &format!("{key}[{at}]"), true, findings);
            }
        }
    }
    if let Some(vars) = settings.get_mut("vars").and_then(Value::as_object_mut) {
        correct(vars, &VARS, "vars", false, findings);
    }
}

/// Gives keys that are nearly right their right name. Others are ignored by wrangler with a warning,
/// except among the vars, where each name is one.
fn correct(
    object: &mut Map<String, Value>,
    known: &[&str],
    place: &str,
    is_closed: bool,
    findings: &mut Findings,
) {
    let unknown: Vec<String> =
        object.keys().filter(|key| !known.contains(&key.as_str())).cloned().collect();
    for key in unknown {
        let path = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
        let plain = |key: &str| key.to_ascii_lowercase().replace(['-', '_'], "");
        let alike = known
            .iter()
            .filter(|name| !object.contains_key(**name))
            .map(|name| (strsim::jaro_winkler(&plain(&key), &plain(name)), *name))
            .filter(|(likeness, _)| *likeness >= ALIKE)
            .max_by(|one, other| one.0.total_cmp(&other.0));
        if let Some((_, name)) = alike {
            findings.problem(
                Code::UnknownKey,
                path.clone(),
                format!("`{path}` is not a known key and is ignored"),
                format!("write `{name}`"),
            );
            if let Some(value) = object.remove(&key) {
                object.insert(name.to_owned(), value);
            }
        } else if is_closed {
            findings.warning(
                Code::UnknownKey,
                path.clone(),
                format!("`{path}` is not a known key and is ignored"),
                "take it out, or correct its name",
            );
        }
    }
}
