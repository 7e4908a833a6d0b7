//! The form of the parts of a catalog entity (`FieldFormatEntityPolicy` of `@backstage/catalog-model`).

use serde_json::Value;

use crate::backstage::EntityRef;

/// The longest name, namespace or kind, in characters (`KubernetesValidatorFunctions`).
const MAX_PART: usize = 63;

/// Reads a ref of a list in `spec`: what it leaves out are the given kind and the namespace of the
/// entity that it stands in (`parseEntityRef` with the context of `BuiltinKindsEntityProcessor`).
pub(super) fn parse_ref(text: &str, kind: &str, namespace: &str) -> Option<EntityRef> {
    if text.contains('/') {
        return EntityRef::parse(text, Some(kind));
    }
    let (kind, name) = text.split_once(':').unwrap_or((kind, text));
    EntityRef::new(kind, Some(namespace), name)
}

/// `isValidKind`.
pub(super) fn is_kind(text: &str) -> bool {
    text.len() <= MAX_PART
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// `isValidObjectName`.
pub(super) fn is_name(text: &str) -> bool {
    let is_alphanumeric = |c: char| c.is_ascii_alphanumeric();
    text.len() <= MAX_PART
        && text.starts_with(is_alphanumeric)
        && text.ends_with(is_alphanumeric)
        && text.chars().all(|c| is_alphanumeric(c) || matches!(c, '-' | '_' | '.'))
}

/// `isValidDnsLabel`.
pub(super) fn is_dns_label(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= MAX_PART
        && text.starts_with(is_plain)
        && text.ends_with(is_plain)
        && text.chars().all(|c| is_plain(c) || c == '-')
}

/// `isValidDnsSubdomain`.
fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label)
}

/// `isValidLabelKey` and `isValidAnnotationKey`.
pub(super) fn is_key(text: &str) -> bool {
    match text.split_once('/') {
        None => is_name(text),
        Some((prefix, name)) => is_dns_subdomain(prefix) && is_name(name),
    }
}

/// `isValidLabelValue`.
pub(super) fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_name(text)
}

/// `isValidTag`.
pub(super) fn is_tag(text: &str) -> bool {
    let is_plain =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, ':' | '+' | '#');
    text.len() <= MAX_PART
        && text.split('-').all(|part| !part.is_empty() && part.chars().all(is_plain))
}

/// Whether an entity of a running Backstage can have this name or namespace. Backstage checks names
/// itself, by rules that an operator may replace (`setFieldFormatValidators`), so only what would make
/// a ref or a log line ambiguous is refused: `/`, `:`, white space and control characters.
pub(super) fn is_live_name(text: &str) -> bool {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | ':');
    !text.is_empty() && !text.contains(is_odd)
}

/// Reads the ref of a relation of a running Backstage: it is whole, and its parts are
/// [names](is_live_name).
pub(super) fn parse_live_ref(text: &str) -> Option<EntityRef> {
    let (kind, rest) = text.split_once(':')?;
    let (namespace, name) = rest.split_once('/')?;
    let is_whole = is_kind(kind) && is_live_name(namespace) && is_live_name(name);
    EntityRef::new(kind, Some(namespace), name).filter(|_| is_whole)
}

/// What a value is, in a reader's words.
pub(super) fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "a list",
        Value::Bool(_) => "a boolean (put it in quotes)",
        Value::Null => "null",
        Value::Number(_) => "a number (put it in quotes)",
        Value::Object(_) => "an object",
        Value::String(text) if text.is_empty() => "an empty string",
        Value::String(_) => "a string",
    }
}
