//! Faults: ours.

/// Why we could not decide: ours, not the caller's doing. The caller learns only the code.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// A catalog record could not be decoded; holds its KV key.
    CatalogCorrupt(String),
    /// The catalog could not be read.
    CatalogUnavailable(String),
    /// A signature could not be made or checked.
    Crypto(String),
    /// No usable key set: the certs endpoint did not answer and nothing is cached.
    KeysUnavailable(String),
    /// The configuration is broken; holds every problem.
    Misconfigured(String),
    /// The origin did not answer a forwarded request.
    OriginUnreachable(String),
    /// The Backstage token would be longer than Backstage accepts; holds its length.
    TokenTooLarge(usize),
}

impl Fault {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::CatalogCorrupt(_) => "catalog_corrupt",
            Self::CatalogUnavailable(_) => "catalog_unavailable",
            Self::Crypto(_) => "internal",
            Self::KeysUnavailable(_) => "keys_unavailable",
            Self::Misconfigured(_) => "misconfigured",
            Self::OriginUnreachable(_) => "origin_unreachable",
            Self::TokenTooLarge(_) => "token_too_large",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Crypto(_) | Self::TokenTooLarge(_) => 500,
            Self::OriginUnreachable(_) => 502,
            _ => 503,
        }
    }

    /// The name of the error class of `@backstage/errors` with this status, or its like.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self.status() {
            502 => "BadGatewayError",
            503 => "ServiceUnavailableError",
            _ => "InternalServerError",
        }
    }

    /// The sentence for the caller.
    #[must_use]
    pub const fn message(&self) -> &'static str {
        match self {
            Self::CatalogCorrupt(_) => "The catalog record of this user is damaged",
            Self::CatalogUnavailable(_) => "The catalog cannot be read at the moment",
            Self::Crypto(_) => "Internal error",
            Self::KeysUnavailable(_) => "The keys of Cloudflare Access cannot be had at the moment",
            Self::Misconfigured(_) => "The sign-in gate is misconfigured; see its log",
            Self::OriginUnreachable(_) => "The origin does not answer",
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
            | Self::OriginUnreachable(text) => text.clone(),
            Self::TokenTooLarge(length) => format!("{length} characters"),
        }
    }

    /// Seconds after which a retry makes sense, for `retry-after` (RFC 9110, section 10.2.3).
    #[must_use]
    pub const fn retry_after(&self) -> Option<u32> {
        match self {
            Self::CatalogCorrupt(_) | Self::Misconfigured(_) => Some(60),
            Self::CatalogUnavailable(_) => Some(5),
            // Before, the keys are not looked for again (`access::ERROR_BACKOFF`).
            Self::KeysUnavailable(_) => Some(10),
            Self::Crypto(_) | Self::OriginUnreachable(_) | Self::TokenTooLarge(_) => None,
        }
    }
}
