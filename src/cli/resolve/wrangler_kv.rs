//! KV by way of wrangler: with its login, or of a `wrangler dev` on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::super::files::{self, Readers};
use super::super::trial::{MemoryRecords, Records};
use crate::catalog::PREFIX;

/// npm's program that runs another one of `node_modules`.
const NPX: &str = if cfg!(windows) { "npx.cmd" } else { "npx" };

/// The most keys of one call, as Cloudflare limits them.
const MAX_KEYS: usize = 100;

/// The namespace `CATALOG`, as wrangler sees it.
#[derive(Debug)]
pub(super) struct WranglerKv {
    /// wrangler's file.
    pub(super) config: PathBuf,
    pub(super) env: Option<String>,
    /// `--local` or `--remote`.
    pub(super) place: &'static str,
}

impl WranglerKv {
    /// All records.
    ///
    /// # Errors
    /// What wrangler says.
    pub(super) fn records(&self) -> Result<MemoryRecords, String> {
        let list = self.call(&["kv", "key", "list", "--prefix", PREFIX], '[')?;
        let names = list.as_array().into_iter().flatten();
        let keys: Vec<String> =
            names.filter_map(|it| it.get("name")?.as_str().map(str::to_owned)).collect();
        let mut records = MemoryRecords::new();
        for batch in keys.chunks(MAX_KEYS) {
            records.extend(self.values(batch)?);
        }
        Ok(records)
    }

    fn values(&self, keys: &[String]) -> Result<MemoryRecords, String> {
        let file = std::env::temp_dir().join(format!("cfaccess-keys-{}.json", std::process::id()));
        files::replace(&file, &json!(keys).to_string(), Readers::Owner)?;
        let found = self.call(&["kv", "bulk", "get", &file.display().to_string()], '{');
        // It holds keys only, in a folder that the system empties.
        let _ = std::fs::remove_file(&file);
        let found = found?;
        // A value is an object with it, or with `null`; in earlier versions the value itself.
        let value = |key: &String| {
            let value = found.get(key)?;
            let text = value.get("value").unwrap_or(value).as_str()?;
            Some((key.clone(), text.to_owned()))
        };
        Ok(keys.iter().filter_map(value).collect())
    }

    /// The JSON document that wrangler prints, which begins with this sign.
    fn call(&self, arguments: &[&str], begins: char) -> Result<Value, String> {
        let mut command = Command::new(NPX);
        command.args(["--no-install", "wrangler"]).args(arguments);
        command.args(["--binding", "CATALOG", self.place, "--config"]).arg(absolute(&self.config));
        if let Some(env) = &self.env {
            command.args(["--env", env]);
        }
        let output = command.output().map_err(|error| format!("{NPX}: cannot be run: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        // Above it there may be a banner.
        let mut starts = text.match_indices(begins).map(|(at, _)| at);
        let document = starts.find_map(|at| {
            let is_line = at == 0 || text.get(..at).is_some_and(|before| before.ends_with('\n'));
            serde_json::from_str(text.get(at..).filter(|_| is_line)?.trim()).ok()
        });
        document.filter(|_| output.status.success()).ok_or_else(|| {
            let errors = String::from_utf8_lossy(&output.stderr).into_owned() + &text;
            let why = errors.lines().find(|line| line.to_ascii_lowercase().contains("error"));
            let why = why.unwrap_or("it did not print the records").trim();
            format!("wrangler {}: {why}", arguments.join(" "))
        })
    }
}

impl Records for WranglerKv {
    fn value(&self, key: &str) -> Result<Option<String>, String> {
        Ok(self.values(&[key.to_owned()])?.remove(key))
    }
}

/// wrangler takes paths from the folder of its package on.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
