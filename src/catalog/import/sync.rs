//! The catalog in KV, kept in step with the origin's from inside the Worker, one bounded run at a
//! time.
//!
//! A run reads everything and writes what differs, up to a limit. It keeps no position: what the runs
//! before it have done it finds in KV, so that it goes on where they have stopped, for whatever
//! reason, and the origin's catalog may change between them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::pin::Pin;

use serde_json::Value;

use super::backstage_api::{LiveUser, live_user};
use super::hierarchy::Hierarchy;
use super::pages::Pages;
use super::policy::ImportPolicy;
use super::reconcile::{MAX_REMOVED, Plan, Reconciliation};
use super::run_state::{RunSource, RunState, Turn, age_seconds, claim_key, run_id};
use super::window::{Counts, Window};
use crate::catalog::{MARKER_KEY, PREFIX, Record, TURN_KEY, encode};
use crate::json::{to_json_array, to_json_string};
use crate::ports::{Failure, HttpRequest, HttpResponse};

/// The most calls to KV of one run. An invocation may make 1,000 to Cloudflare's own services on the
/// free plan, and as many to KV on any (developers.cloudflare.com, "Limits" of Workers and of KV).
pub const MAX_KV_CALLS: usize = 900;

/// Of these, for the end of a run: the turn, the claim and the marker.
const LAST_CALLS: usize = 3;

/// How long a run may take, in milliseconds: less than the five minutes after which the next one may
/// begin, so that none writes what it read before the other did, and far less than the fifteen after
/// which the runtime ends it without a word.
const MAX_RUN_MS: i64 = 4 * 60 * 1_000;

/// The most bytes of values that are kept until they are written.
const ROOM: usize = 16 * 1024 * 1024;

/// Limits of a page of users: milliseconds and bytes.
const PAGE_TIMEOUT_MS: u32 = 30_000;
const PAGE_MAX_BYTES: usize = 16 * 1024 * 1024;

/// How many writes may fail before a run gives up: one key must not stand in the way of the others,
/// and a KV that takes nothing need not be asked a thousand times.
const MAX_FAILED: usize = 10;

/// The most of the users that cannot be read who are named in the log, and the most characters of a
/// name.
const MAX_NAMED: usize = 5;
const MAX_NAME: usize = 100;

/// The few things that a run asks of the world.
#[expect(async_fn_in_trait, reason = "an isolate has one thread")]
pub trait SyncPorts {
    /// Now, in milliseconds.
    fn now_ms(&self) -> i64;

    /// Makes a GET request to the origin; the call's `url` is a path there.
    ///
    /// # Errors
    /// When there is no whole answer within the limits.
    async fn fetch_origin(&self, call: &HttpRequest) -> Result<HttpResponse, Failure>;

    /// A random number, evenly spread over `u32`.
    fn random(&self) -> u32;

    /// A page of the keys of the `CATALOG` KV that begin with this, as its binding has it: `{keys: [{name,
    /// metadata}], list_complete, cursor}`.
    ///
    /// # Errors
    /// When KV does not answer.
    async fn list(&self, prefix: &str, cursor: Option<&str>) -> Result<Value, Failure>;

    /// Writes a record, with its [metadata](crate::catalog::Metadata), or deletes it. A key that is [no
    /// record's](crate::catalog::is_sync_key) has its value as metadata, and a claim ends by itself after
    /// [`CLAIM_TTL`](super::CLAIM_TTL) seconds.
    ///
    /// # Errors
    /// When KV does not do so.
    async fn change(&self, key: &str, value: Option<&str>) -> Result<(), Failure>;
}

/// What a run has done. [`to_json`](Self::to_json) is its line in the log.
#[derive(Debug, Default)]
pub struct Summary {
    /// How many users of the origin have a record.
    pub users: usize,
    /// The groups that these own.
    groups: BTreeSet<String>,
    /// The seconds since the last run that was right.
    age_seconds: Option<i64>,
    /// How many records were right.
    pub unchanged: usize,
    /// How many were replaced or added.
    pub written: usize,
    /// How many were deleted.
    pub removed: usize,
    /// How many are left for the next run.
    pub put_off: usize,
    /// How many users and groups could not be read, not at all or not whole.
    pub unreadable: usize,
    /// The first of them, and what of them.
    named: Vec<String>,
    /// Whether it came to writing.
    began: bool,
    /// Why nothing was done, or not all.
    halt: Option<Halt>,
    milliseconds: i64,
}

