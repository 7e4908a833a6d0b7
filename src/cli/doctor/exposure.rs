//! By which ways requests reach the Worker: every one must lead through Access, and the one that
//! Backstage uses must lead to it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::wrangler::Deployment;
use super::Findings;
use super::hosts::{host_in, is_private};
use crate::config::{Config, Trust};

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
    let routes = routes(deployment);
    if routes.is_empty() {
        findings.problem(
            "there are no routes, so no request reaches the Worker: `routes = [{ pattern = \
             \"backstage.example.com/*\", zone_name = \"example.com\" }]`",
        );
        return;
    }
    for route in &routes {
        check_zone(route, findings);
    }
    let Some(config) = config else { return };
    let host = host_in(&config.backstage.issuer);
    if is_private(&host) {
        return;
    }
    let provider = &config.sign_in.provider_id;
    let refresh = format!("{host}{}/{provider}/refresh", config.backstage.auth_path);
    let Some(route) = routes.iter().find(|route| leads(route, &host, &refresh)) else {
        findings.problem(format!(
            "no route leads to {refresh}, where BACKSTAGE.baseUrl has its sign-in: add the pattern \
             `{host}/*`"
        ));
        return;
    };
    check_coverage(&routes, config, &host, findings);
    let origin = config.backstage.origin.as_deref();
    let is_elsewhere = origin.is_some_and(|origin| host_in(origin) != host);
    if is_custom_domain(route) && !is_elsewhere {
        findings.problem(
            "a custom domain has no origin behind it: set BACKSTAGE.origin to an address of \
             Backstage's own, or use a route with a zone_name instead",
        );
    }
}

/// Whether every path of Backstage leads to the Worker: what does not is forwarded without its check.
fn check_coverage(routes: &[&Value], config: &Config, host: &str, findings: &mut Findings) {
    let auth_path = &config.backstage.auth_path;
    let base = auth_path.strip_suffix("/api/auth").unwrap_or_default();
    let open = ["/", "/catalog", "/api/catalog/entities", "/api/auth/v1/userinfo"]
        .iter()
        .map(|path| format!("{host}{base}{path}"))
        .find(|url| !routes.iter().any(|route| leads(route, host, url)));
    if let Some(url) = open {
        findings.problem(format!(
            "no route leads to {url}, so such requests reach Backstage without the Worker's check: use the \
             pattern `{host}{base}/*`"
        ));
    }
    let hosts: BTreeSet<&str> = routes.iter().filter_map(|route| host_of(route)).collect();
    if config.backstage.trust == Trust::Service && hosts.len() == 1 {
        findings.note(format!(
            "with BACKSTAGE.trust \"service\" the backend must reach {host}{auth_path}/.well-known/jwks.json \
             and {host}{auth_path}/v1/userinfo without Access: have a Bypass application for both paths, or a \
             route on a second host name"
        ));
    }
}

fn check_zone(route: &Value, findings: &mut Findings) {
    let Some(zone) = route.get("zone_name").and_then(Value::as_str) else { return };
    let Some(host) = host_of(route) else { return };
    let host = host.trim_matches('*').trim_start_matches('.').to_ascii_lowercase();
    let zone = zone.to_ascii_lowercase();
    if host != zone && !host.ends_with(&format!(".{zone}")) {
        findings.problem(format!(
            "the route {host} is not in the zone {zone}: set `zone_name` to the domain of the route as \
             the Cloudflare dashboard lists it"
        ));
    }
}

/// The routes of a deployment, in both ways to write them.
pub(super) fn routes(deployment: &Deployment) -> Vec<&Value> {
    match (deployment.get("routes"), deployment.get("route")) {
        (Some(Value::Array(routes)), _) => routes.iter().collect(),
        (None, Some(route)) => vec![route],
        _ => Vec::new(),
    }
}

/// The pattern of a route.
pub(super) fn pattern(route: &Value) -> Option<&str> {
    route.as_str().or_else(|| route.get("pattern")?.as_str())
}

/// The host in a route's pattern.
fn host_of(route: &Value) -> Option<&str> {
    let pattern = pattern(route)?;
    let rest = pattern.split_once("://").map_or(pattern, |(_, rest)| rest);
    rest.split('/').next()
}

fn is_custom_domain(route: &Value) -> bool {
    route.get("custom_domain") == Some(&Value::Bool(true))
}

/// Whether a route takes requests to this URL, which has no scheme. `*` in a pattern stands for
/// anything (developers.cloudflare.com, "Workers routes", matching behavior).
fn leads(route: &Value, host: &str, url: &str) -> bool {
    let Some(pattern) = pattern(route) else { return false };
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
