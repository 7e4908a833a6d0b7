//! The routes of a deployment, one by one.

use serde_json::Value;

use super::super::wrangler::Deployment;
use super::bindings::is_id;
use super::findings::{Code, Findings};

/// Whether a route can be deployed as it is written.
pub(super) fn check_pattern(place: &str, route: &Value, findings: &mut Findings) -> bool {
    if !check_shape(place, route, findings) {
        return false;
    }
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
    let problem = if pattern.contains(char::is_whitespace) {
        Some(("it has a space in it", "take the space out"))
    } else if is_custom_domain(route) && (pattern.contains(['*', '/'])) {
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
    } else if rest.contains(['?', '#']) {
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

/// Whether wrangler takes the object of a route (`isValidRouteValue`).
fn check_shape(place: &str, route: &Value, findings: &mut Findings) -> bool {
    let Some(object) = route.as_object() else { return true };
    let has = |key: &str| object.contains_key(key);
    let wrong = object.iter().find_map(|(key, value)| match key.as_str() {
        "pattern" | "zone_id" | "zone_name" if !value.is_string() => Some((key, "text in quotes")),
        "custom_domain" | "enabled" | "previews_enabled" if !value.is_boolean() => {
            Some((key, "true or false, without quotes"))
        }
        _ => None,
    });
    let (code, place, message, remedy) = if let Some((key, must_be)) = wrong {
        let message = format!("`{key}` of a route must be {must_be}, and wrangler refuses it");
        (Code::RoutePattern, format!("{place}.{key}"), message, "write it so")
    } else if has("zone_id") && has("zone_name") {
        let message = "a route has `zone_id` and `zone_name`, and wrangler takes only one";
        (Code::RouteZone, format!("{place}.zone_id"), message.to_owned(), "keep `zone_name`")
    } else if (has("enabled") || has("previews_enabled")) && !has("custom_domain") {
        let key = if has("enabled") { "enabled" } else { "previews_enabled" };
        let message = format!("`{key}` is for custom domains, and wrangler refuses the route");
        (
            Code::RoutePattern,
            format!("{place}.{key}"),
            message,
            "take it out, or take out the route",
        )
    } else if has("pattern") && !["zone_id", "zone_name", "custom_domain"].into_iter().any(has) {
        let message =
            "a route in { } has neither `zone_name` nor `zone_id`, and wrangler refuses it";
        let remedy = "add `zone_name`, or write the pattern alone, in quotes";
        (Code::RouteZone, place.to_owned(), message.to_owned(), remedy)
    } else {
        return true;
    };
    findings.problem(code, place, message, remedy);
    false
}

fn check_zone(place: &str, route: &Value, findings: &mut Findings) {
    if route.get("zone_id").is_some_and(|id| !id.as_str().is_some_and(is_id)) {
        findings.problem(
            Code::RouteZone,
            place.replace(".pattern", ".zone_id"),
            "`zone_id` is not the id of a zone",
            "copy it from the zone's overview in the Cloudflare dashboard, or write `zone_name`",
        );
        return;
    }
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
pub(super) fn host_of(route: &Value) -> Option<String> {
    let pattern = pattern(route)?;
    let rest = pattern.split_once("://").map_or(pattern, |(_, rest)| rest);
    rest.split('/').next().map(str::to_ascii_lowercase)
}

pub(super) fn is_custom_domain(route: &Value) -> bool {
    route.get("custom_domain") == Some(&Value::Bool(true))
}

/// Whether a route takes requests to this URL, which has no scheme. `*` in a pattern stands for
/// anything (developers.cloudflare.com, "Workers routes", matching behavior).
pub(super) fn leads(route: &Value, host: &str, url: &str, is_secure: bool) -> bool {
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
