//! The compact JWS (RFC 7515, section 7.1), before anything in it is believed.

use jwt_compact::Claims;
use serde_json::{Map, Value};

use super::claims::{self, AccessClaims};
use crate::base64url;
use crate::error::{Malformed, Refusal, Unsupported};
use crate::json::{NotUnique, read_unique};

/// The longest assertion that is looked at, in bytes. Real ones are about 900 bytes; Cloudflare's
/// own limit on all request headers together is 128 KiB.
pub const MAX_ASSERTION_BYTES: usize = 16 * 1024;

/// The longest `kid` that is looked for, in bytes. Access's are 64 hexadecimal digits.
const MAX_KEY_ID_BYTES: usize = 256;

/// A well-formed JWS of the one kind that is accepted, of which nothing is verified.
#[derive(Debug)]
pub struct UnverifiedAssertion<'a> {
    /// The claims, as an unverified party states them.
    pub claims: Claims<AccessClaims>,
    /// All claims.
    pub payload: Map<String, Value>,
    /// All claims as they were written: a JSON object.
    pub payload_json: String,
    /// The `kid` of the header.
    pub key_id: String,
    /// What the signature is over: header and payload in their encoded form.
    pub signing_input: &'a [u8],
    /// The signature.
    pub signature: Vec<u8>,
}

impl<'a> UnverifiedAssertion<'a> {
    /// Reads an assertion.
    ///
    /// jwt-compact's own parser is not used, only its model of claims: ours must come first in any
    /// case (size, character set, duplicate members), theirs would do the same work again, and it
    /// makes the module 20 % larger. The tests hold the two against each other: what jwt-compact
    /// does not parse is refused here too, malformed `jku`, `x5u` and `x5t` apart, which are not
    /// looked at.
    ///
    /// # Errors
    /// 1. [`Malformed::Length`], [`Malformed::Character`], [`Malformed::Parts`];
    /// 2. [`Malformed::Base64`], [`Malformed::Json`], [`Malformed::DuplicateMember`] for header
    ///    and payload, [`Malformed::Base64`] for the signature;
    /// 3. [`Unsupported`]: `alg` other than `RS256`, compared with case (RFC 8725, section 3.1);
    ///    any `crit`, whatever its value, or `b64` (RFC 7797); a `typ` other than `JWT`, any `cty`;
    ///    no `kid`;
    /// 4. [`Malformed::ClaimType`].
    ///
    /// Embedded keys (`jwk`, `jku`, `x5u`, `x5c`) are never looked at.
    pub fn parse(token: &'a str) -> Result<Self, Refusal> {
        // 1
        if token.len() > MAX_ASSERTION_BYTES {
            return Err(malformed(Malformed::Length));
        }
        let in_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !token.bytes().all(|byte| byte == b'.' || in_alphabet(byte)) {
            return Err(malformed(Malformed::Character));
        }
        let (signing_input, signature) =
            token.rsplit_once('.').ok_or(malformed(Malformed::Parts))?;
        let (header, payload) = signing_input.split_once('.').ok_or(malformed(Malformed::Parts))?;
        if payload.contains('.') {
            return Err(malformed(Malformed::Parts));
        }
        // 2
        let header = read_object(&decode(header)?)?;
        let payload_bytes = decode(payload)?;
        let payload = read_object(&payload_bytes)?;
        let signature = decode(signature)?;
        // 3
        let key_id = check_header(&header).map_err(Refusal::AssertionUnsupported)?;
        // 4
        let claims = claims::read(&payload).ok_or(malformed(Malformed::ClaimType))?;
        let payload_json =
            String::from_utf8(payload_bytes).map_err(|_| malformed(Malformed::Json))?;
        Ok(Self {
            claims,
            payload,
            payload_json,
            key_id: key_id.to_owned(),
            signing_input: signing_input.as_bytes(),
            signature,
        })
    }
}

/// Checks the header. Returns its `kid`.
fn check_header(header: &Map<String, Value>) -> Result<&str, Unsupported> {
    let text = |name: &str| header.get(name).and_then(Value::as_str);
    if text("alg") != Some("RS256") {
        return Err(Unsupported::Algorithm);
    }
    if header.contains_key("crit") || header.contains_key("b64") {
        return Err(Unsupported::Critical);
    }
    let is_jwt = text("typ").is_some_and(|typ| typ.eq_ignore_ascii_case("JWT"));
    if header.contains_key("typ") && !is_jwt || header.contains_key("cty") {
        return Err(Unsupported::Type);
    }
    text("kid")
        .filter(|kid| !kid.is_empty() && kid.len() <= MAX_KEY_ID_BYTES)
        .ok_or(Unsupported::KeyIdMissing)
}

fn decode(part: &str) -> Result<Vec<u8>, Refusal> {
    base64url::decode(part).ok_or(malformed(Malformed::Base64))
}

fn read_object(bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    read_unique(bytes).map_err(|problem| {
        malformed(match problem {
            NotUnique::Duplicate => Malformed::DuplicateMember,
            NotUnique::NotAnObject => Malformed::Json,
        })
    })
}

const fn malformed(what: Malformed) -> Refusal {
    Refusal::AssertionMalformed(what)
}
