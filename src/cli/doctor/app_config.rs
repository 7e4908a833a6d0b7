//! Backstage's configuration, read as `@backstage/config-loader` reads it: several files, later ones over
//! earlier ones. What comes from the environment is not known here and is left alone.

mod auth;
mod provider;
mod urls;

use std::fmt::Display;
use std::fs;
use std::iter::successors;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::super::files;
use super::super::wrangler::{Deployment, parse_jsonc};
use super::findings::{Code, Finding, Findings};
use super::secrets::Keys;
use crate::catalog::yaml::{self, Document, Fault};
use crate::config::{Config, Trust};

/// What stands for a value that is only known when Backstage starts.
const UNKNOWN: &str = "${unknown}";

/// The deepest `$include` in `$include`.
const MAX_INCLUDES: usize = 10;

/// All files, merged.
#[derive(Debug)]
pub(super) struct AppConfig {
    files: Vec<(PathBuf, Document)>,
    value: Value,
    /// What could not be included, and why.
    missing: Vec<String>,
    /// `packages/backend/src/index.ts`, if it is near.
    backend: Option<Backend>,
}

/// The code of the backend, without comments.
#[derive(Debug)]
struct Backend {
    path: PathBuf,
    code: String,
}

/// Reads the files.
///
/// # Errors
/// A sentence that names file and line, if one cannot be read.
pub(super) fn read(paths: &[PathBuf]) -> Result<AppConfig, String> {
    let mut app = AppConfig {
        files: Vec::new(),
        value: Value::Object(Map::new()),
        missing: Vec::new(),
        backend: backend(paths),
    };
    for path in paths {
        let document = document(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let value = included(&document.value, folder, 0, &mut app.missing);
        merge(&mut app.value, value);
        app.files.push((path.clone(), document));
    }
    Ok(app)
}

fn document(path: &Path) -> Result<Document, String> {
    let name = path.display();
    let text = files::read_text(path)?;
    if path.extension().is_some_and(|it| it.eq_ignore_ascii_case("json")) {
        let object = parse_jsonc(&text).map_err(|(line, why)| format!("{name}:{line}: {why}"))?;
        return Ok(Document::without_lines(Value::Object(object)));
    }
    match yaml::read(&text).into_iter().next() {
        None => Ok(Document::without_lines(Value::Object(Map::new()))),
        Some(Err(fault)) => Err(fault_at(&name, &fault)),
        // The `yaml` package, and so Backstage, refuses what is a fault.
        Some(Ok(document)) => match document.faults.first() {
            Some(fault) => Err(fault_at(&name, fault)),
            None if document.value.is_object() => Ok(document),
            None => Err(format!("{name}: must be an object, as app-config is")),
        },
    }
}

fn fault_at(name: &impl Display, fault: &Fault) -> String {
    let line = fault.line.map(|line| format!(":{line}")).unwrap_or_default();
    format!("{name}{line}: {}", fault.message)
}

/// The value with its `$include`s followed. `$env` and `$file` stand for what is not known.
fn included(value: &Value, folder: &Path, depth: usize, missing: &mut Vec<String>) -> Value {
    match value {
        Value::Array(items) => {
            items.iter().map(|item| included(item, folder, depth, missing)).collect()
        }
        Value::Object(object) => {
            if object.contains_key("$env") || object.contains_key("$file") {
                return Value::String(UNKNOWN.to_owned());
            }
            if let Some(target) = object.get("$include") {
                return include(target, folder, depth, missing);
            }
            let members = object.iter();
            members
                .map(|(key, value)| (key.clone(), included(value, folder, depth, missing)))
                .collect()
        }
        other => other.clone(),
    }
}

fn include(target: &Value, folder: &Path, depth: usize, missing: &mut Vec<String>) -> Value {
    let unknown = Value::String(UNKNOWN.to_owned());
    let Some(target) = target.as_str().filter(|target| !target.contains("${")) else {
        return unknown;
    };
    let (name, path) = target.split_once('#').unwrap_or((target, ""));
    let file = folder.join(name);
    if depth >= MAX_INCLUDES {
        missing.push(format!("{}: includes itself", file.display()));
        return unknown;
    }
    match document(&file) {
        Ok(document) => {
            let mut keys = path.split('.').filter(|key| !key.is_empty());
            let value = keys.try_fold(&document.value, |value, key| value.get(key));
            let folder = file.parent().unwrap_or(Path::new(""));
            included(value.unwrap_or(&Value::Null), folder, depth + 1, missing)
        }
        Err(why) => {
            missing.push(why);
            unknown
        }
    }
}

/// Lays a later file over earlier ones (`ConfigReader`): objects are joined, anything else is replaced, and
/// `null` takes away.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

/// The backend's code, as create-app lays it out.
fn backend(paths: &[PathBuf]) -> Option<Backend> {
    let folders = paths.iter().filter_map(|path| path.parent()).chain([Path::new("")]);
    let path = folders
        .map(|folder| folder.join("packages/backend/src/index.ts"))
        .find(|path| path.is_file())?;
    let text = fs::read_to_string(&path).ok()?;
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    Some(Backend { path, code: lines.collect::<Vec<_>>().join("\n") })
}

impl AppConfig {
    /// The value at a path such as `backend.baseUrl`; `null` counts as absent.
    fn get(&self, path: &str) -> Option<&Value> {
        let value = path.split('.').try_fold(&self.value, |value, key| value.get(key));
        value.filter(|value| !value.is_null())
    }

    /// The text at a path, if it is known before Backstage starts.
    fn text(&self, path: &str) -> Option<&str> {
        self.get(path).and_then(known)
    }

    /// The file, and the line, that has what is at a path, or what it would be in; the last file if none
    /// has it.
    fn place(&self, path: &str) -> String {
        // A list comes from one file as a whole.
        let (path_of_list, _) = path.split_once('[').unwrap_or((path, ""));
        let found = successors(Some(path_of_list), |path| Some(path.rsplit_once('.')?.0)).find_map(
            |path| {
                self.files.iter().rev().find(|(_, document)| {
                    let mut keys = path.split('.');
                    keys.try_fold(&document.value, |value, key| value.get(key)).is_some()
                })
            },
        );
        let line = found.and_then(|(_, document)| document.line(path));
        let file = found.or(self.files.last()).map(|(file, _)| file.display().to_string());
        match (file, line) {
            (Some(file), Some(line)) => format!("{file}:{line}"),
            (file, _) => file.unwrap_or_default(),
        }
    }

    /// Whether the backend installs a package; `None` if its code is not near.
    fn installs(&self, package: &str) -> Option<bool> {
        let backend = self.backend.as_ref()?;
        let is_there =
            ["'", "\""].iter().any(|quote| backend.code.contains(&format!("{package}{quote}")));
        Some(is_there)
    }
}

/// A text that does not come from the environment.
fn known(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.replace("$${", "").contains("${"))
}

