//! An entity ref: what is printed is read as the same, and its key fits into KV.
#![no_main]

use backstage_cfaccess::backstage::EntityRef;
use backstage_cfaccess::catalog::Key;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Some(entity_ref) = EntityRef::parse(text, Some("user")) {
        assert_eq!(EntityRef::parse(entity_ref.as_str(), None).as_ref(), Some(&entity_ref));
        assert!(Key::Ref(&entity_ref).to_kv().len() <= 512);
    }
    if let Some(user) = EntityRef::user(text) {
        assert!(user.as_str().starts_with("user:default/"));
    }
});
