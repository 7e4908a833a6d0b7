//! By which ways requests reach the Worker: every one must lead through Access, and the one that
//! Backstage uses must lead to it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::wrangler::Deployment;
use super::findings::{Code, Findings};
use super::hosts::{host_in, is_private};
use super::routes::{check_pattern, host_of, is_custom_domain, leads, pattern, routes};
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
    for (at, (place, route)) in routes.iter().enumerate() {
        is_sound &= check_pattern(place, route, findings);
        let is_same = |(_, other): &&(String, &Value)| {
            pattern(other).is_some_and(|other| pattern(route) == Some(other))
        };
        if let Some((other, _)) = routes.iter().take(at).find(is_same) {
            findings.warning(
                Code::RoutePattern,
                place.clone(),
                format!("`{place}` has the pattern of `{other}`"),
                "keep one",
            );
        }
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
