//! The rules of the index, against a plain model: the model knows users and groups by number and
//! who belongs to what, the catalog gets them in any order and in any of the spellings that refs
//! allow.

use std::collections::{BTreeMap, BTreeSet};

use backstage_cfaccess::backstage::EntityRef;
use backstage_cfaccess::catalog::import::{Entity, ImportPolicy, Index};
use backstage_cfaccess::catalog::{Key, Record, decode, encode};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, proptest};
use serde_json::{Value, json};

/// Names with capitals; no two are the same without case.
const USERS: [&str; 6] = ["Ann", "bob", "C.d", "dave-2", "E_e", "f0"];
const GROUPS: [&str; 5] = ["Zeta", "team-a", "Team.b", "x", "team_a"];
/// Some are the same without case.
const EMAILS: [&str; 5] = ["a@x.io", "A@x.io", "ÄB@x.io", "äb@X.io", "c@x.io"];
/// The last is not asked for.
const ALL_ANNOTATIONS: [&str; 3] = ["x.io/id", "x.io/ID", "x.io/other"];
const ANNOTATIONS: [&str; 2] = ["x.io/id", "x.io/ID"];
/// Some are the same without case, one is none, one is too long for a key.
const VALUES: [&str; 5] = ["Ä=b", "ä=B", "", "7", LONG];
const LONG: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghi\
                    0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghi\
                    0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghi\
                    0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghi\
                    0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghi";

/// A user of the model.
#[derive(Clone, Debug)]
struct Person {
    ops: bool,
    email: Option<usize>,
    /// Annotations and values by number.
    annotations: BTreeMap<usize, usize>,
    /// Groups by number, with the number of a spelling.
    member_of: Vec<(usize, u8)>,
}

/// A group of the model.
#[derive(Clone, Debug)]
struct Team {
    members: Vec<(usize, u8)>,
}

#[derive(Clone, Debug)]
struct Org {
    people: Vec<Person>,
    teams: Vec<Team>,
}

fn namespace(ops: bool) -> &'static str {
    if ops { "ops" } else { "default" }
}

/// One of the ways to write a ref in the spec of an entity of this namespace.
fn spell(kind: &str, target_ops: bool, name: &str, spelling: u8, from_ops: bool) -> String {
    let target = namespace(target_ops);
    match spelling % 4 {
        0 if target_ops == from_ops => name.to_owned(),
        1 if target_ops == from_ops => format!("{}:{}", kind.to_lowercase(), name.to_uppercase()),
        2 => format!("{target}/{name}"),
        _ => format!("{kind}:{}/{name}", target.to_uppercase()),
    }
}

impl Org {
    /// Every second group is in `ops`.
    fn team_ops(team: usize) -> bool {
        team % 2 == 1
    }

    fn user_ref(&self, user: usize) -> String {
        format!("user:{}/{}", namespace(self.people[user].ops), USERS[user].to_lowercase())
    }

    fn team_ref(team: usize) -> String {
        format!("group:{}/{}", namespace(Self::team_ops(team)), GROUPS[team].to_lowercase())
    }

    /// The entities as files have them.
    fn entities(&self) -> Vec<Value> {
        let people = self.people.iter().enumerate().map(|(user, person)| {
            let groups: Vec<String> = person
                .member_of
                .iter()
                .map(|&(team, spelling)| {
                    spell("Group", Self::team_ops(team), GROUPS[team], spelling, person.ops)
                })
                .collect();
            let annotations: BTreeMap<&str, &str> = person
                .annotations
                .iter()
                .map(|(name, value)| (ALL_ANNOTATIONS[*name], VALUES[*value]))
                .collect();
            let profile = person.email.map(|email| json!({ "email": EMAILS[email] }));
            json!({
                "apiVersion": "backstage.io/v1alpha1",
                "kind": "User",
                "metadata": {
                    "name": USERS[user],
                    "namespace": namespace(person.ops),
                    "annotations": annotations,
                },
                "spec": { "profile": profile.unwrap_or_else(|| json!({})), "memberOf": groups },
            })
        });
        let teams = self.teams.iter().enumerate().map(|(team, it)| {
            let ops = Self::team_ops(team);
            let members: Vec<String> = it
                .members
                .iter()
                .map(|&(user, spelling)| {
                    spell("User", self.people[user].ops, USERS[user], spelling, ops)
                })
                .collect();
            json!({
                "apiVersion": "backstage.io/v1alpha1",
                "kind": "Group",
                "metadata": { "name": GROUPS[team], "namespace": namespace(ops) },
                "spec": { "type": "team", "children": [], "members": members },
            })
        });
        people.chain(teams).collect()
    }

