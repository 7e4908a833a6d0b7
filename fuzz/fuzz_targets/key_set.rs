//! The team's certs document, and the origin's key set that ours is joined with.
#![no_main]

use backstage_cfaccess::access::JwkSet;
use backstage_cfaccess::backstage::join_jwks;
use backstage_cfaccess_fuzz::config;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    if let Ok(set) = JwkSet::parse(text) {
        assert!(!set.is_empty());
        assert!(set.get("").is_none());
    }
    let joined = join_jwks(&config().signing_keys.public_jwks(), Some(text));
    let joined: Value = serde_json::from_str(&joined).expect("JSON");
    let keys = joined["keys"].as_array().expect("a list");
    assert_eq!(keys[0]["kid"], "key");
    assert!(keys.iter().skip(1).all(|key| key["kid"] != "key" && key.get("d").is_none()));
});
