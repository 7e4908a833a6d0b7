//! What the platform does with the Worker: its date, limits, files, logs and required secrets.

use std::path::Path;

use chrono::NaiveDate;
use serde_json::Value;

use super::super::wrangler::Deployment;
use super::binding_names::is_no_secret;
use super::findings::{Code, Findings};
use super::flags;

/// Since this date Workers parse URLs by the standard (flag `url_standard`), as the Worker's check of
/// paths supposes.
const FIRST_DATE: &str = "2022-10-31";

/// A request verifies one RSA signature and signs twice; with less than this it may be ended in between.
const LEAST_CPU_MS: u64 = 50;

/// The most that Cloudflare takes (developers.cloudflare.com, "Workers limits").
const MOST_CPU_MS: u64 = 300_000;

/// How alike a flag must be to a known one to be taken for a slip of it (Jaro-Winkler).
const ALIKE: f64 = 0.93;

/// What a var or a secret may have, in bytes (Workers limits, "Environment variables").
pub(super) const VAR_MAX: usize = 5 * 1024;

pub(super) fn check(
    deployment: &Deployment,
    folder: &Path,
    today: NaiveDate,
    findings: &mut Findings,
) {
    check_date(deployment, today, findings);
    check_flags(deployment, findings);
    for key in ["assets", "site"] {
        if deployment.get(key).is_some() {
            findings.problem(
                Code::Assets,
                key,
                format!("`{key}` serves files in front of the Worker, without its check"),
                "take it out",
            );
        }
    }
    if let Some(limit) = deployment.get("limits.cpu_ms")
        && limit.as_u64().is_none_or(|limit| limit < LEAST_CPU_MS)
    {
        findings.problem(
            Code::CpuLimit,
            "limits.cpu_ms",
            format!("`limits.cpu_ms` is {limit}, so a request may be ended while it is verified"),
            format!("set at least {LEAST_CPU_MS}, or take it out"),
        );
    }
    if let Some(limit) = deployment.get("limits.cpu_ms").and_then(Value::as_u64)
        && limit > MOST_CPU_MS
    {
        findings.problem(
            Code::CpuLimit,
            "limits.cpu_ms",
            format!("`limits.cpu_ms` is {limit}, more than Cloudflare takes"),
            format!("set at most {MOST_CPU_MS}, or take it out"),
        );
    }
    check_logs(deployment, findings);
    check_main(deployment, folder, findings);
    for name in ["CFACCESS", "BACKSTAGE"] {
        if let Some(size) = deployment.var(name).map(|text| text.len()).filter(|it| *it > VAR_MAX) {
            findings.problem(
                Code::VarSize,
                format!("vars.{name}"),
                format!("{name} has {size} bytes, and a var may have {VAR_MAX}"),
                "shorten it, for example by service tokens and rules that are not used any more",
            );
        }
    }
    check_secrets(deployment, findings);
}

fn check_logs(deployment: &Deployment, findings: &mut Findings) {
    let key = "observability.logs.persist";
    if deployment.get(key) == Some(&Value::Bool(false))
        && deployment.get("observability.logs.destinations").is_none()
    {
        findings.warning(
            Code::Observability,
            key,
            format!("`{key}` is false without `destinations`, so no log line is kept"),
            "take it out",
        );
        return;
    }
    let logs = deployment.get("observability.logs.enabled");
    let is_on = |value: Option<&Value>| value == Some(&Value::Bool(true));
    let keeps_logs = logs != Some(&Value::Bool(false))
        && (is_on(deployment.get("observability.enabled")) || is_on(logs));
    if !keeps_logs {
        findings.warning(
            Code::Observability,
            "observability.enabled",
            "`observability` is not enabled, so the reason of a refusal is not kept",
            "set `observability.enabled = true`",
        );
        return;
    }
    for key in ["observability.head_sampling_rate", "observability.logs.head_sampling_rate"] {
        let Some(rate) = deployment.get(key) else { continue };
        if rate.as_f64().is_none_or(|rate| !(0.0..=1.0).contains(&rate)) {
            findings.problem(
                Code::Observability,
                key,
                format!("`{key}` is {rate}, and wrangler takes a share from 0 to 1"),
                "set 1, or take it out: BACKSTAGE.log.forwarded saves lines of forwarded requests",
            );
        } else if rate.as_f64() == Some(0.0) {
            findings.warning(
                Code::Observability,
                key,
                format!("`{key}` is {rate}, so the reason of a refusal is not kept"),
                "set 1, or take it out: BACKSTAGE.log.forwarded saves lines of forwarded requests",
            );
        }
    }
}

fn check_main(deployment: &Deployment, folder: &Path, findings: &mut Findings) {
    let Some(main) = deployment.get("main").and_then(Value::as_str) else { return };
    if deployment.get("build.command").is_none()
        && !main.trim().is_empty()
        && !folder.join(main).is_file()
    {
        findings.problem(
            Code::Main,
            "main",
            format!(
                "`main` names {main}, which is not there, and there is no build.command that makes it"
            ),
            "build the Worker, or name the file that is there",
        );
    }
}

