//! By which ways requests reach the Worker: every one must lead through Access, and the one that
//! Backstage uses must lead to it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::wrangler::Deployment;
use super::findings::{Code, Findings};
use super::hosts::{host_in, is_private};
use crate::config::{Config, Trust};

/// The flag that sends a Worker's own fetch through the front door again.
const LOOP_FLAG: &str = "global_fetch_strictly_public";

pub(super) fn check(deployment: &Deployment, config: Option<&Config>, findings: &mut Findings) {
    for (key, code) in [("workers_dev", Code::WorkersDev), ("preview_urls", Code::PreviewUrls)] {
        if deployment.get(key) != Some(&Value::Bool(false)) {
            findings.problem(
                code,
                key,
                format!(
                    "`{key}` is not false, and an address on workers.dev has no Access in front of it"
                ),
                format!("set `{key} = false`"),
            );
        }
    }
    if deployment.get("cache.enabled").is_some_and(|it| *it != Value::Bool(false)) {
        findings.problem(
            Code::Cache,
            "cache.enabled",
            "`cache.enabled` puts a cache in front of the Worker that does not tell users apart",
            "take [cache] out",
        );
    }
    let flags = deployment.get("compatibility_flags").and_then(Value::as_array);
    if flags.is_some_and(|flags| flags.iter().any(|flag| flag == LOOP_FLAG)) {
        findings.problem(
            Code::LoopFlag,
            "compatibility_flags",
            format!(
                "the compatibility flag `{LOOP_FLAG}` sends what the Worker forwards back to the Worker"
            ),
            "take it out",
        );
    }
    check_routes(deployment, config, findings);
}

fn check_routes(deployment: &Deployment, config: Option<&Config>, findings: &mut Findings) {
    if let (Some(_), Some(_)) = (deployment.get("route"), deployment.get("routes")) {
        findings.problem(
            Code::RoutePattern,
            "route",
            "`route` and `routes` are both there, and wrangler takes only one",
            "move `route` into `routes`",
        );
        return;
    }
    if deployment.get("routes").is_some_and(|routes| !routes.is_array()) {
        findings.problem(
            Code::RoutePattern,
            "routes",
            "`routes` must be a list",
            "write [\"backstage.example.com/*\"], or `route` for a single one",
        );
        return;
    }
    let routes = routes(deployment);
    if routes.is_empty() {
        findings.problem(
            Code::RouteMissing,
            "routes",
            "there are no routes, so no request reaches the Worker",
            "add `routes = [{ pattern = \"backstage.example.com/*\", zone_name = \"example.com\" }]`",
        );
        return;
    }
    let mut is_sound = true;
    for (place, route) in &routes {
        is_sound &= check_pattern(place, route, findings);
    }
    let (Some(config), true) = (config, is_sound) else { return };
    let host = host_in(&config.backstage.issuer);
    if is_private(&host) {
        return;
    }
    let provider = &config.sign_in.provider_id;
    let refresh = format!("{host}{}/{provider}/refresh", config.backstage.auth_path);
    let is_secure = config.backstage.issuer.starts_with("https://");
    let Some((place, route)) =
        routes.iter().find(|(_, route)| leads(route, &host, &refresh, is_secure))
    else {
        findings.problem(
            Code::RouteMissing,
            "routes",
            format!("no route leads to {refresh}, where BACKSTAGE.baseUrl has its sign-in"),
            format!("add the pattern `{host}/*`"),
        );
        return;
    };
    check_coverage(&routes, config, &host, findings);
    check_origin(&routes, config, &host, findings);
    let origin = config.backstage.origin.as_deref();
    let is_elsewhere = origin.is_some_and(|origin| host_in(origin) != host);
    if is_custom_domain(route) && !is_elsewhere {
        findings.problem(
            Code::CustomDomain,
            place.clone(),
            "a custom domain has no origin behind it",
            "set BACKSTAGE.origin to an address of Backstage's own, or use a route with a zone_name instead",
        );
    }
}

