//! A YAML document as JSON, with the line of every value.
//!
//! serde-saphyr reads by YAML 1.2, as the `yaml` package does with which Backstage reads catalog
//! files: `yes` is a string, a duplicate key an error, `<<` no merge
//! (`parseEntityYaml` of `@backstage/plugin-catalog-node`).

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;
use serde_saphyr::options::{MergeKeyPolicy, NonFiniteFloatPolicy};

/// A document, as JSON.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) value: Value,
    /// By path, such as `spec.memberOf[0]`; the document itself is at the empty path.
    lines: BTreeMap<String, u64>,
}

impl Document {
    /// A document of which only the value is known.
    pub(super) fn without_lines(value: Value) -> Self {
        Self { value, lines: BTreeMap::new() }
    }

    /// The line of what is at a path or, if there is nothing, of what it would be in.
    pub(super) fn line(&self, path: &str) -> Option<u64> {
        let mut path = path;
        loop {
            if let Some(line) = self.lines.get(path) {
                return Some(*line);
            }
            if path.is_empty() {
                return None;
            }
            path = path.rfind(['.', '[']).and_then(|at| path.get(..at)).unwrap_or_default();
        }
    }
}

/// Reads the documents of a YAML stream, empty ones left out. What comes after a document that is
/// no YAML at all cannot be read; after any other mistake the next one is.
pub(super) fn read(text: &str) -> Vec<Result<Document, (Option<u64>, String)>> {
    let options = serde_saphyr::options! {
        merge_keys: MergeKeyPolicy::AsOrdinary,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        strict_booleans: true,
    };
    let mut bytes = text.as_bytes();
    serde_saphyr::read_with_options::<_, Spanned<Node>>(&mut bytes, options)
        .map(|result| match result {
            Ok(root) => {
                let mut lines = BTreeMap::new();
                let value = flatten(root, String::new(), &mut lines);
                Ok(Document { value, lines })
            }
            Err(error) => {
                let error = error.without_snippet();
                Err((error.location().map(|location| location.line()), sentence(error)))
            }
        })
        .collect()
}

/// The parser's message without the position, which stands before it anyway.
fn sentence(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let text = text.lines().next().unwrap_or_default();
    let text = text.split(" at line ").next().unwrap_or_default();
    // The hint is for programmers.
    text.split(", set DuplicateKeyPolicy").next().unwrap_or_default().to_owned()
}

fn flatten(node: Spanned<Node>, path: String, lines: &mut BTreeMap<String, u64>) -> Value {
    let value = match node.value {
        Node::Scalar(value) => value,
        Node::List(items) => {
            let item = |(index, item)| flatten(item, format!("{path}[{index}]"), lines);
            Value::Array(items.into_iter().enumerate().map(item).collect())
        }
        Node::Object(members) => {
            let mut object = Map::new();
            for (key, member) in members {
                let dot = if path.is_empty() { "" } else { "." };
                let member = flatten(member, format!("{path}{dot}{key}"), lines);
                object.insert(key, member);
            }
            Value::Object(object)
        }
    };
    lines.insert(path, node.referenced.line());
    value
}

enum Node {
    List(Vec<Spanned<Node>>),
    Object(Vec<(String, Spanned<Node>)>),
    Scalar(Value),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Node, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("not a finite number"))?;
        Ok(Node::Scalar(Value::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(Value::String(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Node::Object(members))
    }
}
