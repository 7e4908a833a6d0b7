//! The compact JWS (RFC 7515, section 7.1), before anything in it is believed.

use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_compact::{Claims, ParseError, UntrustedToken};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::claims::AccessClaims;
use super::json::{NotUnique, check_unique};
use crate::refusal::{Malformed, Refusal, Unsupported};

/// The longest assertion that is looked at, in bytes. Real ones are about 900 bytes; Cloudflare's
/// own limit on all request headers together is 128 KiB.
pub const MAX_ASSERTION_BYTES: usize = 16 * 1024;

/// The longest `kid` that is looked for, in bytes. Access's are 64 hexadecimal digits.
const MAX_KEY_ID_BYTES: usize = 256;

/// A well-formed JWS of the one kind that is accepted, of which nothing is verified.
#[derive(Debug)]
pub struct Untrusted<'a> {
    /// The claims, as an unverified party states them.
    pub claims: Claims<AccessClaims>,
    /// The claims as they were written.
    pub claims_json: Box<RawValue>,
    /// The `kid` of the header.
    pub key_id: String,
    /// What the signature is over: header and payload in their encoded form.
    pub signing_input: &'a [u8],
    /// The signature.
    pub signature: Vec<u8>,
}

/// Header members beyond those that jwt-compact knows.
#[derive(Deserialize)]
struct Extensions {
    /// Any `crit` at all, whatever its value.
    #[serde(default)]
    crit: Option<serde_json::Value>,
    /// Present or not; `null` counts as present.
    #[serde(default, rename = "b64")]
    unencoded: Option<serde_json::Value>,
}

impl<'a> Untrusted<'a> {
    /// Reads an assertion.
    ///
    /// jwt-compact splits, decodes and types it; what is stricter than jwt-compact comes first:
    /// the size limit, the character set, duplicate members.
    ///
    /// # Errors
    /// 1. [`Malformed::Length`], [`Malformed::Character`], [`Malformed::Parts`];
    /// 2. [`Malformed::Base64`], [`Malformed::Json`], [`Malformed::DuplicateMember`] for header
    ///    and payload, [`Malformed::Base64`] for the signature;
    /// 3. [`Unsupported`]: `alg` other than `RS256`, compared with case (RFC 8725, section 3.1);
    ///    any `crit`; a `typ` or `cty` of something else; no `kid`;
    /// 4. [`Malformed::ClaimType`].
    ///
    /// Embedded keys (`jwk`, `jku`, `x5u`, `x5c`) are never looked at.
    pub fn parse(compact: &'a str) -> Result<Self, Refusal> {
        let malformed = |what| Err(Refusal::AssertionMalformed(what));
        let unsupported = |what| Err(Refusal::AssertionUnsupported(what));
        // 1
        if compact.len() > MAX_ASSERTION_BYTES {
            return malformed(Malformed::Length);
        }
        let in_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !compact.bytes().all(|byte| byte == b'.' || in_alphabet(byte)) {
            return malformed(Malformed::Character);
        }
        let mut parts = compact.split('.');
        let (Some(header), Some(payload), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return malformed(Malformed::Parts);
        };
        // 2
        decode_object(header)?;
        let claims_json = decode_object(payload)?;
        let token = match UntrustedToken::<Extensions>::try_from(compact) {
            Ok(token) => token,
            Err(ParseError::InvalidBase64Encoding) => return malformed(Malformed::Base64),
            Err(ParseError::UnsupportedContentType(_)) => return unsupported(Unsupported::Type),
            Err(_) => return malformed(Malformed::Json),
        };
        // 3
        if token.algorithm() != "RS256" {
            return unsupported(Unsupported::Algorithm);
        }
        let header = token.header();
        if header.other_fields.crit.is_some() || header.other_fields.unencoded.is_some() {
            return unsupported(Unsupported::Critical);
        }
        if header.token_type.as_ref().is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
            return unsupported(Unsupported::Type);
        }
        let key_id = match &header.key_id {
            Some(kid) if !kid.is_empty() && kid.len() <= MAX_KEY_ID_BYTES => kid.clone(),
            _ => return unsupported(Unsupported::KeyIdMissing),
        };
        // 4
        let Ok(claims) = token.deserialize_claims_unchecked::<AccessClaims>() else {
            return malformed(Malformed::ClaimType);
        };
        let Some((signing_input, _)) = compact.rsplit_once('.') else {
            return malformed(Malformed::Parts);
        };
        let claims_json = serde_json::from_slice(claims_json.as_bytes())
            .map_err(|_| Refusal::AssertionMalformed(Malformed::Json))?;
        Ok(Self {
            claims,
            claims_json,
            key_id,
            signing_input: signing_input.as_bytes(),
            signature: token.signature_bytes().to_vec(),
        })
    }
}

/// Decodes a part to the JSON object that it must be.
fn decode_object(part: &str) -> Result<String, Refusal> {
    let bytes = Base64UrlUnpadded::decode_vec(part)
        .map_err(|_| Refusal::AssertionMalformed(Malformed::Base64))?;
    let text =
        String::from_utf8(bytes).map_err(|_| Refusal::AssertionMalformed(Malformed::Json))?;
    check_unique(&text).map_err(|problem| {
        Refusal::AssertionMalformed(match problem {
            NotUnique::Duplicate => Malformed::DuplicateMember,
            NotUnique::NotAnObject => Malformed::Json,
        })
    })?;
    Ok(text)
}
