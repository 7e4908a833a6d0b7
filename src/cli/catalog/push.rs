//! `cfaccess catalog push`.

use std::path::PathBuf;

use super::super::CliError;
use super::super::headers;
use super::super::output::{hide, printable, put, tell};
use super::super::wrangler::Deployment;
use super::entry::Entry;
use super::gather::Gathered;
use super::ids::{Ids, variable};
use super::live::Backstage;
use super::progress::progress;
use super::run::{PushRun, Stop, unavailable};
use super::settings::Settings;
use super::users;
use crate::catalog::import::{ImportPolicy, Index, MAX_REMOVED, Plan, Reconciliation, Write};
use crate::catalog::{Record, encode};

/// The most records of each kind that are named one by one.
const MAX_NAMED: usize = 20;

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Args {
    /// Catalog files, or folders of them, in place of --url
    #[arg(value_name = "FILE_OR_DIR", required_unless_present = "url", conflicts_with = "url")]
    sources: Vec<PathBuf>,
    /// A running Backstage: its `backend.baseUrl`
    #[arg(long, value_parser = base_url)]
    url: Option<String>,
    /// The bearer token for its catalog; better in `CATALOG_TOKEN`, where `ps` does not show it
    #[arg(long, requires = "url")]
    token: Option<String>,
    /// A further header for it, such as those of an Access service token. `NAME: env:VARIABLE` takes the
    /// value from the environment, where `ps` does not show it
    #[arg(long, value_name = "NAME: VALUE", requires = "url")]
    header: Vec<String>,
    /// A file of such headers, one a line
    #[arg(long, value_name = "FILE", requires = "url")]
    header_file: Vec<PathBuf>,
    /// Say what would be written, and what that changes for users, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// The most of the users, or of the emails, that are removed without --force
    #[arg(long, value_name = "PERCENT", default_value_t = MAX_REMOVED, value_parser = percent)]
    max_deletions: u8,
    /// Remove as many as it takes
    #[arg(long)]
    force: bool,
    /// Write although another run has begun and not ended, because it was stopped
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    ids: Ids,
}

const HELP: &str = "\
Reads the users of a running Backstage (or the same sources as `catalog build`), compares their
records with what the KV namespace holds, and writes what differs. What is compared are digests that
the keys carry as metadata: the values in KV are not read.

In this order: what is gone is deleted, what has changed is replaced, what is new is added. Stopped
at any point and run again, it ends right; if the message then says that another run has begun, and it
was stopped, use --resume. If anything is wrong with any source, if the answer is
half a list, or if too much would be removed within a day, nothing is written, and the exit code is 1.

The ids of the account and of the namespace CATALOG are taken from wrangler's file. Users are found by
ref, by email, and by the annotations that its resolvers name.

The token of Cloudflare's API is read from CLOUDFLARE_API_TOKEN; it needs `Workers KV Storage: Edit`.
The token of Backstage is one of `backend.auth.externalAccess`, which may be restricted to the
catalog.

Examples:
  cfaccess catalog push --url https://backstage-internal.example.com --dry-run
  cfaccess catalog push --url https://backstage.example.com \\
    --header \"CF-Access-Client-Id: $ID\" --header \"CF-Access-Client-Secret: env:SECRET\"
  cfaccess catalog push catalog/ --env production";

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let deployment = args.settings.deployment()?;
    let namespace = args.ids.namespace(&args.settings, deployment.as_ref())?;
    let policy = args.settings.import_policy(deployment.as_ref())?;
    let mut run = PushRun::begin(&namespace, args.resume || args.dry_run)?;
    let done = write(args, deployment.as_ref(), &policy, &mut run);
    if !args.dry_run {
        run.end(&done);
    }
    done.map_err(|stop| stop.problems)
}

