//! The pages of `/api/catalog/entities/by-query`, and whether they are the whole list. Cron,
//! `push --url` and `push FILE` share these rules: half a list would delete the other half.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use super::backstage_api::{FIELDS, percent_encode};
use super::policy::ImportPolicy;

/// How many users a page has: a few hundred KiB with tens of groups each.
const PAGE: usize = 200;

/// Why pages are not the whole list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PageError {
    /// Backstage answered with an error (`ErrorResponseBody` of `@backstage/errors`).
    Error(BackstageError),
    /// A page without items, and more are to come.
    Empty,
    /// The pages have no end.
    Endless,
    /// A web page, such as a login.
    Html,
    /// The list ends before all of it was read.
    Incomplete {
        /// How many different entities there were.
        seen: u64,
        /// The largest `totalItems`.
        total: u64,
    },
    /// Not a page of entities.
    NoPage,
    /// A page that was there before.
    Repeated,
    /// `totalItems` is less than on a page before.
    Shrunk {
        /// The largest one before.
        before: u64,
        /// This one.
        now: u64,
    },
    /// The last page of the list is missing, and `totalItems` too.
    Unfinished,
}

impl fmt::Display for PageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => write!(formatter, "{error}"),
            Self::Empty => formatter.write_str("the catalog gave an empty page before the end"),
            Self::Endless => formatter.write_str("the catalog's pages have no end"),
            Self::Html => formatter
                .write_str("the catalog's answer is a web page (HTML), perhaps a login, not JSON"),
            Self::Incomplete { seen, total } => {
                write!(formatter, "the catalog says it has {total} entities and gave {seen}")
            }
            Self::NoPage => formatter.write_str("the catalog's answer is not a page of entities"),
            Self::Repeated => formatter.write_str("the catalog gave a page twice"),
            Self::Shrunk { before, now } => write!(
                formatter,
                "the catalog said it has {before} entities, and on a later page {now}"
            ),
            Self::Unfinished => formatter.write_str("the last page of the list is missing"),
        }
    }
}

/// An error answer of a Backstage backend.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BackstageError {
    /// Such as `AuthenticationError`.
    name: String,
    message: String,
    /// The HTTP status, if the answer has it.
    status: Option<u64>,
}

impl BackstageError {
    /// The error, if this document is one: `{error: {name, message}, response: {statusCode}}`.
    #[must_use]
    pub fn of(document: &Value) -> Option<Self> {
        let error = document.get("error")?.as_object()?;
        if document.get("kind").is_some() {
            return None;
        }
        let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
        let status = document.pointer("/response/statusCode").and_then(Value::as_u64);
        let (name, message) = (text("name").to_owned(), text("message").to_owned());
        (!name.is_empty() || !message.is_empty()).then_some(Self { name, message, status })
    }
}

impl fmt::Display for BackstageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, message, status } = self;
        let status = status.map(|status| format!(", status {status}")).unwrap_or_default();
        write!(formatter, "Backstage answered with an error{status}: {name}: {message}")
    }
}

/// Counts the different entities of a list, and holds them against the largest `totalItems`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Completeness {
    refs: BTreeSet<String>,
    total: u64,
}

impl Completeness {
    /// Notes a page. Returns how many of its entities are new.
    pub fn note(&mut self, items: &[Value], total: Option<u64>) -> usize {
        self.total = self.total.max(total.unwrap_or_default());
        items.iter().filter(|item| self.refs.insert(identity(item))).count()
    }

    /// # Errors
    /// [`PageError::Incomplete`] if entities are missing.
    pub fn check(&self) -> Result<(), PageError> {
        let (seen, total) = (self.seen(), self.total);
        if seen < total { Err(PageError::Incomplete { seen, total }) } else { Ok(()) }
    }

    fn seen(&self) -> u64 {
        u64::try_from(self.refs.len()).unwrap_or(u64::MAX)
    }
}

/// What tells two entities of a list apart: kind, namespace and name, without case as in a ref; all of
/// an item that has no name.
fn identity(item: &Value) -> String {
    let text = |path: &str| item.pointer(path).and_then(Value::as_str);
    match text("/metadata/name") {
        Some(name) => {
            let kind = text("/kind").unwrap_or_default();
            let namespace = text("/metadata/namespace").unwrap_or("default");
            format!("{kind}:{namespace}/{name}").to_lowercase()
        }
        None => item.to_string(),
    }
}

/// What is read of a group.
const GROUP_FIELDS: &str = "kind,metadata.name,metadata.namespace,relations";

/// A walk through the pages of a running Backstage. A cursor stands for a place in a fixed order (that
/// of the entities' ids), so no entity is missed while others come and go.
#[derive(Debug, Default)]
pub struct Pages {
    kind: &'static str,
    /// What is read of each entity.
    fields: String,
    next: Next,
    cursors: BTreeSet<String>,
    list: Completeness,
}

#[derive(Debug, Default, Eq, PartialEq)]
enum Next {
    #[default]
    First,
    Cursor(String),
    Nothing,
}

