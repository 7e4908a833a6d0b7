//! The users of a running Backstage, page by page (`/api/catalog/entities/by-query`).
//!
//! Only users are asked for: a running catalog has joined what users and groups say of each other,
//! and its users carry the result as `relations`.

use std::fmt::Write as _;

use serde_json::Value;

use super::entity::{Entity, Kind};

/// How many users a page has: a few hundred KiB with tens of groups each.
const PAGE: usize = 200;

/// What is read of a user, its annotations apart.
const FIELDS: &str = "kind,metadata.name,metadata.namespace,spec.profile.email,\
                      spec.profile.displayName,spec.profile.picture,relations";

/// A walk through the pages. A cursor stands for a place in a fixed order (that of the entities' ids),
/// so nobody is missed while others come and go.
#[derive(Debug, Default)]
pub struct Pages {
    /// Further fields to read, as a part of the query.
    annotations: String,
    next: Next,
    seen: u64,
    total: u64,
}

#[derive(Debug, Default, Eq, PartialEq)]
enum Next {
    #[default]
    First,
    Cursor(String),
    Nothing,
}

impl Pages {
    /// A walk that reads the annotations with these names too.
    #[must_use]
    pub fn with(annotations: &[String]) -> Self {
        let field = |name: &String| format!(",metadata.annotations.{name}");
        Self { annotations: annotations.iter().map(field).collect(), ..Self::default() }
    }

    /// The path and query of the next page, below the backend's base URL; `None` if there is none.
    #[must_use]
    pub fn path(&self) -> Option<String> {
        let which = match &self.next {
            Next::First => "filter=kind=user".to_owned(),
            Next::Cursor(cursor) => format!("cursor={}", percent_encode(cursor)),
            Next::Nothing => return None,
        };
        let fields = format!("{FIELDS}{}", self.annotations);
        Some(format!("/api/catalog/entities/by-query?{which}&fields={fields}&limit={PAGE}"))
    }

    /// How many users were read, and how many there are.
    #[must_use]
    pub const fn progress(&self) -> (u64, u64) {
        (self.seen, self.total)
    }

    /// Reads a page and goes on to the next.
    ///
    /// # Errors
    /// When it is no page, or the last one and users are missing: half a list is none.
    pub fn read(&mut self, body: &str) -> Result<Vec<Value>, String> {
        let no_page = || "the catalog's answer is not a page of entities".to_owned();
        let mut page: Value = serde_json::from_slice(body.as_bytes()).map_err(|_| no_page())?;
        let cursor = page.get("pageInfo").and_then(|info| info.get("nextCursor"));
        let next = match cursor.and_then(Value::as_str) {
            Some(cursor) => Next::Cursor(cursor.to_owned()),
            None => Next::Nothing,
        };
        self.total = page.get("totalItems").and_then(Value::as_u64).ok_or_else(no_page)?;
        let items = page.get_mut("items").and_then(Value::as_array_mut).ok_or_else(no_page)?;
        let items = std::mem::take(items);
        self.seen += u64::try_from(items.len()).unwrap_or_default();
        if next == Next::Nothing && self.seen < self.total {
            return Err(format!(
                "the catalog says it has {} users and gave {}",
                self.total, self.seen
            ));
        }
        if next != Next::Nothing && (items.is_empty() || self.next == next) {
            return Err("the catalog's pages have no end".to_owned());
        }
        self.next = next;
        Ok(items)
    }
}

/// Reads an entity of a page, with those of its annotations that have these names.
///
/// # Errors
/// What is wrong with it, after its name if it has one.
pub fn live_entity(item: &Value, annotations: &[String]) -> Result<Entity, Vec<String>> {
    let name = item.get("metadata").and_then(|metadata| metadata.get("name"));
    let name = name.and_then(Value::as_str).unwrap_or("without a name");
    let say = |problem: &dyn std::fmt::Display| format!("user {name}: {problem}");
    match Entity::read(item, annotations) {
        Ok(entity) if matches!(entity.kind, Kind::User(_)) && item.get("relations").is_some() => {
            Ok(entity)
        }
        Ok(_) => Err(vec![say(&"is not a user with `relations`, as a running catalog has them")]),
        Err(problems) => Err(problems.iter().map(|problem| say(problem)).collect()),
    }
}

/// A text as a part of a query: every byte but the plain ones in hexadecimal (RFC 3986, section 2.1).
#[must_use]
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(byte.into());
        } else {
            // Writing into a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
