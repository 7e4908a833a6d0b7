//! The nodes of a document, and what they are as JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::core_schema::Scalar;

/// The most that the uses of an anchor may stand for (`maxAliasCount` of the `yaml` package).
const MAX_ALIASES: u64 = 100;

/// The most values that all aliases of a document may stand for, beyond what Backstage counts.
const MAX_EXPANDED: usize = 2_000_000;

/// The deepest nesting, aliases followed.
pub(super) const MAX_DEPTH: usize = 1_000;

/// A node: its content, and its line from 1.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) content: Content,
    pub(super) line: u64,
}

#[derive(Debug)]
pub(super) enum Content {
    /// The number of an anchor.
    Alias(usize),
    Map(Vec<(usize, usize)>),
    Scalar(Scalar),
    Seq(Vec<usize>),
}

/// The nodes of a document. The first is the root.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// The node of each anchor.
    pub(super) anchors: BTreeMap<usize, usize>,
}

/// Why a document cannot be JSON: the line, and what is wrong.
pub(super) type Refused = (u64, String);

impl Tree {
    /// The whole document.
    pub(super) fn value(&self) -> Result<Value, Refused> {
        let mut reading =
            Reading { tree: self, uses: BTreeMap::new(), open: BTreeSet::new(), expanded: 0 };
        reading.value(0, 0, false)
    }

    /// The keys that are there twice: their lines and texts.
    pub(super) fn duplicates(&self) -> Vec<(u64, String)> {
        let mut duplicates = Vec::new();
        for node in &self.nodes {
            let Content::Map(members) = &node.content else { continue };
            let mut seen = BTreeSet::new();
            for (key, _) in members {
                let Some(Node { content: Content::Scalar(key), line }) = self.nodes.get(*key)
                else {
                    continue;
                };
                let value = match key {
                    Scalar::Json(value) => value.to_string(),
                    // No number is equal to it.
                    Scalar::NonFinite("NaN") => continue,
                    Scalar::NonFinite(name) => (*name).to_owned(),
                };
                if !seen.insert(value) {
                    duplicates.push((*line, name_of(key)));
                }
            }
        }
        duplicates
    }

    /// The line of what is at a path or, if there is nothing, of what it would be in.
    pub(super) fn line(&self, path: &str) -> Option<u64> {
        let (mut at, mut rest) = (self.nodes.first()?, path);
        while !rest.is_empty() {
            let Some((next, behind)) = self.step(at, rest) else { break };
            (at, rest) = (next, behind);
        }
        Some(at.line)
    }

    /// The member or item with which a path begins, and the rest of the path. Keys may have dots in them.
    fn step<'a, 'p>(&'a self, from: &'a Node, path: &'p str) -> Option<(&'a Node, &'p str)> {
        match &from.content {
            Content::Map(members) => members.iter().find_map(|(key, value)| {
                let Content::Scalar(key) = &self.nodes.get(*key)?.content else { return None };
                let rest = path.strip_prefix(&name_of(key))?;
                let behind = rest.strip_prefix('.').unwrap_or(rest);
                let is_whole = rest.is_empty() || rest.starts_with(['.', '[']);
                is_whole.then_some((self.nodes.get(*value)?, behind))
            }),
            Content::Seq(items) => {
                let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
                let item = items.get(index.parse::<usize>().ok()?)?;
                Some((self.nodes.get(*item)?, rest.strip_prefix('.').unwrap_or(rest)))
            }
            Content::Alias(_) | Content::Scalar(_) => None,
        }
    }
}

/// A scalar as the name of a member.
fn name_of(key: &Scalar) -> String {
    match key {
        Scalar::Json(value) => text_of(value.clone()),
        Scalar::NonFinite(name) => (*name).to_owned(),
    }
}

/// A key as the member's name in JavaScript.
fn text_of(key: Value) -> String {
    match key {
        Value::Null => String::new(),
        Value::String(text) => text,
        Value::Number(number) => in_digits(number.to_string()),
        other => other.to_string(),
    }
}