/// Whether a route can be deployed as it is written.
fn check_pattern(place: &str, route: &Value, findings: &mut Findings) -> bool {
    let Some(pattern) = pattern(route).filter(|pattern| !pattern.trim().is_empty()) else {
        findings.problem(
            Code::RoutePattern,
            place,
            "a route has no `pattern`",
            "write { pattern = \"backstage.example.com/*\", zone_name = \"example.com\" }",
        );
        return false;
    };
    let place = format!("{place}.pattern");
    let (scheme, rest) = pattern.split_once("://").unwrap_or(("", pattern));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let inner = host.trim_start_matches('*');
    // Without a path, the end of the host name is the end of the pattern.
    let inner = if rest.contains('/') { inner } else { inner.trim_end_matches('*') };
    let problem = if is_custom_domain(route) && (pattern.contains(['*', '/'])) {
        Some(("a custom domain takes a host name alone", "write the host name, without `/*`"))
    } else if !matches!(scheme, "" | "http" | "https") {
        Some(("its scheme is none that a route can have", "write the host name and `/*`"))
    } else if host.contains(':') {
        Some(("a route has no port", "write the host name and `/*`"))
    } else if inner.contains('*') || path.trim_end_matches('*').contains('*') {
        Some((
            "a wildcard can only begin the host name and end the path",
            "write a pattern such as `backstage.example.com/*`",
        ))
    } else if rest.contains(['?', '#']) || pattern.contains(' ') {
        Some((
            "a pattern has only a host name and a path",
            "write a pattern such as `backstage.example.com/*`",
        ))
    } else {
        None
    };
    if let Some((why, remedy)) = problem {
        findings.problem(
            Code::RoutePattern,
            place,
            format!("the route `{pattern}` is not valid: {why}"),
            remedy,
        );
        return false;
    }
    check_zone(&place, route, findings);
    true
}

/// Whether every path of Backstage leads to the Worker: what does not is forwarded without its check.
fn check_coverage(
    routes: &[(String, &Value)],
    config: &Config,
    host: &str,
    findings: &mut Findings,
) {
    let auth_path = &config.backstage.auth_path;
    let base = auth_path.strip_suffix("/api/auth").unwrap_or_default();
    let is_secure = config.backstage.issuer.starts_with("https://");
    let open = ["/", "/catalog", "/api/catalog/entities", "/api/auth/v1/userinfo"]
        .iter()
        .map(|path| format!("{host}{base}{path}"))
        .find(|url| !routes.iter().any(|(_, route)| leads(route, host, url, is_secure)));
    if let Some(url) = open {
        findings.problem(
            Code::RouteCoverage,
            "routes",
            format!(
                "no route leads to {url}, so such requests reach Backstage without the Worker's check"
            ),
            format!("use the pattern `{host}{base}/*`"),
        );
    }
    let hosts: BTreeSet<String> = routes.iter().filter_map(|(_, route)| host_of(route)).collect();
    if config.backstage.trust == Trust::Service && hosts.len() == 1 {
        findings.note(
            Code::PublicRoutes,
            "routes",
            format!(
                "with BACKSTAGE.trust \"service\" the backend must reach {host}{auth_path}/.well-known/jwks.json \
                 and {host}{auth_path}/v1/userinfo without Access"
            ),
            "have a Bypass application for both paths, or a route on a second host name",
        );
    }
}

/// A second host name of the Worker is no origin.
fn check_origin(routes: &[(String, &Value)], config: &Config, host: &str, findings: &mut Findings) {
    let Some(origin) = config.backstage.origin.as_deref().map(host_in) else { return };
    let is_of_worker =
        |(_, route): &(String, &Value)| host_of(route).is_some_and(|it| it == origin);
    if origin != host && routes.iter().any(is_of_worker) {
        findings.problem(
            Code::OriginIsWorker,
            "vars.BACKSTAGE.origin",
            format!("BACKSTAGE.origin names {origin}, which has a route to the Worker itself"),
            "set it to an address of Backstage's own",
        );
    }
}

