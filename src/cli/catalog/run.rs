//! A run of `push`, by the rules of [`RunState`]: which other runs there are, and what it leaves for them.

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};

use super::super::CliError;
use super::super::clock::now_ms;
use super::super::output::{Label, tell_labelled};
use super::entry::Entry;
use super::kv::Namespace;
use crate::catalog::import::{
    Counts, Index, MAX_PUSH_MS, Plan, RunSource, RunState, Turn, Window, claim_key, run_id,
};
use crate::catalog::{MARKER_KEY, Record, TURN_KEY, VERSION};

/// Why a run stopped: a code for the marker, and messages.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) code: &'static str,
    pub(super) problems: CliError,
}

impl Stop {
    pub(super) fn new(code: &'static str, problem: String) -> Self {
        Self { code, problems: problem.into() }
    }
}

/// KV does not answer.
pub(super) fn unavailable(problem: String) -> Stop {
    Stop::new("catalog_unavailable", problem)
}

/// A run.
#[derive(Debug)]
pub(super) struct PushRun<'a> {
    pub(super) namespace: &'a Namespace,
    id: String,
    start: i64,
    /// Whether claims of other runs count for nothing.
    resumes: bool,
    /// What the runs before it have left.
    state: RunState,
    window: Window,
    /// Users and groups of the source.
    counts: (usize, usize),
    /// When it took its turn.
    claimed: Option<i64>,
    /// Its turn once all is done that was planned.
    turn: Option<Turn>,
}

impl<'a> PushRun<'a> {
    /// Begins a run.
    ///
    /// # Errors
    /// If KV does not answer, if another run is writing, or if the layout there is newer.
    pub(super) fn begin(namespace: &'a Namespace, resumes: bool) -> Result<Self, CliError> {
        let start = now_ms();
        let random = RandomState::new().hash_one(start) >> 32;
        let id = run_id(RunSource::Push, start, u32::try_from(random).unwrap_or_default());
        let state = namespace.state()?;
        if let Some(layout) = state.newer_layout() {
            return Err(format!(
                "the records in KV have layout {layout}, and this program writes layout {VERSION}: \
                 nothing is written. Use the version of cfaccess that belongs to the deployed Worker"
            )
            .into());
        }
        let window = state.turn.window.at(start);
        let (counts, claimed, turn) = ((0, 0), None, None);
        let run = Self { namespace, id, start, resumes, state, window, counts, claimed, turn };
        run.refuse_others(&run.state).map_err(|stop| stop.problems)?;
        Ok(run)
    }

    /// What was removed within a day, before this plan.
    pub(super) fn window(&mut self, plan: &Plan) -> &Window {
        self.window = std::mem::take(&mut self.window).settled(plan);
        &self.window
    }

    /// Notes how much the source has.
    pub(super) fn note(&mut self, index: &Index) {
        let mut groups = BTreeSet::new();
        for record in index.records.values() {
            if let Record::One(user) = record {
                groups.extend(user.ownership.iter().skip(1));
            }
        }
        self.counts = (index.users, groups.len());
    }

    /// # Errors
    /// If another run is writing.
    pub(super) fn check_alone(&self) -> Result<(), Stop> {
        self.refuse_others(&self.namespace.state().map_err(unavailable)?)
    }

    fn refuse_others(&self, state: &RunState) -> Result<(), Stop> {
        match state.other_run(&self.id, now_ms()).filter(|_| !self.resumes) {
            None => Ok(()),
            Some((source, seconds)) => Err(Stop::new(
                "run_overlaps",
                format!(
                    "a run of {source} began to write {seconds} s ago and has not ended: nothing is \
                     written. Wait for it, or run it with --resume if it was stopped"
                ),
            )),
        }
    }

    /// Claims the namespace for the plan.
    ///
    /// # Errors
    /// If another run is writing, or has written since this one began.
    pub(super) fn take_turn(&mut self, plan: &Plan, is_forced: bool) -> Result<(), Stop> {
        let now = now_ms();
        self.claimed = Some(now);
        let claim = claim_key(&self.id);
        self.put(claim.clone(), claim)?;
        let state = self.namespace.state().map_err(unavailable)?;
        self.refuse_others(&state)?;
        if state.turn.run != self.state.turn.run {
            let what = "another run has written meanwhile: nothing is written. Run it again";
            return Err(Stop::new("run_overlaps", what.to_owned()));
        }
        // What was meant does not count.
        let (window, removed) = if is_forced {
            (Window::default(), Counts::default())
        } else {
            (self.window.clone().during(plan, now), plan.all_removals())
        };
        let turn = Turn { run: self.id.clone(), window };
        self.put(TURN_KEY.to_owned(), turn.to_json())?;
        self.turn = Some(Turn { window: turn.window.after(removed), ..turn });
        Ok(())
    }

    /// Deletes records.
    pub(super) fn delete(&self, keys: &[String]) -> Result<(), Stop> {
        self.check_time()?;
        self.namespace.delete(keys).map_err(|it| Stop::new("catalog_write_failed", it))
    }

    /// Writes records.
    pub(super) fn write(&self, entries: Vec<Entry>) -> Result<(), Stop> {
        self.check_time()?;
        self.namespace.write(entries).map_err(|it| Stop::new("catalog_write_failed", it))
    }

    /// A run that takes longer than its claim holds would write while the next one does.
    fn check_time(&self) -> Result<(), Stop> {
        let began = self.claimed.unwrap_or_default();
        if now_ms() - began < MAX_PUSH_MS {
            return Ok(());
        }
        let what = "KV takes too long; run it again, and it goes on where it stopped";
        Err(Stop::new("run_limit", what.to_owned()))
    }

    fn put(&self, key: String, value: String) -> Result<(), Stop> {
        let written = self.namespace.write(vec![Entry::new(key, value)]);
        written.map_err(|it| Stop::new("catalog_write_failed", it))
    }

    /// Leaves what the run did, and lets the next one begin. If that fails, the records are right all the
    /// same.
    pub(super) fn end(&self, done: &Result<(), Stop>) {
        let code = done.as_ref().err().map(|stop| stop.code);
        let outcome = match code {
            None => "ok",
            Some("run_limit") => "unfinished",
            Some("catalog_unavailable" | "catalog_write_failed" | "internal") => "failed",
            Some(_) => "refused",
        };
        if code != Some("run_overlaps") {
            let times = (self.start, now_ms());
            let marker =
                self.state.marker_after(RunSource::Push, times, self.counts, (outcome, code));
            let mut left = vec![Entry::new(MARKER_KEY.to_owned(), marker.to_json())];
            if let Some(turn) = self.turn.as_ref().filter(|_| done.is_ok()) {
                left.push(Entry::new(TURN_KEY.to_owned(), turn.to_json()));
            }
            if let Err(problem) = self.namespace.write(left) {
                warn("the marker of this run was not written", &problem.into());
            }
        }
        if self.claimed.is_some() {
            let mut keys = vec![claim_key(&self.id)];
            if self.resumes {
                keys.extend(self.state.claims().map(claim_key));
            }
            if let Err(problem) = self.namespace.delete(&keys) {
                warn("the claim of this run was not deleted", &problem.into());
            }
        }
    }
}

fn warn(what: &str, CliError(problems): &CliError) {
    tell_labelled(Label::Warning, &format!("{what}: {}", problems.join("; ")));
}
