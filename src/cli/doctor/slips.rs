//! Keys that wrangler does not know, that are in the wrong place, or whose value is of another kind. They
//! are taken for what they were meant to be, so that one slip is one finding.

use serde_json::{Map, Value, json};

use super::super::wrangler::Deployment;
use super::file_keys::{ALIASES, BELOW, ITEMS, Keys, Kind, MISPLACED, NEEDED, REFUSED, TOP};
use super::findings::{Code, Findings};
use super::misplaced_vars;

/// How alike an unknown key must be to a known one to be taken for a slip of it (Jaro-Winkler).
const ALIKE: f64 = 0.85;

/// The bindings that are vars.
const VARS: Keys = &[("CFACCESS", Kind::Any), ("BACKSTAGE", Kind::Any)];

/// How the toml crate shows a date to serde.
const TOML_DATE: &str = "$__toml_private_datetime";

/// Finds them, and puts the deployment right for the checks that follow.
pub(super) fn check(deployment: &mut Deployment, findings: &mut Findings) {
    let settings = &mut deployment.settings;
    if deployment.env.is_some() && settings.remove("env").is_some() {
        misplaced(
            findings,
            "env",
            "move it out: there are no environments in one another".to_owned(),
        );
    }
    check_refused(settings, findings);
    check_dotted(settings, findings);
    check_misplaced(settings, findings);
    move_to_the_top(settings, findings);
    misplaced_vars::check(settings, findings);
    correct(settings, TOP, "", findings);
    for (path, known) in BELOW {
        let object = path
            .split('.')
            .try_fold(&mut *settings, |object, key| object.get_mut(key)?.as_object_mut());
        if let Some(object) = object {
            correct(object, known, path, findings);
        }
    }
    for (key, known) in ITEMS {
        let items = settings.get_mut(*key).and_then(Value::as_array_mut);
        for (at, item) in items.into_iter().flatten().enumerate() {
            if let Some(object) = item.as_object_mut() {
                correct(object, known, &format!("{key}[{at}]"), findings);
            }
        }
    }
    if let Some(vars) = settings.get_mut("vars").and_then(Value::as_object_mut) {
        correct(vars, VARS, "vars", findings);
        check_dates(vars, findings);
    }
}

fn check_refused(settings: &mut Map<String, Value>, findings: &mut Findings) {
    for (key, remedy) in REFUSED {
        if settings.remove(*key).is_some() {
            let message = format!("wrangler deploys nothing with `{key}`");
            findings.problem(Code::InvalidValue, *key, message, *remedy);
        }
    }
}

/// `"triggers.crons": […]` in JSON, or in quotes in TOML, is one key.
fn check_dotted(settings: &mut Map<String, Value>, findings: &mut Findings) {
    let is_dotted = |key: &&String| {
        key.split_once('.').is_some_and(|(first, _)| TOP.iter().any(|(known, _)| *known == first))
    };
    let dotted: Vec<String> = settings.keys().filter(is_dotted).cloned().collect();
    for key in dotted {
        let Some(value) = settings.remove(&key) else { continue };
        findings.problem(
            Code::Misplaced,
            key.as_str(),
            format!("`{key}` is one key with a dot in it, and is ignored"),
            "write objects in one another",
        );
        put(settings, &key, value);
    }
}

/// Puts a value at a path that is free.
fn put(settings: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            settings.entry(path).or_insert(value);
        }
        Some((first, rest)) => {
            let below = settings.entry(first).or_insert_with(|| json!({}));
            if let Some(below) = below.as_object_mut() {
                put(below, rest, value);
            }
        }
    }
}

fn check_misplaced(settings: &mut Map<String, Value>, findings: &mut Findings) {
    for (key, below) in MISPLACED {
        let Some(value) = settings.remove(*key) else { continue };
        misplaced(findings, key, format!("move it into `{below}`"));
        put(settings, &format!("{below}.{key}"), value);
    }
}

fn misplaced(findings: &mut Findings, path: &str, remedy: String) {
    findings.problem(Code::Misplaced, path, format!("`{path}` is not read at this place"), remedy);
}

/// In TOML, what stands below `[build]` is in `build`.
fn move_to_the_top(settings: &mut Map<String, Value>, findings: &mut Findings) {
    let mut found = Vec::new();
    for (path, known) in BELOW {
        take(settings, &path.replace('.', "/"), path, known, &mut found);
    }
    for (key, known) in ITEMS {
        let count = settings.get(*key).and_then(Value::as_array).map_or(0, Vec::len);
        for at in 0..count {
            take(settings, &format!("{key}/{at}"), &format!("{key}[{at}]"), known, &mut found);
        }
    }
    for name in ["CFACCESS", "BACKSTAGE"] {
        take(settings, &format!("vars/{name}"), &format!("vars.{name}"), &[], &mut found);
    }
    let is_free = |key: &str| settings.get(key).is_none();
    let needed: Vec<&str> = NEEDED.iter().copied().filter(|key| is_free(key)).collect();
    if let Some(vars) = settings.get_mut("vars").and_then(Value::as_object_mut) {
        for key in needed {
            if let Some(value) = vars.remove(key) {
                found.push((format!("vars.{key}"), key.to_owned(), value));
            }
        }
    }
    for (path, key, value) in found {
        misplaced(findings, &path, "move it out, in TOML above the first line in `[ ]`".to_owned());
        settings.entry(key).or_insert(value);
    }
}

