//! The records of the `CATALOG` KV: for each way of looking a user up one small value, found with
//! one read. `docs/catalog.md` describes the layout for operators.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Key, OLDEST, VERSION, fold};
use crate::backstage::EntityRef;
use crate::json::{read_unique, strings};

/// What is known of a user.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct UserRecord {
    /// The canonical entity ref.
    #[serde(rename = "ref")]
    pub entity_ref: String,
    /// The ownership refs, in Backstage's order: the user's own first, then the groups'.
    #[serde(rename = "ent")]
    pub ownership: Vec<String>,
    /// `spec.profile.email`, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `spec.profile.displayName`.
    #[serde(rename = "displayName", skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// `spec.profile.picture`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// The annotations that the user is found by, as written: texts.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub annotations: Map<String, Value>,
    /// The declared fields by path, as written: texts, or lists of texts.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
}

impl UserRecord {
    /// The keys in KV that the record stands under, each once. `indexes` are the paths of the fields that
    /// users are found by; a record may have others.
    ///
    /// A ref that is none has no key.
    #[must_use]
    pub fn keys(&self, indexes: &[String]) -> Vec<String> {
        let entity_ref = EntityRef::parse(&self.entity_ref, None);
        let by_ref = entity_ref.as_ref().map(|it| Key::Ref(it).to_kv());
        let by_email = self.email.as_ref().map(|it| Key::Email(it).to_kv());
        let by_annotation = self
            .annotations
            .iter()
            .filter_map(|(name, value)| Some(Key::Annotation(name, value.as_str()?).to_kv()));
        let mut keys: Vec<String> =
            by_ref.into_iter().chain(by_email).chain(by_annotation).collect();
        for path in indexes {
            for value in self.field(path) {
                let key = Key::Field(path, value).to_kv();
                // Values that differ in case are one.
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        keys
    }

    /// The values of a field: one, or those of a list; none if the user does not have it.
    pub fn field(&self, path: &str) -> impl Iterator<Item = &str> {
        let (one, list) = match self.fields.get(path) {
            Some(Value::Array(items)) => (None, items.as_slice()),
            other => (other, [].as_slice()),
        };
        one.into_iter().chain(list).filter_map(Value::as_str)
    }
}

/// What a lookup finds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Record {
    /// Several users: the lookup is ambiguous. Holds their refs.
    Many(Vec<String>),
    /// One user.
    One(UserRecord),
}

/// A record that cannot be understood; says why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Corrupt(pub String);

#[derive(Serialize)]
struct Envelope<'a> {
    v: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a UserRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ambiguous: Option<&'a [String]>,
}

/// Reads the value of a record, and checks that it answers `key`: a record under the wrong key must
/// never give one user another's groups.
///
/// A record of a newer layout is read if it says in `reads` that programs of this version may: then it means
/// the same to them without the members that they do not know.
///
/// # Errors
/// [`Corrupt`], also for a record of another version that cannot be read.
pub fn decode(key: Key<'_>, value: &str) -> Result<Record, Corrupt> {
    let corrupt = |why: &str| Corrupt(why.to_owned());
    let envelope = read_unique(value.as_bytes()).map_err(|_| corrupt("not one JSON object"))?;
    let number = |name: &str| envelope.get(name).and_then(Value::as_u64);
    let version = number("v").unwrap_or_default();
    let is_newer = version > VERSION;
    let is_known = (OLDEST..=VERSION).contains(&version);
    let is_readable = is_newer && number("reads").is_some_and(|oldest| oldest <= VERSION);
    if !is_known && !is_readable {
        return Err(corrupt("another version, or none"));
    }
    if !is_newer && envelope.keys().any(|name| !matches!(name.as_str(), "v" | "user" | "ambiguous"))
    {
        return Err(corrupt("an unknown member"));
    }
    let user = match envelope.get("user") {
        None => None,
        Some(user) => Some(read_user(user, is_newer).ok_or_else(|| corrupt("not a user"))?),
    };
    let ambiguous = match envelope.get("ambiguous") {
        None => None,
        Some(refs) => Some(strings(refs).ok_or_else(|| corrupt("not a list of refs"))?),
    };
    match (user, ambiguous) {
        (Some(user), None) => {
            let answers = match key {
                Key::Annotation(name, value) => {
                    let theirs = user.annotations.get(name).and_then(Value::as_str);
                    theirs.is_some_and(|theirs| fold(theirs) == fold(value))
                }
                Key::Email(email) => {
                    user.email.as_ref().is_some_and(|theirs| fold(theirs) == fold(email))
                }
                Key::Field(path, value) => user.field(path).any(|it| fold(it) == fold(value)),
                Key::Ref(entity_ref) => user.entity_ref == entity_ref.as_str(),
            };
            // It becomes `sub` of a signed token, which the backend takes as it is.
            let is_user = EntityRef::parse(&user.entity_ref, None).is_some_and(|parsed| {
                parsed.kind() == "user" && parsed.as_str() == user.entity_ref
            });
            if !answers || !is_user || user.ownership.is_empty() {
                return Err(Corrupt("the record is not this key's user".to_owned()));
            }
            Ok(Record::One(user))
        }
        (None, Some(refs)) if refs.len() > 1 => Ok(Record::Many(refs)),
        _ => Err(Corrupt("neither one user nor several".to_owned())),
    }
}

