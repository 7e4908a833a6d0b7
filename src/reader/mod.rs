//! Reads one JSON object and remembers every problem on the way, so that the operator mends the
//! configuration once and not once per mistake.

use serde_json::{Map, Value};

mod duration;

use crate::problem::Problem;

/// How alike an unknown key must be to a known one to be taken for a slip of it (Jaro-Winkler).
const ALIKE: f64 = 0.8;

/// A reader of one object. A value of the wrong kind becomes a problem and counts as absent.
pub(crate) struct Reader<'a> {
    path: String,
    object: Option<&'a Map<String, Value>>,
    known: Vec<&'static str>,
    /// Whether something else has read the other keys.
    is_read: bool,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(
        path: impl Into<String>,
        value: &'a Value,
        problems: &'a mut Vec<Problem>,
    ) -> Self {
        let path = path.into();
        let object = value.as_object();
        if object.is_none() {
            problems.push(Problem::new(path.clone(), "must be an object"));
        }
        Self { path, object, known: Vec::new(), is_read: false, problems }
    }

    pub(crate) fn problem(&mut self, key: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(format!("{}.{key}", self.path), message));
    }

    /// Notes a problem with the object itself.
    pub(crate) fn problem_here(&mut self, message: impl Into<String>) {
        self.problems.push(Problem::new(self.path.clone(), message));
    }

    /// The members that were not read so far, to be read and checked by something else.
    pub(crate) fn rest(&mut self) -> Map<String, Value> {
        self.is_read = true;
        let members = self.object.into_iter().flatten();
        members
            .filter(|(key, _)| !self.known.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    /// The value of a key; `null` counts as absent, as in app-config.
    pub(crate) fn value(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.push(key);
        self.object.and_then(|object| object.get(key)).filter(|value| !value.is_null())
    }

    pub(crate) fn string(&mut self, key: &'static str) -> Option<String> {
        match self.value(key)? {
            Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Value::String(_) => {
                self.problem(key, "must not be empty");
                None
            }
            _ => {
                self.problem(key, "must be a string");
                None
            }
        }
    }

    pub(crate) fn required_string(&mut self, key: &'static str, hint: &str) -> Option<String> {
        let before = self.problems.len();
        let text = self.string(key);
        if text.is_none() && self.problems.len() == before {
            self.problem(key, format!("is required: {hint}"));
        }
        text
    }

    pub(crate) fn boolean(&mut self, key: &'static str) -> bool {
        match self.value(key) {
            None => false,
            Some(Value::Bool(value)) => *value,
            Some(_) => {
                self.problem(key, "must be true or false");
                false
            }
        }
    }

    /// A duration in seconds, rounded.
    pub(crate) fn seconds(&mut self, key: &'static str) -> Option<u32> {
        match duration::read(self.value(key)?) {
            Ok(duration) => {
                let seconds = duration.as_secs() + u64::from(duration.subsec_millis() >= 500);
                Some(u32::try_from(seconds).unwrap_or(u32::MAX))
            }
            Err(message) => {
                self.problem(key, message);
                None
            }
        }
    }

    /// A list of strings, or one string in place of a list of one.
    pub(crate) fn strings(&mut self, key: &'static str) -> Vec<String> {
        let items: Vec<&Value> = match self.value(key) {
            None => return Vec::new(),
            Some(Value::Array(items)) => items.iter().collect(),
            Some(one) => vec![one],
        };
        let texts: Vec<String> = items
            .iter()
            .filter_map(|item| item.as_str().map(str::trim).filter(|text| !text.is_empty()))
            .map(str::to_owned)
            .collect();
        if texts.len() != items.len() {
            self.problem(key, "must be a string or a list of strings, none of them empty");
        }
        texts
    }

    /// One of a few words; the first is the default.
    pub(crate) fn one_of<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let default = choices.first().map(|(_, value)| *value);
        let Some(text) = self.string(key) else { return default };
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let words: Vec<String> = choices.iter().map(|(word, _)| format!("`{word}`")).collect();
        self.problem(key, format!("must be one of {}, not `{text}`", words.join(", ")));
        default
    }

    /// Reads an object below a key.
    pub(crate) fn below<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Reader<'_>) -> T,
    ) -> Option<T> {
        let value = self.value(key)?;
        let mut reader = Reader::new(format!("{}.{key}", self.path), value, self.problems);
        let result = read(&mut reader);
        reader.finish();
        Some(result)
    }

    /// Reads each object of a list below a key.
    pub(crate) fn each<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Reader<'_>) -> Option<T>,
    ) -> Vec<T> {
        let items = match self.value(key) {
            None => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.problem(key, "must be a list");
                return Vec::new();
            }
        };
        let mut results = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{}.{key}[{index}]", self.path);
            let mut reader = Reader::new(path, item, self.problems);
            results.extend(read(&mut reader));
            reader.finish();
        }
        results
    }

    /// Reports every key that was not read.
    pub(crate) fn finish(self) {
        if self.is_read {
            return;
        }
        for key in self.object.into_iter().flat_map(Map::keys) {
            if self.known.contains(&key.as_str()) {
                continue;
            }
            let alike = self
                .known
                .iter()
                .map(|known| (strsim::jaro_winkler(key, known), known))
                .filter(|(likeness, _)| *likeness >= ALIKE)
                .max_by(|one, other| one.0.total_cmp(&other.0));
            let message = alike.map_or_else(
                || "is not a known key".to_owned(),
                |(_, known)| format!("is not a known key; did you mean `{known}`?"),
            );
            self.problems.push(Problem::new(format!("{}.{key}", self.path), message));
        }
    }
}
