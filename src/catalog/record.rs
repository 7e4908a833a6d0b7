//! The records of the `CATALOG` KV: for each way of looking a user up one small value, found with
//! one read. `docs/catalog.md` describes the layout for operators.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::EntityRef;
use crate::json::{read_unique, strings};

/// The version of the layout. A record of another one is corrupt to this program.
const VERSION: u64 = 1;

/// The longest value part of a key that is spelled out, in bytes; KV allows 512 for the whole key.
const MAX_SPELLED_OUT: usize = 400;

/// A way of looking a user up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Key<'a> {
    /// By `spec.profile.email`, without case.
    Email(&'a str),
    /// By canonical entity ref.
    Ref(&'a EntityRef),
}

impl Key<'_> {
    /// The key in KV: `v1:email:<folded email>` or `v1:ref:<entity ref>`. What is too long for KV is
    /// replaced by its digest, which no email or ref can be mistaken for, having `#` where they
    /// have `:`.
    #[must_use]
    pub fn to_kv(self) -> String {
        let (kind, value) = match self {
            Self::Email(email) => ("email", fold(email)),
            Self::Ref(entity_ref) => ("ref", entity_ref.as_str().to_owned()),
        };
        if value.len() <= MAX_SPELLED_OUT {
            return format!("v{VERSION}:{kind}:{value}");
        }
        let digest = base16ct::lower::encode_string(&Sha256::digest(value.as_bytes()));
        format!("v{VERSION}:{kind}#{digest}")
    }
}

/// A value as Backstage's catalog folds it for comparison (`toLocaleLowerCase('en-US')`).
#[must_use]
pub fn fold(value: &str) -> String {
    value.to_lowercase()
}

/// What is known of a user.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
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
/// # Errors
/// [`Corrupt`], also for a record of another version.
pub fn decode(key: Key<'_>, value: &str) -> Result<Record, Corrupt> {
    let corrupt = |why: &str| Corrupt(why.to_owned());
    let envelope = read_unique(value.as_bytes()).map_err(|_| corrupt("not one JSON object"))?;
    let version = envelope.get("v").and_then(Value::as_u64);
    if version != Some(VERSION) {
        return Err(corrupt("another version, or none"));
    }
    if envelope.keys().any(|name| !matches!(name.as_str(), "v" | "user" | "ambiguous")) {
        return Err(corrupt("an unknown member"));
    }
    let user = match envelope.get("user") {
        None => None,
        Some(user) => Some(read_user(user).ok_or_else(|| corrupt("not a user"))?),
    };
    let ambiguous = match envelope.get("ambiguous") {
        None => None,
        Some(refs) => Some(strings(refs).ok_or_else(|| corrupt("not a list of refs"))?),
    };
    match (user, ambiguous) {
        (Some(user), None) => {
            let answers = match key {
                Key::Email(email) => {
                    user.email.as_ref().is_some_and(|theirs| fold(theirs) == fold(email))
                }
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

/// A user, if every member is known and of its type.
fn read_user(value: &Value) -> Option<UserRecord> {
    let members = value.as_object()?;
    let known = ["ref", "ent", "email", "displayName", "picture"];
    if members.keys().any(|name| !known.contains(&name.as_str())) {
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
    })
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

/// The digest of a value that its key carries in KV as metadata, `{"h":"…"}`: half of a SHA-256 in
/// hexadecimal. It tells whether a record has changed from the list of keys alone; long enough that
/// nobody finds two values of one digest.
#[must_use]
pub fn digest(value: &str) -> String {
    let mut digest = base16ct::lower::encode_string(&Sha256::digest(value.as_bytes()));
    digest.truncate(32);
    digest
}

#[cfg(test)]
mod tests {
    use super::{EntityRef, Key, Record, UserRecord, decode, encode};

    fn jane() -> UserRecord {
        UserRecord {
            entity_ref: "user:default/jane".into(),
            ownership: vec!["user:default/jane".into(), "group:default/team-a".into()],
            email: Some("Jane@Example.com".into()),
            display_name: Some("Jane".into()),
            picture: None,
        }
    }

    #[test]
    fn a_record_comes_back_as_it_was_written() {
        for record in
            [Record::One(jane()), Record::Many(vec!["user:a/b".into(), "user:a/c".into()])]
        {
            let value = encode(&record).unwrap();
            assert_eq!(decode(Key::Email("jane@example.COM"), &value), Ok(record));
        }
    }

    #[test]
    fn a_record_under_another_users_key_is_corrupt() {
        let value = encode(&Record::One(jane())).unwrap();
        assert!(decode(Key::Email("joe@example.com"), &value).is_err());
        let joe = EntityRef::user("joe").unwrap();
        assert!(decode(Key::Ref(&joe), &value).is_err());
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
            good.get(..good.len() - 5).unwrap(),
        ] {
            assert!(decode(Key::Email("jane@example.com"), value).is_err(), "{value}");
        }
    }

    #[test]
    fn a_record_whose_ref_is_no_canonical_users_is_corrupt() {
        for entity_ref in ["user:", "user:jane", "user:Default/Jane", "user:default/", "user:/x"] {
            let user = UserRecord { entity_ref: entity_ref.into(), ..jane() };
            let value = encode(&Record::One(user)).unwrap();
            assert!(decode(Key::Email("jane@example.com"), &value).is_err(), "{entity_ref}");
        }
    }

    #[test]
    fn keys_fold_case_and_stay_within_kvs_limit_whatever_the_input() {
        assert_eq!(Key::Email("JANE@Example.com").to_kv(), "v1:email:jane@example.com");
        let long = "ẞ".repeat(5000);
        let key = Key::Email(&long).to_kv();
        assert!(key.len() <= 512 && key.starts_with("v1:email#"), "{key}");
        assert_ne!(key, Key::Email(&long.to_lowercase().repeat(2)).to_kv());
    }
}
