//! The answer of the refresh route, field by field as the official provider gives it.

use serde::Serialize;
use serde_json::value::RawValue;

/// The whole answer (`ClientAuthResponse` of `@backstage/plugin-auth-node`).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefreshAnswer<'a, P: Serialize> {
    /// Who signs in, for people to read.
    pub profile: &'a P,
    /// What the provider knows.
    pub provider_info: ProviderInfo<'a>,
    /// What Backstage knows.
    pub backstage_identity: BackstageIdentity<'a>,
}

/// What the provider knows (`CloudflareAccessResult`).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderInfo<'a> {
    /// The claims of the assertion, as they are in it.
    pub claims: &'a RawValue,
    /// get-identity's document, or what stands for it.
    pub cf_identity: &'a RawValue,
    /// `exp` less `iat` of the assertion: its whole life, not what is left of it, as the official
    /// provider says it; `null` without `iat`.
    pub expires_in_seconds: Option<i64>,
    /// The raw assertion, only if `exposeAssertion` is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<&'a str>,
}

/// What Backstage knows (`BackstageIdentityResponse`).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackstageIdentity<'a> {
    /// The user token.
    pub token: &'a str,
    /// Whom it is for.
    pub identity: Identity<'a>,
    /// Seconds until the token expires.
    pub expires_in_seconds: i64,
}

/// `BackstageUserIdentity`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity<'a> {
    /// Always `user`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The user's entity ref.
    pub user_entity_ref: &'a str,
    /// The ownership refs.
    pub ownership_entity_refs: &'a [String],
}
