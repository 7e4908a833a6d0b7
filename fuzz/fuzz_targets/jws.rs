//! An assertion: accepted only if it is genuine byte for byte, and never read differently from how jwt-compact reads it,
//! but for what it demands of members that we do not look at.
#![no_main]

use backstage_cfaccess::access::{JwksCache, UnverifiedAssertion, verify};
use backstage_cfaccess::scope::Scope;
use backstage_cfaccess_fuzz::{GENUINE, StubPorts, block_on, compact, config, now};
use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_compact::{ParseError, UntrustedToken};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let compact = compact(text);
    if let Ok(ours) = UnverifiedAssertion::parse(&compact) {
        match UntrustedToken::new(&compact) {
            Ok(theirs) => {
                assert_eq!(theirs.algorithm(), "RS256");
                assert_eq!(theirs.header().key_id.as_deref(), Some(ours.key_id.as_str()));
                assert_eq!(theirs.signature_bytes(), ours.signature);
            }
            Err(ParseError::MalformedHeader(_)) => assert!(names_a_key(&compact), "{compact}"),
            Err(error) => panic!("{error}"),
        }
    }
    let ports = StubPorts::default();
    let scope = Scope::new(now(), &ports);
    let cache = JwksCache::default();
    let verified = verify(&compact, &scope, &config().access, &cache);
    let is_genuine = [&GENUINE.user, &GENUINE.bot].contains(&&compact);
    assert_eq!(block_on(verified).is_ok(), is_genuine);
});

/// Whether the header has one of the members with which a caller could name a key of their own.
fn names_a_key(compact: &str) -> bool {
    let header =
        compact.split('.').next().and_then(|part| Base64UrlUnpadded::decode_vec(part).ok());
    let header: Value = serde_json::from_slice(&header.unwrap_or_default()).unwrap_or_default();
    ["jku", "x5u", "x5t", "x5t#S256"].iter().any(|name| header.get(name).is_some())
}