/// Why a run did nothing, or not all.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Halt {
    code: &'static str,
    detail: String,
}

fn halt(code: &'static str, detail: impl Into<String>) -> Halt {
    Halt { code, detail: detail.into() }
}

/// What a run needs to know of the configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SyncPolicy {
    /// The path of the auth plugin, such as `/api/auth`.
    pub auth_path: String,
    /// What the records have.
    pub import: ImportPolicy,
}

/// Makes a run. Without a token it reads and writes nothing.
pub async fn sync<P: SyncPorts>(policy: &SyncPolicy, token: Option<&str>, ports: &P) -> Summary {
    let start = ports.now_ms();
    let mut run = Run {
        ports,
        import: &policy.import,
        hierarchy: Hierarchy::default(),
        id: run_id(RunSource::Cron, start, ports.random()),
        start,
        // The last calls are those that let the next run begin.
        until: start + MAX_RUN_MS,
        calls: LAST_CALLS,
        state: None,
        summary: Summary::default(),
    };
    let done = match token {
        Some(token) => run.go(&policy.auth_path, token).await,
        None => Err(halt(
            "catalog_token_missing",
            "the secret CATALOG_TOKEN is missing: run `wrangler secret put CATALOG_TOKEN`, or take \
             [triggers] out of wrangler.toml",
        )),
    };
    run.summary.halt = done.err();
    run.put_marker().await;
    let mut summary = run.summary;
    summary.milliseconds = ports.now_ms() - start;
    summary
}

/// A call to KV under way.
type Called<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + 'a>>;

struct Run<'a, P> {
    ports: &'a P,
    import: &'a ImportPolicy,
    /// Empty unless ownership includes the ancestors of a user's groups.
    hierarchy: Hierarchy,
    id: String,
    start: i64,
    until: i64,
    calls: usize,
    /// What the runs before it have left, once it is known and may be replaced.
    state: Option<RunState>,
    summary: Summary,
}

