//! `cfaccess catalog status`.

use std::time::Duration;

use chrono::DateTime;
use serde_json::{Value, json};

use super::super::CliError;
use super::super::clock::now_ms;
use super::super::output::{printable, put};
use super::ids::Ids;
use super::settings::Settings;
use crate::catalog::VERSION;
use crate::catalog::import::{Marker, RunState};

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Args {
    /// Fail if the last run that was right ended longer ago than this
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    max_age: Option<Duration>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    ids: Ids,
}

const HELP: &str = "\
Says what the last run of the cron handler or of `catalog push` did: when, how many users and groups the
source had, and when a run was last right. The exit code is 1 if no run has been recorded, if the last one
was refused or failed, or if --max-age is exceeded. A run that is `unfinished` goes on with the next one.

The API token needs `Workers KV Storage: Read`.

Examples:
  cfaccess catalog status
  cfaccess catalog status --max-age 30m --json";

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let deployment = args.settings.deployment()?;
    let namespace = args.ids.namespace(&args.settings, deployment.as_ref())?;
    let state = namespace.state()?;
    let now = now_ms();
    let text = if args.json { to_json(&state, now).to_string() } else { to_text(&state, now) };
    put(&format!("{text}\n"))?;
    match problem(&state, args.max_age, now) {
        Some(problem) => Err(problem.into()),
        None => Ok(()),
    }
}

/// Why the catalog is not as it should be.
fn problem(state: &RunState, max_age: Option<Duration>, now: i64) -> Option<String> {
    let Some(marker) = state.marker() else {
        let what =
            "no run has been recorded: run `cfaccess catalog push`, or set up the cron handler";
        return Some(what.to_owned());
    };
    if matches!(marker.outcome.as_str(), "refused" | "failed") {
        let code = marker.code.as_deref().unwrap_or_default();
        return Some(format!("the last run {}: {code}", was(&marker.outcome)));
    }
    let max_age = i64::try_from(max_age?.as_secs()).unwrap_or(i64::MAX);
    match marker.age_seconds(now) {
        Some(age) if age <= max_age => None,
        Some(age) => {
            Some(format!("the last run that was right ended {age} s ago, more than {max_age} s"))
        }
        None => Some("no run was right yet".to_owned()),
    }
}

fn was(outcome: &str) -> &'static str {
    if outcome == "failed" { "failed" } else { "was refused" }
}

fn to_json(state: &RunState, now: i64) -> Value {
    let last = state.marker().map(|marker| {
        let Marker { start, end, source, users, groups, outcome, code, layout, ok } = &marker;
        json!({
            "start": time(*start), "end": time(*end), "source": source, "users": users,
            "groups": groups, "outcome": outcome, "code": code, "layout": layout,
            "ok": ok.map(time),
        })
    });
    let age = state.marker().and_then(|it| it.age_seconds(now));
    let running = state
        .other_run("", now)
        .map(|(source, seconds)| json!({ "source": source, "seconds": seconds }));
    json!({ "lastRun": last, "ageSeconds": age, "running": running, "layout": VERSION })
}

fn to_text(state: &RunState, now: i64) -> String {
    let mut lines = Vec::new();
    match state.marker() {
        None => lines.push("last run     none is recorded".to_owned()),
        Some(marker) => {
            let Marker { start, end, source, users, groups, outcome, code, layout, ok } = &marker;
            let code = code.as_ref().map(|it| format!(" ({it})")).unwrap_or_default();
            let seconds = (end - start).max(0) / 1_000;
            lines.push(format!("last run     {}, by {source}, in {seconds} s", time(*start)));
            lines.push(format!("outcome      {outcome}{code}"));
            lines.push(format!("source       {users} users, {groups} groups"));
            let age = marker.age_seconds(now).unwrap_or_default();
            let ok = ok.map_or("never".to_owned(), |ok| format!("{}, {age} s ago", time(ok)));
            lines.push(format!("last right   {ok}"));
            lines.push(format!("layout       {layout}, this program {VERSION}"));
        }
    }
    if let Some((source, seconds)) = state.other_run("", now) {
        lines.push(format!("under way    a run of {source}, which began to write {seconds} s ago"));
    }
    printable_lines(&lines)
}

/// What other programs may have written must not reach the terminal as it is.
fn printable_lines(lines: &[String]) -> String {
    lines.iter().map(|line| printable(line)).collect::<Vec<_>>().join("\n")
}

/// In the form of ISO 8601, as chrono's `Debug` has it.
fn time(ms: i64) -> String {
    let time = DateTime::from_timestamp(ms.div_euclid(1_000), 0);
    time.map_or_else(|| ms.to_string(), |it| format!("{it:?}"))
}

/// `90s`, `30m`, `2h` or `1d`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "must be a duration such as `30m`: a number with s, m, h or d".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number = text.strip_suffix(unit).and_then(|it| it.parse::<u32>().ok()).ok_or_else(wrong)?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}
