//! Catalog files, YAML or JSON, and pages of Backstage's catalog API: whoever can be read becomes records under keys that
//! are theirs.
#![no_main]

use std::collections::BTreeMap;

use backstage_cfaccess::catalog::import::{
    Entity, ImportPolicy, Index, Pages, live_entity, live_user,
};
use backstage_cfaccess::catalog::{Key, Record, decode, encode, yaml};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let policy = policy();
    let mut values: Vec<Value> = Vec::new();
    for document in yaml::read(text).into_iter().flatten() {
        if let Err(problems) = Entity::read(&document.value, &policy) {
            for problem in problems {
                assert!(document.line(&problem.path).is_none_or(|line| line <= lines(text)));
            }
        }
        values.push(document.value);
    }
    if let Ok(items) = Pages::users(&policy).read(text) {
        values.extend(items);
    }
    let mut entities = BTreeMap::new();
    for value in &values {
        live(value, &policy);
        if let Ok(entity) = Entity::read(value, &policy) {
            entities.insert(entity.entity_ref.clone(), entity);
        }
    }
    let hierarchy = policy.hierarchy(&entities);
    for record in Index::with(&entities, &hierarchy, &policy.indexes).records.values() {
        let written = encode(record).expect("a record is JSON");
        let Record::One(user) = record else { continue };
        let email = user.email.as_deref().map(Key::Email);
        let entity_ref =
            backstage_cfaccess::EntityRef::parse(&user.entity_ref, None).expect("a ref");
        for key in [email, Some(Key::Ref(&entity_ref))].into_iter().flatten() {
            assert_eq!(decode(key, &written).as_ref(), Ok(record));
        }
    }
});

fn policy() -> ImportPolicy {
    let mut policy = ImportPolicy { transitive_groups: true, ..ImportPolicy::default() };
    policy.add_index("metadata.annotations.example.com/id");
    policy.add_index("spec.id");
    policy
}

fn live(value: &Value, policy: &ImportPolicy) {
    let user = live_user(value, policy);
    if let Some(user) = &user {
        let record = Record::One(user.user.clone());
        let written = encode(&record).expect("a record is JSON");
        if !user.user.ownership.is_empty() {
            assert_eq!(decode(Key::Ref(&user.entity_ref), &written), Ok(record));
        }
    }
    if let Ok(entity) = live_entity(value, policy) {
        assert_eq!(user.expect("it can be read").entity_ref, entity.entity_ref);
    }
}

/// As YAML counts them: a carriage return ends a line too.
fn lines(text: &str) -> u64 {
    u64::try_from(text.split(['\n', '\r']).count()).unwrap_or(u64::MAX)
}
