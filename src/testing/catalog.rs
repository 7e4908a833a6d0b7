//! A catalog in memory.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::backstage::EntityRef;
use crate::catalog::encode;
use crate::catalog::import::{Entity, Foreign, ImportPolicy, Index};
use crate::catalog::yaml::{self, Fault};

/// Users, as a Backstage catalog has them.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    entities: Vec<Value>,
}

/// A user entity under construction.
#[derive(Clone, Debug)]
pub struct TestUser {
    namespace: String,
    profile: Map<String, Value>,
    annotations: Map<String, Value>,
    labels: Map<String, Value>,
    groups: Vec<String>,
}

impl Catalog {
    /// An empty catalog.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// And this user.
    #[must_use]
    pub fn user(mut self, name: &str, build: impl FnOnce(TestUser) -> TestUser) -> Self {
        let user = build(TestUser {
            namespace: "default".to_owned(),
            profile: Map::new(),
            annotations: Map::new(),
            labels: Map::new(),
            groups: Vec::new(),
        });
        let relations: Vec<Value> = user
            .groups
            .iter()
            .map(|group| json!({ "type": "memberOf", "targetRef": group }))
            .collect();
        self.entities.push(json!({
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "User",
            "metadata": {
                "name": name,
                "namespace": user.namespace,
                "annotations": user.annotations,
                "labels": user.labels,
            },
            "spec": { "profile": user.profile },
            "relations": relations,
        }));
        self
    }

    /// And these entities: one, a list, or a page `{ "items": […] }` of Backstage's catalog API, as
    /// JSON.
    ///
    /// # Errors
    /// If it is not JSON.
    pub fn json(mut self, text: &str) -> serde_json::Result<Self> {
        match serde_json::from_str(text)? {
            Value::Array(entities) => self.entities.extend(entities),
            Value::Object(mut page) => match page.remove("items") {
                Some(Value::Array(entities)) => self.entities.extend(entities),
                _ => self.entities.push(Value::Object(page)),
            },
            other => self.entities.push(other),
        }
        Ok(self)
    }

    /// And the entities of a catalog file, as `cfaccess catalog build` reads it: YAML with one or several
    /// documents.
    ///
    /// # Errors
    /// If it is not YAML.
    pub fn yaml(mut self, text: &str) -> Result<Self, String> {
        for document in yaml::read(text) {
            let document = document.map_err(|fault| said(&fault))?;
            if let Some(fault) = document.faults.first() {
                return Err(said(fault));
            }
            self.entities.push(document.value);
        }
        Ok(self)
    }

    /// The records by KV key, or what is wrong with the entities.
    pub(super) fn records(
        &self,
        policy: &ImportPolicy,
    ) -> Result<BTreeMap<String, String>, Vec<String>> {
        let mut entities = BTreeMap::new();
        let mut problems = Vec::new();
        let concerned = self.entities.iter().enumerate().filter(|it| Foreign::of(it.1).is_none());
        for (index, value) in concerned {
            match Entity::read(value, policy) {
                Ok(entity) => {
                    entities.insert(entity.entity_ref.clone(), entity);
                }
                Err(found) => {
                    problems.extend(found.iter().map(|it| format!("entity {index}: {it}")));
                }
            }
        }
        let hierarchy = policy.hierarchy(&entities);
        let mut records = BTreeMap::new();
        for (key, record) in &Index::with(&entities, &hierarchy, &policy.indexes).records {
            match encode(record) {
                Ok(value) => {
                    records.insert(key.clone(), value);
                }
                Err(error) => problems.push(error.to_string()),
            }
        }
        if problems.is_empty() { Ok(records) } else { Err(problems) }
    }
}

impl TestUser {
    /// In this namespace instead of `default`.
    #[must_use]
    pub fn namespace(self, namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), ..self }
    }

    /// With this `spec.profile.email`.
    #[must_use]
    pub fn email(self, email: &str) -> Self {
        self.profile("email", email)
    }

    /// With this `spec.profile.displayName`.
    #[must_use]
    pub fn display_name(self, name: &str) -> Self {
        self.profile("displayName", name)
    }

    /// With this `spec.profile.picture`.
    #[must_use]
    pub fn picture(self, url: &str) -> Self {
        self.profile("picture", url)
    }

    /// In this group: a name, or an entity ref.
    #[must_use]
    pub fn member_of(mut self, group: &str) -> Self {
        self.groups.extend(EntityRef::parse(group, Some("group")).map(|it| it.to_string()));
        self
    }

    /// With this annotation.
    #[must_use]
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        self.annotations.insert(name.to_owned(), value.into());
        self
    }

    /// With this label, the field `metadata.labels.<name>`.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.to_owned(), value.into());
        self
    }

    fn profile(mut self, member: &str, value: &str) -> Self {
        self.profile.insert(member.to_owned(), value.into());
        self
    }
}

fn said(fault: &Fault) -> String {
    let line = fault.line.map(|line| format!("line {line}: ")).unwrap_or_default();
    format!("{line}{}", fault.message)
}
