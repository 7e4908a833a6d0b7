//! Where Backstage says that it is: URLs, discovery and CORS.

use serde_json::Value;

use super::super::findings::{Code, Findings};
use super::super::hosts::{host_in, is_private, origin_in};
use super::{AppConfig, known};
use crate::config::{Config, Trust};

/// The endpoints of discovery.
const ENDPOINTS: &str = "discovery.endpoints";

/// The endpoint of the auth plugin, with its place, and its target.
pub(super) fn auth_endpoint(app: &AppConfig) -> Option<(String, &Value)> {
    let endpoints = app.get(ENDPOINTS)?.as_array()?;
    endpoints.iter().enumerate().find_map(|(at, endpoint)| {
        let plugins = endpoint.get("plugins")?.as_array()?;
        let target = endpoint.get("target")?;
        let is_meant = plugins.iter().any(|plugin| plugin == "auth");
        is_meant.then(|| (format!("{ENDPOINTS}[{at}].target"), target))
    })
}

/// A target must have both addresses: the browser uses a plain text too.
pub(super) fn check_discovery_targets(app: &AppConfig, findings: &mut Findings) {
    let Some((place, target)) = auth_endpoint(app) else { return };
    let base = app.text("backend.baseUrl").unwrap_or("https://backstage.example.com");
    let base = base.trim_end_matches('/');
    let both = format!(
        "write target: {{ internal: {base}/api/{{{{pluginId}}}}, external: \
         {base}/api/{{{{pluginId}}}} }}"
    );
    let problem = match target {
        Value::String(_) => {
            Some(format!("{place} is a text, so the browser uses it too and no user can sign in"))
        }
        Value::Object(target) => {
            let lacks = |key: &&&str| !target.contains_key(**key);
            let lacking = ["internal", "external"].iter().find(lacks);
            lacking.map(|key| format!("{place} has no `{key}`"))
        }
        _ => Some(format!("{place} is neither a text nor an object")),
    };
    if let Some(problem) = problem {
        findings.problem(Code::AppDiscoveryTarget, place, problem, both);
    }
}

pub(super) fn check(app: &AppConfig, config: &Config, findings: &mut Findings) {
    check_backend_url(app, config, findings);
    check_discovery(app, config, findings);
    check_front_end(app, config, findings);
}

fn worker_base(config: &Config) -> &str {
    let issuer = &config.backstage.issuer;
    issuer.strip_suffix("/api/auth").unwrap_or(issuer)
}

fn check_backend_url(app: &AppConfig, config: &Config, findings: &mut Findings) {
    let place = "backend.baseUrl";
    let base = worker_base(config);
    let Some(text) = app.text(place) else {
        findings.note(
            Code::AppBackendUrl,
            place,
            "backend.baseUrl is not in these files, or comes from the environment",
            format!("it must be {base}, as BACKSTAGE.baseUrl"),
        );
        return;
    };
    let text = text.trim_end_matches('/');
    let path = text.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
    let path = path.map(|(_, path)| format!("/{path}")).unwrap_or_default();
    let same_path = config.backstage.auth_path == format!("{path}/api/auth");
    if origin_in(text) != origin_in(base) || !same_path {
        findings.problem(
            Code::AppBackendUrl,
            place,
            format!("backend.baseUrl is {text}, and BACKSTAGE.baseUrl of the Worker is {base}"),
            if is_private(&host_in(text)) {
                format!("set backend.baseUrl to {base}, the URL that users open")
            } else {
                format!("set BACKSTAGE.baseUrl to {text}, or backend.baseUrl to {base}")
            },
        );
    } else if !path.is_empty() {
        findings.warning(
            Code::AppBackendUrl,
            place,
            format!(
                "backend.baseUrl has the path {path}, and the backend itself serves /api without it"
            ),
            format!(
                "let the server in front of the backend remove {path}: the Worker forwards paths as they are"
            ),
        );
    }
}

