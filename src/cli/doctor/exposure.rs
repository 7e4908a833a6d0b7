//! By which ways requests reach the Worker: every one must lead through Access, and the one that
//! Backstage uses must lead to it.

use serde_json::Value;

use super::super::wrangler::Deployment;
use super::Findings;
use super::settings::host_in;
use crate::config::Config;

/// The flag that sends a Worker's own fetch through the front door again.
const LOOP_FLAG: &str = "global_fetch_strictly_public";

pub(super) fn check(deployment: &Deployment, config: Option<&Config>, findings: &mut Findings) {
    for key in ["workers_dev", "preview_urls"] {
        if deployment.get(key) != Some(&Value::Bool(false)) {
            findings.problem(format!(
                "`{key}` is not false: an address on workers.dev has no Access in front of it; \
                 set `{key} = false`"
            ));
        }
    }
    if deployment.get("cache.enabled") == Some(&Value::Bool(true)) {
        findings.problem(
            "`cache.enabled` puts a cache in front of the Worker that does not tell users apart: \
             take [cache] out",
        );
    }
    let flags = deployment.get("compatibility_flags").and_then(Value::as_array);
    if flags.is_some_and(|flags| flags.iter().any(|flag| flag == LOOP_FLAG)) {
        findings.problem(format!(
            "the compatibility flag `{LOOP_FLAG}` sends what the Worker forwards back to the \
             Worker: take it out"
        ));
    }
    check_routes(deployment, config, findings);
}

fn check_routes(deployment: &Deployment, config: Option<&Config>, findings: &mut Findings) {
    let routes: Vec<&Value> = match (deployment.get("routes"), deployment.get("route")) {
        (Some(Value::Array(routes)), _) => routes.iter().collect(),
        (None, Some(route)) => vec![route],
        _ => Vec::new(),
    };
    if routes.is_empty() {
        findings.problem(
            "there are no routes, so no request reaches the Worker: `routes = [{ pattern = \
             \"backstage.example.com/*\", zone_name = \"example.com\" }]`",
        );
        return;
    }
    let Some(config) = config else { return };
    let host = host_in(&config.backstage.issuer);
    let provider = &config.sign_in.provider_id;
    let refresh = format!("{host}{}/{provider}/refresh", config.backstage.auth_path);
    let Some(route) = routes.iter().find(|route| leads(route, &host, &refresh)) else {
        findings.problem(format!(
            "no route leads to {refresh}, where BACKSTAGE.baseUrl has its sign-in: add the pattern \
             `{host}/*`"
        ));
        return;
    };
    let origin = config.backstage.origin.as_deref();
    let is_elsewhere = origin.is_some_and(|origin| host_in(origin) != host);
    if is_custom_domain(route) && !is_elsewhere {
        findings.problem(
            "a custom domain has no origin behind it: set BACKSTAGE.origin to an address of \
             Backstage's own, or use a route with a zone_name instead",
        );
    }
}

fn is_custom_domain(route: &Value) -> bool {
    route.get("custom_domain") == Some(&Value::Bool(true))
}

/// Whether a route takes requests to this URL, which has no scheme. `*` in a pattern stands for
/// anything (developers.cloudflare.com, "Workers routes", matching behavior).
fn leads(route: &Value, host: &str, url: &str) -> bool {
    let Some(pattern) = route.as_str().or_else(|| route.get("pattern")?.as_str()) else {
        return false;
    };
    if route.get("enabled") == Some(&Value::Bool(false)) {
        return false;
    }
    let pattern = pattern.split_once("://").map_or(pattern, |(_, rest)| rest);
    if is_custom_domain(route) {
        return pattern.eq_ignore_ascii_case(host);
    }
    let mut parts = pattern.split('*');
    let Some(mut rest) = url.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
        last = Some(part);
    }
    match last {
        Some(part) => part.is_empty() || rest.is_empty() || url.ends_with(part),
        None => rest.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::leads;

    #[test]
    fn a_pattern_leads_where_its_stars_let_it() {
        let host = "backstage.acme.io";
        let url = "backstage.acme.io/api/auth/cfaccess/refresh";
        for (pattern, expected) in [
            ("backstage.acme.io/*", true),
            ("https://backstage.acme.io/*", true),
            ("*.acme.io/*", true),
            ("*acme.io/api/*", true),
            ("backstage.acme.io/api/*/refresh", true),
            ("*/refresh", true),
            ("backstage.acme.io", false),
            ("backstage.acme.io/", false),
            ("backstage.acme.io/catalog*", false),
            ("www.acme.io/*", false),
            ("*/refreshed", false),
        ] {
            assert_eq!(leads(&json!(pattern), host, url), expected, "{pattern}");
            let route = json!({ "pattern": pattern, "zone_name": "acme.io" });
            assert_eq!(leads(&route, host, url), expected, "{route}");
        }
        assert!(leads(&json!({ "pattern": host, "custom_domain": true }), host, url));
        assert!(!leads(&json!({ "pattern": "backstage.acme.io/*", "enabled": false }), host, url));
    }
}
