//! Refusals: what the caller did wrong.

use std::rc::Rc;

use super::CustomError;

/// Why a request was turned away: the caller's doing, never a fault of ours.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// The assertion's `exp` has passed.
    AssertionExpired,
    /// Neither the header nor the cookie holds an assertion.
    AssertionMissing,
    /// The assertion is not a compact JWS with JSON objects inside, or is too long.
    AssertionMalformed(Malformed),
    /// The assertion's `nbf` or `iat` lies in the future.
    AssertionNotYetValid,
    /// The assertion asks for something that is not supported on purpose.
    AssertionUnsupported(Unsupported),
    /// `aud` is missing or names no configured audience.
    AudienceInvalid,
    /// A refusal with a code of its own: from a resolver's author, or from a rule of
    /// `signIn.require`.
    Custom(Rc<CustomError>),
    /// The email's domain is not among the resolver's `allowedDomains`.
    DomainNotAllowed,
    /// `exp` is missing.
    ExpiryMissing,
    /// Cloudflare Access itself no longer knows this session (get-identity said 401 or 403).
    IdentityRefused,
    /// `iss` is missing or is not the configured team's.
    IssuerInvalid,
    /// No usable key of the team has the assertion's `kid`.
    KeyUnknown,
    /// A rule of `signIn.require` is not met.
    RequirementNotMet,
    /// There is no such route under the provider's path.
    RouteUnknown,
    /// `start` and `handler/frame`: a proxy provider has neither.
    RouteUnsupported,
    /// The service token is genuine but not configured.
    ServiceTokenUnknown,
    /// The signature does not verify.
    SignatureInvalid,
    /// The claims name neither a user nor a service token, or both.
    SubjectInvalid,
    /// The Backstage token at the userinfo route does not verify, or has expired.
    TokenInvalid,
    /// The userinfo route was called without a bearer token.
    TokenMissing,
    /// `type` is missing or is not `app`: another kind of JWT, signed with the same account keys.
    TypeInvalid,
    /// Several catalog users match.
    UserAmbiguous,
    /// No catalog user matches.
    UserNotFound,
}

/// What is malformed about an assertion; for the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Malformed {
    /// A part is not canonical unpadded base64url (RFC 7515, section 2).
    Base64,
    /// A character outside `A-Z a-z 0-9 - _ .`.
    Character,
    /// A claim has a value of the wrong JSON type.
    ClaimType,
    /// An object has two members of one name (RFC 8725, section 2.4 of the bis draft).
    DuplicateMember,
    /// The header or the payload is not a JSON object.
    Json,
    /// Longer than [`crate::access::MAX_ASSERTION_BYTES`].
    Length,
    /// Not three parts.
    Parts,
}

/// What is unsupported about an assertion; for the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unsupported {
    /// `alg` is not exactly `RS256`.
    Algorithm,
    /// A `crit` header (RFC 7515, section 4.1.11): no extension is understood.
    Critical,
    /// No `kid`: trying every key would let the caller choose.
    KeyIdMissing,
    /// A `typ` or `cty` that is not a JWT's.
    Type,
}

impl Refusal {
    /// One value of every kind that has a code of ours, in no particular order: for tables and for tests.
    pub const ALL: [Self; 22] = [
        Self::AssertionExpired,
        Self::AssertionMissing,
        Self::AssertionMalformed(Malformed::Parts),
        Self::AssertionNotYetValid,
        Self::AssertionUnsupported(Unsupported::Algorithm),
        Self::AudienceInvalid,
        Self::DomainNotAllowed,
        Self::ExpiryMissing,
        Self::IdentityRefused,
        Self::IssuerInvalid,
        Self::KeyUnknown,
        Self::RequirementNotMet,
        Self::RouteUnknown,
        Self::RouteUnsupported,
        Self::ServiceTokenUnknown,
        Self::SignatureInvalid,
        Self::SubjectInvalid,
        Self::TokenInvalid,
        Self::TokenMissing,
        Self::TypeInvalid,
        Self::UserAmbiguous,
        Self::UserNotFound,
    ];