/// Where the backend asks for the auth plugin's routes, if its discovery says so.
pub(super) fn internal_auth_url(app: &AppConfig) -> Option<String> {
    urls::auth_endpoint(app)
        .and_then(|(_, target)| known(target.get("internal").unwrap_or(target)))
        .map(|target| target.replace("{{pluginId}}", "auth").replace("{{ pluginId }}", "auth"))
}

/// Looks at Backstage's configuration, alone and together with the Worker's.
pub(super) fn check(
    app: &AppConfig,
    deployment: &Deployment,
    config: Option<&Config>,
    keys: Option<&Keys>,
    findings: &mut Findings,
) {
    let mut found = Findings::default();
    for why in &app.missing {
        found.note(
            Code::AppFile,
            "",
            format!("cannot be included: {why}"),
            "what it holds was not checked",
        );
    }
    // With a shared key there should be no such endpoint at all, which is found below.
    if config.is_none_or(|config| config.backstage.trust == Trust::Service) {
        urls::check_discovery_targets(app, &mut found);
    }
    if let Some(config) = config {
        urls::check(app, config, &mut found);
        auth::check(app, deployment, config, keys, &mut found);
    } else {
        found.note(
            Code::AppFile,
            "",
            "was not compared with the Worker's configuration, which cannot be read",
            "correct that first",
        );
    }
    findings.0.extend(found.0.into_iter().map(|mut finding: Finding| {
        if finding.file.is_empty() && !finding.place.is_empty() {
            finding.file = app.place(&finding.place);
        }
        finding
    }));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::merge;

    #[test]
    fn later_files_are_laid_over_earlier_ones() {
        let mut value = json!({ "a": { "b": 1, "c": [1, 2] }, "d": 1 });
        merge(&mut value, json!({ "a": { "c": [3], "e": null }, "d": null, "f": { "g": 1 } }));
        let expected = json!({ "a": { "b": 1, "c": [3], "e": null }, "d": null, "f": { "g": 1 } });
        assert_eq!(value, expected);
    }
}
