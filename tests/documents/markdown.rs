//! The Markdown pages of this repository and their fenced blocks.

use std::fs;
use std::path::{Path, PathBuf};

/// A fenced block.
#[derive(Debug)]
pub(crate) struct Block {
    /// Page and line, for messages.
    pub(crate) place: String,
    /// What an HTML comment before the fence calls it, as in `<!-- wrangler: shadow -->`.
    pub(crate) name: String,
    pub(crate) language: String,
    pub(crate) text: String,
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a folder and of those below it with one of these endings, sorted.
pub(crate) fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Every page of the documentation.
pub(crate) fn pages() -> Vec<PathBuf> {
    let mut pages = files("docs", &[".md"]);
    for name in ["README.md", "CONTRIBUTING.md", "SECURITY.md", "npm/README.md"] {
        pages.push(root().join(name));
    }
    pages.push(root().join("examples/sign-in-page/README.md"));
    pages.push(root().join("examples/custom-resolver/README.md"));
    pages
}

/// The blocks of every page.
pub(crate) fn blocks() -> Vec<Block> {
    pages().iter().flat_map(|page| blocks_of(page)).collect()
}

fn blocks_of(page: &Path) -> Vec<Block> {
    let text = fs::read_to_string(page).unwrap();
    let mut blocks = Vec::new();
    let mut name = String::new();
    let mut open: Option<(usize, Block)> = None;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        if let Some((indent, block)) = open.as_mut() {
            if trimmed.starts_with("```") {
                blocks.extend(open.take().map(|(_, block)| block));
                name.clear();
            } else {
                block.text.push_str(line.get(*indent..).unwrap_or(trimmed));
                block.text.push('\n');
            }
        } else if let Some(language) = trimmed.strip_prefix("```") {
            let page = page.strip_prefix(root()).unwrap_or(page);
            let block = Block {
                place: format!("{}:{}", page.display(), index + 1),
                name: name.clone(),
                language: language.split([' ', ',']).next().unwrap_or_default().to_owned(),
                text: String::new(),
            };
            open = Some((line.len() - trimmed.len(), block));
        } else if let Some(comment) = trimmed.strip_prefix("<!-- ") {
            comment.trim_end_matches("-->").trim().clone_into(&mut name);
        } else if !trimmed.is_empty() {
            name.clear();
        }
    }
    assert!(open.is_none(), "{}: a block without an end", page.display());
    blocks
}
