//! wrangler's configuration file: what is deployed under which name.

mod find;
mod jsonc;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

pub(super) use find::{find, find_here};
pub(super) use jsonc::parse_jsonc;
use jsonc::{line_at, twice};

/// What an environment does not inherit from the top level, of all that is looked at here
/// (developers.cloudflare.com, "Wrangler configuration", non-inheritable keys).
const NOT_INHERITED: [&str; 4] = ["env", "kv_namespaces", "secrets", "vars"];

/// A wrangler.toml, .json or .jsonc.
#[derive(Debug)]
pub(super) struct Wrangler {
    pub(super) path: PathBuf,
    top: Map<String, Value>,
    /// The keys that are there twice in one object, by line and path: TOML refuses them.
    pub(super) twice: Vec<(usize, String)>,
}

/// A Worker that `wrangler deploy` makes of it.
#[derive(Debug)]
pub(super) struct Deployment {
    /// The name of the environment; `None` for the top level.
    pub(super) env: Option<String>,
    pub(super) settings: Map<String, Value>,
    /// Whether it is an object that has keys.
    pub(super) is_described: bool,
    /// The keys that are the environment's own: it inherits the others.
    own: BTreeSet<String>,
}

impl Wrangler {
    /// Reads the file; its extension says the format, as with wrangler.
    ///
    /// # Errors
    /// A sentence with file and line.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let text =
            fs::read_to_string(path).map_err(|error| format!("{name}: cannot be read: {error}"))?;
        let is_toml = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("toml"));
        let mut repeated = Vec::new();
        let top = if is_toml {
            toml::from_str(&text).map_err(|error: toml::de::Error| {
                let line = line_at(&text, error.span().map_or(0, |span| span.start));
                format!("{name}:{line}: is not valid TOML: {}", error.message())
            })?
        } else {
            repeated = twice(&text);
            parse_jsonc(&text).map_err(|(line, why)| format!("{name}:{line}: {why}"))?
        };
        Ok(Self { path: path.to_owned(), top, twice: repeated })
    }

    /// Whether the file has no key at all.
    pub(super) fn is_empty(&self) -> bool {
        self.top.keys().all(|key| key == "$schema")
    }

    /// The deployment of this environment, or all of them: the top level and every environment. A
    /// top level without bindings and vars beside environments is only what they inherit from. The empty
    /// name is the top level, as in wrangler's `--env=""`.
    ///
    /// # Errors
    /// If there is no such environment.
    pub(super) fn deployments(&self, env: Option<&str>) -> Result<Vec<Deployment>, String> {
        let none = Map::new();
        let envs = self.top.get("env").and_then(Value::as_object).unwrap_or(&none);
        if env == Some("") {
            return Ok(vec![self.top_level()]);
        }
        if let Some(env) = env {
            let Some(own) = envs.get(env) else {
                let known: Vec<&str> = envs.keys().map(String::as_str).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(format!(
                    "{}: has no environment `{env}`; there is {known}",
                    self.path.display()
                ));
            };
            return Ok(vec![self.inherit(env, own)]);
        }
        let mut deployments = Vec::new();
        let is_deployed = ["kv_namespaces", "vars"].iter().any(|key| self.top.contains_key(*key));
        if is_deployed || envs.is_empty() {
            deployments.push(self.top_level());
        }
        deployments.extend(envs.iter().map(|(env, own)| self.inherit(env, own)));
        Ok(deployments)
    }

    fn top_level(&self) -> Deployment {
        let own = self.top.keys().cloned().collect();
        Deployment { env: None, settings: self.top.clone(), is_described: true, own }
    }

    fn inherit(&self, env: &str, own: &Value) -> Deployment {
        let mut settings = self.top.clone();
        settings.retain(|key, _| !NOT_INHERITED.contains(&key.as_str()));
        // `route` and `routes` are two ways to write one thing.
        if own.get("route").is_some() || own.get("routes").is_some() {
            settings.remove("route");
            settings.remove("routes");
        }
        let own = own.as_object().cloned().unwrap_or_default();
        let keys: BTreeSet<String> = own.keys().cloned().collect();
        settings.extend(own);
        let is_described = !keys.is_empty();
        Deployment { env: Some(env.to_owned()), settings, is_described, own: keys }
    }
}

impl Deployment {
    /// The value at a path such as `build.command`.
    pub(super) fn get(&self, path: &str) -> Option<&Value> {
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        let rest = rest.split('.').filter(|key| !key.is_empty());
        rest.fold(self.settings.get(first), |value, key| value?.get(key))
    }

    /// A var as the Worker's runtime has it: the text of a string, the JSON of anything else.
    pub(super) fn var(&self, name: &str) -> Option<String> {
        self.get("vars")?.get(name).map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }

    /// Whether what is at this path, or would be, comes from the top level of the file.
    pub(super) fn inherits(&self, path: &str) -> bool {
        let key = path.split(['.', '[']).next().unwrap_or(path);
        let is_routes = |key: &str| matches!(key, "route" | "routes");
        let is_own =
            self.own.contains(key) || is_routes(key) && self.own.iter().any(|own| is_routes(own));
        self.env.is_some() && !is_own && !NOT_INHERITED.contains(&key)
    }

    /// How messages name it: `[env.production]`, or nothing for the top level.
    pub(super) fn label(&self) -> String {
        self.env.as_ref().map_or_else(String::new, |env| format!(" [env.{env}]"))
    }
}