impl<P: SyncPorts> Run<'_, P> {
    async fn go(&mut self, auth_path: &str, token: &str) -> Result<(), Halt> {
        let before = self.other_runs().await?;
        self.summary.age_seconds = before.last_ok().map(|ok| age_seconds(ok, self.start));
        if let Some(layout) = before.newer_layout() {
            let detail = format!("the records have layout {layout}: deploy the newer Worker");
            return Err(halt("layout_newer", detail));
        }
        let (turn, window) = (before.turn.run.clone(), before.turn.window.at(self.start));
        self.state = Some(before);
        let mut reconciliation = Reconciliation::new(ROOM, self.import.clone());
        self.list(&mut reconciliation).await?;
        if self.import.transitive_groups {
            self.read_groups(auth_path, token).await?;
        }
        self.read(auth_path, token, &mut reconciliation).await?;
        let plan = reconciliation.plan().map_err(|error| halt("internal", error.to_string()))?;
        let window = window.settled(&plan);
        if let Some(excess) = plan.excess(MAX_REMOVED, &window) {
            let detail = format!("{excess}: if that is right, run `cfaccess catalog push --force`");
            return Err(halt("removals_excessive", detail));
        }
        if plan.is_empty() {
            // What KV holds was right, unless another run has begun to write meanwhile.
            self.summary.unchanged = plan.unchanged;
            return self.other_runs().await.map(drop);
        }
        let claim = claim_key(&self.id);
        let written = self.write_alone(&plan, &claim, (&turn, window)).await;
        // A claim that stays only delays the next run.
        let _ = self.put(&claim, None).await;
        written
    }

    /// Writes, if no other run has written since this one began to read, or writes now.
    async fn write_alone(
        &mut self,
        plan: &Plan,
        claim: &str,
        (turn, window): (&str, Window),
    ) -> Result<(), Halt> {
        self.change(claim, Some(claim)).await?;
        let state = self.other_runs().await?;
        if state.turn.run != turn {
            return Err(halt("run_overlaps", "another run has written meanwhile"));
        }
        let mut turn = Turn { run: self.id.clone(), window: window.during(plan, self.start) };
        self.change(TURN_KEY, Some(&turn.to_json())).await?;
        let mut done = Vec::new();
        let written = self.write(plan, &mut done).await;
        let removed = plan.removals(&done);
        if plan.all_removals() != Counts::default() {
            turn.window = turn.window.after(removed);
            // If it fails, the next run counts what is no longer there.
            let _ = self.put(TURN_KEY, Some(&turn.to_json())).await;
        }
        written
    }

    /// What the other runs have left. Stops if one of them is writing.
    fn other_runs(&mut self) -> Pin<Box<dyn Future<Output = Result<RunState, Halt>> + '_>> {
        Box::pin(async move {
            self.charge()?;
            let page = self.list_page(MARKER_KEY, None).await;
            let page = page.map_err(|failure| halt("catalog_unavailable", failure.0))?;
            let is_whole = page.get("list_complete").and_then(Value::as_bool) == Some(true);
            let state = page.get("keys").filter(|_| is_whole).and_then(RunState::read);
            let state = state.ok_or_else(|| halt("catalog_unavailable", UNREADABLE))?;
            if let Some((source, seconds)) = state.other_run(&self.id, self.ports.now_ms()) {
                let detail = format!("a run of {source} began to write {seconds} s ago");
                return Err(halt("run_overlaps", detail));
            }
            Ok(state)
        })
    }

    /// A page of KV's keys. Boxed, as the next one, so that the code of the call is there once.
    fn list_page<'a>(&'a self, prefix: &'a str, cursor: Option<&'a str>) -> Called<'a, Value> {
        Box::pin(self.ports.list(prefix, cursor))
    }

    fn put<'a>(&'a self, key: &'a str, value: Option<&'a str>) -> Called<'a, ()> {
        Box::pin(self.ports.change(key, value))
    }

    async fn change(&mut self, key: &str, value: Option<&str>) -> Result<(), Halt> {
        self.charge()?;
        let changed = self.put(key, value).await;
        changed.map_err(|failure| halt("catalog_write_failed", failure.0))
    }

    /// Leaves what this run did. If that fails, its line in the log still has it.
    async fn put_marker(&self) {
        let Some(state) = self.state.as_ref().filter(|_| !self.summary.is_skipped()) else {
            return;
        };
        let Summary { users, groups, .. } = &self.summary;
        let marker = state.marker_after(
            RunSource::Cron,
            (self.start, self.ports.now_ms()),
            (*users, groups.len()),
            (self.summary.outcome(), self.summary.halt.as_ref().map(|it| it.code)),
        );
        let _ = self.put(MARKER_KEY, Some(&marker.to_json())).await;
    }

    /// Notes what KV holds.
    async fn list(&mut self, reconciliation: &mut Reconciliation) -> Result<(), Halt> {
        let mut cursor = None;
        loop {
            self.charge()?;
            let page = self.list_page(PREFIX, cursor.as_deref()).await;
            let next = page.and_then(|page| noted(&page, reconciliation));
            match next.map_err(|failure| halt("catalog_unavailable", failure.0))? {
                None => return Ok(()),
                next if next == cursor => {
                    return Err(halt("catalog_unavailable", "KV's list of keys has no end"));
                }
                next => cursor = next,
            }
        }
    }

    /// Notes what KV should hold.
    async fn read(
        &mut self,
        auth_path: &str,
        token: &str,
        reconciliation: &mut Reconciliation,
    ) -> Result<(), Halt> {
        let mut pages = Pages::users(self.import);
        while let Some(call) = call(auth_path, token, &pages) {
            for item in &self.page(&call, &mut pages).await? {
                self.want(item, reconciliation)?;
            }
        }
        if self.summary.users == 0 {
            let detail = "there is no user in the origin's catalog that can be read";
            return Err(halt("origin_incomplete", detail));
        }
        Ok(())
    }

    /// Reads which groups contain which.
    async fn read_groups(&mut self, auth_path: &str, token: &str) -> Result<(), Halt> {
        let mut pages = Pages::groups();
        while let Some(call) = call(auth_path, token, &pages) {
            for item in &self.page(&call, &mut pages).await? {
                if let Err(group) = self.hierarchy.note(item) {
                    self.unreadable(&group, "relations");
                }
            }
        }
        Ok(())
    }

    /// The entities of a page.
    async fn page(&self, call: &HttpRequest, pages: &mut Pages) -> Result<Vec<Value>, Halt> {
        self.check_time()?;
        let answer = self.ports.fetch_origin(call).await;
        let answer = answer.map_err(|failure| halt("origin_unreachable", failure.0))?;
        if answer.status != 200 {
            return Err(halt("origin_refused", why(answer.status)));
        }
        pages.read(&answer.body).map_err(|why| halt("origin_incomplete", why.to_string()))
    }

    /// Notes what KV should hold of a user. Whoever may edit one entity must be able to stop neither
    /// the others' changes nor their own: what cannot be read of a profile is left out, and the groups
    /// are followed. If it is the groups or their ancestors, which Backstage itself puts together, what
    /// KV holds stays.
    fn want(&mut self, item: &Value, reconciliation: &mut Reconciliation) -> Result<(), Halt> {
        let found = live_user(item, self.import);
        let Some(LiveUser { entity_ref, mut user, left_out }) = found else {
            self.unreadable("a user without a name", "metadata");
            return Ok(());
        };
        if !left_out.is_empty() {
            self.unreadable(entity_ref.as_str(), &left_out.join(", "));
        }
        let keys = user.keys(&self.import.indexes);
        let ancestors = self.hierarchy.ancestors(&user.ownership);
        let Some(ancestors) = ancestors.filter(|_| !user.ownership.is_empty()) else {
            for key in keys {
                reconciliation.keep(key, entity_ref.as_str());
            }
            return Ok(());
        };
        user.ownership.extend(ancestors);
        self.summary.users += 1;
        for group in user.ownership.iter().skip(1) {
            if !self.summary.groups.contains(group) {
                self.summary.groups.insert(group.clone());
            }
        }
        let value = encode(&Record::One(user)).map_err(|it| halt("internal", it.to_string()))?;
        reconciliation.want_each(keys, entity_ref.as_str(), &value);
        Ok(())
    }

    fn unreadable(&mut self, who: &str, what: &str) {
        self.summary.unreadable += 1;
        if self.summary.named.len() < MAX_NAMED {
            let who: String = who.chars().take(MAX_NAME).collect();
            self.summary.named.push(format!("{who}: {what}"));
        }
    }

    /// Writes what differs, in the plan's order, as far as it gets: `done` are the keys.
    async fn write<'p>(&mut self, plan: &'p Plan, done: &mut Vec<&'p String>) -> Result<(), Halt> {
        let Plan { removed, changed, added, .. } = plan;
        self.summary.began = true;
        self.summary.unchanged = plan.unchanged;
        self.summary.put_off = removed.len() + changed.len() + added.len() + plan.put_off;
        let mut failures = Vec::new();
        let deletes = removed.iter().map(|key| (key, None));
        let puts = changed.iter().chain(added).map(|it| (&it.key, Some(it.value.as_str())));
        for (key, value) in deletes.chain(puts) {
            self.charge()?;
            match self.put(key, value).await {
                Err(failure) if failures.len() + 1 == MAX_FAILED => {
                    return Err(halt("catalog_write_failed", failure.0));
                }
                Err(failure) => failures.push(failure),
                Ok(()) => {
                    done.push(key);
                    self.summary.put_off -= 1;
                    let Summary { removed, written, .. } = &mut self.summary;
                    *(if value.is_none() { removed } else { written }) += 1;
                }
            }
        }
        match failures.pop() {
            Some(failure) => Err(halt("catalog_write_failed", failure.0)),
            None if plan.put_off > 0 => Err(limit("as many values as are kept at once")),
            None => Ok(()),
        }
    }

    fn charge(&mut self) -> Result<(), Halt> {
        self.check_time()?;
        self.calls += 1;
        if self.calls > MAX_KV_CALLS {
            return Err(limit("as many calls to KV as a run may make"));
        }
        Ok(())
    }

    fn check_time(&self) -> Result<(), Halt> {
        if self.ports.now_ms() >= self.until {
            return Err(limit("as long as a run may take"));
        }
        Ok(())
    }
}