    /// Who has each value of each annotation that is asked for, without case.
    fn by_annotation(&self) -> BTreeMap<(&'static str, String), Vec<String>> {
        let mut by_annotation: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for (user, person) in self.people.iter().enumerate() {
            for (&name, &value) in &person.annotations {
                if name < ANNOTATIONS.len() && !VALUES[value].is_empty() {
                    let question = (ANNOTATIONS[name], VALUES[value].to_lowercase());
                    by_annotation.entry(question).or_default().push(self.user_ref(user));
                }
            }
        }
        for users in by_annotation.values_mut() {
            users.sort();
        }
        by_annotation
    }

    /// What must come of it, by the plainest reading of the rules.
    fn records(&self) -> BTreeMap<String, (Vec<String>, Option<&'static str>)> {
        let mut records = BTreeMap::new();
        for (user, person) in self.people.iter().enumerate() {
            let mut groups = BTreeSet::new();
            for team in 0..GROUPS.len() {
                let says_so = person.member_of.iter().any(|(it, _)| *it == team);
                let is_named =
                    self.teams.get(team).is_some_and(|it| it.members.iter().any(|m| m.0 == user));
                if says_so || is_named {
                    groups.insert(Self::team_ref(team));
                }
            }
            let own = self.user_ref(user);
            let ownership = std::iter::once(own.clone()).chain(groups).collect();
            records.insert(own, (ownership, person.email.map(|email| EMAILS[email])));
        }
        records
    }
}

fn org() -> impl Strategy<Value = Org> {
    (1..=USERS.len()).prop_flat_map(|users| {
        let groups = prop::collection::vec((0..GROUPS.len(), any::<u8>()), 0..6);
        let annotations =
            prop::collection::btree_map(0..ALL_ANNOTATIONS.len(), 0..VALUES.len(), 0..3);
        let person = (any::<bool>(), prop::option::of(0..EMAILS.len()), annotations, groups)
            .prop_map(|(ops, email, annotations, member_of)| Person {
                ops,
                email,
                annotations,
                member_of,
            });
        let team = prop::collection::vec((0..users, any::<u8>()), 0..5)
            .prop_map(|members| Team { members });
        let people = prop::collection::vec(person, users);
        let teams = prop::collection::vec(team, 0..=GROUPS.len());
        (people, teams).prop_map(|(people, teams)| Org { people, teams })
    })
}

/// An organisation and its entities in some order.
fn shuffled() -> impl Strategy<Value = (Org, Vec<Value>)> {
    org().prop_flat_map(|org| {
        let entities = Just(org.entities()).prop_shuffle();
        (Just(org), entities)
    })
}

