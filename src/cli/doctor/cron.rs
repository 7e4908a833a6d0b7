//! The cron handler: when it runs, and whether it can read the origin's catalog.

use serde_json::Value;

use super::super::wrangler::Deployment;
use super::findings::{Code, Findings};
use super::schedule::Schedule;
use crate::config::Config;

/// The shortest time between two runs, in minutes: a run may take four.
const SHORTEST: u32 = 5;

pub(super) fn check(deployment: &Deployment, config: Option<&Config>, findings: &mut Findings) {
    let crons = match deployment.get("triggers.crons") {
        None => return,
        Some(Value::Array(crons)) if crons.iter().all(Value::is_string) => crons,
        Some(_) => {
            findings.problem(
                Code::Cron,
                "triggers.crons",
                "`triggers.crons` must be a list of texts",
                "write a list such as [\"*/5 * * * *\"]",
            );
            return;
        }
    };
    if crons.is_empty() {
        return;
    }
    check_schedules(&crons.iter().filter_map(Value::as_str).collect::<Vec<_>>(), findings);
    findings.note(
        Code::CatalogToken,
        "secrets.required",
        "CATALOG_TOKEN is a secret and cannot be seen from here",
        "without it the cron handler does nothing; see with `wrangler secret list` that it is there",
    );
    let Some(backstage) = config.map(|config| &config.backstage) else { return };
    if backstage.origin.is_none() {
        findings.warning(
            Code::CronOrigin,
            "vars.BACKSTAGE.origin",
            format!(
                "BACKSTAGE.origin is not set, so the cron handler reads the catalog from {}, where Access \
                 may stand in the way",
                backstage.issuer.strip_suffix("/api/auth").unwrap_or(&backstage.issuer)
            ),
            "set it to an address of the backend's own",
        );
    }
}

fn check_schedules(crons: &[&str], findings: &mut Findings) {
    let mut before: Vec<(&str, Schedule)> = Vec::new();
    for (at, cron) in crons.iter().enumerate() {
        let place = format!("triggers.crons[{at}]");
        let Some(schedule) = Schedule::parse(cron) else {
            findings.problem(
                Code::Cron,
                place,
                format!("the cron trigger `{cron}` is not valid"),
                format!(
                    "write minute, hour, day, month and weekday, such as `*/{SHORTEST} * * * *`"
                ),
            );
            continue;
        };
        if !schedule.ever_fires() {
            findings.problem(
                Code::Cron,
                place,
                format!("the cron trigger `{cron}` names a day that its months do not have"),
                "write another day or month",
            );
            continue;
        }
        if is_too_often(cron) {
            findings.warning(
                Code::CronOften,
                place,
                format!(
                    "the cron trigger `{cron}` runs more often than every {SHORTEST} minutes, so a run may \
                     begin before the one before it has ended"
                ),
                format!("write `*/{SHORTEST} * * * *`"),
            );
            continue;
        }
        if let Some((other, _)) = before.iter().find(|(_, it)| it.overlaps(&schedule, SHORTEST)) {
            findings.warning(
                Code::CronOften,
                place,
                format!(
                    "the cron triggers `{other}` and `{cron}` overlap, so a run may begin before the other \
                     has ended"
                ),
                format!("keep one, or let them begin {SHORTEST} minutes apart"),
            );
        }
        before.push((cron, schedule));
    }
}

/// Whether the minutes of a cron expression are nearer to each other than [`SHORTEST`].
fn is_too_often(cron: &str) -> bool {
    let field = cron.split_whitespace().next().unwrap_or_default();
    let mut minutes: Vec<u32> = Vec::new();
    for part in field.split(',') {
        let (range, step) = part.split_once('/').unwrap_or((part, ""));
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (first.parse().ok(), last.parse().ok()),
            None if range == "*" => (Some(0), Some(59)),
            // `5` is a minute; `5/10` is every tenth from it on.
            None => (range.parse().ok(), if step.is_empty() { None } else { Some(59) }),
        };
        // What is no expression of minutes is wrangler's to refuse.
        let Some(first) = first else { return false };
        let step = if step.is_empty() { Some(1) } else { step.parse().ok() };
        let Some(step) = step.filter(|step| *step > 0) else { return false };
        let mut minute: u32 = first;
        while minute <= last.unwrap_or(first).min(59) {
            minutes.push(minute);
            minute = minute.saturating_add(step);
        }
    }
    minutes.sort_unstable();
    minutes.dedup();
    // The first minute of the next hour too.
    let next = minutes.first().map(|first| first + 60);
    let background = minutes.iter().skip(1).copied().chain(next);
    minutes.iter().zip(background).any(|(minute, background)| background - minute < SHORTEST)
}

#[cfg(test)]
mod tests {
    use super::is_too_often;

    #[test]
    fn five_minutes_are_the_least_between_two_runs() {
        for (cron, expected) in [
            ("* * * * *", true),
            ("*/4 * * * *", true),
            ("1-3 * * * *", true),
            ("0,58 * * * *", true),
            ("0/2 * * * *", true),
            ("*/5 * * * *", false),
            ("*/15 * * * *", false),
            ("7 * * * *", false),
            ("0 3 * * *", false),
            ("0,30 * * * *", false),
            ("", false),
            ("nonsense", false),
            ("*/0 * * * *", false),
        ] {
            assert_eq!(is_too_often(cron), expected, "{cron}");
        }
    }
}