/// Reads the source, and writes what differs.
fn write(
    args: &Args,
    deployment: Option<&Deployment>,
    policy: &ImportPolicy,
    run: &mut PushRun<'_>,
) -> Result<(), Stop> {
    let gathered = match &args.url {
        None => Gathered::from_files(&args.sources, &args.settings.exclude, policy),
        Some(url) => backstage(url, args)
            .map_err(CliError::from)
            .and_then(|backstage| Gathered::from_backstage(&backstage, policy)),
    };
    let gathered = gathered.map_err(|problems| Stop { code: "source_incomplete", problems })?;
    gathered.report();
    users::tell_large_tokens(&gathered.index, &args.settings, deployment);
    if let Some(missing) = &gathered.missing {
        return Err(Stop::new("source_incomplete", format!("{missing}: nothing is written")));
    }
    run.note(&gathered.index);
    let mut reconciliation = Reconciliation::new(usize::MAX, policy.clone());
    run.namespace.list(&mut reconciliation).map_err(unavailable)?;
    let plan = plan(reconciliation, &gathered.index).map_err(|it| Stop::new("internal", it))?;
    if args.dry_run {
        let (index, settings) = (&gathered.index, &args.settings);
        users::put_changes(run.namespace, &plan, index, settings, deployment)
            .map_err(|it| Stop::new("internal", it))?;
    }
    put(&describe(&plan)).map_err(|it| Stop::new("internal", it))?;
    let excess = plan.excess(args.max_deletions, run.window(&plan));
    if let Some(excess) = excess.filter(|_| !args.force) {
        let detail =
            format!("{excess}: nothing is written. If the source is right, run it with --force");
        return Err(Stop::new("removals_excessive", detail));
    }
    if args.dry_run {
        return Ok(());
    }
    if plan.is_empty() {
        return run.check_alone();
    }
    run.take_turn(&plan, args.force)?;
    let Plan { removed, changed, added, .. } = plan;
    let counts = (removed.len(), changed.len(), added.len());
    let steps = counts.0 + counts.1 + counts.2;
    let mut done = 0;
    let mut show = |more: usize| {
        done += more;
        if more > 0 {
            progress(done, steps, "written");
        }
    };
    run.delete(&removed)?;
    show(counts.0);
    run.write(entries(changed))?;
    show(counts.1);
    run.write(entries(added))?;
    show(counts.2);
    tell("written; KV shows it everywhere within about a minute");
    Ok(())
}

fn entries(writes: Vec<Write>) -> Vec<Entry> {
    writes.into_iter().map(|Write { key, value }| Entry::new(key, value)).collect()
}

fn plan(mut reconciliation: Reconciliation, index: &Index) -> Result<Plan, String> {
    let failed = |error: serde_json::Error| format!("cannot be encoded: {error}");
    for (key, record) in &index.records {
        match record {
            Record::One(user) => {
                let value = encode(record).map_err(failed)?;
                reconciliation.want(key.clone(), &user.entity_ref, &value);
            }
            Record::Many(refs) => {
                for user in refs {
                    reconciliation.want(key.clone(), user, "");
                }
            }
        }
    }
    reconciliation.plan().map_err(failed)
}

/// What is to be done, record by record, and in numbers.
fn describe(plan: &Plan) -> String {
    let Plan { removed, changed, added, unchanged, .. } = plan;
    let keys = |writes: &[Write]| writes.iter().map(|it| it.key.clone()).collect::<Vec<_>>();
    let (changed, mut added) = (keys(changed), keys(added));
    added.sort_unstable();
    let mut lines = Vec::new();
    for (what, keys) in [("remove", removed), ("change", &changed), ("add", &added)] {
        for key in keys.iter().take(MAX_NAMED) {
            // An email may contain control characters, which a terminal would obey.
            lines.push(format!("{what:6} {}\n", printable(key)));
        }
        if let Some(more) = keys.len().checked_sub(MAX_NAMED).filter(|more| *more > 0) {
            lines.push(format!("{what:6} {more} more\n"));
        }
    }
    let (removed, changed, added) = (removed.len(), changed.len(), added.len());
    lines.push(format!(
        "{removed} to remove, {changed} to change, {added} to add, {unchanged} unchanged\n"
    ));
    lines.concat()
}

fn backstage(url: &str, args: &Args) -> Result<Backstage, String> {
    let mut headers = vec![("accept".to_owned(), "application/json".to_owned())];
    if let Some(token) = args.token.clone().or_else(|| variable("CATALOG_TOKEN")) {
        if token.chars().any(|c| !c.is_ascii_graphic()) {
            return Err("the token of Backstage has a space or a control character in it".into());
        }
        hide(&token);
        headers.push(("authorization".to_owned(), format!("Bearer {token}")));
    }
    headers.extend(headers::given(&args.header, &args.header_file)?);
    Ok(Backstage { url: url.to_owned(), headers })
}

fn base_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.contains(['?', '#', '@', ' ']) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("must be a URL such as `https://backstage.example.com`".to_owned()),
    }
}

fn percent(text: &str) -> Result<u8, String> {
    let number = text.trim_end_matches('%').parse().ok().filter(|number| *number <= 100);
    number.ok_or_else(|| "must be a percentage such as `20%`".to_owned())
}
