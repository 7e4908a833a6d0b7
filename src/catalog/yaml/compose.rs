//! From the parser's events to documents.

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Tag};

use super::core_schema::resolve;
use super::tree::{Content, MAX_DEPTH, Node, Tree};
use super::{Document, Fault};

/// Appends the documents of a part of a stream that begins behind this many lines.
pub(super) fn documents(
    text: &str,
    lines_before: u64,
    documents: &mut Vec<Result<Document, Fault>>,
) {
    // The parser ends a line there, the `yaml` package does not.
    let mut lines = (lines_before + 1..).zip(text.split('\n'));
    if let Some((line, _)) = lines.find(|(_, it)| it.trim_end_matches('\r').contains('\r')) {
        let message = "a carriage return without a line feed".to_owned();
        documents.push(Err(Fault { line: Some(line), message }));
        return;
    }
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut composer = Composer::default();
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => {
                let line = u64::try_from(span.start.line()).unwrap_or_default() + lines_before;
                documents.extend(composer.event(event, line));
            }
            Err(error) => {
                documents.push(Err(fault(&error, lines_before)));
                return;
            }
        }
    }
}

fn fault(error: &ScanError, lines_before: u64) -> Fault {
    let message = match error.kind().to_string() {
        it if it.starts_with("recursion limit") => {
            format!("is nested deeper than {MAX_DEPTH} levels")
        }
        other => other,
    };
    let line = u64::try_from(error.marker().line()).unwrap_or_default();
    Fault { line: Some(line + lines_before), message }
}

#[derive(Default)]
struct Composer {
    tree: Tree,
    /// The collections that are open, each with a key that waits for its value.
    open: Vec<(usize, Option<usize>)>,
    faults: Vec<Fault>,
}

impl Composer {
    /// Takes an event. Returns a document that ends with it.
    fn event(&mut self, event: Event<'_>, line: u64) -> Option<Result<Document, Fault>> {
        match event {
            Event::DocumentStart(_, version) => {
                self.tree = Tree::default();
                self.faults.clear();
                if version.is_some_and(|version| (version.major, version.minor) == (1, 1)) {
                    let message = "is YAML 1.1 by its directive: remove `%YAML 1.1`".to_owned();
                    self.faults.push(Fault { line: Some(line), message });
                }
            }
            Event::DocumentEnd => return self.document(),
            Event::Alias(anchor) => {
                self.place(Content::Alias(anchor), line, 0);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain;
                let tag = tag.as_deref().map(name_of);
                if let Some(tag @ ("timestamp" | "binary")) = tag {
                    let message = format!("the tag `!!{tag}` is not supported: leave it out");
                    self.faults.push(Fault { line: Some(line), message });
                }
                self.place(Content::Scalar(resolve(&text, is_plain, tag)), line, anchor);
            }
            Event::SequenceStart(_, anchor, _) => {
                let index = self.place(Content::Seq(Vec::new()), line, anchor);
                self.open.push((index, None));
            }
            Event::MappingStart(_, anchor, _) => {
                let index = self.place(Content::Map(Vec::new()), line, anchor);
                self.open.push((index, None));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.open.pop();
            }
            _ => {}
        }
        None
    }

    /// Adds a node to what is open.
    fn place(&mut self, content: Content, line: u64, anchor: usize) -> usize {
        let index = self.tree.nodes.len();
        self.tree.nodes.push(Node { content, line });
        if anchor > 0 {
            self.tree.anchors.insert(anchor, index);
        }
        let parent = self.open.last_mut();
        if let Some((parent, key)) = parent
            && let Some(parent) = self.tree.nodes.get_mut(*parent)
        {
            match &mut parent.content {
                Content::Seq(items) => items.push(index),
                Content::Map(members) => match key.take() {
                    None => *key = Some(index),
                    Some(key) => members.push((key, index)),
                },
                Content::Alias(_) | Content::Scalar(_) => {}
            }
        }
        index
    }

    fn document(&mut self) -> Option<Result<Document, Fault>> {
        let tree = std::mem::take(&mut self.tree);
        let mut faults = std::mem::take(&mut self.faults);
        self.open.clear();
        for (line, key) in tree.duplicates() {
            let message = format!("the key `{key}` is there twice");
            faults.push(Fault { line: Some(line), message });
        }
        match tree.value() {
            Ok(value) if value.is_null() && faults.is_empty() => None,
            Ok(value) => Some(Ok(Document { value, faults, tree })),
            Err((line, message)) => Some(Err(Fault { line: Some(line), message })),
        }
    }
}

fn name_of(tag: &Tag) -> &str {
    if tag.is_yaml_core_schema() || tag.handle() == "tag:yaml.org,2002:" {
        tag.suffix()
    } else {
        "!"
    }
}
