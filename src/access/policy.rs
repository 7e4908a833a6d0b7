//! The verification policy, which `config/` builds from `CFACCESS`.

/// The verification policy: which assertions are accepted.
#[derive(Clone, Debug)]
pub struct AccessPolicy {
    /// The team's domain, such as `acme.cloudflareaccess.com`.
    pub team_domain: String,
    /// The expected `iss`: the team's domain as an origin.
    pub issuer: String,
    /// The accepted audience tags; never empty.
    pub audience: Vec<String>,
    /// The header of the assertion, in lower case.
    pub jwt_header_name: String,
    /// The cookie of the assertion.
    pub authorization_cookie_name: String,
    /// Where a person's name and groups come from.
    pub identity: IdentityFrom,
    /// The machines that may sign in.
    pub service_tokens: Vec<ServiceToken>,
}

/// Where a person's name and groups come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IdentityFrom {
    /// The assertion's claims: no call, but no name or groups either.
    Claims,
    /// The get-identity endpoint.
    GetIdentity,
}

/// A machine that may sign in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServiceToken {
    /// The client id, `common_name` in the assertion.
    pub token: String,
    /// The email that the resolvers see.
    pub subject: String,
}

impl AccessPolicy {
    /// The key of the certs document in `ACCESS_CACHE`.
    #[must_use]
    pub fn certs_cache_key(&self) -> String {
        format!("certs:v1:{}", self.team_domain)
    }
}
