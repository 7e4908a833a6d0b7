//! Catalog files as Backstage reads them: YAML 1.2 with the core schema (the package `yaml`, without
//! merge keys; `parseEntityYaml` of `@backstage/plugin-catalog-node`).
//!
//! The parser is that of serde-saphyr. Its deserializer is not used: it has a schema of its own (`0b11`
//! and `1_000` are numbers there) and loses whether a scalar was in quotes.

mod compose;
mod core_schema;
mod tree;

use serde_json::Value;

use tree::Tree;

/// A mistake in a YAML file: its line, and what is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// From 1.
    pub line: Option<u64>,
    /// What is wrong.
    pub message: String,
}

/// A document as JSON, with the line of every value.
#[derive(Debug)]
pub struct Document {
    /// The document.
    pub value: Value,
    /// What the `yaml` package refuses in it, although it can be read.
    pub faults: Vec<Fault>,
    tree: Tree,
}

impl Document {
    /// A document of which only the value is known.
    #[must_use]
    pub fn without_lines(value: Value) -> Self {
        Self { value, faults: Vec::new(), tree: Tree::default() }
    }

    /// The line of what is at a path such as `spec.memberOf[0]` or, if there is nothing, of what it would
    /// be in.
    #[must_use]
    pub fn line(&self, path: &str) -> Option<u64> {
        self.tree.line(path)
    }
}

/// Reads the documents of a YAML stream, empty ones left out. A mistake in one leaves the others.
#[must_use]
pub fn read(text: &str) -> Vec<Result<Document, Fault>> {
    let mut documents = Vec::new();
    for (first_line, part) in parts(text) {
        compose::documents(part, first_line, &mut documents);
    }
    documents
}

/// The stream, divided before each `---` and behind each `...`: these are marks wherever a line begins
/// with them, even in quotes. What is only comments and directives goes with the document behind it.
fn parts(text: &str) -> Vec<(u64, &str)> {
    let mut parts = Vec::new();
    let (mut start, mut start_line, mut at, mut has_content) = (0, 0, 0, false);
    for (line_number, line) in (0_u64..).zip(text.split_inclusive('\n')) {
        let is_mark = |mark: &str| {
            line.strip_prefix(mark)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
        };
        if is_mark("---") {
            if has_content {
                parts.push((start_line, text.get(start..at).unwrap_or_default()));
                (start, start_line) = (at, line_number);
            }
            has_content = true;
        } else if is_mark("...") {
            let end = at + line.len();
            parts.push((start_line, text.get(start..end).unwrap_or_default()));
            (start, start_line, has_content) = (end, line_number + 1, false);
        } else {
            let line = line.trim_start_matches('\u{feff}');
            has_content |= !line.trim().is_empty() && !line.starts_with(['#', '%']);
        }
        at += line.len();
    }
    parts.push((start_line, text.get(start..).unwrap_or_default()));
    parts
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::read;

    fn values(text: &str) -> Vec<Result<Value, String>> {
        let read = read(text).into_iter();
        read.map(|it| match it {
            Ok(it) if it.faults.is_empty() => Ok(it.value),
            Ok(it) => Err(it.faults[0].message.clone()),
            Err(fault) => Err(fault.message),
        })
        .collect()
    }

    #[test]
    fn a_mistake_in_one_document_leaves_the_others() {
        let text = "a: 1\n---\nb: [\n---\n'c': x\n...\n%YAML 1.2\n---\nd: 2\n--- # none\n";
        let read = values(text);
        assert_eq!(read.len(), 4, "{read:?}");
        assert_eq!(read[0], Ok(json!({ "a": 1 })));
        assert!(read[1].is_err());
        assert_eq!(read[2], Ok(json!({ "c": "x" })));
        assert_eq!(read[3], Ok(json!({ "d": 2 })));
    }

    #[test]
    fn keys_of_any_kind_and_aliases_are_read() {
        let text = "200: ok\ntrue: yes\n? [a, b]\n: c\n~: n\n<<: {x: &x 1}\ny: *x\n.inf: i\n\
                    12345678901234567890: z\n";
        let expected = json!({
            "200": "ok", "true": "yes", r#"["a","b"]"#: "c", "": "n", "<<": { "x": 1 }, "y": 1,
            "Infinity": "i", "12345678901234567000": "z",
        });
        assert_eq!(values(text), [Ok(expected)]);
    }

    #[test]
    fn what_the_yaml_package_refuses_is_a_fault() {
        for (text, expected) in [
            ("a: 1\na: 2\n", "the key `a` is there twice"),
            ("1: x\n01: y\n", "the key `1` is there twice"),
            ("a: *b\n", "unknown anchor"),
            ("a: &a [*a]\n", "an alias stands in what it stands for"),
            ("%YAML 1.1\n---\na: yes\n", "YAML 1.1"),
        ] {
            let read = values(text);
            assert!(matches!(&read[..], [Err(it)] if it.contains(expected)), "{text}: {read:?}");
        }
        // Backstage takes 99 uses of an anchor.
        let uses = |count: usize| format!("a: &a x\nb: [{}]\n", vec!["*a"; count].join(", "));
        assert!(values(&uses(99))[0].is_ok());
        assert!(values(&uses(100))[0].is_err());
        let bomb = "a: &a [x, x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\nd: &d [*c, *c, *c, \
                    *c]\ne: [*d, *d, *d, *d]\n";
        assert!(values(bomb)[0].is_err());
    }
}
