//! Values of `CFACCESS` and `BACKSTAGE` that the Worker accepts and that do not do what was meant.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::wrangler::Deployment;
use super::domains;
use super::findings::{Code, Findings};
use super::urls;
use crate::catalog::import::ANNOTATIONS;
use crate::config::Config;

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

/// Cookies of Access that are no assertion for an application.
const OTHER_COOKIES: [&str; 4] = ["cf_appsession", "cf_binding", "cf_device", "cf_session"];

/// Names of teams that stand in examples.
const EXAMPLE_TEAMS: [&str; 7] =
    ["example", "my-team", "myteam", "team", "team-name", "your-team", "your-team-name"];

pub(super) fn check(deployment: &Deployment, config: &Config, findings: &mut Findings) {
    check_access(config, findings);
    check_resolvers(deployment, findings);
    if let Some(cfaccess) = object(deployment, "CFACCESS") {
        domains::check(&cfaccess, config, findings);
    }
    urls::check(deployment, config, findings);
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
    // The default is what Access sends.
    let plain = header.replace(['-', '_'], "");
    if plain == "cfaccessjwtassertion" && header != "cf-access-jwt-assertion" {
        findings.problem(
            Code::HeaderName,
            "vars.CFACCESS.jwtHeaderName",
            format!(
                "CFACCESS.jwtHeaderName is `{header}`, and Access sends `cf-access-jwt-assertion`"
            ),
            "take it out",
        );
    }
    let cookie = access.authorization_cookie_name.to_ascii_lowercase();
    if OTHER_COOKIES.contains(&cookie.as_str()) {
        findings.problem(
            Code::HeaderName,
            "vars.CFACCESS.authorizationCookieName",
            format!(
                "CFACCESS.authorizationCookieName is `{}`, which holds something else",
                access.authorization_cookie_name
            ),
            "take it out, the default is `CF_Authorization`",
        );
    }
    check_team(&access.team_domain, findings);
    for (at, audience) in access.audience.iter().enumerate() {
        if access.audience.iter().take(at).any(|other| other == audience) {
            findings.warning(
                Code::Audience,
                format!("vars.CFACCESS.audience[{at}]"),
                format!("CFACCESS.audience holds `{audience}` twice"),
                "keep one, or correct the other",
            );
        }
    }
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
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        let is_id = token.token.to_ascii_lowercase().ends_with(".access")
            && token.token.bytes().all(is_plain);
        if !is_id {
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
        let parts = token.subject.split_once('@');
        let is_email = parts.is_some_and(|(local, domain)| !local.is_empty() && is_domain(domain))
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
        let annotation = resolver.get("annotation").and_then(Value::as_str).unwrap_or_default();
        if let Some(name) = annotation.trim().strip_prefix(ANNOTATIONS) {
            findings.problem(
                Code::InvalidValue,
                format!("vars.{place}.annotation"),
                format!("{place}.annotation begins with `{ANNOTATIONS}`, and no annotation does"),
                format!("write `{name}`"),
            );
        }
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
pub(super) fn is_domain(text: &str) -> bool {
    text.contains('.')
        && text.split('.').all(|label| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte >= 0x80;
            !label.is_empty() && label.bytes().all(is_plain)
        })
}

/// A var that is an object, or the text of one.
pub(super) fn object(deployment: &Deployment, name: &str) -> Option<Value> {
    serde_json::from_str(&deployment.var(name)?).ok()
}
