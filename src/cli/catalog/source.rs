//! From files and folders to documents, each with its place.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use walkdir::WalkDir;

use super::document::{self, Document};

/// The endings of catalog files in a folder.
const ENDINGS: [&str; 3] = ["json", "yaml", "yml"];

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
    pub(super) warnings: Vec<String>,
}

impl Read {
    /// Reads files as they are named, and in folders what ends in `.json`, `.yaml` or `.yml`, in
    /// sorted order and without what begins with a dot.
    pub(super) fn all(paths: &[PathBuf]) -> Self {
        let mut read = Self::default();
        for path in paths {
            if path.is_dir() {
                read.folder(path);
            } else {
                read.file(path);
            }
        }
        read
    }

    fn problem(&mut self, problem: String) {
        self.documents.push(Err(problem));
    }

    fn folder(&mut self, folder: &Path) {
        let mut is_empty = true;
        let is_hidden = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with('.');
        let entries = WalkDir::new(folder).follow_links(true).sort_by_file_name();
        let entries = entries
            .into_iter()
            .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.file_name()));
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
        if is_empty {
            let folder = folder.display();
            self.problem(format!("{folder}: holds no .yaml, .yml or .json file"));
        }
    }

    fn file(&mut self, file: &Path) {
        let text = match fs::read(file) {
            Ok(bytes) => String::from_utf8(bytes),
            Err(error) => {
                self.problem(format!("{}: cannot be read: {error}", file.display()));
                return;
            }
        };
        let Ok(text) = text else {
            self.problem(format!("{}: is not UTF-8 text", file.display()));
            return;
        };
        let is_json = match file.extension().and_then(|ending| ending.to_str()) {
            Some("json") => true,
            Some("yaml" | "yml") => false,
            _ => text.trim_start().starts_with(['[', '{']),
        };
        if is_json { self.json(file, &text) } else { self.yaml(file, &text) }
    }

    fn yaml(&mut self, file: &Path, text: &str) {
        for result in document::read(text) {
            let place = Place { file: file.to_owned(), at: At::Somewhere };
            match result {
                Ok(document) => self.documents.push(Ok(Sourced { document, place })),
                Err((line, why)) => {
                    let at = line.map_or(At::Somewhere, At::Line);
                    let place = Place { at, ..place };
                    self.problem(format!("{place}: is not valid YAML: {why}"));
                }
            }
        }
    }

    /// An entity, a list of entities (`/api/catalog/entities`), or `{items: […]}`
    /// (`/api/catalog/entities/by-query`).
    fn json(&mut self, file: &Path, text: &str) {
        if text.trim().is_empty() {
            self.problem(format!("{}: is empty", file.display()));
            return;
        }
        let value: Value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(error) => {
                let line = u64::try_from(error.line()).unwrap_or_default();
                let at = if line == 0 { At::Somewhere } else { At::Line(line) };
                let place = Place { file: file.to_owned(), at };
                let why = error.to_string();
                let why = why.split(" at line ").next().unwrap_or_default();
                self.problem(format!("{place}: is not valid JSON: {why}"));
                return;
            }
        };
        let more = value.pointer("/pageInfo/nextCursor").is_some_and(Value::is_string);
        if more {
            let file = file.display();
            self.warnings.push(format!("{file}: is one page of several; the others are not here"));
        }
        let items = match value {
            Value::Array(items) => items,
            Value::Object(mut object) => match object.remove("items") {
                Some(Value::Array(items)) => items,
                _ => vec![Value::Object(object)],
            },
            other => vec![other],
        };
        for (index, item) in items.into_iter().enumerate() {
            let place = Place { file: file.to_owned(), at: At::Entity(index + 1) };
            let document = Document::without_lines(item);
            self.documents.push(Ok(Sourced { document, place }));
        }
    }
}
