//! Faults: what we, or a service that the Worker depends on, did wrong.

use std::rc::Rc;

use super::CustomError;

/// Why a request could not be decided. It is not the caller's fault, and the caller learns only the
/// code and a fixed sentence.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// A catalog record could not be decoded; holds its KV key.
    CatalogCorrupt(String),
    /// The catalog could not be read.
    CatalogUnavailable(String),
    /// A signature could not be made or checked.
    Crypto(String),
    /// A fault with a code of its own, from a resolver's author.
    Custom(Rc<CustomError>),
    /// A request that the Worker forwarded has come back to it.
    ForwardLoop,
    /// A rule of `signIn.require` needs get-identity's document, and get-identity does not answer.
    IdentityUnavailable,
    /// No usable key set: the certs endpoint did not answer and nothing is cached.
    KeysUnavailable(String),
    /// The configuration is broken; holds every problem.
    Misconfigured(String),
    /// The origin did not answer a forwarded request.
    OriginUnreachable(String),
    /// A refresh did not end within its time limit.
    RefreshTimeout,
    /// A resolver of the operator's own failed; holds why.
    ResolverFailed(String),
    /// A resolver of the operator's own did not finish in time; holds its name.
    ResolverTimeout(String),
    /// The Backstage token would be longer than Backstage accepts; holds its length.
    TokenTooLarge(usize),
}

impl Fault {
    /// All codes of ours.
    pub const CODES: [&str; 12] = [
        "catalog_corrupt",
        "catalog_unavailable",
        "forward_loop",
        "identity_unavailable",
        "internal",
        "keys_unavailable",
        "misconfigured",
        "origin_unreachable",
        "refresh_timeout",
        "resolver_failed",
        "resolver_timeout",
        "token_too_large",
    ];

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::CatalogCorrupt(_) => "catalog_corrupt",
            Self::CatalogUnavailable(_) => "catalog_unavailable",
            Self::Crypto(_) => "internal",
            Self::Custom(custom) => &custom.code,
            Self::ForwardLoop => "forward_loop",
            Self::IdentityUnavailable => "identity_unavailable",
            Self::KeysUnavailable(_) => "keys_unavailable",
            Self::Misconfigured(_) => "misconfigured",
            Self::OriginUnreachable(_) => "origin_unreachable",
            Self::RefreshTimeout => "refresh_timeout",
            Self::ResolverFailed(_) => "resolver_failed",
            Self::ResolverTimeout(_) => "resolver_timeout",
            Self::TokenTooLarge(_) => "token_too_large",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Crypto(_) | Self::ResolverFailed(_) | Self::TokenTooLarge(_) => 500,
            Self::Custom(custom) => custom.status,
            Self::OriginUnreachable(_) => 502,
            Self::ForwardLoop => 508,
            _ => 503,
        }
    }

    /// The name of the error class of `@backstage/errors` with this status, or its like.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.status() {
            502 => "BadGatewayError",
            503 => "ServiceUnavailableError",
            508 => "LoopDetectedError",
            _ => "InternalServerError",
        }
    }

    /// The sentence for the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::CatalogCorrupt(_) => "The catalog record of this user is damaged",
            Self::CatalogUnavailable(_) => "The catalog is temporarily unavailable",
            Self::Crypto(_) | Self::ResolverFailed(_) => "Internal error",
            Self::Custom(custom) => &custom.sentence,
            Self::ForwardLoop => "The request came back: the origin is the sign-in gate itself",
            Self::IdentityUnavailable => {
                "The identity of this user is temporarily unavailable at Cloudflare Access"
            }
            Self::KeysUnavailable(_) => {
                "Cloudflare Access signing keys are temporarily unavailable"
            }
            Self::Misconfigured(_) => "The sign-in gate is misconfigured; see its log",
            Self::OriginUnreachable(_) => "The origin does not answer",
            Self::RefreshTimeout | Self::ResolverTimeout(_) => "The sign-in did not finish in time",
            Self::TokenTooLarge(_) => {
                "The Backstage token would be too large: the user has too many ownership refs. \
                 Set omitIdentityTokenOwnershipClaim"
            }
        }
    }

    /// What to write into the log.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::CatalogCorrupt(text)
            | Self::CatalogUnavailable(text)
            | Self::Crypto(text)
            | Self::KeysUnavailable(text)
            | Self::Misconfigured(text)
            | Self::OriginUnreachable(text)
            | Self::ResolverFailed(text) => text.clone(),
            Self::Custom(custom) => custom.detail.clone().unwrap_or_default(),
            Self::ForwardLoop => {
                "the origin leads back to the Worker; set BACKSTAGE.origin to Backstage's own address"
                    .to_owned()
            }
            Self::IdentityUnavailable => "get-identity did not answer".to_owned(),
            Self::RefreshTimeout => "the refresh did not end within 8 s".to_owned(),
            Self::ResolverTimeout(name) => format!("{name} did not finish in time"),
            Self::TokenTooLarge(length) => format!("{length} characters"),
        }
    }

    /// Seconds after which a retry makes sense, for `retry-after` (RFC 9110, section 10.2.3).
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::CatalogCorrupt(_) | Self::Misconfigured(_) => Some(60),
            Self::CatalogUnavailable(_) | Self::RefreshTimeout | Self::ResolverTimeout(_) => {
                Some(5)
            }
            Self::Custom(custom) => custom.retry_after,
            // No request calls get-identity before (`access::IDENTITY_PAUSE`).
            Self::IdentityUnavailable => Some(30),
            // No request fetches the keys before (`access::ERROR_BACKOFF`).
            Self::KeysUnavailable(_) => Some(10),
            Self::Crypto(_)
            | Self::ForwardLoop
            | Self::OriginUnreachable(_)
            | Self::ResolverFailed(_)
            | Self::TokenTooLarge(_) => None,
        }
    }
}
