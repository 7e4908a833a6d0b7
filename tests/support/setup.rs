//! The configuration of the tests, to be changed key by key, and what is made of it.

use backstage_cfaccess::config::{AppCode, Config, RawConfig};
use backstage_cfaccess::gate::Gate;
use serde_json::{Value, json};

use super::{SIGNER, SIGNER_2};

/// The audience tag of the application.
pub(crate) const AUDIENCE: &str =
    "aud-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The issuer of the team's assertions.
pub(crate) const ISSUER: &str = "https://testteam.cloudflareaccess.com";

/// What an operator would write: the set-up of the recorded Backstage (`tests/vectors/`).
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    cfaccess: Value,
    backstage: Value,
    signing_keys: Value,
}

impl Setup {
    pub(crate) fn new() -> Self {
        Self {
            cfaccess: json!({
                "teamName": "testteam",
                "audience": AUDIENCE,
                "serviceTokens": [{
                    "token": "11111111111111111111111111111111.access",
                    "subject": "ci-bot@example.com",
                }],
                "signIn": {
                    "resolvers": [{ "resolver": "emailMatchingUserEntityProfileEmail" }],
                },
            }),
            backstage: json!({ "baseUrl": "http://127.0.0.1:7007" }),
            signing_keys: json!({ "keys": [SIGNER.private_jwk(), SIGNER_2.private_jwk()] }),
        }
    }

    /// Sets a key of `CFACCESS`; `null` takes it off.
    pub(crate) fn cfaccess(mut self, key: &str, value: Value) -> Self {
        self.cfaccess[key] = value;
        self
    }

    /// Sets a key of `BACKSTAGE`; `null` takes it off.
    pub(crate) fn backstage(mut self, key: &str, value: Value) -> Self {
        self.backstage[key] = value;
        self
    }

    /// Sets `SIGNING_KEYS`.
    pub(crate) fn signing_keys(mut self, value: Value) -> Self {
        self.signing_keys = value;
        self
    }

    /// Sets the resolvers of `CFACCESS.signIn`.
    pub(crate) fn resolvers(self, resolvers: &Value) -> Self {
        self.cfaccess("signIn", json!({ "resolvers": resolvers }))
    }

    pub(crate) fn source(&self) -> RawConfig {
        RawConfig {
            cfaccess: Some(self.cfaccess.to_string()),
            backstage: Some(self.backstage.to_string()),
            signing_keys: Some(self.signing_keys.to_string()),
        }
    }

    pub(crate) fn config(&self) -> Config {
        Config::read(&self.source(), &AppCode::default()).unwrap()
    }

    /// Every problem of it, as text; none if it is a configuration.
    pub(crate) fn problems(&self) -> Vec<String> {
        Config::read(&self.source(), &AppCode::default())
            .err()
            .unwrap_or_default()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    pub(crate) fn gate(&self) -> Gate {
        Gate::new(self.config())
    }
}
