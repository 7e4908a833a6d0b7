//! From files and folders to documents, each with its place.

use std::fmt;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};
use serde_json::{Deserializer, Value};
use walkdir::{DirEntry, WalkDir};

use super::super::files;
use super::lists::Lists;
use crate::catalog::import::{BackstageError, Foreign};
use crate::catalog::yaml::{self, Document, Fault};
use crate::json::Unique;

/// The endings of catalog files in a folder.
const ENDINGS: [&str; 5] = ["json", "jsonl", "ndjson", "yaml", "yml"];

/// How `--exclude` reads a glob: `*` stays within a folder, `**` does not.
const GLOB: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// Where something stands.
#[derive(Clone, Debug)]
pub(super) struct Place {
    file: PathBuf,
    at: At,
}

#[derive(Clone, Copy, Debug)]
enum At {
    /// The number of an entity in a list, from 1: the JSON parser knows no lines.
    Entity(usize),
    Line(u64),
    Somewhere,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match self.at {
            At::Entity(number) => write!(formatter, "{file} (entity {number})"),
            At::Line(line) => write!(formatter, "{file}:{line}"),
            At::Somewhere => file.fmt(formatter),
        }
    }
}

/// A document and where it stands.
#[derive(Debug)]
pub(super) struct Sourced {
    pub(super) document: Document,
    place: Place,
}

impl Sourced {
    /// The place of what is at a path.
    pub(super) fn place(&self, path: &str) -> Place {
        let at = self.document.line(path).map_or(self.place.at, At::Line);
        Place { file: self.place.file.clone(), at }
    }
}

/// What was read, and what was not.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// In the order of the sources: documents, and sentences that begin with the place where there
    /// is none.
    pub(super) documents: Vec<Result<Sourced, String>>,
    /// Whether the pages among the sources are whole lists.
    pub(super) lists: Lists,
    passed_over: PassedOver,
    exclude: Vec<Pattern>,
}

/// What is not read, in numbers.
#[derive(Debug, Default)]
struct PassedOver {
    /// Entities of other kinds.
    kinds: usize,
    /// Users, groups and locations of other systems.
    versions: usize,
    /// `null` in answers of `/api/catalog/entities/by-refs`.
    nulls: usize,
    /// Folders with skeletons of software templates.
    skeletons: usize,
}

impl Read {
    /// Reads files as they are named, and in folders what has one of the endings, in sorted order, without
    /// what begins with a dot, what a glob excludes and the skeletons of software templates.
    pub(super) fn all(paths: &[PathBuf], exclude: &[Pattern]) -> Self {
        let mut read = Self { exclude: exclude.to_vec(), ..Self::default() };
        for path in paths {
            if path.is_dir() {
                read.folder(path);
            } else {
                read.file(path);
            }
        }
        read
    }