/// A number as JavaScript writes it: below 10^21 without an exponent.
fn in_digits(text: String) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text.strip_suffix(".0").map_or(text.clone(), str::to_owned);
    };
    match exponent.trim_start_matches('+').parse::<usize>() {
        Ok(exponent @ 0..21) => {
            let (sign, mantissa) =
                mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
            format!("{sign}{:0<width$}", mantissa.replace('.', ""), width = exponent + 1)
        }
        _ => text,
    }
}

/// How often an anchor was used, as the `yaml` package counts.
#[derive(Clone, Copy, Debug)]
struct Use {
    count: u64,
    /// How many aliases one of them stands for; 0 until it is first asked for.
    aliases: u64,
}

struct Reading<'a> {
    tree: &'a Tree,
    uses: BTreeMap<usize, Use>,
    /// The nodes that are being read, in which an alias of them would have no end.
    open: BTreeSet<usize>,
    expanded: usize,
}

impl Reading<'_> {
    fn value(&mut self, index: usize, depth: usize, in_alias: bool) -> Result<Value, Refused> {
        let tree = self.tree;
        let Some(node) = tree.nodes.get(index) else { return Ok(Value::Null) };
        if depth > MAX_DEPTH {
            return Err((node.line, format!("is nested deeper than {MAX_DEPTH} levels")));
        }
        self.expanded += usize::from(in_alias);
        if self.expanded > MAX_EXPANDED {
            let message = format!("its aliases stand for more than {MAX_EXPANDED} values");
            return Err((node.line, message));
        }
        Ok(match &node.content {
            Content::Alias(anchor) => self.alias(*anchor, node.line, depth)?,
            Content::Scalar(Scalar::Json(value)) => value.clone(),
            Content::Scalar(Scalar::NonFinite(_)) => Value::Null,
            Content::Seq(items) => {
                self.open.insert(index);
                let mut list = Vec::new();
                for item in items {
                    list.push(self.value(*item, depth + 1, in_alias)?);
                }
                self.open.remove(&index);
                Value::Array(list)
            }
            Content::Map(members) => {
                self.open.insert(index);
                let mut object = Map::new();
                for (key, value) in members {
                    let key = match tree.nodes.get(*key).map(|node| &node.content) {
                        Some(Content::Scalar(scalar)) => {
                            self.value(*key, depth + 1, in_alias)?;
                            name_of(scalar)
                        }
                        _ => text_of(self.value(*key, depth + 1, in_alias)?),
                    };
                    let value = self.value(*value, depth + 1, in_alias)?;
                    object.insert(key, value);
                }
                self.open.remove(&index);
                Value::Object(object)
            }
        })
    }

    fn alias(&mut self, anchor: usize, line: u64, depth: usize) -> Result<Value, Refused> {
        let Some(target) = self.tree.anchors.get(&anchor).copied() else {
            return Err((line, "an alias has no anchor".to_owned()));
        };
        if self.open.contains(&target) {
            return Err((line, "an alias stands in what it stands for".to_owned()));
        }
        let mut used = self.uses.get(&anchor).copied().unwrap_or(Use { count: 1, aliases: 0 });
        used.count += 1;
        if used.aliases == 0 {
            used.aliases = self.aliases(target);
        }
        self.uses.insert(anchor, used);
        if used.count.saturating_mul(used.aliases) > MAX_ALIASES {
            let message = format!("its aliases stand for too much: Backstage allows {MAX_ALIASES}");
            return Err((line, message));
        }
        self.value(target, depth + 1, true)
    }

    /// `getAliasCount` of the `yaml` package.
    fn aliases(&self, index: usize) -> u64 {
        match self.tree.nodes.get(index).map(|node| &node.content) {
            None => 0,
            Some(Content::Scalar(_)) => 1,
            Some(Content::Alias(anchor)) => {
                self.uses.get(anchor).map_or(0, |used| used.count.saturating_mul(used.aliases))
            }
            Some(Content::Seq(items)) => {
                items.iter().map(|it| self.aliases(*it)).max().unwrap_or(0)
            }
            Some(Content::Map(members)) => {
                let each = members.iter().flat_map(|(key, value)| [key, value]);
                each.map(|it| self.aliases(*it)).max().unwrap_or(0)
            }
        }
    }
}