impl Pages {
    /// The users, with what of them the policy names.
    #[must_use]
    pub fn users(policy: &ImportPolicy) -> Self {
        let mut fields = FIELDS.to_owned();
        for path in policy.field_paths() {
            fields.push(',');
            fields.push_str(path);
        }
        for name in &policy.annotations {
            fields.push_str(",metadata.annotations.");
            fields.push_str(name);
        }
        Self { kind: "user", fields, ..Self::default() }
    }

    /// The groups, which [`Hierarchy`](super::Hierarchy) reads.
    #[must_use]
    pub fn groups() -> Self {
        Self { kind: "group", fields: GROUP_FIELDS.to_owned(), ..Self::default() }
    }

    /// The path and query of the next page, below the backend's base URL; `None` if there is none.
    #[must_use]
    pub fn path(&self) -> Option<String> {
        let Self { kind, fields, .. } = self;
        let which = match &self.next {
            Next::First => format!("filter=kind={kind}"),
            Next::Cursor(cursor) => format!("cursor={}", percent_encode(cursor)),
            Next::Nothing => return None,
        };
        Some(format!("/api/catalog/entities/by-query?{which}&fields={fields}&limit={PAGE}"))
    }

    /// How many different entities were read, and how many there are.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        (self.list.seen(), self.list.total)
    }

    /// Reads a page and goes on to the next.
    ///
    /// # Errors
    /// When it is no page, or the pages cannot be the whole list. Then nothing may be written.
    pub fn read(&mut self, body: &str) -> Result<Vec<Value>, PageError> {
        let body = body.trim_start_matches('\u{feff}');
        let Ok(mut page) = serde_json::from_str::<Value>(body) else {
            let is_html = body.trim_start().starts_with('<');
            return Err(if is_html { PageError::Html } else { PageError::NoPage });
        };
        if let Some(error) = BackstageError::of(&page) {
            return Err(PageError::Error(error));
        }
        let cursor = page.pointer("/pageInfo/nextCursor").and_then(Value::as_str);
        let next = match cursor.filter(|cursor| !cursor.is_empty()) {
            Some(cursor) => Next::Cursor(cursor.to_owned()),
            None => Next::Nothing,
        };
        let now = page.get("totalItems").and_then(Value::as_u64).ok_or(PageError::NoPage)?;
        let items = page.get_mut("items").and_then(Value::as_array_mut);
        let items = std::mem::take(items.ok_or(PageError::NoPage)?);
        let before = self.list.total;
        if now < before {
            return Err(PageError::Shrunk { before, now });
        }
        let new = self.list.note(&items, Some(now));
        if let Next::Cursor(cursor) = &next {
            // A few more than it says may have come meanwhile.
            let most = now.saturating_mul(2).saturating_add(1_000);
            if items.is_empty() {
                return Err(PageError::Empty);
            }
            if self.list.seen() > most || !self.cursors.insert(cursor.clone()) {
                return Err(PageError::Endless);
            }
        } else {
            self.list.check()?;
        }
        if new == 0 && !items.is_empty() {
            return Err(PageError::Repeated);
        }
        self.next = next;
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{PageError, Pages};

    fn page(users: std::ops::Range<usize>, total: usize, next: Option<&str>) -> String {
        let user = |i| json!({ "kind": "User", "metadata": { "name": format!("u{i}") } });
        let items: Vec<Value> = users.map(user).collect();
        let info = next.map_or_else(|| json!({}), |next| json!({ "nextCursor": next }));
        json!({ "items": items, "totalItems": total, "pageInfo": info }).to_string()
    }

    /// The result of the last page.
    fn read(pages: &[String]) -> Result<(), PageError> {
        let mut walk = Pages::default();
        pages.iter().try_for_each(|page| walk.read(page).map(drop))
    }

    #[test]
    fn only_pages_that_are_the_whole_list_are_accepted() {
        let first = page(0..200, 230, Some("c"));
        let incomplete = PageError::Incomplete { seen: 200, total: 230 };
        for (second, expected) in [
            (page(200..230, 230, None), Ok(())),
            (page(200..232, 232, None), Ok(())),
            (page(0..0, 0, None), Err(PageError::Shrunk { before: 230, now: 0 })),
            (page(0..0, 230, None), Err(incomplete.clone())),
            (page(0..0, 230, Some("d")), Err(PageError::Empty)),
            (page(0..200, 230, None), Err(incomplete)),
            (page(0..200, 230, Some("d")), Err(PageError::Repeated)),
            (page(200..229, 229, None), Err(PageError::Shrunk { before: 230, now: 229 })),
            (page(200..210, 230, Some("c")), Err(PageError::Endless)),
        ] {
            assert_eq!(read(&[first.clone(), second.clone()]), expected, "{second}");
        }
    }

    #[test]
    fn an_answer_that_is_no_page_is_named() {
        let error =
            r#"{"error":{"name":"NotAllowed","message":"no"},"response":{"statusCode":403}}"#;
        for (body, expected) in [
            ("<!doctype html>", "is a web page (HTML)"),
            ("[]", "is not a page"),
            (error, "answered with an error, status 403: NotAllowed: no"),
        ] {
            let text = read(&[body.to_owned()]).unwrap_err().to_string();
            assert!(text.contains(expected), "{text}");
        }
    }
}