    /// The stable code. Never changed, never given values: it is a metric label.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::AssertionExpired => "assertion_expired",
            Self::AssertionMissing => "assertion_missing",
            Self::AssertionMalformed(_) => "assertion_malformed",
            Self::AssertionNotYetValid => "assertion_not_yet_valid",
            Self::AssertionUnsupported(_) => "assertion_unsupported",
            Self::AudienceInvalid => "audience_invalid",
            Self::Custom(custom) => &custom.code,
            Self::DomainNotAllowed => "domain_not_allowed",
            Self::ExpiryMissing => "expiry_missing",
            Self::IdentityRefused => "identity_refused",
            Self::IssuerInvalid => "issuer_invalid",
            Self::KeyUnknown => "key_unknown",
            Self::RequirementNotMet => "requirement_not_met",
            Self::RouteUnknown => "route_unknown",
            Self::RouteUnsupported => "route_unsupported",
            Self::ServiceTokenUnknown => "service_token_unknown",
            Self::SignatureInvalid => "signature_invalid",
            Self::SubjectInvalid => "subject_invalid",
            Self::TokenInvalid => "token_invalid",
            Self::TokenMissing => "token_missing",
            Self::TypeInvalid => "type_invalid",
            Self::UserAmbiguous => "user_ambiguous",
            Self::UserNotFound => "user_not_found",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Custom(custom) => custom.status,
            Self::DomainNotAllowed | Self::RequirementNotMet | Self::ServiceTokenUnknown => 403,
            Self::RouteUnknown | Self::UserNotFound => 404,
            Self::UserAmbiguous => 409,
            Self::RouteUnsupported => 501,
            _ => 401,
        }
    }

    /// The name of the error class of `@backstage/errors` with this status.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.status() {
            403 => "NotAllowedError",
            404 => "NotFoundError",
            409 => "ConflictError",
            501 => "NotImplementedError",
            _ => "AuthenticationError",
        }
    }

    /// The sentence for the caller. Where the official provider has one for the same case, it is
    /// that one.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::AssertionExpired => "The Cloudflare Access session has expired",
            Self::AssertionMissing => {
                "Missing the assertion header and the authorization cookie from Cloudflare Access"
            }
            Self::AssertionMalformed(_) => "The Cloudflare Access assertion is malformed",
            Self::AssertionNotYetValid => "The Cloudflare Access assertion is not valid yet",
            Self::AssertionUnsupported(_) => {
                "The Cloudflare Access assertion is of an unsupported form"
            }
            Self::AudienceInvalid => {
                "The Cloudflare Access assertion is meant for another application"
            }
            Self::Custom(custom) => &custom.sentence,
            Self::DomainNotAllowed => "Sign-in user email is not from an allowed domain",
            Self::ExpiryMissing => "The Cloudflare Access assertion has no expiry",
            Self::IdentityRefused => "Cloudflare Access no longer knows this session",
            Self::IssuerInvalid => "The Cloudflare Access assertion is of another issuer",
            Self::KeyUnknown => "The Cloudflare Access assertion is signed with an unknown key",
            Self::RequirementNotMet => "The sign-in policy does not allow this user",
            Self::RouteUnknown => "Unknown auth provider route",
            Self::RouteUnsupported => "Not implemented",
            Self::ServiceTokenUnknown => "Not a permitted Service Token",
            Self::SignatureInvalid => "The Cloudflare Access assertion's signature is invalid",
            Self::SubjectInvalid => {
                "The Cloudflare Access assertion names neither one user nor one service token"
            }
            Self::TokenInvalid => "Failed user token verification",
            Self::TokenMissing => "No token provided",
            Self::TypeInvalid => "Not an assertion of a Cloudflare Access application",
            Self::UserAmbiguous => "User lookup resulted in multiple matches",
            Self::UserNotFound => {
                "Failed to sign-in, unable to resolve user identity. Please verify that your \
                 catalog contains the expected User entities that would match your configured \
                 sign-in resolver."
            }
        }
    }

    /// The finer reason, for the log only.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::AssertionMalformed(malformed) => Some(match malformed {
                Malformed::Base64 => "not canonical base64url",
                Malformed::Character => "character outside the base64url alphabet",
                Malformed::ClaimType => "a claim of the wrong JSON type",
                Malformed::DuplicateMember => "duplicate JSON member",
                Malformed::Json => "not a JSON object",
                Malformed::Length => "too long",
                Malformed::Parts => "not three parts",
            }),
            Self::AssertionUnsupported(unsupported) => Some(match unsupported {
                Unsupported::Algorithm => "alg is not RS256",
                Unsupported::Critical => "crit header",
                Unsupported::KeyIdMissing => "no kid",
                Unsupported::Type => "typ or cty is not a JWT's",
            }),
            Self::Custom(custom) => custom.detail.as_deref(),
            Self::TokenInvalid => {
                Some("signed with a key of this Worker, but forged, expired or not a user token")
            }
            Self::TokenMissing => Some("no authorization header with a bearer token"),
            _ => None,
        }
    }
}
