//! Members of `CFACCESS` and `BACKSTAGE` that are in the wrong object.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::findings::{Code, Findings};

const CFACCESS: &[&str] = &[
    "teamName",
    "audience",
    "jwtHeaderName",
    "authorizationCookieName",
    "serviceTokens",
    "sessionDuration",
    "signIn",
    "ownership",
    "token",
    "profile",
    "catalog",
    "providerId",
    "identity",
    "exposeAssertion",
    "onUserNotFound",
    "catalogMaxAge",
];

const BACKSTAGE: &[&str] = &[
    "baseUrl",
    "backstageTokenExpiration",
    "omitIdentityTokenOwnershipClaim",
    "attachToken",
    "corsOrigins",
    "origin",
    "trust",
    "mode",
    "publicPaths",
    "log",
];

/// Those whose names are no names of other vars.
const OWN_NAMES: &[&str] = &[
    "teamName",
    "audience",
    "jwtHeaderName",
    "authorizationCookieName",
    "serviceTokens",
    "signIn",
    "exposeAssertion",
    "onUserNotFound",
    "catalogMaxAge",
    "baseUrl",
    "backstageTokenExpiration",
    "omitIdentityTokenOwnershipClaim",
    "attachToken",
    "corsOrigins",
    "publicPaths",
];

/// Members of objects in `CFACCESS` and `BACKSTAGE`: the var, the object and its members.
const BELOW: &[(&str, &str, &[&str])] = &[
    ("CFACCESS", "signIn", &["require", "resolvers"]),
    ("CFACCESS", "catalog", &["indexes", "fields", "groups"]),
    ("CFACCESS", "ownership", &["add", "keep"]),
    ("CFACCESS", "token", &["claims"]),
    ("CFACCESS", "profile", &["displayName", "picture"]),
    ("BACKSTAGE", "log", &["forwarded", "serverTiming"]),
];

/// How deep `CFACCESS` may be in what was copied around it, such as `auth.providers`.
const DEEPEST: usize = 4;

/// Finds them, and moves them to where they are read.
pub(super) fn check(settings: &mut Map<String, Value>, findings: &mut Findings) {
    let mut moved: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let at_the_top: Vec<String> =
        settings.keys().filter(|key| OWN_NAMES.contains(&key.as_str())).cloned().collect();
    let mut loose: Vec<(String, String, Value)> = Vec::new();
    for key in at_the_top {
        if let Some(value) = settings.remove(&key) {
            loose.push((String::new(), key, value));
        }
    }
    if loose.is_empty() && !settings.contains_key("vars") {
        return;
    }
    let vars = settings.entry("vars").or_insert_with(|| json!({}));
    let Some(vars) = vars.as_object_mut() else { return };
    let among: Vec<String> =
        vars.keys().filter(|key| OWN_NAMES.contains(&key.as_str())).cloned().collect();
    for key in among {
        if let Some(value) = vars.remove(&key) {
            loose.push(("vars".to_owned(), key, value));
        }
    }
    for (name, other) in [("CFACCESS", "BACKSTAGE"), ("BACKSTAGE", "CFACCESS")] {
        unwrap(vars, name, findings);
        let Some(object) = vars.get_mut(name).and_then(Value::as_object_mut) else { continue };
        let inner = object.remove(other);
        let foreign: Vec<String> = object
            .keys()
            .filter(|key| !members(name).contains(&key.as_str()))
            .filter(|key| members(other).contains(&key.as_str()))
            .cloned()
            .collect();
        for key in foreign {
            if let Some(value) = object.remove(&key) {
                loose.push((format!("vars.{name}"), key, value));
            }
        }
        if let Some(inner) = inner {
            let note = moved.entry((format!("vars.{name}"), "vars".to_owned())).or_default();
            note.push(other.to_owned());
            vars.entry(other).or_insert(inner);
        }
    }
    for (from, key, value) in loose {
        let name = if CFACCESS.contains(&key.as_str()) { "CFACCESS" } else { "BACKSTAGE" };
        let object = vars.entry(name).or_insert_with(|| json!({}));
        if let Some(object) = object.as_object_mut() {
            object.entry(&key).or_insert(value);
        }
        moved.entry((from, format!("vars.{name}"))).or_default().push(key);
    }
    lower(vars, &mut moved);
    for ((from, to), keys) in moved {
        let paths: Vec<String> = keys
            .iter()
            .map(|key| if from.is_empty() { key.clone() } else { format!("{from}.{key}") })
            .collect();
        let are = if paths.len() == 1 { "is not read at this place" } else { "are not read there" };
        findings.problem(
            Code::Misplaced,
            paths.first().cloned().unwrap_or_default(),
            format!("`{}` {are}", paths.join("`, `")),
            format!("move it into `{to}`"),
        );
    }
}

fn members(name: &str) -> &'static [&'static str] {
    if name == "CFACCESS" { CFACCESS } else { BACKSTAGE }
}

/// `CFACCESS = { auth = { providers = { cfaccess = … } } }`, or `{ production = … }`.
fn unwrap(vars: &mut Map<String, Value>, name: &str, findings: &mut Findings) {
    let Some(object) = vars.get(name).and_then(Value::as_object) else { return };
    let own = members(name);
    if object.keys().any(|key| own.contains(&key.as_str())) {
        return;
    }
    let Some((path, inner)) = nested(object, own, DEEPEST) else { return };
    let place = format!("vars.{name}.{path}");
    findings.problem(
        Code::Misplaced,
        place.clone(),
        format!("the members of `{place}` are not read at this place"),
        format!("write them into `vars.{name}` itself"),
    );
    vars.insert(name.to_owned(), Value::Object(inner));
}

/// The first object below that has one of these members, with its path.
fn nested(
    object: &Map<String, Value>,
    own: &[&str],
    depth: usize,
) -> Option<(String, Map<String, Value>)> {
    let objects = object.iter().filter_map(|(key, value)| Some((key, value.as_object()?)));
    for (key, below) in objects {
        if below.keys().any(|key| own.contains(&key.as_str())) {
            return Some((key.clone(), below.clone()));
        }
        let deeper = depth.checked_sub(1).and_then(|depth| nested(below, own, depth));
        if let Some((path, found)) = deeper {
            return Some((format!("{key}.{path}"), found));
        }
    }
    None
}

/// Members of an object that stand beside it.
fn lower(vars: &mut Map<String, Value>, moved: &mut BTreeMap<(String, String), Vec<String>>) {
    for (name, below, keys) in BELOW {
        let Some(object) = vars.get_mut(*name).and_then(Value::as_object_mut) else { continue };
        for key in *keys {
            let Some(value) = object.remove(*key) else { continue };
            let inner = object.entry(*below).or_insert_with(|| json!({}));
            if let Some(inner) = inner.as_object_mut() {
                inner.entry(*key).or_insert(value);
            }
            let to = format!("vars.{name}.{below}");
            moved.entry((format!("vars.{name}"), to)).or_default().push((*key).to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{BACKSTAGE, CFACCESS};

    #[test]
    fn members_are_those_of_the_schema() {
        let schema = include_str!("../../../schema/configuration.schema.json");
        let schema: Value = serde_json::from_str(schema).unwrap();
        for (name, members) in [("CFACCESS", CFACCESS), ("BACKSTAGE", BACKSTAGE)] {
            let properties = schema["definitions"][name]["properties"].as_object().unwrap();
            let mut expected: Vec<&str> = properties.keys().map(String::as_str).collect();
            let mut members = members.to_vec();
            expected.sort_unstable();
            members.sort_unstable();
            assert_eq!(members, expected, "{name}");
        }
    }
}
