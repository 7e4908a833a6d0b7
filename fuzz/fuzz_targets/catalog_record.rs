//! A record of the catalog, under the key that the first line names: it is that key's user or it is
//! corrupt.
#![no_main]

use backstage_cfaccess::catalog::{Key, Record, decode, encode, fold};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (email, value) = text.split_once('\n').unwrap_or(("jane@example.com", text));
    let key = Key::Email(email);
    assert!(key.to_kv().len() <= 512);
    let by_annotation = Key::Annotation("example.com/id", email);
    assert!(by_annotation.to_kv().len() <= 512);
    if let Ok(Record::One(user)) = decode(by_annotation, value) {
        let theirs = user.annotations.get("example.com/id").and_then(|id| id.as_str());
        assert_eq!(theirs.map(fold), Some(fold(email)));
    }
    let by_field = Key::Field("spec.id", email);
    assert!(by_field.to_kv().len() <= 512);
    if let Ok(Record::One(user)) = decode(by_field, value) {
        assert!(user.field("spec.id").any(|theirs| fold(theirs) == fold(email)));
    }
    let Ok(record) = decode(key, value) else { return };
    if let Record::One(user) = &record {
        assert_eq!(user.email.as_deref().map(fold), Some(fold(email)));
        assert!(user.entity_ref.starts_with("user:") && !user.ownership.is_empty());
    }
    let written = encode(&record).expect("a record is JSON");
    assert_eq!(decode(key, &written), Ok(record));
});
