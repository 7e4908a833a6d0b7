//! How JSON is read here: without duplicate members, and into a [`Map`], never into a type.
//!
//! Duplicates, because `serde_json` takes the last of two members of one name and other parsers the
//! first; a document that two readers understand differently is refused (RFC 8725bis; RFC 7519,
//! section 4). Untyped, because serde's derived readers, with their error texts and the printing of
//! floating-point numbers that these bring along, would make the module a third larger.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Why a document was not accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotUnique {
    /// Two members of one name in one object, at any depth.
    Duplicate,
    /// Not JSON, or not a JSON object at the top.
    NotAnObject,
}

/// Reads a JSON object without duplicate members at any depth.
///
/// # Errors
/// [`NotUnique`] says which of the two it is not.
pub fn read_unique(bytes: &[u8]) -> Result<Map<String, Value>, NotUnique> {
    match serde_json::from_slice::<Unique>(bytes) {
        Ok(Unique(Value::Object(members))) => Ok(members),
        Err(error) if error.to_string().starts_with(DUPLICATE) => Err(NotUnique::Duplicate),
        Ok(_) | Err(_) => Err(NotUnique::NotAnObject),
    }
}

/// Reads a JSON object that a person or a service hands over as a text, such as a secret: as
/// [`read_unique`], and without the byte order mark that editors and shells on Windows write.
///
/// # Errors
/// As [`read_unique`].
pub fn read_document(text: &str) -> Result<Map<String, Value>, NotUnique> {
    read_unique(without_mark(text).as_bytes())
}

/// The text without a byte order mark.
#[must_use]
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// A string as a JSON string.
#[must_use]
pub fn to_json_string(text: &str) -> String {
    // A string can always be written.
    serde_json::to_string(text).unwrap_or_default()
}

/// A list of strings as a JSON array.
#[must_use]
pub fn to_json_array(texts: &[String]) -> String {
    serde_json::to_string(texts).unwrap_or_default()
}

/// The strings of an array of strings; `None` if it is anything else.
#[must_use]
pub fn strings(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

/// How the error of [`Unique`] begins; `serde_json` only adds a position to it.
const DUPLICATE: &str = "duplicate member";

/// Any JSON value without duplicate members.
pub(crate) struct Unique(pub(crate) Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Unique(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let Unique(value) = map.next_value()?;
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom(DUPLICATE));
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::{NotUnique, read_document, read_unique};

    fn check_unique(text: &str) -> Result<(), NotUnique> {
        let members = read_unique(text.as_bytes())?;
        let plain: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::Value::Object(members), plain);
        Ok(())
    }

    #[test]
    fn duplicates_are_found_at_any_depth_and_in_any_spelling() {
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":{"b":1,"b":1}}"#,
            r#"{"a":[{"b":1,"b":1}]}"#,
            r#"{"iss":1,"\u0069ss":2}"#,
        ] {
            assert_eq!(check_unique(text), Err(NotUnique::Duplicate), "{text}");
        }
    }

    #[test]
    fn equal_names_in_different_objects_are_no_duplicates() {
        assert_eq!(check_unique(r#"{"a":{"a":[{"a":null},{"a":1.5}]},"b":true}"#), Ok(()));
    }

    #[test]
    fn anything_but_one_object_is_refused() {
        for text in ["", "[]", "1", "null", "\"a\"", "{", "{}{}", "{\"a\":}", "{\"a\":1}x"] {
            assert_eq!(check_unique(text), Err(NotUnique::NotAnObject), "{text}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_left_out_of_a_document_and_refused_in_a_token() {
        assert!(read_document("\u{feff}{}").is_ok());
        assert_eq!(read_unique("\u{feff}{}".as_bytes()), Err(NotUnique::NotAnObject));
        assert_eq!(read_document("\u{feff}\u{feff}{}"), Err(NotUnique::NotAnObject));
    }

    #[test]
    fn nesting_too_deep_for_the_parser_is_refused_and_does_not_overflow() {
        let text = format!("{}1{}", "{\"a\":".repeat(5000), "}".repeat(5000));
        assert_eq!(check_unique(&text), Err(NotUnique::NotAnObject));
    }
}
