//! What the platform does with the Worker: its date, limits, files, logs and required secrets.

use std::path::Path;

use chrono::NaiveDate;
use serde_json::Value;

use super::super::wrangler::Deployment;
use super::Findings;

/// Since this date Workers parse URLs by the standard (flag `url_standard`), as the Worker's check of
/// paths supposes.
const FIRST_DATE: &str = "2022-10-31";

/// A request verifies one RSA signature and signs twice; with less than this it may be ended in between.
const LEAST_CPU_MS: u64 = 50;

pub(super) fn check(
    deployment: &Deployment,
    folder: &Path,
    today: NaiveDate,
    findings: &mut Findings,
) {
    check_date(deployment, today, findings);
    for key in ["assets", "site"] {
        if deployment.get(key).is_some() {
            findings.problem(format!(
                "`{key}` serves files in front of the Worker, without its check: take it out"
            ));
        }
    }
    if let Some(limit) = deployment.get("limits.cpu_ms")
        && limit.as_u64().is_none_or(|limit| limit < LEAST_CPU_MS)
    {
        findings.problem(format!(
            "`limits.cpu_ms` is {limit}, so a request may be ended while it is verified: set at least \
             {LEAST_CPU_MS}, or take it out"
        ));
    }
    let keeps_logs = ["observability.enabled", "observability.logs.enabled"]
        .iter()
        .any(|key| deployment.get(key) == Some(&Value::Bool(true)));
    if !keeps_logs {
        findings.warning(
            "`observability` is not enabled, so the reason of a refusal is not kept: set \
             `observability.enabled = true`",
        );
    }
    if let Some(main) = deployment.get("main").and_then(Value::as_str)
        && deployment.get("build.command").is_none()
        && !folder.join(main).is_file()
    {
        findings.problem(format!(
            "`main` names {main}, which is not there, and there is no build.command that makes it"
        ));
    }
    check_secrets(deployment, findings);
}

fn check_date(deployment: &Deployment, today: NaiveDate, findings: &mut Findings) {
    let Some(text) = deployment.get("compatibility_date").and_then(Value::as_str) else { return };
    let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") else {
        findings.problem(format!(
            "`compatibility_date` must be a date such as `2026-11-17`, not `{text}`"
        ));
        return;
    };
    let flags = deployment.get("compatibility_flags").and_then(Value::as_array);
    let has_flag = flags.is_some_and(|flags| flags.iter().any(|flag| flag == "url_standard"));
    if date > today {
        findings.problem(format!(
            "`compatibility_date` {text} is in the future, which Cloudflare refuses: set {today} or \
             an earlier date"
        ));
    } else if text < FIRST_DATE && !has_flag {
        findings.problem(format!(
            "`compatibility_date` {text} is before {FIRST_DATE}, since when Workers parse URLs by the \
             standard: set a later date"
        ));
    }
}

fn check_secrets(deployment: &Deployment, findings: &mut Findings) {
    let Some(required) = deployment.get("secrets.required").and_then(Value::as_array) else {
        findings.warning(
            "`secrets.required` is absent, so wrangler also deploys without SIGNING_KEYS: set \
             `secrets.required = [\"SIGNING_KEYS\"]`",
        );
        return;
    };
    let has_cron = deployment
        .get("triggers.crons")
        .and_then(Value::as_array)
        .is_some_and(|crons| !crons.is_empty());
    let needed = [("SIGNING_KEYS", true), ("CATALOG_TOKEN", has_cron)];
    for (name, _) in needed
        .iter()
        .filter(|(name, is_needed)| *is_needed && !required.iter().any(|it| it == name))
    {
        findings.problem(format!(
            "`secrets.required` lacks {name}: add it, so that wrangler does not deploy without it"
        ));
    }
}
