//! The URLs and the token's life in `BACKSTAGE`.

use serde_json::Value;

use super::super::wrangler::Deployment;
use super::findings::{Code, Findings};
use super::hosts::{host_in, is_private, port_in};
use super::values::object;
use crate::config::Config;
use crate::reader::Reader;

/// Pages of Backstage's app.
const PAGES: [&str; 7] =
    ["api-docs", "catalog", "catalog-import", "create", "docs", "search", "settings"];

/// Ports that Cloudflare forwards (developers.cloudflare.com, "Network ports").
const PORTS: [u16; 13] =
    [80, 443, 2052, 2053, 2082, 2083, 2086, 2087, 2095, 2096, 8080, 8443, 8880];

pub(super) fn check(deployment: &Deployment, config: &Config, findings: &mut Findings) {
    check_backstage(deployment, config, findings);
    check_origins(config, findings);
}

fn check_backstage(deployment: &Deployment, config: &Config, findings: &mut Findings) {
    let backstage = &config.backstage;
    let base = backstage.issuer.strip_suffix("/api/auth").unwrap_or(&backstage.issuer);
    let place = "vars.BACKSTAGE.baseUrl";
    if format!("{base}/").contains("/api/auth/") || base.ends_with("/api") {
        findings.problem(
            Code::BaseUrl,
            place,
            format!("BACKSTAGE.baseUrl is {base}, to which `/api/auth` is added"),
            "write `backend.baseUrl` of app-config, without `/api`",
        );
    }
    if base.contains("/cdn-cgi") || host_in(base).ends_with(".cloudflareaccess.com") {
        findings.problem(
            Code::BaseUrl,
            place,
            format!("BACKSTAGE.baseUrl is {base}, an address of Cloudflare Access"),
            "write `backend.baseUrl` of app-config",
        );
    }
    let path = backstage.auth_path.strip_suffix("/api/auth").unwrap_or_default();
    if PAGES.contains(&path.trim_start_matches('/')) {
        findings.warning(
            Code::BaseUrl,
            place,
            format!("BACKSTAGE.baseUrl is {base}, a page of Backstage"),
            "write `backend.baseUrl` of app-config",
        );
    }
    let is_public = !is_private(&host_in(base));
    if let Some(port) = port_in(base).filter(|port| is_public && !PORTS.contains(port)) {
        findings.problem(
            Code::BaseUrl,
            place,
            format!("BACKSTAGE.baseUrl has the port {port}, which Cloudflare does not forward"),
            "write the URL that users open, without a port",
        );
    }
    let urls = [("baseUrl", Some(base)), ("origin", backstage.origin.as_deref())];
    for (key, url) in urls {
        if let Some(host) = url.map(host_in).filter(|host| is_private(host)) {
            findings.problem(
                Code::PrivateHost,
                format!("vars.BACKSTAGE.{key}"),
                format!("BACKSTAGE.{key} names {host}, which Cloudflare cannot reach"),
                "write a public host name, such as that of a Cloudflare Tunnel",
            );
        }
    }
    if let Some(host) = backstage.origin.as_deref().map(host_in) {
        check_origin_host(deployment, &host, findings);
    }
    let Some(value) = object(deployment, "BACKSTAGE") else { return };
    let mut ignored = Vec::new();
    let seconds =
        Reader::new("BACKSTAGE", &value, &mut ignored).seconds("backstageTokenExpiration");
    let life = backstage.token_life;
    if let Some(seconds) = seconds.filter(|seconds| *seconds != life) {
        findings.warning(
            Code::TokenLife,
            "vars.BACKSTAGE.backstageTokenExpiration",
            format!("BACKSTAGE.backstageTokenExpiration is {seconds} seconds, and {life} are used"),
            "write from 10 minutes to 24 hours",
        );
    }
}

/// Hosts that are no Backstage.
fn check_origin_host(deployment: &Deployment, host: &str, findings: &mut Findings) {
    let place = "vars.BACKSTAGE.origin";
    let remedy = "set it to an address of Backstage's own";
    let worker = deployment.get("name").and_then(Value::as_str).unwrap_or_default();
    let worker = match &deployment.env {
        Some(env) if deployment.inherits("name") => format!("{worker}-{env}"),
        _ => worker.to_owned(),
    };
    if host.ends_with(".workers.dev") && host.split('.').next() == Some(worker.as_str()) {
        let message = format!("BACKSTAGE.origin names {host}, the Worker itself");
        findings.problem(Code::OriginIsWorker, place, message, remedy);
    } else if host.ends_with(".cloudflareaccess.com") {
        let message = format!("BACKSTAGE.origin names {host}, which is Cloudflare Access");
        findings.problem(Code::OriginIsWorker, place, message, remedy);
    } else if host == "example.com" || host.ends_with(".example.com") {
        let message = format!("BACKSTAGE.origin names {host}, an example");
        findings.warning(Code::Example, place, message, remedy);
    }
}

fn check_origins(config: &Config, findings: &mut Findings) {
    let backstage = &config.backstage;
    let insecure = |url: &str| url.starts_with("http://") && !is_private(&host_in(url));
    if backstage.origin.as_deref().is_some_and(insecure) {
        findings.warning(
            Code::PlainHttp,
            "vars.BACKSTAGE.origin",
            "BACKSTAGE.origin is not https, so tokens cross the network in clear",
            "write https, or use a Cloudflare Tunnel",
        );
    }
    for (at, origin) in backstage.cors_origins.iter().enumerate() {
        let place = format!("vars.BACKSTAGE.corsOrigins[{at}]");
        if is_private(&host_in(origin)) {
            findings.warning(
                Code::CorsOrigin,
                place,
                format!(
                    "BACKSTAGE.corsOrigins holds {origin}: any program on a user's machine that serves a page \
                     there can act as the user"
                ),
                "take it out of a deployment",
            );
        } else if insecure(origin) {
            findings.warning(
                Code::CorsOrigin,
                place,
                format!("BACKSTAGE.corsOrigins holds {origin}, which is not https"),
                "write https",
            );
        }
    }
}
