//! The catalog in KV, kept in step with the origin's from inside the Worker, one bounded run at a
//! time.
//!
//! A run reads everything and writes what differs, up to a limit. It keeps no position: what the runs
//! before it have done it finds in KV, so that it goes on where they have stopped, for whatever
//! reason, and the origin's catalog may change between them.

use std::fmt::Write as _;

use serde_json::Value;

use super::backstage_api::{LiveUser, live_user};
use super::hierarchy::Hierarchy;
use super::pages::Pages;
use super::policy::ImportPolicy;
use super::reconcile::{MAX_REMOVED, Plan, Reconciliation};
use crate::catalog::{Record, encode};
use crate::json::{to_json_array, to_json_string};
use crate::ports::{Failure, HttpRequest, HttpResponse};

/// The most calls to KV of one run. An invocation may make 1,000 to Cloudflare's own services on the
/// free plan, and as many to KV on any (developers.cloudflare.com, "Limits" of Workers and of KV).
pub const MAX_KV_CALLS: usize = 900;

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

    /// A page of the keys of the `CATALOG` KV that begin with [`PREFIX`](crate::catalog::PREFIX), as its
    /// binding has it: `{keys: [{name, metadata}], list_complete, cursor}`.
    ///
    /// # Errors
    /// When KV does not answer.
    async fn list(&self, cursor: Option<&str>) -> Result<Value, Failure>;

    /// Writes a record, with its [`digest`](crate::catalog::digest) as metadata, or deletes it.
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
        until: start + MAX_RUN_MS,
        calls: 0,
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
    let mut summary = run.summary;
    summary.halt = done.err();
    summary.milliseconds = ports.now_ms() - start;
    summary
}

struct Run<'a, P> {
    ports: &'a P,
    import: &'a ImportPolicy,
    /// Empty unless ownership includes the ancestors of a user's groups.
    hierarchy: Hierarchy,
    until: i64,
    calls: usize,
    summary: Summary,
}

impl<P: SyncPorts> Run<'_, P> {
    async fn go(&mut self, auth_path: &str, token: &str) -> Result<(), Halt> {
        let mut reconciliation = Reconciliation::new(ROOM, self.import.clone());
        self.list(&mut reconciliation).await?;
        if self.import.transitive_groups {
            self.read_groups(auth_path, token).await?;
        }
        self.read(auth_path, token, &mut reconciliation).await?;
        let plan = reconciliation.plan().map_err(|error| halt("internal", error.to_string()))?;
        if let Some(excess) = plan.excess(MAX_REMOVED) {
            let detail = format!("{excess}: if that is right, run `cfaccess catalog push --force`");
            return Err(halt("removals_excessive", detail));
        }
        self.write(&plan).await
    }

    /// Notes what KV holds.
    async fn list(&mut self, reconciliation: &mut Reconciliation) -> Result<(), Halt> {
        let mut cursor = None;
        loop {
            self.charge()?;
            let page = self.ports.list(cursor.as_deref()).await;
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

    /// Writes what differs, in the plan's order, as far as it gets.
    async fn write(&mut self, plan: &Plan) -> Result<(), Halt> {
        let Plan { removed, changed, added, .. } = plan;
        self.summary.began = true;
        self.summary.unchanged = plan.unchanged;
        self.summary.put_off = removed.len() + changed.len() + added.len() + plan.put_off;
        let mut failures = Vec::new();
        let deletes = removed.iter().map(|key| (key, None));
        let puts = changed.iter().chain(added).map(|it| (&it.key, Some(it.value.as_str())));
        for (key, value) in deletes.chain(puts) {
            self.charge()?;
            match self.ports.change(key, value).await {
                Err(failure) if failures.len() + 1 == MAX_FAILED => {
                    return Err(halt("catalog_write_failed", failure.0));
                }
                Err(failure) => failures.push(failure),
                Ok(()) => {
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

/// Notes a page of KV's keys. Returns the cursor of the next, if there is one.
fn noted(page: &Value, reconciliation: &mut Reconciliation) -> Result<Option<String>, Failure> {
    let unreadable = || Failure("KV's list of keys cannot be read".to_owned());
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
        let is_progress = self.began && *code == "run_limit";
        (!is_progress).then(|| format!("{code}: {detail}"))
    }

    /// Its line in the log. The outcome is `synced`; `partly` if the next run has more to do; or
    /// `refused` if nothing was written.
    #[must_use]
    pub fn to_json(&self) -> String {
        let level = self.level();
        let outcome = match &self.halt {
            None => "synced",
            Some(_) if self.began => "partly",
            Some(_) => "refused",
        };
        let Self { users, unchanged, written, removed, put_off, unreadable, .. } = self;
        let mut line = format!(
            r#"{{"level":"{level}","task":"catalog","outcome":"{outcome}","users":{users},"unchanged":{unchanged},"written":{written},"removed":{removed},"putOff":{put_off},"unreadable":{unreadable},"ms":{}"#,
            self.milliseconds
        );
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
