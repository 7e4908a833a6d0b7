//! Values of `CFACCESS` and `BACKSTAGE` that the Worker accepts and that do not do what was meant.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::wrangler::Deployment;
use super::Findings;
use super::hosts::{host_in, is_private};
use crate::config::Config;
use crate::reader::Reader;

/// What a secret may have, in bytes (Workers limits, "Environment variables").
const SECRET_MAX: usize = 5 * 1024;

/// Request headers that have a meaning of their own.
const TAKEN_HEADERS: [&str; 4] = ["authorization", "cookie", "host", "proxy-authorization"];

pub(super) fn check(deployment: &Deployment, config: &Config, findings: &mut Findings) {
    check_access(config, findings);
    check_resolvers(deployment, findings);
    check_backstage(deployment, config, findings);
}

/// The size of `SIGNING_KEYS`.
pub(super) fn check_size(keys: &str, findings: &mut Findings) {
    if keys.len() > SECRET_MAX {
        findings.problem(format!(
            "SIGNING_KEYS has {} bytes, and a secret may have {SECRET_MAX}: take out the keys that no \
             token is signed with any more",
            keys.len()
        ));
    }
}

fn check_access(config: &Config, findings: &mut Findings) {
    let access = &config.access;
    if TAKEN_HEADERS.contains(&access.jwt_header_name.as_str()) {
        findings.problem(format!(
            "CFACCESS.jwtHeaderName is `{}`, which holds something else: take it out, the default is \
             `cf-access-jwt-assertion`",
            access.jwt_header_name
        ));
    }
    for audience in access.audience.iter().filter(|it| it.bytes().any(|b| b.is_ascii_uppercase())) {
        let is_tag = audience.len() == 64 && audience.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_tag {
            findings.problem(format!(
                "CFACCESS.audience holds `{audience}` in capitals, which equals no AUD tag: write `{}`",
                audience.to_ascii_lowercase()
            ));
        }
    }
    let mut seen = BTreeSet::new();
    for token in &access.service_tokens {
        if !seen.insert(token.token.as_str()) {
            findings.problem(format!(
                "CFACCESS.serviceTokens holds `{}` twice, and only one subject counts: keep one",
                token.token
            ));
        }
        let domain = token.subject.rsplit_once('@').map(|(_, domain)| domain);
        if domain.is_none_or(str::is_empty) {
            findings.problem(format!(
                "CFACCESS.serviceTokens has the subject `{}`, which is not an email: write one such as \
                 `ci@example.com`",
                token.subject
            ));
        }
    }
}

fn check_resolvers(deployment: &Deployment, findings: &mut Findings) {
    let Some(cfaccess) = object(deployment, "CFACCESS") else { return };
    let resolvers = cfaccess.pointer("/signIn/resolvers").and_then(Value::as_array);
    for (at, resolver) in resolvers.into_iter().flatten().enumerate() {
        let place = format!("CFACCESS.signIn.resolvers[{at}]");
        let domains = match resolver.get("allowedDomains") {
            Some(Value::Array(domains)) => domains.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(domain)) => vec![domain.as_str()],
            _ => Vec::new(),
        };
        for domain in domains.iter().filter(|domain| domain.contains(['@', '*'])) {
            findings.problem(format!(
                "{place}.allowedDomains holds `{domain}`, which equals no domain: write whole domains \
                 such as `example.com`, each on its own"
            ));
        }
        let by_local_part = resolver.get("resolver").and_then(Value::as_str)
            == Some("emailLocalPartMatchingUserEntityName");
        if by_local_part && domains.is_empty() {
            findings.warning(format!(
                "{place} has no allowedDomains, so `jane@` of any domain signs in as the user jane: \
                 name your domains"
            ));
        }
    }
}

fn check_backstage(deployment: &Deployment, config: &Config, findings: &mut Findings) {
    let backstage = &config.backstage;
    let base = backstage.issuer.strip_suffix("/api/auth").unwrap_or(&backstage.issuer);
    if base.ends_with("/api/auth") || base.ends_with("/api") {
        findings.problem(format!(
            "BACKSTAGE.baseUrl is {base}, to which `/api/auth` is added: write `backend.baseUrl` of \
             app-config, without `/api`"
        ));
    }
    let urls = [("baseUrl", Some(base)), ("origin", backstage.origin.as_deref())];
    for (key, url) in urls {
        if let Some(host) = url.map(host_in).filter(|host| is_private(host)) {
            findings.problem(format!(
                "BACKSTAGE.{key} names {host}, which Cloudflare cannot reach: write a public host \
                 name, such as that of a Cloudflare Tunnel"
            ));
        }
    }
    let Some(value) = object(deployment, "BACKSTAGE") else { return };
    let mut ignored = Vec::new();
    let seconds =
        Reader::new("BACKSTAGE", &value, &mut ignored).seconds("backstageTokenExpiration");
    let life = backstage.token_life;
    if let Some(seconds) = seconds.filter(|seconds| *seconds != life) {
        findings.warning(format!(
            "BACKSTAGE.backstageTokenExpiration is {seconds} seconds, and {life} are used: write from \
             10 minutes to 24 hours"
        ));
    }
}

/// A var that is an object, or the text of one.
fn object(deployment: &Deployment, name: &str) -> Option<Value> {
    serde_json::from_str(&deployment.var(name)?).ok()
}
