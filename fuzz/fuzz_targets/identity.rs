//! get-identity's document, and what KV has of one: it never changes who the caller is, and what is written into KV is
//! read again as the same. After `kv ` the input is the value in KV.
#![no_main]

use backstage_cfaccess::access::{
    Assertion, IdentityCache, IdentitySource, JwksCache, identity_of, verify,
};
use backstage_cfaccess::background::BackgroundTask;
use backstage_cfaccess::scope::Scope;
use backstage_cfaccess_fuzz::{GENUINE, StubPorts, block_on, config, now};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const EMAIL: &str = "jane@example.com";

fn jane() -> Assertion {
    let ports = StubPorts::default();
    let scope = Scope::new(now(), &ports);
    let (access, cache) = (&config().access, JwksCache::default());
    block_on(verify(&GENUINE.user, &scope, access, &cache)).expect("it is genuine")
}

fuzz_target!(|text: &str| {
    thread_local!(static JANE: Assertion = jane());
    JANE.with(|jane| {
        let mut ports = StubPorts::default();
        match text.strip_prefix("kv ") {
            Some(value) => ports.cached = Some(value.to_owned()),
            None => text.clone_into(&mut ports.document),
        }
        check(jane, ports);
    });
});

fn check(jane: &Assertion, mut ports: StubPorts) {
    let access = &config().access;
    let scope = Scope::new(now(), &ports);
    let cache = IdentityCache::new(10, 1_000_000);
    let identity = block_on(identity_of(jane, &scope, access, &cache)).expect("Jane is signed in");
    assert_eq!(identity.email, EMAIL);
    let document: Value = serde_json::from_str(&identity.document_json).expect("JSON");
    let theirs = document.get("email").and_then(Value::as_str);
    assert!(theirs.is_none_or(|it| it.to_lowercase() == EMAIL));
    let is_substitute = identity.source == IdentitySource::ClaimsFallback;
    assert!(!is_substitute || identity.groups().count() == 0);
    let groups = document.get("groups").and_then(Value::as_array).map_or(0, Vec::len);
    assert!(identity.groups().count() <= groups);
    for name in ["groups", "id", ""] {
        let value = identity.attribute(jane.claims(), name);
        assert!(value.is_none_or(|it| !it.is_empty()));
    }
    let tasks = scope.background.take();
    for task in tasks {
        let BackgroundTask::WriteCache { value, .. } = task else { continue };
        ports.cached = Some(value);
        ports.document.clear();
        let scope = Scope::new(now(), &ports);
        let again = block_on(identity_of(jane, &scope, access, &IdentityCache::new(10, 1_000_000)));
        let again = again.expect("Jane is signed in");
        assert_eq!(again.source, IdentitySource::Cache);
        assert_eq!(again.document_json, identity.document_json);
        return;
    }
}