/// A user, if every member is of its type, and known unless the record is of a newer layout.
fn read_user(value: &Value, is_newer: bool) -> Option<UserRecord> {
    let members = value.as_object()?;
    let known = ["ref", "ent", "email", "displayName", "picture", "annotations", "fields"];
    if !is_newer && members.keys().any(|name| !known.contains(&name.as_str())) {
        return None;
    }
    let text = |name: &str| match members.get(name) {
        None => Some(None),
        Some(value) => value.as_str().map(|text| Some(text.to_owned())),
    };
    Some(UserRecord {
        entity_ref: text("ref")??,
        ownership: strings(members.get("ent")?)?,
        email: text("email")?,
        display_name: text("displayName")?,
        picture: text("picture")?,
        annotations: match members.get("annotations") {
            None => Map::new(),
            Some(value) => {
                value.as_object().filter(|it| it.values().all(Value::is_string))?.clone()
            }
        },
        fields: match members.get("fields") {
            None => Map::new(),
            Some(value) => value.as_object().filter(|it| it.values().all(is_field))?.clone(),
        },
    })
}

/// Whether a field may have this value.
fn is_field(value: &Value) -> bool {
    value.is_string() || strings(value).is_some()
}

/// Writes the value of a record.
///
/// # Errors
/// None in practice: a record is always JSON.
pub fn encode(record: &Record) -> serde_json::Result<String> {
    let (user, ambiguous) = match record {
        Record::One(user) => (Some(user), None),
        Record::Many(refs) => (None, Some(refs.as_slice())),
    };
    serde_json::to_string(&Envelope { v: VERSION, user, ambiguous })
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::{EntityRef, Key, Record, UserRecord, decode, encode};

    fn jane() -> UserRecord {
        UserRecord {
            entity_ref: "user:default/jane".into(),
            ownership: vec!["user:default/jane".into(), "group:default/team-a".into()],
            email: Some("Jane@Example.com".into()),
            display_name: Some("Jane".into()),
            picture: None,
            annotations: Map::from_iter([("example.com/id".into(), "Jane-1".into())]),
            fields: Map::from_iter([
                ("spec.aliases".into(), json!(["J", "j", "JJ"])),
                ("metadata.labels.desk".into(), json!("7a")),
            ]),
        }
    }

    #[test]
    fn a_record_comes_back_as_it_was_written() {
        for record in
            [Record::One(jane()), Record::Many(vec!["user:a/b".into(), "user:a/c".into()])]
        {
            let value = encode(&record).unwrap();
            let by_annotation = Key::Annotation("example.com/id", "JANE-1");
            assert_eq!(decode(by_annotation, &value), Ok(record.clone()));
            assert_eq!(decode(Key::Field("spec.aliases", "jJ"), &value), Ok(record.clone()));
            assert_eq!(decode(Key::Email("jane@example.COM"), &value), Ok(record));
        }
    }

    #[test]
    fn a_record_has_a_key_for_each_value_of_an_indexed_field() {
        let keys = jane().keys(&["spec.aliases".into(), "spec.none".into()]);
        let expected = [
            "v1:ref:user:default/jane",
            "v1:email:jane@example.com",
            "v1:annotation:example.com/id=jane-1",
            "v1:field:spec.aliases=j",
            "v1:field:spec.aliases=jj",
        ];
        assert_eq!(keys, expected);
    }

    #[test]
    fn a_record_under_another_users_key_is_corrupt() {
        let value = encode(&Record::One(jane())).unwrap();
        for (path, value_of) in [("spec.aliases", "jjj"), ("spec.alias", "j"), ("email", "j")] {
            assert!(decode(Key::Field(path, value_of), &value).is_err(), "{path}");
        }
        assert!(decode(Key::Email("joe@example.com"), &value).is_err());
        let joe = EntityRef::user("joe").unwrap();
        assert!(decode(Key::Ref(&joe), &value).is_err());
        for (name, value_of) in
            [("example.com/id", "jane-2"), ("example.com/ID", "jane-1"), ("email", "jane-1")]
        {
            assert!(decode(Key::Annotation(name, value_of), &value).is_err(), "{name}");
        }
    }

    #[test]
    fn a_damaged_or_unknown_record_is_corrupt_and_never_a_user() {
        let good = encode(&Record::One(jane())).unwrap();
        for value in [
            "",
            "{}",
            "null",
            r#"{"v":1}"#,
            r#"{"v":1,"ambiguous":[]}"#,
            r#"{"v":1,"ambiguous":["user:a/b"]}"#,
            &good.replace("\"v\":1", "\"v\":2"),
            &good.replace("user:default", "group:default"),
            &good.replace("\"ent\"", "\"entries\""),
            &good.replace("\"Jane-1\"", "1"),
            &good.replace("\"7a\"", "7"),
            &good.replace("\"JJ\"", "7"),
            good.get(..good.len() - 5).unwrap(),
        ] {
            assert!(decode(Key::Email("jane@example.com"), value).is_err(), "{value}");
        }
    }

    #[test]
    fn record_of_a_newer_layout_is_read_only_if_it_says_so() {
        let good = encode(&Record::One(jane())).unwrap();
        let newer = |head: &str| {
            let text = good.replacen("\"v\":1", head, 1);
            text.replace("\"displayName\"", "\"later\":{},\"displayName\"")
        };
        let read = |text: &str| decode(Key::Email("jane@example.com"), text);
        assert_eq!(read(&newer("\"v\":2,\"reads\":1,\"x\":[]")), Ok(Record::One(jane())));
        for head in [
            "\"v\":2",
            "\"v\":2,\"reads\":2",
            "\"v\":2,\"reads\":\"1\"",
            "\"v\":1,\"reads\":1",
            "\"v\":0,\"reads\":0",
            "\"v\":1",
        ] {
            assert!(read(&newer(head)).is_err(), "{head}");
        }
        // It is still held to its key, its ref and its types.
        let newer = newer("\"v\":2,\"reads\":1");
        assert!(decode(Key::Email("joe@example.com"), &newer).is_err());
        assert!(read(&newer.replace("user:default", "group:default")).is_err());
        assert!(read(&newer.replace("\"7a\"", "7")).is_err());
    }

    #[test]
    fn a_record_whose_ref_is_no_canonical_users_is_corrupt() {
        for entity_ref in ["user:", "user:jane", "user:Default/Jane", "user:default/", "user:/x"] {
            let user = UserRecord { entity_ref: entity_ref.into(), ..jane() };
            let value = encode(&Record::One(user)).unwrap();
            assert!(decode(Key::Email("jane@example.com"), &value).is_err(), "{entity_ref}");
        }
    }
}