fn check_discovery(app: &AppConfig, config: &Config, findings: &mut Findings) {
    let base = worker_base(config);
    let endpoint = auth_endpoint(app);
    match (config.backstage.trust, endpoint) {
        (Trust::SharedKey, Some((place, _))) => findings.problem(
            Code::AppDiscovery,
            place,
            "discovery.endpoints leads to another auth service, and BACKSTAGE.trust is \"shared-key\": the \
             backend has the auth plugin itself",
            "take the endpoint of `auth` out",
        ),
        (Trust::Service, None) => findings.problem(
            Code::AppDiscovery,
            ENDPOINTS,
            "discovery.endpoints has no endpoint of the plugin `auth`, and BACKSTAGE.trust is \"service\": the \
             backend does not find the keys of the Worker",
            format!(
                "write - target: {{ internal: {base}/api/{{{{pluginId}}}}, external: \
                 {base}/api/{{{{pluginId}}}} }} with plugins: [auth]"
            ),
        ),
        (Trust::Service, Some((place, target))) => {
            let external = target.get("external").and_then(known);
            if let Some(external) = external.filter(|it| !is_at(it, base)) {
                findings.problem(
                    Code::AppDiscovery,
                    place.clone(),
                    format!("{place}.external is {external}, which is not where users are"),
                    format!("write {base}/api/{{{{pluginId}}}}"),
                );
            }
            let internal = target.get("internal").and_then(known);
            if let Some(internal) = internal.filter(|it| is_private(&host_in(it))) {
                findings.problem(
                    Code::AppDiscovery,
                    place.clone(),
                    format!("{place}.internal is {internal}, which is not the Worker"),
                    format!("write {base}/api/{{{{pluginId}}}}, or a second host name of the Worker"),
                );
            }
        }
        (Trust::SharedKey, None) => {}
    }
}

/// Whether a target leads to the plugins below a base URL.
fn is_at(target: &str, base: &str) -> bool {
    let plain = target.replace(' ', "");
    let path = |url: &str| {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default().to_owned()
    };
    let expected =
        [format!("{}/api/{{{{pluginId}}}}", path(base)), format!("{}/api/auth", path(base))];
    origin_in(&plain) == origin_in(base)
        && expected.contains(&path(&plain).trim_end_matches('/').to_owned())
}

/// A front end on another origin needs CORS at the Worker and at the backend.
fn check_front_end(app: &AppConfig, config: &Config, findings: &mut Findings) {
    let Some(front_end) = app.text("app.baseUrl") else { return };
    let origin = origin_in(front_end);
    let base = worker_base(config);
    if origin == origin_in(base) || is_private(&host_in(front_end)) {
        if origin != origin_in(base) {
            findings.warning(
                Code::AppCors,
                "app.baseUrl",
                format!("app.baseUrl is {front_end}, which only one machine reaches"),
                format!("write the URL that users open, such as {base}"),
            );
        }
        return;
    }
    let known_origins = &config.backstage.cors_origins;
    if !known_origins.iter().any(|it| origin_in(it) == origin) {
        findings.problem(
            Code::AppCors,
            "app.baseUrl",
            format!(
                "app.baseUrl is {front_end} and the backend is at {base}: browsers do not let the front end \
                 sign in"
            ),
            format!("add \"{origin}\" to BACKSTAGE.corsOrigins of the Worker"),
        );
        return;
    }
    let allowed: Vec<&str> = match app.get("backend.cors.origin") {
        Some(Value::Array(origins)) => origins.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(origin)) => vec![origin],
        _ => Vec::new(),
    };
    // Patterns and what comes from the environment cannot be compared.
    let is_plain = |text: &&str| !text.contains(['*', '$', '{', '?', '(']);
    if allowed.iter().all(is_plain) && !allowed.iter().any(|it| origin_in(it) == origin) {
        findings.problem(
            Code::AppCors,
            "backend.cors.origin",
            format!("backend.cors.origin does not have {origin}, the origin of app.baseUrl"),
            format!("write cors: {{ origin: {origin}, credentials: true }} below `backend`"),
        );
    }
}
