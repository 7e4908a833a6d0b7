//! A bearer token at the userinfo route, whose signature always verifies: what it says is either
//! whole or refused.
#![no_main]

use backstage_cfaccess::backstage::{read_token, verify_user_token};
use backstage_cfaccess_fuzz::{NOW, StubPorts, block_on, compact, config};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let token = compact(text);
    if let Some(unverified) = read_token(&token, &config().signing_keys) {
        let ports = StubPorts { believes_backstage_tokens: true, ..StubPorts::default() };
        let _ = block_on(verify_user_token(&unverified, NOW, &config().signing_keys, &ports));
    }
});