fn check_date(deployment: &Deployment, today: NaiveDate, findings: &mut Findings) {
    let Some(text) = deployment.get("compatibility_date").and_then(Value::as_str) else { return };
    let key = "compatibility_date";
    let Some(date) = date(text) else {
        if !text.trim().is_empty() {
            findings.problem(
                Code::CompatibilityDate,
                key,
                format!("`{key}` is `{text}`, which is no date"),
                "write a date such as `2026-11-17`",
            );
        }
        return;
    };
    if date > today {
        findings.problem(
            Code::CompatibilityDate,
            key,
            format!("`{key}` {text} is in the future, which Cloudflare refuses"),
            format!("set {today} or an earlier date"),
        );
    } else if text < FIRST_DATE && !has_flag(deployment, "url_standard") {
        findings.problem(
            Code::CompatibilityDate,
            key,
            format!(
                "`{key}` {text} is before {FIRST_DATE}, since when Workers parse URLs by the standard"
            ),
            "set a later date",
        );
    }
}

/// A date with two digits for month and day, as Cloudflare wants it.
fn date(text: &str) -> Option<NaiveDate> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (date.to_string() == text).then_some(date)
}

fn check_flags(deployment: &Deployment, findings: &mut Findings) {
    let key = "compatibility_flags";
    let Some(flags) = deployment.get(key) else { return };
    if !flags.as_array().is_some_and(|flags| flags.iter().all(Value::is_string)) {
        findings.problem(
            Code::CompatibilityFlag,
            key,
            format!("`{key}` must be a list of texts"),
            "write a list such as [\"nodejs_compat\"], or take it out",
        );
        return;
    }
    if has_flag(deployment, "url_original") {
        findings.problem(
            Code::CompatibilityFlag,
            key,
            "the compatibility flag `url_original` parses URLs in another way than the Worker's check of paths \
             supposes",
            "take it out",
        );
    }
    let flags: Vec<&str> =
        flags.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (at, flag) in flags.iter().enumerate() {
        let before = flags.get(..at).unwrap_or_default();
        if let Some((message, remedy)) = wrong_flag(flag, before) {
            findings.problem(Code::CompatibilityFlag, format!("{key}[{at}]"), message, remedy);
        } else if !flags::is_known(flag) {
            findings.warning(
                Code::CompatibilityFlag,
                format!("{key}[{at}]"),
                format!("the compatibility flag `{flag}` is not known to this version"),
                "correct its name, unless it is newer: Cloudflare refuses others",
            );
        }
    }
}

/// Why Cloudflare refuses a flag after those before it, and what to do.
fn wrong_flag(flag: &str, before: &[&str]) -> Option<(String, String)> {
    if before.contains(&flag) {
        let message =
            format!("the compatibility flag `{flag}` is there twice, and Cloudflare refuses it");
        return Some((message, "keep one".to_owned()));
    }
    if let Some(other) = before.iter().find(|other| flags::contradict(flag, other)) {
        let message =
            format!("the compatibility flags `{other}` and `{flag}` contradict each other");
        return Some((message, "keep one".to_owned()));
    }
    if flags::EXPERIMENTAL.contains(&flag) {
        let message =
            format!("the compatibility flag `{flag}` is experimental, and Cloudflare refuses it");
        return Some((message, "take it out".to_owned()));
    }
    let (likeness, known) = flags::nearest(flag).filter(|(_, known)| *known != flag)?;
    let message = format!("there is no compatibility flag `{flag}`");
    (likeness >= ALIKE).then(|| (message, format!("write `{known}`")))
}

fn has_flag(deployment: &Deployment, name: &str) -> bool {
    let flags = deployment.get("compatibility_flags").and_then(Value::as_array);
    flags.is_some_and(|flags| flags.iter().any(|flag| flag == name))
}

fn check_secrets(deployment: &Deployment, findings: &mut Findings) {
    let key = "secrets.required";
    let required = match deployment.get(key) {
        None if is_no_secret(deployment, "SIGNING_KEYS") => return,
        None => {
            findings.warning(
                Code::SecretsRequired,
                key,
                "`secrets.required` is absent, so wrangler also deploys without SIGNING_KEYS",
                "set `secrets.required = [\"SIGNING_KEYS\"]`",
            );
            return;
        }
        Some(Value::Array(required)) => required,
        Some(_) => {
            findings.problem(
                Code::SecretsRequired,
                key,
                "`secrets.required` must be a list of texts",
                "set `secrets.required = [\"SIGNING_KEYS\"]`",
            );
            return;
        }
    };
    let has_cron = deployment
        .get("triggers.crons")
        .and_then(Value::as_array)
        .is_some_and(|crons| !crons.is_empty());
    let needed = [("SIGNING_KEYS", true), ("CATALOG_TOKEN", has_cron)];
    let lacking: Vec<&str> = needed
        .into_iter()
        .filter(|(name, _)| !is_no_secret(deployment, name))
        .filter(|(name, is_needed)| *is_needed && !required.iter().any(|it| it == name))
        .map(|(name, _)| name)
        .collect();
    if !lacking.is_empty() {
        findings.problem(
            Code::SecretsRequired,
            key,
            format!("`secrets.required` lacks {}", lacking.join(" and ")),
            "add it, so that wrangler does not deploy without it",
        );
    }
}
