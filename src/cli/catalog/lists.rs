//! Whether the pages among the sources are whole lists.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::catalog::import::{Completeness, PageError};

/// The pages of `/api/catalog/entities/by-query` that were given.
#[derive(Debug, Default)]
pub(super) struct Lists {
    list: Completeness,
    /// A page behind which there is another.
    unfinished: Option<PathBuf>,
    /// Whether the last page of a list was among them.
    is_finished: bool,
}

impl Lists {
    /// Notes a page and its items.
    pub(super) fn note(&mut self, file: &Path, page: &Value, items: &[Value]) {
        self.list.note(items, page.get("totalItems").and_then(Value::as_u64));
        let cursor = page.pointer("/pageInfo/nextCursor").and_then(Value::as_str);
        if cursor.is_some_and(|cursor| !cursor.is_empty()) {
            self.unfinished.get_or_insert_with(|| file.to_owned());
        } else {
            self.is_finished = true;
        }
    }

    /// What is missing of them, in words.
    pub(super) fn missing(&self) -> Option<String> {
        match (self.list.check(), &self.unfinished) {
            (Err(why), _) => Some(why.to_string()),
            (Ok(()), Some(file)) if !self.is_finished => {
                Some(format!("{}: {}", file.display(), PageError::Unfinished))
            }
            (Ok(()), _) => None,
        }
    }
}