/// Takes from an object what belongs to the top of the file and is not there.
fn take(
    settings: &mut Map<String, Value>,
    pointer: &str,
    path: &str,
    known: Keys,
    found: &mut Vec<(String, String, Value)>,
) {
    let is_free: Vec<&str> =
        TOP.iter().map(|(key, _)| *key).filter(|key| !settings.contains_key(*key)).collect();
    let mut steps = pointer.split('/');
    let start = steps.next().and_then(|first| settings.get_mut(first));
    let object = steps.fold(start, |value, step| match value? {
        Value::Object(object) => object.get_mut(step),
        Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        _ => None,
    });
    let Some(object) = object.and_then(Value::as_object_mut) else { return };
    for key in is_free {
        if known.iter().all(|(name, _)| *name != key)
            && let Some(value) = object.remove(key)
        {
            found.push((format!("{path}.{key}"), key.to_owned(), value));
        }
    }
}

/// Gives keys that are nearly right their right name, and looks at the kinds of values. Other keys are
/// ignored by wrangler with a warning, except in a route, and among the vars, where each name is one.
fn correct(object: &mut Map<String, Value>, known: Keys, place: &str, findings: &mut Findings) {
    let container = place.split('[').next().unwrap_or(place);
    let is_known = |key: &str| known.iter().any(|(name, _)| *name == key);
    let unknown: Vec<String> = object.keys().filter(|key| !is_known(key)).cloned().collect();
    for key in unknown {
        let path = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
        if let Some(name) = meant(&key, container, known, object) {
            findings.problem(
                Code::UnknownKey,
                path.clone(),
                format!("`{path}` is not a known key and is ignored"),
                format!("write `{name}`"),
            );
            if let Some(value) = object.remove(&key) {
                // `patterns`, of which only the first counts here.
                let first = if name == "pattern" { value.get(0).cloned() } else { None };
                object.insert(name.to_owned(), first.unwrap_or(value));
            }
        } else if container == "routes" {
            let message = format!("`{path}` is not a known key, and wrangler refuses the route");
            findings.problem(Code::UnknownKey, path, message, "take it out, or correct its name");
            object.remove(&key);
        } else if container != "vars" {
            findings.warning(
                Code::UnknownKey,
                path.clone(),
                format!("`{path}` is not a known key and is ignored"),
                "take it out, or correct its name",
            );
        }
    }
    for (key, kind) in known {
        let path = if place.is_empty() { (*key).to_owned() } else { format!("{place}.{key}") };
        let Some(what) = object.get(*key).and_then(|value| mismatch(*kind, value)) else {
            continue;
        };
        let (must_be, remedy) = what;
        let message = format!("`{path}` must be {must_be}");
        findings.problem(Code::InvalidValue, path.clone(), message, remedy);
        match in_its_place(&path) {
            Some(value) => object.insert((*key).to_owned(), value),
            None => object.remove(*key),
        };
    }
}

/// The key that is meant by one that is not known.
fn meant(
    key: &str,
    container: &str,
    known: Keys,
    object: &Map<String, Value>,
) -> Option<&'static str> {
    let plain = |key: &str| key.to_ascii_lowercase().replace(['-', '_'], "");
    let alias = ALIASES.iter().find(|(place, other, _)| *place == container && *other == key);
    if let Some((_, _, name)) = alias {
        return Some(*name).filter(|name| !object.contains_key(*name));
    }
    let alike = known
        .iter()
        .filter(|(name, _)| !object.contains_key(*name))
        .map(|(name, _)| (strsim::jaro_winkler(&plain(key), &plain(name)), *name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    alike.map(|(_, name)| name)
}

/// What a value must be that is of another kind, and how to write it.
fn mismatch(kind: Kind, value: &Value) -> Option<(&'static str, &'static str)> {
    let is_right = match kind {
        Kind::Any => true,
        Kind::Flag => value.is_boolean(),
        Kind::List => value.is_array(),
        Kind::Number => value.is_number(),
        Kind::Object => value.is_object(),
        Kind::Text => value.is_string(),
    };
    let must_be = match kind {
        _ if is_right => return None,
        Kind::Any => return None,
        Kind::Flag => ("true or false", "write it without quotes"),
        Kind::List => ("a list", "write [{…}], in TOML also [[…]]"),
        Kind::Number => ("a number", "write it without quotes"),
        Kind::Object => ("an object", "write {…}, in TOML also […]"),
        Kind::Text => ("text", "write it in quotes"),
    };
    Some(must_be)
}

/// What stands for a value of another kind, so that no other check misses it.
fn in_its_place(path: &str) -> Option<Value> {
    match path {
        "build" => Some(json!({ "command": "-" })),
        "observability" => Some(json!({ "enabled": true })),
        "observability.enabled" | "observability.logs.enabled" => Some(json!(true)),
        "secrets" => Some(json!({ "required": ["SIGNING_KEYS", "CATALOG_TOKEN"] })),
        _ => None,
    }
}

/// A date without quotes in TOML, which wrangler refuses.
fn check_dates(vars: &Map<String, Value>, findings: &mut Findings) {
    for (name, _) in vars.iter().filter(|(_, value)| value.get(TOML_DATE).is_some()) {
        findings.problem(
            Code::InvalidValue,
            format!("vars.{name}"),
            format!("`vars.{name}` is a date of TOML, which wrangler refuses"),
            "write it in quotes",
        );
    }
}
