//! `CFACCESS`: which assertions are accepted, and how callers become users.

use serde_json::Value;

use super::app_code::AppCode;
use super::sign_in;
use super::url::is_host;
use crate::access::{AccessPolicy, IdentityFrom, ServiceToken};
use crate::problem::Problem;
use crate::reader::Reader;
use crate::sign_in::SignInPolicy;

/// The domain of a team that is given by its name.
const TEAM_DOMAIN: &str = "cloudflareaccess.com";

pub(super) fn read(
    value: &Value,
    code: &AppCode,
    problems: &mut Vec<Problem>,
) -> Option<(AccessPolicy, SignInPolicy, Vec<&'static str>)> {
    let mut reader = Reader::new("CFACCESS", value, problems);
    let access = access(&mut reader);
    let sign_in = sign_in::read(&mut reader, code);
    let without_effect = without_effect(&mut reader);
    reader.finish();
    Some((access?, sign_in?, without_effect))
}

/// The keys that the official provider's schema has and that have no effect there either: a proxy
/// provider keeps no session.
fn without_effect(reader: &mut Reader<'_>) -> Vec<&'static str> {
    let key = "sessionDuration";
    reader.seconds(key).map(|_| key).into_iter().collect()
}

fn access(reader: &mut Reader<'_>) -> Option<AccessPolicy> {
    let team_domain = team_domain(reader);
    let audience = reader.strings("audience");
    if audience.is_empty() {
        reader.problem(
            "audience",
            "is required: the Application Audience (AUD) tag of the Access application",
        );
    }
    let jwt_header_name = token(reader, "jwtHeaderName", "cf-access-jwt-assertion");
    let cookie = token(reader, "authorizationCookieName", "CF_Authorization");
    let identity = reader.one_of(
        "identity",
        &[("get-identity", IdentityFrom::GetIdentity), ("claims", IdentityFrom::Claims)],
    );
    let service_tokens = reader.each("serviceTokens", |reader| {
        let token = reader.required_string("token", "the service token's client id");
        let subject = reader.required_string("subject", "the email that it signs in as");
        Some(ServiceToken { token: token?, subject: subject? })
    });
    let team_domain = team_domain?;
    Some(AccessPolicy {
        issuer: format!("https://{team_domain}"),
        team_domain,
        audience,
        jwt_header_name: jwt_header_name.to_ascii_lowercase(),
        authorization_cookie_name: cookie,
        identity: identity?,
        service_tokens,
    })
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

/// A name that must be a token (RFC 9110, section 5.6.2), as header names, cookie names and, here,
/// provider ids are.
pub(super) fn token(reader: &mut Reader<'_>, key: &'static str, default: &str) -> String {
    let Some(text) = reader.string(key) else { return default.to_owned() };
    let is_token =
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if !is_token {
        reader.problem(key, "must consist of letters, digits, `-`, `_` and `.`");
    }
    text
}
