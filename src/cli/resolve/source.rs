//! Where the records are.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::CliError;
use super::super::catalog::{Gathered, Ids, Namespace, Settings, has_api_token, to_records};
use super::super::files;
use super::super::trial::{MemoryRecords, Records};
use super::super::wrangler::Deployment;
use super::wrangler_kv::WranglerKv;

/// How `--against` names what KV holds now.
const KV: &str = "kv";

/// Where the records are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// In files and folders.
    Files,
    /// In the KV of `wrangler dev` on this machine.
    Local,
    /// In KV.
    Remote,
}

/// What sources are read with.
pub(super) struct Sources<'a> {
    pub(super) settings: &'a Settings,
    pub(super) ids: &'a Ids,
    pub(super) deployment: &'a Deployment,
}

impl Sources<'_> {
    /// The records of files and folders, or KV, which is then read key by key.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub(super) fn read(
        &self,
        files: &[PathBuf],
        place: Place,
    ) -> Result<Box<dyn Records>, CliError> {
        Ok(match place {
            Place::Files => Box::new(self.of_files(files)?),
            Place::Local => Box::new(self.wrangler("--local")),
            Place::Remote if has_api_token() => Box::new(self.namespace()?),
            Place::Remote => Box::new(self.wrangler("--remote")),
        })
    }

    /// All records of files and folders, or of KV.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub(super) fn all(&self, files: &[PathBuf], place: Place) -> Result<MemoryRecords, CliError> {
        Ok(match place {
            Place::Files => self.of_files(files)?,
            Place::Local => self.wrangler("--local").records()?,
            Place::Remote if has_api_token() => self.namespace()?.records()?,
            Place::Remote => self.wrangler("--remote").records()?,
        })
    }

    /// All records of an older catalog.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn older(&self, files: &[PathBuf]) -> Result<MemoryRecords, CliError> {
        match files {
            [one] if one.as_os_str() == KV => self.all(&[], Place::Remote),
            files => self.of_files(files),
        }
    }

    /// KV by way of wrangler.
    fn wrangler(&self, place: &'static str) -> WranglerKv {
        let env = self.deployment.env.clone();
        WranglerKv { config: self.settings.path(), env, place }
    }

    fn namespace(&self) -> Result<Namespace, CliError> {
        self.ids.namespace(self.settings, Some(self.deployment))
    }

    fn of_files(&self, files: &[PathBuf]) -> Result<MemoryRecords, CliError> {
        if let [file] = files
            && let Some(records) = records_of(file)?
        {
            return Ok(records);
        }
        let policy = self.settings.import_policy(Some(self.deployment))?;
        let gathered = Gathered::from_files(files, &self.settings.exclude, &policy)?;
        gathered.report();
        Ok(to_records(&gathered.index)?)
    }
}

/// The records of a file that `catalog build` has written; `None` if it is something else.
fn records_of(file: &Path) -> Result<Option<MemoryRecords>, String> {
    let is_json = file.extension().is_some_and(|it| it.eq_ignore_ascii_case("json"));
    if !is_json || !file.is_file() {
        return Ok(None);
    }
    let text = files::read_text(file)?;
    let Ok(Value::Array(items)) = serde_json::from_str::<Value>(&text) else { return Ok(None) };
    let is_record = |it: &Value| it.get("key").is_some() && it.get("kind").is_none();
    if !items.first().is_some_and(is_record) {
        return Ok(None);
    }
    let mut records = MemoryRecords::new();
    for (index, item) in items.iter().enumerate() {
        let text = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        let (Some(key), Some(value)) = (text("key"), text("value")) else {
            let (name, number) = (file.display(), index + 1);
            return Err(format!(
                "{name} (record {number}): must have `key` and `value`, both strings"
            ));
        };
        records.insert(key, value);
    }
    Ok(Some(records))
}