fn check_zone(place: &str, route: &Value, findings: &mut Findings) {
    let Some(zone) = route.get("zone_name").and_then(Value::as_str) else { return };
    let Some(host) = host_of(route) else { return };
    let host = host.trim_matches('*').trim_start_matches('.');
    let zone = zone.to_ascii_lowercase();
    if host != zone && !host.ends_with(&format!(".{zone}")) {
        findings.problem(
            Code::RouteZone,
            place.replace(".pattern", ".zone_name"),
            format!("the route {host} is not in the zone {zone}"),
            "set `zone_name` to the domain of the route as the Cloudflare dashboard lists it",
        );
    }
}

/// The routes of a deployment with their places, in both ways to write them.
pub(super) fn routes(deployment: &Deployment) -> Vec<(String, &Value)> {
    match (deployment.get("routes"), deployment.get("route")) {
        (Some(Value::Array(routes)), _) => {
            routes.iter().enumerate().map(|(at, route)| (format!("routes[{at}]"), route)).collect()
        }
        (None, Some(route)) => vec![("route".to_owned(), route)],
        _ => Vec::new(),
    }
}

/// The pattern of a route.
pub(super) fn pattern(route: &Value) -> Option<&str> {
    route.as_str().or_else(|| route.get("pattern")?.as_str())
}

/// The host in a route's pattern, in lower case.
fn host_of(route: &Value) -> Option<String> {
    let pattern = pattern(route)?;
    let rest = pattern.split_once("://").map_or(pattern, |(_, rest)| rest);
    rest.split('/').next().map(str::to_ascii_lowercase)
}

fn is_custom_domain(route: &Value) -> bool {
    route.get("custom_domain") == Some(&Value::Bool(true))
}

/// Whether a route takes requests to this URL, which has no scheme. `*` in a pattern stands for
/// anything (developers.cloudflare.com, "Workers routes", matching behavior).
fn leads(route: &Value, host: &str, url: &str, is_secure: bool) -> bool {
    let Some(pattern) = pattern(route) else { return false };
    if route.get("enabled") == Some(&Value::Bool(false)) {
        return false;
    }
    let (scheme, pattern) = pattern.split_once("://").unwrap_or(("", pattern));
    if scheme == "http" && is_secure {
        return false;
    }
    if is_custom_domain(route) {
        return pattern.eq_ignore_ascii_case(host);
    }
    // Host names are compared without case, paths with it.
    let (host, path) = pattern.find('/').map_or((pattern, ""), |at| pattern.split_at(at));
    let pattern = format!("{}{path}", host.to_ascii_lowercase());
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
            ("Backstage.Acme.io/*", true),
            ("backstage.acme.io/API/*", false),
            ("*acme.io/api/*", true),
            ("backstage.acme.io/api/*/refresh", true),
            ("*/refresh", true),
            ("backstage.acme.io", false),
            ("backstage.acme.io/", false),
            ("backstage.acme.io/catalog*", false),
            ("www.acme.io/*", false),
            ("*/refreshed", false),
        ] {
            assert_eq!(leads(&json!(pattern), host, url, true), expected, "{pattern}");
            let route = json!({ "pattern": pattern, "zone_name": "acme.io" });
            assert_eq!(leads(&route, host, url, true), expected, "{route}");
        }
        assert!(leads(&json!({ "pattern": host, "custom_domain": true }), host, url, true));
        let disabled = json!({ "pattern": "backstage.acme.io/*", "enabled": false });
        assert!(!leads(&disabled, host, url, true));
        let plain = json!("http://backstage.acme.io/*");
        assert!(leads(&plain, host, url, false) && !leads(&plain, host, url, true));
    }
}
