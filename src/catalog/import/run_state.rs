//! What runs leave for each other in KV: the marker of the last run, the turn of the last one that
//! wrote, and a claim of each that is writing. Cron and `push` follow the same rules:
//!
//! 1. Read the state. Stop if another run holds a claim.
//! 2. Read KV's keys and the source.
//! 3. If there is something to write, put a claim, and read the state again. Stop if another run holds a
//!    claim, or if the turn is another's than in step 1: the source may have been read before that run
//!    read it.
//! 4. Take the turn, write, put the marker, delete the claim.
//!
//! Each run puts its claim before it looks for others, so of two that overlap at least one sees the
//! other. As far as KV shows each write to the next read, no two runs write at once, and none writes a
//! list that is older than what is there. KV is eventually consistent: two runs that begin at different
//! places within about a minute may miss each other. Then the next run, which compares every key, ends it.

use serde_json::Value;

use super::window::Window;
use crate::catalog::{CLAIM_PREFIX, MARKER_KEY, TURN_KEY, VERSION};
use crate::json::{read_unique, to_json_string};

/// How long a claim of cron holds, in milliseconds: longer than a run with its last call, and shorter than
/// the five minutes until the next one.
const CRON_LEASE_MS: i64 = 280 * 1_000;

/// The same of `push`: [`MAX_PUSH_MS`], and one request that is tried to its end.
const PUSH_LEASE_MS: i64 = 15 * 60 * 1_000;

/// How long after its claim `push` may begin another request.
pub const MAX_PUSH_MS: i64 = 5 * 60 * 1_000;

/// For how many seconds KV keeps a claim whose run was killed.
pub const CLAIM_TTL: u64 = 60 * 60;

/// Who makes a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RunSource {
    /// The Worker's scheduled handler.
    Cron,
    /// `cfaccess catalog push`.
    Push,
}

impl RunSource {
    /// As the marker has it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cron => "cron",
            Self::Push => "push",
        }
    }

    const fn lease_ms(word: &str) -> i64 {
        match word.as_bytes() {
            b"cron" => CRON_LEASE_MS,
            _ => PUSH_LEASE_MS,
        }
    }
}

/// The name of a run: who makes it, when it began, and a random number.
#[must_use]
pub fn run_id(source: RunSource, start: i64, random: u32) -> String {
    format!("{}-{start}-{random}", source.word())
}

/// The key of a run's claim.
#[must_use]
pub fn claim_key(run: &str) -> String {
    format!("{CLAIM_PREFIX}{run}")
}

/// What a run did. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Marker {
    /// When it began.
    pub start: i64,
    /// When it ended; its beginning for one that is under way.
    pub end: i64,
    /// `cron` or `push`.
    pub source: String,
    /// How many users the source had.
    pub users: u64,
    /// How many different groups they own.
    pub groups: u64,
    /// `ok`; `refused` if the source was not to be followed; `failed` if something did not answer;
    /// `unfinished` if the next run has more to do.
    pub outcome: String,
    /// Why, as in the log.
    pub code: Option<String>,
    /// The version of the layout of the program that made it.
    pub layout: u64,
    /// The end of the last run that was `ok`.
    pub ok: Option<i64>,
}

impl Marker {
    /// Reads the value of [`MARKER_KEY`].
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let value = read_unique(text.as_bytes()).ok()?;
        let time = |name: &str| value.get(name).and_then(Value::as_i64);
        let count = |name: &str| value.get(name).and_then(Value::as_u64);
        let word = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            start: time("start")?,
            end: time("end")?,
            source: word("source")?,
            users: count("users")?,
            groups: count("groups")?,
            outcome: word("outcome")?,
            code: word("code"),
            layout: count("layout")?,
            ok: time("ok"),
        })
    }

    /// The value in KV.
    #[must_use]
    pub fn to_json(&self) -> String {
        let Self { start, end, source, users, groups, outcome, code, layout, ok } = self;
        let mut text = format!(
            r#"{{"start":{start},"end":{end},"source":"{source}","users":{users},"groups":{groups},"outcome":"{outcome}","layout":{layout}"#
        );
        for (name, value) in
            [("code", code.as_deref().map(to_json_string)), ("ok", ok.map(|it| it.to_string()))]
        {
            if let Some(value) = value {
                text.push_str(",\"");
                text.push_str(name);
                text.push_str("\":");
                text.push_str(&value);
            }
        }
        text.push('}');
        text
    }

    /// The whole seconds since the last run that was `ok`.
    #[must_use]
    pub fn age_seconds(&self, now_ms: i64) -> Option<i64> {
        Some(age_seconds(self.ok?, now_ms))
    }
}

/// The whole seconds since a time. A clock that was set back makes it 0.
#[must_use]
pub fn age_seconds(time_ms: i64, now_ms: i64) -> i64 {
    (now_ms - time_ms).max(0) / 1_000
}

/// The last run that wrote, and what was removed within a day.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Turn {
    /// Its id.
    pub run: String,
    /// What it and the runs before it have removed.
    pub window: Window,
}

impl Turn {
    fn read(text: &str) -> Option<Self> {
        let value = read_unique(text.as_bytes()).ok()?;
        let run = value.get("run")?.as_str()?.to_owned();
        Some(Self { run, window: Window::read(&value)? })
    }

