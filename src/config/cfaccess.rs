//! `CFACCESS`: whom to believe, and how callers become users.

use serde_json::Value;

use super::reader::Reader;
use super::resolvers;
use super::url::is_host;
use crate::access::{AccessPolicy, IdentityFrom, ServiceToken};
use crate::problem::Problem;
use crate::sign_in::{OnUserNotFound, SignInPolicy};

/// The domain of a team that is given by its name.
const TEAM_DOMAIN: &str = "cloudflareaccess.com";

/// Bounds and default of `catalogMaxAge`, in seconds. KV's `cacheTtl` can be no less and is a minute
/// by default (Workers KV, "Read key-value pairs").
const CATALOG_MAX_AGE_MIN: u32 = 30;
const CATALOG_MAX_AGE_MAX: u32 = 24 * 3600;
const CATALOG_MAX_AGE_DEFAULT: u32 = 60;

pub(super) fn read(
    value: &Value,
    problems: &mut Vec<Problem>,
) -> Option<(AccessPolicy, SignInPolicy)> {
    let mut reader = Reader::new("CFACCESS", value, problems);
    let team_domain = team_domain(&mut reader);
    let audience = reader.strings("audience");
    if audience.is_empty() {
        reader.problem(
            "audience",
            "is required: the Application Audience (AUD) tag of the Access application",
        );
    }
    let jwt_header_name = token(&mut reader, "jwtHeaderName", "cf-access-jwt-assertion");
    let cookie = token(&mut reader, "authorizationCookieName", "CF_Authorization");
    let identity = reader.one_of(
        "identity",
        &[("get-identity", IdentityFrom::GetIdentity), ("claims", IdentityFrom::Claims)],
    );
    let service_tokens = reader.each("serviceTokens", |reader| {
        let token = reader.required_string("token", "the service token's client id");
        let subject = reader.required_string("subject", "the email that it signs in as");
        Some(ServiceToken { token: token?, subject: subject? })
    });
    let provider_id = token(&mut reader, "providerId", "cfaccess");
    let resolvers = resolvers::read(&mut reader);
    let expose_assertion = reader.boolean("exposeAssertion");
    let on_user_not_found = reader.one_of(
        "onUserNotFound",
        &[("refuse", OnUserNotFound::Refuse), ("origin", OnUserNotFound::Origin)],
    );
    let catalog_max_age = catalog_max_age(&mut reader);
    reader.finish();
    let team_domain = team_domain?;
    Some((
        AccessPolicy {
            issuer: format!("https://{team_domain}"),
            team_domain,
            audience,
            jwt_header_name: jwt_header_name.to_ascii_lowercase(),
            authorization_cookie_name: cookie,
            identity: identity?,
            service_tokens,
        },
        SignInPolicy {
            provider_id,
            resolvers,
            expose_assertion,
            on_user_not_found: on_user_not_found?,
            catalog_max_age,
        },
    ))
}

/// A team's name, or a whole domain for teams elsewhere (FedRAMP:
/// `acme.fed.cloudflareaccess.com`).
fn team_domain(reader: &mut Reader<'_>) -> Option<String> {
    let text = reader.required_string("teamName", "the team name of the Zero Trust dashboard")?;
    let text = text.to_ascii_lowercase();
    if !is_host(&text) {
        reader.problem(
            "teamName",
            format!("must be a team name or a whole domain, without `https://`, not `{text}`"),
        );
        return None;
    }
    Some(if text.contains('.') { text } else { format!("{text}.{TEAM_DOMAIN}") })
}

fn catalog_max_age(reader: &mut Reader<'_>) -> u32 {
    let Some(seconds) = reader.seconds("catalogMaxAge") else { return CATALOG_MAX_AGE_DEFAULT };
    if !(CATALOG_MAX_AGE_MIN..=CATALOG_MAX_AGE_MAX).contains(&seconds) {
        reader.problem("catalogMaxAge", "must be from 30 seconds, which is KV's limit, to a day");
    }
    seconds
}

/// A name that must be a token (RFC 9110, section 5.6.2), as header names, cookie names and, here,
/// provider ids are.
fn token(reader: &mut Reader<'_>, key: &'static str, default: &str) -> String {
    let Some(text) = reader.string(key) else { return default.to_owned() };
    let is_token =
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if !is_token {
        reader.problem(key, "must consist of letters, digits, `-`, `_` and `.`");
    }
    text
}