const UNREADABLE: &str = "KV's list of keys cannot be read";

/// Notes a page of KV's keys. Returns the cursor of the next, if there is one.
fn noted(page: &Value, reconciliation: &mut Reconciliation) -> Result<Option<String>, Failure> {
    let unreadable = || Failure(UNREADABLE.to_owned());
    reconciliation.actual(page.get("keys").ok_or_else(unreadable)?).ok_or_else(unreadable)?;
    if page.get("list_complete").and_then(Value::as_bool) == Some(true) {
        return Ok(None);
    }
    let cursor = page.get("cursor").and_then(Value::as_str).ok_or_else(unreadable)?;
    Ok(Some(cursor.to_owned()))
}

/// The call for the next page, if there is one.
fn call(auth_path: &str, token: &str, pages: &Pages) -> Option<HttpRequest> {
    let base = auth_path.strip_suffix("/api/auth").unwrap_or_default();
    Some(HttpRequest {
        url: format!("{base}{}", pages.path()?),
        headers: vec![
            ("accept".to_owned(), "application/json".to_owned()),
            ("authorization".to_owned(), format!("Bearer {token}")),
        ],
        timeout_ms: PAGE_TIMEOUT_MS,
        max_bytes: PAGE_MAX_BYTES,
    })
}

fn limit(what: &str) -> Halt {
    halt("run_limit", what)
}