    /// The value in KV.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.window.to_json(&self.run)
    }
}

/// The state, as a list of the keys that begin with [`MARKER_KEY`] shows it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RunState {
    /// The marker of the last run: the end of the last one that was `ok`, the version of the layout, and
    /// the text. The Worker has no use for the rest.
    ok: Option<i64>,
    layout: u64,
    marker: Option<String>,
    /// Who wrote last.
    pub turn: Turn,
    /// The ids of the runs that hold a claim.
    claims: Vec<String>,
}

impl RunState {
    /// Reads a page of KV's list of keys, whose metadata are the values. `None` if it is something else.
    /// A value that cannot be read counts as none: the next run replaces it.
    #[must_use]
    pub fn read(keys: &Value) -> Option<Self> {
        let mut state = Self::default();
        for item in keys.as_array()? {
            let name = item.get("name")?.as_str()?;
            let value = item.get("metadata").and_then(Value::as_str).unwrap_or_default();
            if name == MARKER_KEY {
                let marker = read_unique(value.as_bytes()).unwrap_or_default();
                state.ok = marker.get("ok").and_then(Value::as_i64);
                state.layout = marker.get("layout").and_then(Value::as_u64).unwrap_or_default();
                state.marker = Some(value.to_owned());
            } else if name == TURN_KEY {
                state.turn = Turn::read(value).unwrap_or_default();
            } else if let Some(run) = name.strip_prefix(CLAIM_PREFIX) {
                state.claims.push(run.to_owned());
            }
        }
        Some(state)
    }

    /// Another run that is writing, and how many seconds ago it began.
    #[must_use]
    pub fn other_run(&self, own: &str, now_ms: i64) -> Option<(&str, i64)> {
        self.claims.iter().filter(|run| *run != own).find_map(|run| {
            let mut parts = run.split('-');
            let (word, start) = (parts.next()?, parts.next()?.parse::<i64>().ok()?);
            // A clock that was set back does not end a lease early, and not late by more than a lease.
            let age = (now_ms - start).abs();
            (age < RunSource::lease_ms(word)).then_some((word, age / 1_000))
        })
    }

    /// The claims that are there, of whichever run.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.claims.iter().map(String::as_str)
    }

    /// The version of the layout, if it is newer than this program's.
    #[must_use]
    pub fn newer_layout(&self) -> Option<u64> {
        (self.layout > VERSION).then_some(self.layout)
    }

    /// What the last run did.
    #[must_use]
    pub fn marker(&self) -> Option<Marker> {
        Marker::read(self.marker.as_deref()?)
    }

    /// The end of the last run that was `ok`.
    #[must_use]
    pub const fn last_ok(&self) -> Option<i64> {
        self.ok
    }

    /// The marker of a run. `start` and `end` are its times.
    #[must_use]
    pub fn marker_after(
        &self,
        source: RunSource,
        (start, end): (i64, i64),
        (users, groups): (usize, usize),
        (outcome, code): (&str, Option<&str>),
    ) -> Marker {
        let is_ok = outcome == "ok";
        let ok = if is_ok { Some(end) } else { self.ok };
        let number = |it: usize| u64::try_from(it).unwrap_or(u64::MAX);
        Marker {
            start,
            end,
            source: source.word().to_owned(),
            users: number(users),
            groups: number(groups),
            outcome: outcome.to_owned(),
            code: code.map(str::to_owned),
            layout: VERSION,
            ok,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{CRON_LEASE_MS, Marker, RunSource, RunState, claim_key, run_id};

    #[test]
    fn marker_comes_back_as_it_was_written_and_fits_metadata() {
        let marker = RunState::default().marker_after(
            RunSource::Push,
            (1_764_591_234_567, 1_764_591_234_999),
            (100_000, 10_000),
            ("refused", Some("removals_excessive")),
        );
        let text = Marker { ok: Some(1_764_591_000_000), ..marker.clone() }.to_json();
        assert!(text.len() < 512, "{text}");
        assert_eq!(Marker::read(&text).unwrap().age_seconds(1_764_591_234_999), Some(234));
        assert_eq!(Marker::read(&text).unwrap().age_seconds(0), Some(0));
        assert_eq!(marker.age_seconds(1), None);
        for text in ["", "{}", "[]", "{\"start\":1}"] {
            assert_eq!(Marker::read(text), None);
        }
    }

    #[test]
    fn claim_of_another_run_holds_for_its_lease_whatever_the_clock_says() {
        let (own, other) = (run_id(RunSource::Cron, 50, 1), run_id(RunSource::Cron, 0, 2));
        let keys = json!([{ "name": claim_key(&own) }, { "name": claim_key(&other) }]);
        let state = RunState::read(&keys).unwrap();
        for now in [-1_000, 0, CRON_LEASE_MS - 1] {
            assert_eq!(state.other_run(&own, now), Some(("cron", now.abs() / 1_000)));
        }
        for now in [-CRON_LEASE_MS, CRON_LEASE_MS] {
            assert_eq!(state.other_run(&own, now), None);
        }
        let push = json!([{ "name": claim_key(&run_id(RunSource::Push, 0, 3)) }]);
        let state = RunState::read(&push).unwrap();
        assert!(state.other_run(&own, 600_000).is_some());
    }
}
