//! What Backstage requires of a `User` or `Group` from a file beyond what sign-in reads of it: the schemas
//! of `@backstage/catalog-model` (`Entity`, `EntityMeta`, `User`, `Group`), `NoForeignRootFieldsEntityPolicy`
//! and `FieldFormatEntityPolicy`. An entity that Backstage refuses must grant nothing.

use serde_json::{Map, Value};
use url::Url;

use super::validators::{is_key, is_label_value, is_tag, name_of};
use crate::problem::Problem;

/// The versions of both kinds.
const API_VERSIONS: [&str; 2] = ["backstage.io/v1alpha1", "backstage.io/v1beta1"];

/// The members of an entity in a file.
const ROOT: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];

/// Every problem that the entity has by the schema of its kind; of other kinds none is known.
pub(super) fn problems(entity: &Value) -> Vec<Problem> {
    let is_group = match entity.get("kind").and_then(Value::as_str) {
        Some("Group") => true,
        Some("User") => false,
        _ => return Vec::new(),
    };
    let mut checker = Checker { entity, problems: Vec::new() };
    checker.root();
    checker.metadata();
    checker.spec(is_group);
    checker.problems
}

struct Checker<'a> {
    entity: &'a Value,
    problems: Vec<Problem>,
}

impl<'a> Checker<'a> {
    fn root(&mut self) {
        match self.entity.get("apiVersion") {
            None => self.problem("apiVersion", format!("is missing: write `{}`", API_VERSIONS[0])),
            Some(Value::String(text)) if API_VERSIONS.contains(&text.as_str()) => {}
            Some(other) => {
                let found = other.as_str().map_or_else(|| name_of(other).into(), quoted);
                self.problem("apiVersion", format!("must be `{}`, not {found}", API_VERSIONS[0]));
            }
        }
        for name in self.entity.as_object().into_iter().flat_map(Map::keys) {
            if !ROOT.contains(&name.as_str()) {
                self.problem(name, "is not a member of an entity; does it belong below `spec`?");
            }
        }
    }

    fn metadata(&mut self) {
        for name in ["uid", "etag", "title"] {
            self.text(&format!("metadata.{name}"));
        }
        if let Some(other) = self.at("metadata.description").filter(|it| !it.is_string()) {
            self.problem(
                "metadata.description",
                format!("must be a string, not {}", name_of(other)),
            );
        }
        for member in ["labels", "annotations"] {
            let path = format!("metadata.{member}");
            let Some(value) = self.at(&path) else { continue };
            let Some(object) = value.as_object() else {
                self.problem(&path, format!("must be an object, not {}", name_of(value)));
                continue;
            };
            for (key, value) in object {
                let path = format!("{path}.{key}");
                if !is_key(key) {
                    self.problem(&path, "is not a name such as `example.com/name`");
                } else if let Some(text) = value.as_str() {
                    if member == "labels" && !is_label_value(text) {
                        let message = "must be up to 63 of the characters a-z A-Z 0-9 - _ . with a \
                                       letter or digit at both ends";
                        self.problem(&path, message);
                    }
                } else {
                    self.problem(&path, format!("must be a string; it is {}", name_of(value)));
                }
            }
        }
        for (path, tag) in self.texts("metadata.tags") {
            if !is_tag(tag) {
                self.problem(&path, "must be up to 63 of the characters a-z 0-9 : + # -");
            }
        }
        for (index, link) in self.list("metadata.links").iter().enumerate() {
            self.link(&format!("metadata.links[{index}]"), link);
        }
    }

    fn link(&mut self, path: &str, link: &Value) {
        let Some(link) = link.as_object() else {
            self.problem(path, format!("must be an object, not {}", name_of(link)));
            return;
        };
        let url = link.get("url").and_then(Value::as_str);
        if url.is_none_or(|url| Url::parse(url).is_err()) {
            self.problem(&format!("{path}.url"), "must be a URL such as `https://example.com`");
        }
        for (name, may_be_blank) in [("title", false), ("icon", false), ("type", true)] {
            let text = link.get(name).map(Value::as_str);
            let is_wrong =
                |text: &str| text.is_empty() || (!may_be_blank && text.trim().is_empty());
            if text.is_some_and(|text| text.is_none_or(is_wrong)) {
                self.problem(&format!("{path}.{name}"), "must be a string, and not empty");
            }
        }
    }

    fn spec(&mut self, is_group: bool) {
        let Some(spec) = self.entity.get("spec") else {
            self.problem("spec", "is missing");
            return;
        };
        if !spec.is_object() {
            self.problem("spec", format!("must be an object, not {}", name_of(spec)));
            return;
        }
        if let Some(profile) = spec.get("profile").filter(|it| !it.is_object()) {
            self.problem("spec.profile", format!("must be an object, not {}", name_of(profile)));
        }
        for name in ["displayName", "email", "picture"] {
            self.text(&format!("spec.profile.{name}"));
        }
        let required: &[&str] = if is_group { &["type", "children"] } else { &["memberOf"] };
        for name in required {
            if spec.get(name).is_none() {
                let empty = if *name == "type" { "" } else { ": write `[]` if there is none" };
                self.problem(&format!("spec.{name}"), format!("is missing{empty}"));
            }
        }
        if is_group {
            self.text("spec.type");
            self.text("spec.parent");
            self.texts("spec.children");
            self.texts("spec.members");
        } else {
            self.texts("spec.memberOf");
        }
    }

    /// A member that need not be there is a string, and not empty.
    fn text(&mut self, path: &str) {
        if let Some(value) = self.at(path)
            && value.as_str().is_none_or(str::is_empty)
        {
            let message = format!("must be a string, and not empty; it is {}", name_of(value));
            self.problem(path, message);
        }
    }

    /// The items of a list of strings, with their paths.
    fn texts(&mut self, path: &str) -> Vec<(String, &'a str)> {
        let mut texts = Vec::new();
        for (index, item) in self.list(path).iter().enumerate() {
            let path = format!("{path}[{index}]");
            if let Some(text) = item.as_str().filter(|text| !text.is_empty()) {
                texts.push((path, text));
            } else {
                let what = name_of(item);
                self.problem(&path, format!("must be a string, and not empty; it is {what}"));
            }
        }
        texts
    }

    fn list(&mut self, path: &str) -> &'a [Value] {
        match self.at(path) {
            None => &[],
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.problem(path, format!("must be a list, not {}", name_of(other)));
                &[]
            }
        }
    }

    fn at(&self, path: &str) -> Option<&'a Value> {
        path.split('.').try_fold(self.entity, |value, key| value.get(key))
    }

    fn problem(&mut self, path: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(path, message));
    }
}

fn quoted(text: &str) -> String {
    format!("`{text}`")
}
