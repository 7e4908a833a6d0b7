//! What `catalog build` and `catalog push` say of the users: which of them a push changes, and which have a
//! large token.

use std::collections::BTreeMap;

use super::super::CliError;
use super::super::output::{Label, printable, put, tell_labelled};
use super::super::trial::{
    self, Changes, MemoryRecords, NODE_LIMIT, OTHER_HEADERS, Trial, changes_report,
};
use super::super::wrangler::Deployment;
use super::kv::Namespace;
use super::settings::Settings;
use crate::backstage::OwnershipClaim;
use crate::catalog::encode;
use crate::catalog::import::{Index, Plan};
use crate::config::{AppCode, Config, RawConfig};

/// The most users that are named one by one.
const MAX_NAMED: usize = 10;

/// A configuration for a folder without wrangler's file, of which only the form counts.
const STAND_IN: [&str; 2] = [
    r#"{"teamName":"x","audience":"x","signIn":{"resolvers":[{"resolver":"emailMatchingUserEntityProfileEmail"}]}}"#,
    r#"{"baseUrl":"https://backstage.example.com"}"#,
];

/// The records by key, as KV holds them.
///
/// # Errors
/// None in practice: a record is always JSON.
pub(in crate::cli) fn to_records(index: &Index) -> Result<MemoryRecords, String> {
    let failed = |error: serde_json::Error| format!("cannot be encoded: {error}");
    let encoded = index.records.iter().map(|(key, record)| {
        let value = encode(record).map_err(failed)?;
        Ok((key.clone(), value))
    });
    encoded.collect()
}

/// Prints who can no longer sign in after a push, who newly can, whose groups change. Only the records that
/// the push removes or replaces are read.
///
/// # Errors
/// If KV does not answer.
pub(super) fn put_changes(
    namespace: &Namespace,
    plan: &Plan,
    index: &Index,
    settings: &Settings,
    deployment: Option<&Deployment>,
) -> Result<(), String> {
    let config = match deployment.map(|it| trial::config(it, &settings.place(it))) {
        Some(Ok(config)) => config,
        unknown => {
            let why = match unknown {
                Some(Err(CliError(problems))) => problems.join("; "),
                _ => "there is no wrangler.json, .jsonc or .toml in this folder".to_owned(),
            };
            tell_labelled(Label::Note, &format!("who can sign in is not known: {why}"));
            return Ok(());
        }
    };
    let new = to_records(index)?;
    let written = plan.changed.iter().chain(&plan.added).map(|it| &it.key);
    let mut old = new.clone();
    for key in written {
        old.remove(key);
    }
    let replaced = plan.changed.iter().map(|it| it.key.clone());
    let gone: Vec<String> = plan.removed.iter().cloned().chain(replaced).collect();
    old.extend(namespace.values(&gone)?);
    put(&changes_report::report(&Changes::of(config, &old, &new)))
}

/// The users whose token does not fit, as `catalog build`, `catalog push` and `doctor` name them.
#[derive(Debug)]
pub(in crate::cli) struct LargeTokens {
    /// Whether the configuration puts the ownership refs into every token.
    pub(in crate::cli) is_configured: bool,
    pub(in crate::cli) message: String,
    pub(in crate::cli) remedy: &'static str,
}

impl LargeTokens {
    /// The users of these records whose token, with the ownership refs in it, is larger than Node.js takes;
    /// `None` if there is none.
    pub(in crate::cli) fn of(index: &Index, config: Config) -> Option<Self> {
        let is_configured = config.backstage.ownership_claim == OwnershipClaim::Always;
        let large = trial::large_tokens(&Trial::new(config), &index.records);
        if large.is_empty() {
            return None;
        }
        let message = sentence(&large, is_configured);
        let remedy = if is_configured {
            "set BACKSTAGE.omitIdentityTokenOwnershipClaim to \"auto\""
        } else {
            "keep BACKSTAGE.omitIdentityTokenOwnershipClaim as it is"
        };
        Some(Self { is_configured, message, remedy })
    }
}

/// Names on stderr the users whose token does not fit.
pub(super) fn tell_large_tokens(
    index: &Index,
    settings: &Settings,
    deployment: Option<&Deployment>,
) {
    let read = deployment.and_then(|it| trial::config(it, &settings.place(it)).ok());
    let Some(config) = read.or_else(stand_in) else { return };
    if let Some(LargeTokens { is_configured, message, remedy }) = LargeTokens::of(index, config) {
        let label = if is_configured { Label::Warning } else { Label::Note };
        tell_labelled(label, &format!("{message}: {remedy}"));
    }
}

fn sentence(large: &BTreeMap<String, usize>, is_configured: bool) -> String {
    let mut named: Vec<String> = large
        .iter()
        .take(MAX_NAMED)
        .map(|(user, length)| format!("{} ({length} characters)", printable(user)))
        .collect();
    if let Some(more) = large.len().checked_sub(MAX_NAMED).filter(|more| *more > 0) {
        named.push(format!("{more} more"));
    }
    let (count, named) = (large.len(), named.join(", "));
    let would_be = if is_configured {
        "is"
    } else {
        "would be, with omitIdentityTokenOwnershipClaim = false,"
    };
    format!(
        "the token of {count} users {would_be} larger than Node.js takes ({NODE_LIMIT} bytes of headers, \
         of which {OTHER_HEADERS} are counted for the others): {named}"
    )
}

fn stand_in() -> Option<Config> {
    let [cfaccess, backstage] = STAND_IN.map(|text| Some(text.to_owned()));
    let source = RawConfig { cfaccess, backstage, signing_keys: Some(trial::signing_keys()) };
    Config::read(&source, &AppCode::default()).ok()
}
