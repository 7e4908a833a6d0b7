//! The value of a declared field.

use serde_json::{Map, Number, Value};

use super::entity_reader::MAX_ANNOTATION;
use super::policy::ImportPolicy;

/// The most values of a list: each is a key in KV, and whoever may edit one entity must not fill it.
const MAX_VALUES: usize = 100;

/// The declared fields that an entity has, by path. `problem` is called with the path of a field that is
/// too long, which is left out, and with what is wrong.
pub(super) fn fields(
    entity: &Value,
    policy: &ImportPolicy,
    mut problem: impl FnMut(&str, String),
) -> Map<String, Value> {
    let mut fields = Map::new();
    for path in policy.field_paths() {
        match at(entity, path).and_then(read).map(|field| check(&field).map(|()| field)) {
            None => {}
            Some(Ok(field)) => {
                fields.insert(path.clone(), field);
            }
            Some(Err(message)) => problem(path, message),
        }
    }
    fields
}

fn check(field: &Value) -> Result<(), String> {
    let values = field.as_array().map_or(std::slice::from_ref(field), Vec::as_slice);
    if values.len() > MAX_VALUES {
        return Err(format!("has {} values; {MAX_VALUES} are allowed", values.len()));
    }
    let longest = values.iter().filter_map(Value::as_str).map(str::len).max().unwrap_or_default();
    if longest > MAX_ANNOTATION {
        return Err(format!("has {longest} bytes; {MAX_ANNOTATION} are allowed"));
    }
    Ok(())
}

/// What is at a path. Names of annotations and labels may contain dots.
fn at<'a>(entity: &'a Value, path: &str) -> Option<&'a Value> {
    for (prefix, member) in
        [("metadata.annotations.", "annotations"), ("metadata.labels.", "labels")]
    {
        if let Some(name) = path.strip_prefix(prefix) {
            return entity.get("metadata")?.get(member)?.get(name);
        }
    }
    path.split('.').try_fold(entity, |value, key| value.get(key))
}

/// A scalar as a string, as Backstage's search has it (`buildEntitySearch`), or the scalars of a list.
/// `None` if there is nothing to compare.
fn read(value: &Value) -> Option<Value> {
    if let Value::Array(items) = value {
        let items: Vec<Value> = items.iter().filter_map(scalar).map(Value::String).collect();
        return (!items.is_empty()).then_some(Value::Array(items));
    }
    scalar(value).map(Value::String)
}

fn scalar(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(it) => it.to_string(),
        Value::Number(it) => number(it),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// A number as JavaScript writes it: `7`, not `7.0`.
fn number(number: &Number) -> String {
    let text = number.to_string();
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ImportPolicy, fields};

    #[test]
    fn declared_scalars_and_lists_are_read_and_nothing_else() {
        let entity = json!({
            "metadata": {
                "labels": { "a.io/desk": "7a" },
                "annotations": { "b.io/x.y": "z" },
            },
            "spec": { "id": 7.0, "ok": true, "deep": { "list": ["a", 1, null, [], ""] }, "no": {} },
        });
        let paths = [
            "metadata.labels.a.io/desk",
            "metadata.annotations.b.io/x.y",
            "spec.id",
            "spec.ok",
            "spec.deep.list",
            "spec.no",
            "spec.none",
        ];
        let policy =
            ImportPolicy { fields: paths.map(str::to_owned).to_vec(), ..ImportPolicy::default() };
        let expected = json!({
            "metadata.labels.a.io/desk": "7a",
            "metadata.annotations.b.io/x.y": "z",
            "spec.id": "7",
            "spec.ok": "true",
            "spec.deep.list": ["a", "1"],
        });
        let read = |entity: &Value| {
            let mut problems = Vec::new();
            let found = fields(entity, &policy, |path, why| problems.push(format!("{path} {why}")));
            (json!(found), problems)
        };
        assert_eq!(read(&entity), (expected, Vec::new()));

        let entity =
            json!({ "spec": { "id": "x".repeat(300_000), "deep": { "list": vec!["a"; 101] } } });
        let problems = [
            "spec.id has 300000 bytes; 262144 are allowed",
            "spec.deep.list has 101 values; 100 are allowed",
        ];
        assert_eq!(read(&entity), (json!({}), problems.map(str::to_owned).to_vec()));
    }
}
