//! The commands of the pages and of the workflows exist, with the options that they are given.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::markdown::{blocks, files, pages, read, root};

/// The commands of the npm package that are not those of the native program, and where their options are.
const OF_THE_PACKAGE: [(&str, &[&str]); 3] = [
    ("init", &["npm/lib/init.mjs"]),
    ("dev", &["npm/lib/dev.mjs", "dev/options.mjs"]),
    ("deploy", &["npm/lib/deployment.mjs"]),
];

/// The lines of a shell text, with those joined that end in a backslash, without comments.
fn lines(text: &str) -> Vec<String> {
    let text = text.replace("\\\n", " ");
    let lines = text.lines().map(|line| {
        let end = line.find(" # ").unwrap_or(line.len());
        line[..end].trim().to_owned()
    });
    lines.filter(|line| !line.starts_with('#')).collect()
}

/// The words after one of the ways to call the program, up to the end of the command.
fn words(line: &str) -> Option<Vec<&str>> {
    let line = line.trim_start_matches("- run: ");
    let line = line.trim_start_matches(|c: char| c.is_ascii_uppercase() || c == '_' || c == '=');
    let starts = ["npx backstage-cfaccess ", "cargo run --bin cfaccess -- ", "cfaccess "];
    let rest = starts.iter().find_map(|start| line.trim_start().strip_prefix(start))?;
    Some(
        rest.split([' '])
            .take_while(|word| !matches!(*word, "|" | "<" | ">" | "&&" | ";"))
            .collect(),
    )
}

/// What is wrong with a command line; nothing if it is none of ours.
fn problem(line: &str, helps: &mut BTreeMap<String, Option<String>>) -> Option<String> {
    let words = words(line)?;
    let is_name = |word: &&&str| word.bytes().all(|byte| byte.is_ascii_lowercase());
    let mut names: Vec<&str> = words.iter().take_while(is_name).copied().take(2).collect();
    if names.first() == Some(&"help") || names.is_empty() {
        return None;
    }
    if names[0] != "catalog" {
        names.truncate(1);
    }
    let options = words.iter().filter(|word| word.starts_with("--") && word.len() > 2);
    let options = options.map(|word| word.split('=').next().unwrap_or(word));
    let name = names.join(" ");
    let help = helps.entry(name.clone()).or_insert_with(|| help_of(&names)).as_ref();
    let Some(help) = help else { return Some(format!("`{name}` is not a command: {line}")) };
    let unknown: Vec<&str> = options
        .filter(|option| {
            let bare = option.trim_start_matches('-');
            !help.contains(&format!("{option} "))
                && !help.contains(&format!("{option}\n"))
                && !help.contains(&format!("\"{bare}\""))
                && !help.contains(&format!("{bare}:"))
        })
        .collect();
    (!unknown.is_empty()).then(|| format!("`{name}` has no {}: {line}", unknown.join(", ")))
}

/// The text that has the options of a command.
fn help_of(names: &[&str]) -> Option<String> {
    if let Some((_, sources)) = OF_THE_PACKAGE.iter().find(|(name, _)| Some(name) == names.first())
    {
        return Some(sources.iter().map(read).collect());
    }
    let output =
        Command::new(env!("CARGO_BIN_EXE_cfaccess")).args(names).arg("--help").output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

#[test]
fn every_command_of_the_pages_and_workflows_exists_with_its_options() {
    let mut texts: Vec<(String, String)> = blocks()
        .into_iter()
        .filter(|block| block.language == "sh")
        .map(|block| (block.place, block.text))
        .collect();
    for folder in [".github", "examples/ci"] {
        for file in files(folder, &[".yml", ".yaml"]) {
            let name = file.strip_prefix(root()).unwrap().display().to_string();
            texts.push((name, read(&file)));
        }
    }
    let mut helps = BTreeMap::new();
    let mut problems = Vec::new();
    let mut count = 0;
    for (place, text) in &texts {
        for line in lines(text) {
            count += usize::from(words(&line).is_some());
            problems.extend(problem(&line, &mut helps).map(|it| format!("{place}: {it}")));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(count > 10, "{count}");
}

#[test]
fn every_npm_script_of_the_pages_exists() {
    let package: Value = serde_json::from_str(&read("package.json")).unwrap();
    let scripts = package["scripts"].as_object().unwrap();
    let mut problems = Vec::new();
    for page in pages() {
        let text = read(&page).replace('\n', " ");
        for rest in text.split("npm run ").skip(1) {
            let is_part = |c: char| c.is_ascii_lowercase() || c == ':' || c == '-';
            let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            let name = rest[..end].trim_end_matches([':', '-']);
            if !name.is_empty() && !scripts.contains_key(name) {
                problems.push(format!("{}: npm run {name}", page.display()));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
