//! `cfaccess resolve`: whether a caller can sign in, as which user, and why not; and what another catalog
//! changes for each user. The Worker's own code decides.

mod caller;
mod json;
mod remedy;
mod report;
mod source;
mod wrangler_kv;

use std::path::PathBuf;

use super::CliError;
use super::catalog::{Ids, Settings};
use super::output::{Label, put, put_json, tell_labelled};
use super::trial::{self, Changes, Ended, Trial, changes_report};
use crate::sign_in::OnUserNotFound;
use source::Place;

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// Catalog files, or folders of them, or a file of records that `catalog build` wrote
    #[arg(value_name = "FILE_OR_DIR", required_unless_present_any = ["local", "remote"])]
    sources: Vec<PathBuf>,
    /// The records that the KV namespace holds now
    #[arg(long, conflicts_with = "sources")]
    remote: bool,
    /// The records in the KV of `wrangler dev` on this machine
    #[arg(long, conflicts_with_all = ["sources", "remote"])]
    local: bool,
    #[command(flatten)]
    caller: caller::CallerArgs,
    /// An older catalog to compare with: a file, a folder, or `kv` for what KV holds now
    #[arg(long, value_name = "OLD")]
    against: Vec<PathBuf>,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    ids: Ids,
}

const HELP: &str = "\
The caller is signed in by the code that the Worker runs, with the configuration in wrangler's file and
the records that `catalog build` makes of the sources, or those in KV. Printed are each resolver in order,
the keys that it reads and what they hold, the user, what they own, and the length of the token; or the
code of the refusal, and what to do. No request goes to Cloudflare Access: say with --group, --attribute
or --identity what it knows of the caller. No token is printed.

With --against, every user of both catalogs: who can no longer sign in, who newly can, whose groups
change. `catalog push --dry-run` prints the same.

--remote and `--against kv` read KV as `catalog push` does: with CLOUDFLARE_API_TOKEN (`Workers KV
Storage: Read` is enough) and the ids of wrangler's file, or --account and --namespace. Without that
token, wrangler reads it with its own login (`npx wrangler login`). --local is read by wrangler too.

Exit codes: 0 the caller signs in, or the catalogs were compared; 1 the caller does not sign in, or a
problem was found; 2 wrong usage.

Examples:
  cfaccess resolve --as jane@example.com catalog/
  cfaccess resolve --as jane@example.com --group platform --remote --env production
  cfaccess resolve --identity get-identity.json --attribute employee_id=7 kv.json
  cfaccess resolve catalog/ --against kv --json";

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let deployment = args.settings.deployment()?.ok_or_else(|| {
        "there is no wrangler.json, .jsonc or .toml in this folder, whose resolvers would be asked: name the \
         file with --config"
            .to_owned()
    })?;
    let config = trial::config(&deployment, &args.settings.place(&deployment))?;
    let sources =
        source::Sources { settings: &args.settings, ids: &args.ids, deployment: &deployment };
    let place = match (args.local, args.remote) {
        (true, _) => Place::Local,
        (_, true) => Place::Remote,
        _ => Place::Files,
    };
    let caller = args.caller.caller()?;
    let Some(caller) = caller else {
        if args.against.is_empty() {
            return Err(
                "say whose sign-in with --as, --identity or --service-token, or give an older \
                        catalog with --against"
                    .to_owned()
                    .into(),
            );
        }
        let new = sources.all(&args.sources, place)?;
        let old = sources.older(&args.against)?;
        let changes = Changes::of(config, &old, &new);
        if args.json {
            put_json(&format!("{:#}\n", changes_report::to_json(&changes)))?;
        } else {
            put(&changes_report::report(&changes))?;
        }
        return Ok(());
    };
    let asks_origin = config.sign_in.on_user_not_found == OnUserNotFound::Origin;
    let notes = caller::notes(&config, &caller);
    let trial = Trial::new(config);
    let records = sources.read(&args.sources, place)?;
    let ended = trial.sign_in(&caller, records.as_ref());
    let before = if args.against.is_empty() {
        None
    } else {
        Some(trial.sign_in(&caller, &sources.older(&args.against)?))
    };
    let remedy = ended.result.as_ref().err().map(|error| remedy::of(error, &ended, asks_origin));
    if args.json {
        let document = json::document(&caller, &trial, &ended, remedy.as_deref());
        let document = json::with(document, before.as_ref(), &[&ended.notes[..], &notes].concat());
        put_json(&format!("{document:#}\n"))?;
    } else {
        put(&report::report(&caller, &trial, &ended, remedy.as_deref(), before.as_ref()))?;
        for note in &notes {
            tell_labelled(Label::Note, note);
        }
    }
    outcome(&trial, &ended)
}

/// Whether the caller has a session in the end.
fn outcome(trial: &Trial, ended: &Ended) -> Result<(), CliError> {
    match (&ended.result, ended.unknown_resolver()) {
        (Ok(user), _) => match trial.token_lengths(user).token {
            Ok(_) => Ok(()),
            Err(fault) => Err(format!("signs in, and gets no token: {}", fault.code()).into()),
        },
        (Err(_), Some(resolver)) => {
            Err(format!("not decided: {resolver} is code of your Worker").into())
        }
        (Err(error), None) => Err(format!("does not sign in: {}", error.code()).into()),
    }
}