fn index(entities: &[Value]) -> Index {
    let policy = ImportPolicy::from(ANNOTATIONS.map(str::to_owned).to_vec());
    let entities = entities.iter().map(|value| {
        let entity = Entity::read(value, &policy).unwrap();
        (entity.entity_ref.clone(), entity)
    });
    Index::of(&entities.collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_says_what_the_model_says((org, entities) in shuffled()) {
        let index = index(&entities);
        let expected = org.records();
        let mut by_email: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (user, (ownership, email)) in &expected {
            let key = Key::Ref(&EntityRef::parse(user, None).unwrap()).to_kv();
            let Record::One(record) = &index.records[&key] else { panic!("{key}") };
            assert_eq!((&record.entity_ref, &record.ownership), (user, ownership));
            assert_eq!(record.email.as_deref(), *email);
            if let Some(email) = email {
                by_email.entry(email.to_lowercase()).or_default().push(user.clone());
            }
        }
        for (email, users) in &by_email {
            match (&index.records[&format!("v1:email:{email}")], users.as_slice()) {
                (Record::One(record), [user]) => assert_eq!(&record.entity_ref, user),
                (Record::Many(refs), several) => {
                    assert!(several.len() > 1);
                    assert_eq!(refs, several);
                }
                other => panic!("{other:?}"),
            }
        }
        let by_annotation = org.by_annotation();
        for ((name, value), users) in &by_annotation {
            match (&index.records[&Key::Annotation(name, value).to_kv()], users.as_slice()) {
                (Record::One(record), [user]) => assert_eq!(&record.entity_ref, user),
                (Record::Many(refs), several) if several.len() > 1 => assert_eq!(refs, several),
                other => panic!("{other:?}"),
            }
        }
        for name in ANNOTATIONS {
            let users = by_annotation.iter().filter(|((it, _), _)| *it == name);
            let users: usize = users.map(|(_, users)| users.len()).sum();
            assert_eq!(index.annotated.get(name).copied().unwrap_or_default(), users);
        }
        let records = expected.len() + by_email.len() + by_annotation.len();
        assert_eq!(index.records.len(), records);
        assert_eq!(index.users, org.people.len());
        assert_eq!(index.groups, org.teams.len());
        let emails = expected.values().filter(|(_, email)| email.is_some()).count();
        assert_eq!(index.without_email.len(), expected.len() - emails);
    }

    #[test]
    fn every_record_answers_to_its_key_in_any_case((_, entities) in shuffled()) {
        for (key, record) in index(&entities).records {
            let value = encode(&record).unwrap();
            let Some((kind, rest)) = key.strip_prefix("v1:").unwrap().split_once(':') else {
                continue;
            };
            if let Some((name, rest)) = rest.split_once('=').filter(|_| kind == "annotation") {
                let key = Key::Annotation(name, &rest.to_uppercase()).to_kv();
                assert_eq!(key, format!("v1:annotation:{name}={}", rest.to_uppercase().to_lowercase()));
                let decoded = decode(Key::Annotation(name, &rest.to_uppercase()), &value);
                assert_eq!(decoded, Ok(record));
                continue;
            }
            if kind == "annotation" {
                let name = rest.split('#').next().unwrap();
                assert_eq!(decode(Key::Annotation(name, LONG), &value), Ok(record));
                continue;
            }
            let rest = rest.to_uppercase();
            let entity_ref = EntityRef::parse(&rest, Some("User")).unwrap();
            let key = if kind == "email" { Key::Email(&rest) } else { Key::Ref(&entity_ref) };
            assert_eq!(decode(key, &value), Ok(record));
        }
    }

    #[test]
    fn relations_are_believed_before_what_specs_say(org in org(), rotate in 0..8_usize) {
        // As a running catalog would answer, but without relations: whatever the specs say, no user
        // is in a group.
        let mut entities = org.entities();
        for entity in &mut entities {
            entity["relations"] = json!([{ "type": "ownerOf", "targetRef": "group:default/x" }]);
        }
        let length = entities.len();
        entities.rotate_left(rotate % length);
        for record in index(&entities).records.values() {
            if let Record::One(user) = record {
                assert_eq!(user.ownership, std::slice::from_ref(&user.entity_ref));
            }
        }
    }

    #[test]
    fn reading_an_entity_never_fails_otherwise_than_with_problems(
        kind in prop::option::of("\\PC{0,70}"),
        name in prop::option::of("\\PC{0,70}"),
        email in prop::option::of("\\PC{0,20}"),
        groups in prop::collection::vec("\\PC{0,10}", 0..3),
        stitched in any::<bool>(),
    ) {
        let profile = json!({ "email": email });
        let mut value = json!({
            "apiVersion": "backstage.io/v1alpha1",
            "kind": kind,
            "metadata": { "name": name },
            "spec": { "profile": profile, "memberOf": groups.clone(), "members": groups },
        });
        if stitched {
            value["relations"] = json!([]);
        }
        match Entity::read(&value, &ImportPolicy::default()) {
            Ok(entity) => assert!(index(&[value]).users <= 1, "{entity:?}"),
            Err(problems) => assert!(!problems.is_empty()),
        }
    }
}