    /// A line on what was passed over, if anything was.
    pub(super) fn note(&self) -> Option<String> {
        let PassedOver { kinds, versions, nulls, skeletons } = self.passed_over;
        let parts = [
            (kinds, "of other kinds"),
            (versions, "of kind User, Group or Location with another apiVersion than Backstage's"),
            (nulls, "null"),
            (skeletons, "folders with skeletons of templates"),
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        (!parts.is_empty()).then(|| format!("passed over: {}", parts.join(", ")))
    }

    fn problem(&mut self, problem: String) {
        self.documents.push(Err(problem));
    }

    fn folder(&mut self, folder: &Path) {
        let mut is_empty = true;
        let mut skeletons = 0;
        let exclude = self.exclude.clone();
        let entries = WalkDir::new(folder).follow_links(true).sort_by_file_name();
        let entries = entries.into_iter().filter_entry(|entry| {
            if entry.depth() == 0 {
                return true;
            }
            let is_skeleton = is_skeleton(entry);
            skeletons += usize::from(is_skeleton);
            let below = entry.path().strip_prefix(folder).unwrap_or(entry.path());
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            let is_excluded = exclude.iter().any(|glob| glob.matches_path_with(below, GLOB));
            !(is_hidden || is_excluded || is_skeleton)
        });
        for entry in entries {
            match entry {
                Ok(entry) => {
                    let ending = entry.path().extension().and_then(|ending| ending.to_str());
                    if entry.file_type().is_file() && ending.is_some_and(|it| ENDINGS.contains(&it))
                    {
                        is_empty = false;
                        self.file(entry.path());
                    }
                }
                Err(error) => {
                    let path = error.path().unwrap_or(folder).display();
                    self.problem(format!("{path}: cannot be read: {error}"));
                }
            }
        }
        self.passed_over.skeletons += skeletons;
        if is_empty {
            let folder = folder.display();
            self.problem(format!("{folder}: holds no .yaml, .yml or .json file"));
        }
    }

    fn file(&mut self, file: &Path) {
        let text = match files::read_text(file) {
            Ok(text) => text,
            Err(problem) => return self.problem(problem),
        };
        let is_json = match file.extension().and_then(|ending| ending.to_str()) {
            Some("json" | "jsonl" | "ndjson") => true,
            Some("yaml" | "yml") => false,
            _ => text.trim_start().starts_with(['[', '{']),
        };
        if is_json { self.json(file, &text) } else { self.yaml(file, &text) }
    }

    fn yaml(&mut self, file: &Path, text: &str) {
        for result in yaml::read(text) {
            match result {
                Ok(document) => self.yaml_document(file, document),
                Err(fault) => self.fault(file, &fault),
            }
        }
    }

    fn fault(&mut self, file: &Path, Fault { line, message }: &Fault) {
        let at = line.map_or(At::Somewhere, At::Line);
        let place = Place { file: file.to_owned(), at };
        self.problem(format!("{place}: is not valid YAML: {message}"));
    }

    fn yaml_document(&mut self, file: &Path, document: Document) {
        if self.is_passed_over(&document.value) {
            return;
        }
        for fault in &document.faults {
            self.fault(file, fault);
        }
        if !document.faults.is_empty() {
            return;
        }
        let place = Place { file: file.to_owned(), at: At::Somewhere };
        if document.value.get("relations").is_some() {
            let line = document.line("relations").map_or(At::Somewhere, At::Line);
            let place = Place { at: line, ..place };
            self.problem(format!("{place}: relations only a running catalog may give, as JSON"));
            return;
        }
        self.documents.push(Ok(Sourced { document, place }));
    }

    fn is_passed_over(&mut self, value: &Value) -> bool {
        match Foreign::of(value) {
            None => return false,
            Some(Foreign::Kind) => self.passed_over.kinds += 1,
            Some(Foreign::ApiVersion) => self.passed_over.versions += 1,
        }
        true
    }

    /// One JSON value or several after one another (NDJSON). Each is an entity, a list of entities
    /// (`/api/catalog/entities`), a page `{items: […]}` (`/api/catalog/entities/by-query`), or a list of
    /// pages.
    fn json(&mut self, file: &Path, text: &str) {
        if text.trim().is_empty() {
            self.problem(format!("{}: is empty", file.display()));
            return;
        }
        let mut number = 0;
        for value in Deserializer::from_str(text).into_iter::<Unique>() {
            match value {
                Ok(Unique(Value::Array(items))) => {
                    for item in items {
                        self.json_value(file, item, &mut number);
                    }
                }
                Ok(Unique(value)) => self.json_value(file, value, &mut number),
                Err(error) => {
                    let line = u64::try_from(error.line()).unwrap_or_default();
                    let at = if line == 0 { At::Somewhere } else { At::Line(line) };
                    let place = Place { file: file.to_owned(), at };
                    let why = error.to_string();
                    let why = why.split(" at line ").next().unwrap_or_default();
                    self.problem(format!("{place}: is not valid JSON: {why}"));
                }
            }
        }
    }

    /// An entity, or a page of them.
    fn json_value(&mut self, file: &Path, mut value: Value, number: &mut usize) {
        if let Some(error) = BackstageError::of(&value) {
            self.problem(format!("{}: {error}", file.display()));
            return;
        }
        let is_page =
            value.get("kind").is_none() && value.get("items").is_some_and(Value::is_array);
        if !is_page {
            *number += 1;
            self.json_entity(file, value, *number);
            return;
        }
        let items = value.get_mut("items").and_then(Value::as_array_mut).map(std::mem::take);
        let items = items.unwrap_or_default();
        self.lists.note(file, &value, &items);
        for item in items {
            *number += 1;
            if item.is_null() {
                self.passed_over.nulls += 1;
            } else {
                self.json_entity(file, item, *number);
            }
        }
    }

    fn json_entity(&mut self, file: &Path, value: Value, number: usize) {
        if !self.is_passed_over(&value) {
            let place = Place { file: file.to_owned(), at: At::Entity(number) };
            let document = Document::without_lines(value);
            self.documents.push(Ok(Sourced { document, place }));
        }
    }
}

/// Whether a folder holds the skeleton of a software template: files with placeholders, in `content` or
/// `skeleton` beside the template, as `create-app` and Backstage's own examples have it.
fn is_skeleton(entry: &DirEntry) -> bool {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    if !entry.file_type().is_dir()
        || !matches!(name(entry.path()).as_deref(), Some("content" | "skeleton"))
    {
        return false;
    }
    let Some(parent) = entry.path().parent() else { return false };
    name(parent).as_deref() == Some("template")
        || ["template.yaml", "template.yml"].iter().any(|it| parent.join(it).is_file())
}
