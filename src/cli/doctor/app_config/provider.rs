//! The official provider of the backend, which the Worker asks or takes the place of.

use serde_json::Value;

use super::super::super::wrangler::Deployment;
use super::super::findings::{Code, Findings};
use super::{AppConfig, known};
use crate::config::Config;

/// The keys of a resolver that the official provider reads too.
const RESOLVER_KEYS: [&str; 3] =
    ["resolver", "allowedDomains", "dangerouslyAllowSignInWithoutUserInCatalog"];

/// Whether the official provider finds the same users as the Worker.
pub(super) fn check(
    app: &AppConfig,
    deployment: &Deployment,
    config: &Config,
    findings: &mut Findings,
) {
    let id = &config.sign_in.provider_id;
    let place = format!("auth.providers.{id}");
    let Some(provider) = app.get(&place) else {
        findings.problem(
            Code::AppProvider,
            place.clone(),
            format!(
                "{place} is missing: the Worker asks the official provider (BACKSTAGE.trust \"shared-key\", mode \
                 \"shadow\" or onUserNotFound \"origin\")"
            ),
            format!("write it with the teamName, audience and signIn of CFACCESS: {place}"),
        );
        return;
    };
    let mut differs = |key: &str, theirs: &str, ours: &str| {
        findings.problem(
            Code::AppProviderDiffers,
            format!("{place}.{key}"),
            format!("{place}.{key} is {theirs}, and CFACCESS.{key} of the Worker is {ours}"),
            "write the same in both",
        );
    };
    let text = |key: &str| provider.get(key).and_then(known);
    let access = &config.access;
    if let Some(team) = text("teamName") {
        let ours = access.team_domain.strip_suffix(".cloudflareaccess.com");
        let ours = ours.unwrap_or(&access.team_domain);
        if !team.eq_ignore_ascii_case(ours) {
            differs("teamName", team, ours);
        }
    }
    if let Some(audience) = text("audience").filter(|it| !access.audience.iter().any(|a| a == it)) {
        differs("audience", audience, &access.audience.join(", "));
    }
    if let Some(header) = text("jwtHeaderName")
        && !header.eq_ignore_ascii_case(&access.jwt_header_name)
    {
        differs("jwtHeaderName", header, &access.jwt_header_name);
    }
    if let Some(cookie) = text("authorizationCookieName")
        && cookie != access.authorization_cookie_name
    {
        differs("authorizationCookieName", cookie, &access.authorization_cookie_name);
    }
    let ours = deployment.var("CFACCESS");
    let ours: Value = ours.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let ours = resolvers(&ours);
    let theirs = resolvers(provider);
    if ours != theirs && !theirs.iter().any(|it| it.contains("${")) {
        differs("signIn.resolvers", &listed(&theirs), &listed(&ours));
    }
    if provider.get("audience").is_none() {
        findings.warning(
            Code::AppProvider,
            place.clone(),
            format!("{place} has no audience, so the provider accepts any application of the team"),
            "write the audience of CFACCESS",
        );
    }
}

/// The resolvers as texts that can be compared, with what the official provider reads of them.
fn resolvers(provider: &Value) -> Vec<String> {
    let resolvers = provider.pointer("/signIn/resolvers").and_then(Value::as_array);
    let resolvers = resolvers.into_iter().flatten();
    resolvers
        .map(|resolver| {
            let members = RESOLVER_KEYS.iter().filter_map(|key| {
                let value = resolver.get(*key).filter(|value| **value != Value::Bool(false))?;
                // A list of one and the one alone are the same.
                let value = match value {
                    Value::Array(items) if items.len() == 1 => items.first().unwrap_or(value),
                    value => value,
                };
                Some(match value {
                    Value::String(text) if *key == "resolver" => text.clone(),
                    value => format!("{key} {}", value.to_string().to_ascii_lowercase()),
                })
            });
            members.collect::<Vec<_>>().join(", ")
        })
        .collect()
}

fn listed(resolvers: &[String]) -> String {
    if resolvers.is_empty() { "absent".to_owned() } else { format!("[{}]", resolvers.join("; ")) }
}
