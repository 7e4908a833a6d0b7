//! The answer of the refresh route, field by field as the official provider gives it
//! (`ClientAuthResponse` of `@backstage/plugin-auth-node`).

use std::fmt::Write as _;
use std::ops::Range;

use crate::json::{to_json_array, to_json_string};

/// What is answered. The parts that are JSON already go in as they are.
#[derive(Clone, Copy, Debug)]
pub struct RefreshAnswer<'a> {
    /// The profile: a JSON object.
    pub profile: &'a str,
    /// [`ProviderInfo`] as JSON.
    pub provider_info: &'a str,
    /// What Backstage knows.
    pub identity: BackstageIdentity<'a>,
}

/// What the provider knows (`CloudflareAccessResult`).
#[derive(Clone, Copy, Debug)]
pub struct ProviderInfo<'a> {
    /// The claims of the assertion, as they are in it: a JSON object.
    pub claims: &'a str,
    /// get-identity's document, or what stands for it: a JSON object.
    pub identity: &'a str,
    /// `exp` less `iat` of the assertion: its whole life in seconds, not what is left of it, as the
    /// official provider says it; `None` without `iat`.
    pub expires_in: Option<i64>,
    /// The raw assertion, only if `exposeAssertion` is on.
    pub token: Option<&'a str>,
}

/// What Backstage knows (`BackstageIdentityResponse`).
#[derive(Clone, Copy, Debug)]
pub struct BackstageIdentity<'a> {
    /// The user token.
    pub token: &'a str,
    /// The user's entity ref.
    pub user: &'a str,
    /// The ownership refs.
    pub ownership: &'a [String],
    /// When the token expires, in seconds since 1970.
    pub expires_at: i64,
}

impl ProviderInfo<'_> {
    /// `providerInfo` as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let token = self.token.map(|token| format!(r#","token":{}"#, to_json_string(token)));
        format!(
            r#"{{"claims":{},"cfIdentity":{},"expiresInSeconds":{}{}}}"#,
            self.claims,
            self.identity,
            self.expires_in.map_or_else(|| "null".to_owned(), |seconds| seconds.to_string()),
            token.unwrap_or_default(),
        )
    }
}

impl RefreshAnswer<'_> {
    /// The session that this answer gives.
    #[must_use]
    pub fn session(&self) -> Session {
        let Self { profile, provider_info, identity } = self;
        let mut answer = format!(
            r#"{{"profile":{profile},"providerInfo":{provider_info},"backstageIdentity":{{"token":""#,
        );
        let token_at = answer.len();
        // A compact JWS has no character that JSON would escape.
        answer.push_str(identity.token);
        // Writing into a string cannot fail.
        let _ = write!(
            answer,
            concat!(
                r#"","identity":{{"type":"user","userEntityRef":{user},"#,
                r#""ownershipEntityRefs":{ownership}}},"#,
                r#""expiresInSeconds":"#,
            ),
            user = to_json_string(identity.user),
            ownership = to_json_array(identity.ownership),
        );
        Session {
            user: identity.user.to_owned(),
            token: token_at..token_at + identity.token.len(),
            answer,
            expires_at: identity.expires_at,
        }
    }
}

/// A session: the answer that was made for an assertion, which may be given once more.
#[derive(Debug)]
pub struct Session {
    /// The user's entity ref.
    pub user: String,
    /// The answer as JSON, up to the seconds that its token has left.
    answer: String,
    /// Where the token is in `answer`.
    token: Range<usize>,
    expires_at: i64,
}

impl Session {
    /// The answer as JSON, at the time `now` in seconds since 1970.
    #[must_use]
    pub fn to_json(&self, now: i64) -> String {
        let mut json = String::with_capacity(self.answer.len() + 24);
        json.push_str(&self.answer);
        // Writing into a string cannot fail.
        let _ = write!(json, "{}}}}}", self.expires_at - now);
        json
    }

    /// The Backstage token.
    #[must_use]
    pub fn token(&self) -> &str {
        self.answer.get(self.token.clone()).unwrap_or_default()
    }

    /// How many bytes it takes to keep.
    #[must_use]
    pub fn size(&self) -> usize {
        self.user.len() + self.answer.len()
    }
}