/// What an answer that is none means.
fn why(status: u16) -> String {
    let hint = match status {
        300..=399 => {
            ", which leads elsewhere, perhaps to the login of Cloudflare Access: set \
             BACKSTAGE.origin to an address of the backend's own"
        }
        401 | 403 => {
            ": CATALOG_TOKEN is not good enough, or BACKSTAGE.origin is missing and it is this \
             Worker that answers"
        }
        404 => ": it has no /api/catalog/entities/by-query; is BACKSTAGE.baseUrl right?",
        _ => "",
    };
    format!("the origin's catalog: status {status}{hint}")
}

impl Summary {
    /// What there is to say of a run that did not begin.
    #[must_use]
    pub fn refused(code: &'static str, detail: String) -> Self {
        Self { halt: Some(Halt { code, detail }), ..Self::default() }
    }

    /// Of what kind its line in the log is: `info`, `warn` or `error`.
    #[must_use]
    pub fn level(&self) -> &'static str {
        match &self.halt {
            Some(Halt { code: "run_overlaps", .. }) => "info",
            Some(_) if !self.began => "error",
            Some(Halt { code: "run_limit", .. }) | None if self.unreadable == 0 => "info",
            _ => "warn",
        }
    }

    /// Why the run was refused or failed. A run that only reached its limit has not: the next one goes
    /// on.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        let Halt { code, detail } = self.halt.as_ref()?;
        let is_progress = self.began && *code == "run_limit" || self.is_skipped();
        (!is_progress).then(|| format!("{code}: {detail}"))
    }

    /// Whether it did nothing because another run was writing.
    fn is_skipped(&self) -> bool {
        self.halt.as_ref().is_some_and(|it| it.code == "run_overlaps")
    }

    /// Its outcome in the marker.
    fn outcome(&self) -> &'static str {
        match self.halt.as_ref().map(|it| it.code) {
            None => "ok",
            Some("run_limit") if self.began => "unfinished",
            Some(
                "catalog_unavailable" | "catalog_write_failed" | "internal" | "origin_unreachable",
            ) => "failed",
            Some(_) => "refused",
        }
    }

    /// Its line in the log. The outcome is `synced`; `partly` if the next run has more to do; `skipped` if
    /// another run was writing; or `refused` if nothing was written.
    #[must_use]
    pub fn to_json(&self) -> String {
        let level = self.level();
        let outcome = match &self.halt {
            None => "synced",
            Some(_) if self.is_skipped() => "skipped",
            Some(_) if self.began => "partly",
            Some(_) => "refused",
        };
        let Self { users, unchanged, written, removed, put_off, unreadable, .. } = self;
        let groups = self.groups.len();
        let mut line = format!(
            r#"{{"level":"{level}","task":"catalog","outcome":"{outcome}","users":{users},"groups":{groups},"unchanged":{unchanged},"written":{written},"removed":{removed},"putOff":{put_off},"unreadable":{unreadable},"ms":{}"#,
            self.milliseconds
        );
        if let Some(age) = self.age_seconds {
            let _ = write!(line, r#","sinceOk":{age}"#);
        }
        // Writing into a string cannot fail.
        if let Some(Halt { code, detail }) = &self.halt {
            let _ = write!(line, r#","code":"{code}","detail":{}"#, to_json_string(detail));
        }
        if !self.named.is_empty() {
            let _ = write!(line, r#","named":{}"#, to_json_array(&self.named));
        }
        line.push('}');
        line
    }
}
