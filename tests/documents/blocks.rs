//! The blocks of the pages parse, and their configurations pass `cfaccess doctor`.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};

use crate::markdown::{Block, blocks};

/// The audience of the examples, which doctor reports as not replaced.
const EXAMPLE_AUDIENCE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A block as data; `None` if its language is none of data.
fn parsed(block: &Block) -> Option<Result<Value, String>> {
    let text = block.text.as_str();
    let result = match block.language.as_str() {
        "toml" => toml::from_str(text).map_err(|error| error.to_string()),
        "hcl" => hcl::from_str(text).map_err(|error| error.to_string()),
        "yaml" => serde_saphyr::from_str(text).map_err(|error| error.to_string()),
        "jsonc" => jsonc_parser::parse_to_serde_value(text, &jsonc_parser::ParseOptions::default())
            .map_err(|error| error.to_string()),
        "json" => {
            let is_lines =
                text.lines().count() > 1 && text.lines().all(|line| line.starts_with('{'));
            let values: Result<Vec<Value>, _> =
                serde_json::Deserializer::from_str(text).into_iter().collect();
            values.map_err(|error| error.to_string()).and_then(|mut values| match values.len() {
                1 => Ok(values.remove(0)),
                _ if is_lines => Ok(Value::Array(values)),
                count => Err(format!("{count} JSON values")),
            })
        }
        _ => return None,
    };
    Some(result)
}

#[test]
fn every_block_of_data_parses() {
    let blocks = blocks();
    let results: Vec<_> =
        blocks.iter().filter_map(|block| Some((&block.place, parsed(block)?))).collect();
    let problems: Vec<String> = results
        .iter()
        .filter_map(|(place, result)| Some(format!("{place}: {}", result.as_ref().err()?)))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(results.len() > 20, "{}", results.len());
}

/// The variables of a block: of a whole file, of `[vars]`, or those of one named
/// `<!-- CFACCESS -->` or `<!-- BACKSTAGE -->`.
fn variables(block: &Block) -> Option<Map<String, Value>> {
    let value = parsed(block)?.ok()?;
    let complete = json!({
        "CFACCESS": {
            "teamName": "acme",
            "audience": "f".repeat(64),
            "signIn": { "resolvers": [{ "resolver": "emailMatchingUserEntityProfileEmail" }] },
        },
        "BACKSTAGE": { "baseUrl": "https://backstage.example.com", "trust": "shared-key" },
    });
    let mut variables = complete.as_object()?.clone();
    let given = match block.name.as_str() {
        name @ ("CFACCESS" | "BACKSTAGE") => json!({ name: value }),
        _ => value.get("vars")?.clone(),
    };
    for (name, value) in given.as_object()? {
        let (Some(Value::Object(whole)), Value::Object(part)) = (variables.get_mut(name), value)
        else {
            variables.insert(name.clone(), value.clone());
            continue;
        };
        whole.extend(part.clone());
    }
    Some(variables)
}

#[test]
fn every_configuration_of_the_pages_passes_doctor() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("documents");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("wrangler.json");
    let mut problems = Vec::new();
    let mut count = 0;
    for block in blocks() {
        let Some(variables) = variables(&block) else { continue };
        count += 1;
        let config = json!({
            "name": "backstage-cfaccess",
            "main": "worker.mjs",
            "build": { "command": "true" },
            "compatibility_date": "2026-11-17",
            "workers_dev": false,
            "preview_urls": false,
            "routes": [{ "pattern": "backstage.example.com/*", "zone_name": "example.com" }],
            "kv_namespaces": [
                { "binding": "CATALOG", "id": "0f2ac74b498b48028cb68387c421e279" },
                { "binding": "ACCESS_CACHE", "id": "06779da6940b431db6e566b4846d64db" },
            ],
            "secrets": { "required": ["SIGNING_KEYS"] },
            "observability": { "enabled": true },
            "vars": variables,
        });
        let text = config.to_string().replace(EXAMPLE_AUDIENCE, &"e".repeat(64));
        fs::write(&file, text).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_cfaccess"))
            .args(["doctor", "--config", "wrangler.json"])
            .current_dir(&folder)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let errors = stderr.lines().filter(|line| line.starts_with("error: "));
        problems.extend(errors.map(|error| format!("{}: {error}", block.place)));
        assert!(output.status.success() || !problems.is_empty(), "{stderr}");
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(count >= 8, "{count}");
}
