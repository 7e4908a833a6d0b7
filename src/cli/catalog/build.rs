//! `cfaccess catalog build`.

use std::path::PathBuf;

use super::super::CliError;
use super::super::files::{self, Readers};
use super::super::output::put_json;
use super::entry::Entry;
use super::gather::Gathered;
use super::settings::Settings;
use super::users;
use crate::catalog::encode;
use crate::catalog::import::Index;

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Args {
    /// Catalog files, or folders of them
    #[arg(required = true, value_name = "FILE_OR_DIR")]
    sources: Vec<PathBuf>,
    /// Where to write the records; `-` is stdout
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    settings: Settings,
}

const HELP: &str = "\
A source is catalog YAML with one or several documents, or JSON: an entity, the list that
`/api/catalog/entities` answers, or the `{items: […]}` of `/api/catalog/entities/by-query`; several
pages, in one file or in several, are one list. Folders are searched for *.yaml, *.yml, *.json, *.jsonl
and *.ndjson, without what --exclude matches and the skeletons of software templates. Only users become
records; groups count for what they say of their members. Entities of other kinds are passed over.

Users of a running Backstage carry `relations`, and their groups are taken from there. In files they
are joined from `spec.memberOf` of the users and `spec.members` of the groups, so give both.

Users are found by ref, by email, and by the annotations that the resolvers in wrangler's file name.
With `catalog.groups = \"transitive\"` in its CFACCESS the ancestors of a user's groups count too: give
the groups as well.

If anything is wrong with any source, all of it is printed, nothing is written, and the exit code
is 1.

Examples:
  cfaccess catalog build catalog/ --out kv.json
  curl -fsS -H \"Authorization: Bearer $TOKEN\" \\
    \"$BACKSTAGE/api/catalog/entities?filter=kind=user&filter=kind=group\" > entities.json
  cfaccess catalog build entities.json --out kv.json
  wrangler kv bulk put kv.json --binding CATALOG --remote";

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let deployment = args.settings.deployment()?;
    let policy = args.settings.import_policy(deployment.as_ref())?;
    let gathered = Gathered::from_files(&args.sources, &args.settings.exclude, &policy)?;
    let text = to_file(&gathered.index).map_err(|error| format!("cannot be encoded: {error}"))?;
    if args.out.as_os_str() == "-" {
        put_json(&text)?;
    } else {
        files::replace(&args.out, &text, Readers::Anyone)?;
    }
    gathered.report();
    users::tell_large_tokens(&gathered.index, &args.settings, deployment.as_ref());
    Ok(())
}

/// The records in the form that `wrangler kv bulk put` takes, one a line, sorted by key.
fn to_file(index: &Index) -> serde_json::Result<String> {
    let mut lines = Vec::new();
    for (key, record) in &index.records {
        let entry = Entry::new(key.clone(), encode(record)?);
        lines.push(serde_json::to_string(&entry)?);
    }
    Ok(format!("[\n{}\n]\n", lines.join(",\n")))
}
