//! Values of `CFACCESS` and `BACKSTAGE` that the Worker accepts and that do not do what was meant.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::wrangler::Deployment;
use super::findings::{Code, Findings};
use super::hosts::{host_in, is_private, port_in};
use crate::config::Config;
use crate::reader::Reader;

/// Request headers that have a meaning of their own, or that carry no signature.
const TAKEN_HEADERS: [&str; 12] = [
    "accept",
    "authorization",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "origin",
    "proxy-authorization",
    "referer",
    "set-cookie",
    "transfer-encoding",
    "user-agent",
];

/// Beginnings of headers that Cloudflare or a proxy writes.
const TAKEN_PREFIXES: [&str; 4] =
    ["cf-access-authenticated", "cf-connecting", "x-forwarded-", "x-real-"];

/// Ports that Cloudflare forwards (developers.cloudflare.com, "Network ports").
const PORTS: [u16; 13] =
    [80, 443, 2052, 2053, 2082, 2083, 2086, 2087, 2095, 2096, 8080, 8443, 8880];

/// Names of teams that stand in examples.
const EXAMPLE_TEAMS: [&str; 7] =
    ["example", "my-team", "myteam", "team", "team-name", "your-team", "your-team-name"];

pub(super) fn check(deployment: &Deployment, config: &Config, findings: &mut Findings) {
    check_access(config, findings);
    check_resolvers(deployment, findings);
    check_backstage(deployment, config, findings);
    check_origins(config, findings);
}

fn check_access(config: &Config, findings: &mut Findings) {
    let access = &config.access;
    let header = access.jwt_header_name.to_ascii_lowercase();
    if TAKEN_HEADERS.contains(&header.as_str())
        || TAKEN_PREFIXES.iter().any(|prefix| header.starts_with(prefix))
    {
        findings.problem(
            Code::HeaderName,
            "vars.CFACCESS.jwtHeaderName",
            format!(
                "CFACCESS.jwtHeaderName is `{}`, which holds something else",
                access.jwt_header_name
            ),
            "take it out, the default is `cf-access-jwt-assertion`",
        );
    }
    check_team(&access.team_domain, findings);
    for audience in access.audience.iter().filter(|it| it.bytes().any(|b| b.is_ascii_uppercase())) {
        let is_tag = audience.len() == 64 && audience.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_tag {
            findings.problem(
                Code::Audience,
                "vars.CFACCESS.audience",
                format!(
                    "CFACCESS.audience holds `{audience}` in capitals, which equals no AUD tag"
                ),
                format!("write `{}`", audience.to_ascii_lowercase()),
            );
        }
    }
    let mut seen = BTreeSet::new();
    for (at, token) in access.service_tokens.iter().enumerate() {
        let place = format!("CFACCESS.serviceTokens[{at}]");
        if !token.token.to_ascii_lowercase().ends_with(".access") {
            // It may be the secret, so it is not shown.
            findings.warning(
                Code::ServiceToken,
                format!("vars.{place}.token"),
                format!("{place}.token is not a client id, which ends in `.access`"),
                "copy the client id of the service token, not its secret and not its name",
            );
        } else if !seen.insert(token.token.to_ascii_lowercase()) {
            findings.problem(
                Code::ServiceToken,
                format!("vars.{place}.token"),
                format!(
                    "CFACCESS.serviceTokens holds `{}` twice, and only one subject counts",
                    token.token
                ),
                "keep one",
            );
        }
        let parts = token.subject.rsplit_once('@');
        let is_email = parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
            && !token.subject.contains(char::is_whitespace);
        if !is_email {
            findings.problem(
                Code::ServiceToken,
                format!("vars.{place}.subject"),
                format!("{place} has the subject `{}`, which is not an email", token.subject),
                "write one such as `ci@example.com`",
            );
        }
    }
}

fn check_team(domain: &str, findings: &mut Findings) {
    let place = "vars.CFACCESS.teamName";
    let Some(name) = domain.strip_suffix(".cloudflareaccess.com") else {
        findings.warning(
            Code::TeamName,
            place,
            format!(
                "CFACCESS.teamName leads to {domain}, which is not a team of Cloudflare Access"
            ),
            "write the team name, or a domain that ends in `cloudflareaccess.com`",
        );
        return;
    };
    if EXAMPLE_TEAMS.contains(&name) {
        findings.warning(
            Code::Example,
            place,
            format!("CFACCESS.teamName is `{name}`, an example"),
            "write the team name of the Zero Trust dashboard, Settings",
        );
    }
}

fn check_resolvers(deployment: &Deployment, findings: &mut Findings) {
    let Some(cfaccess) = object(deployment, "CFACCESS") else { return };
    let resolvers = cfaccess.pointer("/signIn/resolvers").and_then(Value::as_array);
    let mut before: Vec<&Value> = Vec::new();
    for (at, resolver) in resolvers.into_iter().flatten().enumerate() {
        let place = format!("CFACCESS.signIn.resolvers[{at}]");
        if before.contains(&resolver) {
            findings.warning(
                Code::ResolverTwice,
                format!("vars.{place}"),
                format!("{place} is there twice"),
                "keep one",
            );
            continue;
        }
        before.push(resolver);
        let domains = match resolver.get("allowedDomains") {
            Some(Value::Array(domains)) => domains.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(domain)) => vec![domain.as_str()],
            _ => Vec::new(),
        };
        for domain in domains.iter().map(|domain| domain.trim()).filter(|it| !is_domain(it)) {
            findings.problem(
                Code::AllowedDomains,
                format!("vars.{place}.allowedDomains"),
                format!("{place}.allowedDomains holds `{domain}`, which equals no domain"),
                "write whole domains such as `example.com`, each on its own",
            );
        }
        let by_local_part = resolver.get("resolver").and_then(Value::as_str)
            == Some("emailLocalPartMatchingUserEntityName");
        if by_local_part && domains.is_empty() {
            findings.warning(
                Code::AllowedDomains,
                format!("vars.{place}.allowedDomains"),
                format!(
                    "{place} has no allowedDomains, so `jane@` of any domain signs in as the user jane"
                ),
                "name your domains",
            );
        }
    }
}

/// Whether the domain of an email can equal this text.
fn is_domain(text: &str) -> bool {
    text.contains('.')
        && text.split('.').all(|label| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte >= 0x80;
            !label.is_empty() && label.bytes().all(is_plain)
        })
}

fn check_backstage(deployment: &Deployment, config: &Config, findings: &mut Findings) {
    let backstage = &config.backstage;
    let base = backstage.issuer.strip_suffix("/api/auth").unwrap_or(&backstage.issuer);
    let place = "vars.BACKSTAGE.baseUrl";
    if base.ends_with("/api/auth") || base.ends_with("/api") {
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

/// A var that is an object, or the text of one.
fn object(deployment: &Deployment, name: &str) -> Option<Value> {
    serde_json::from_str(&deployment.var(name)?).ok()
}
