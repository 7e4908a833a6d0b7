//! JSON with comments, as wrangler reads it.

use jsonc_parser::ast::{Object, Value as Node};
use jsonc_parser::common::{Range, Ranged};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::{Map, Value};

/// JSONC as wrangler reads it: JSON with comments and trailing commas, in `.json` and `.jsonc` alike.
const JSONC: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: false,
    allow_trailing_commas: true,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// The object in a JSONC text.
///
/// # Errors
/// The line, and what is wrong there.
pub(in crate::cli) fn parse_jsonc(text: &str) -> Result<Map<String, Value>, (usize, String)> {
    let text = without_mark(text);
    match jsonc_parser::parse_to_serde_value::<Value>(text, &JSONC) {
        Ok(Value::Object(object)) => match Walk::of(text).wrong {
            Some(at) => {
                Err((line_at(text, at), "is not valid JSON: no such text or number".into()))
            }
            None => Ok(object),
        },
        Ok(_) => Err((1, "must be a JSON object".to_owned())),
        Err(error) => {
            let line = line_at(text, error.range().start);
            Err((line, format!("is not valid JSON: {}", error.kind())))
        }
    }
}

/// The keys that are there twice in one object, each with its line and path. wrangler takes the last.
pub(super) fn twice(text: &str) -> Vec<(usize, String)> {
    Walk::of(without_mark(text)).twice
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The line of a byte of a text.
pub(super) fn line_at(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or_default().matches('\n').count() + 1
}

/// What a look at every value finds.
struct Walk<'a> {
    text: &'a str,
    /// The first text or number that the parser takes and wrangler does not, such as a text of two lines.
    wrong: Option<usize>,
    twice: Vec<(usize, String)>,
}

impl<'a> Walk<'a> {
    fn of(text: &'a str) -> Self {
        let mut walk = Self { text, wrong: None, twice: Vec::new() };
        let parsed = parse_to_ast(text, &CollectOptions::default(), &JSONC).ok();
        if let Some(Node::Object(object)) = parsed.as_ref().and_then(|it| it.value.as_ref()) {
            walk.object(object, "");
        }
        walk
    }

    fn object(&mut self, object: &Object<'_>, path: &str) {
        let mut seen: Vec<&str> = Vec::new();
        for property in &object.properties {
            let name = property.name.as_str();
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            self.literal(property.name.range());
            if seen.contains(&name) {
                let line = line_at(self.text, property.range.start);
                self.twice.push((line, path.clone()));
            }
            seen.push(name);
            self.value(&property.value, &path);
        }
    }

    fn value(&mut self, value: &Node<'_>, path: &str) {
        match value {
            Node::Object(object) => self.object(object, path),
            Node::Array(items) => {
                for (at, item) in items.elements.iter().enumerate() {
                    self.value(item, &format!("{path}[{at}]"));
                }
            }
            Node::StringLit(text) => self.literal(text.range),
            Node::NumberLit(number) => self.literal(number.range),
            Node::BooleanLit(_) | Node::NullKeyword(_) => {}
        }
    }

    /// A text or a number, as JSON has it.
    fn literal(&mut self, range: Range) {
        let text = self.text.get(range.start..range.end).unwrap_or_default();
        if serde_json::from_str::<Value>(text).is_err() {
            self.wrong.get_or_insert(range.start);
        }
    }
}
