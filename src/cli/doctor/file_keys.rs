//! The keys of wrangler's file (its `config-schema.json`, `RawConfig`, of wrangler 4), and the names under
//! which people look for them.

/// What the value of a key must be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Another check looks at it.
    Any,
    Flag,
    List,
    Number,
    Object,
    Text,
}

use Kind::{Any, Flag, List, Number, Object, Text};

/// Keys, each with what its value must be.
pub(super) type Keys = &'static [(&'static str, Kind)];

pub(super) const TOP: Keys = &[
    ("$schema", Text),
    ("access", Object),
    ("account_id", Any),
    ("addresses", List),
    ("agent_memory", List),
    ("ai", Object),
    ("ai_search", List),
    ("ai_search_namespaces", List),
    ("alias", Object),
    ("analytics", Object),
    ("analytics_engine_datasets", List),
    ("artifacts", List),
    ("assets", Any),
    ("base_dir", Text),
    ("browser", Object),
    ("build", Object),
    ("cache", Object),
    ("cloudchamber", Object),
    ("compatibility_date", Any),
    ("compatibility_flags", Any),
    ("compliance_region", Text),
    ("connect", List),
    ("containers", List),
    ("d1_databases", List),
    ("data_blobs", Object),
    ("define", Object),
    ("dependencies_instrumentation", Object),
    ("dev", Object),
    ("dispatch_namespaces", List),
    ("durable_objects", Object),
    ("env", Object),
    ("exports", Object),
    ("find_additional_modules", Flag),
    ("first_party_worker", Flag),
    ("flagship", List),
    ("hyperdrive", List),
    ("images", Object),
    ("jsx_factory", Text),
    ("jsx_fragment", Text),
    ("k2", List),
    ("keep_names", Flag),
    ("keep_vars", Flag),
    ("kv_namespaces", Any),
    ("limits", Object),
    ("logfwdr", Object),
    ("logpush", Flag),
    ("main", Any),
    ("media", Object),
    ("migrations", List),
    ("minify", Flag),
    ("mtls_certificates", List),
    ("name", Any),
    ("no_bundle", Flag),
    ("observability", Object),
    ("pipelines", List),
    ("placement", Object),
    ("preserve_file_names", Flag),
    ("preview_urls", Any),
    ("previews", Object),
    ("python_modules", Object),
    ("queues", Object),
    ("r2_buckets", List),
    ("ratelimits", List),
    ("route", Any),
    ("routes", Any),
    ("rules", List),
    ("secrets", Object),
    ("secrets_store_secrets", List),
    ("send_email", List),
    ("send_metrics", Flag),
    ("services", List),
    ("site", Any),
    ("stream", Object),
    ("streaming_tail_consumers", List),
    ("tail_consumers", List),
    ("text_blobs", Object),
    ("triggers", Object),
    ("tsconfig", Text),
    ("unsafe", Object),
    ("unsafe_hello_world", List),
    ("upload_source_maps", Flag),
    ("vars", Any),
    ("vectorize", List),
    ("version_metadata", Object),
    ("vpc_networks", List),
    ("vpc_services", List),
    ("wasm_modules", Object),
    ("worker_loaders", List),
    ("workers_dev", Any),
    ("workflows", List),
];

/// The keys of the objects that matter here, by their path.
pub(super) const BELOW: &[(&str, Keys)] = &[
    ("build", &[("command", Any), ("cwd", Text), ("watch_dir", Any)]),
    ("cache", &[("enabled", Flag), ("cross_version_cache", Flag)]),
    ("limits", &[("cpu_ms", Any), ("subrequests", Number)]),
    (
        "observability",
        &[
            ("enabled", Flag),
            ("head_sampling_rate", Number),
            ("issues", Object),
            ("logs", Object),
            ("redact_query_string", Flag),
            ("traces", Object),
        ],
    ),
    (
        "observability.logs",
        &[
            ("destinations", List),
            ("enabled", Flag),
            ("head_sampling_rate", Number),
            ("invocation_logs", Flag),
            ("persist", Flag),
        ],
    ),
    ("secrets", &[("required", Any)]),
    ("triggers", &[("crons", Any), ("events", List)]),
];

/// The keys of the items of lists. wrangler ignores others with a warning, except in a route.
pub(super) const ITEMS: &[(&str, Keys)] = &[
    ("kv_namespaces", &[("binding", Any), ("id", Any), ("preview_id", Text), ("remote", Flag)]),
    (
        "routes",
        &[
            ("pattern", Any),
            ("zone_id", Any),
            ("zone_name", Any),
            ("custom_domain", Any),
            ("enabled", Any),
            ("previews_enabled", Any),
        ],
    ),
];

/// Other names of keys: where, the name, and the key that is meant.
pub(super) const ALIASES: &[(&str, &str, &str)] = &[
    ("", "crons", "triggers"),
    ("", "entry_point", "main"),
    ("", "environment", "env"),
    ("", "environments", "env"),
    ("", "kv", "kv_namespaces"),
    ("", "schedule", "triggers"),
    ("kv_namespaces", "name", "binding"),
    ("kv_namespaces", "namespace_id", "id"),
    ("routes", "domain", "pattern"),
    ("routes", "host", "pattern"),
    ("routes", "patterns", "pattern"),
    ("routes", "route", "pattern"),
    ("routes", "url", "pattern"),
    ("routes", "zone", "zone_name"),
    ("triggers", "schedules", "crons"),
];

/// Keys at the top of the file that belong into an object: the key, and the object.
pub(super) const MISPLACED: &[(&str, &str)] = &[
    ("BACKSTAGE", "vars"),
    ("CFACCESS", "vars"),
    ("command", "build"),
    ("cpu_ms", "limits"),
    ("crons", "triggers"),
    ("head_sampling_rate", "observability"),
    ("logs", "observability"),
    ("required", "secrets"),
];

/// Keys that belong to the top of the file and are in nothing that has names of the operator's own.
/// Without them at the top, one of this name among the vars is misplaced.
pub(super) const NEEDED: &[&str] = &[
    "compatibility_date",
    "kv_namespaces",
    "main",
    "name",
    "observability",
    "preview_urls",
    "route",
    "routes",
    "secrets",
    "workers_dev",
];

/// Keys with which wrangler deploys nothing, and what to do.
pub(super) const REFUSED: &[(&str, &str)] = &[
    ("legacy_env", "take it out: each environment is a Worker of its own"),
    ("node_compat", "take it out, or write `compatibility_flags = [\"nodejs_compat\"]`"),
    ("pages_build_output_dir", "take it out: it makes this a project of Pages, not a Worker"),
];
