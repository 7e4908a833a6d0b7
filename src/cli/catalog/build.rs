//! `cfaccess catalog build`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::super::files::{self, Readers};
use super::super::{Failed, put};
use super::source::{Place, Read, Sourced};
use crate::catalog::{Entity, EntityRef, Index, Kind, Membership, encode};

/// The most users that a message names one by one.
const MAX_NAMED: usize = 10;

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Args {
    /// Catalog files, or folders of them
    #[arg(required = true, value_name = "FILE_OR_DIR")]
    sources: Vec<PathBuf>,
    /// Where to write the records; `-` is stdout
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

const HELP: &str = "\
A source is catalog YAML with one or several documents, or JSON: an entity, the list that
`/api/catalog/entities` answers, or the `{items: […]}` of `/api/catalog/entities/by-query`. Folders
are searched for *.yaml, *.yml and *.json. Only users become records; groups count for what they say
of their members.

Users of a running Backstage carry `relations`, and their groups are taken from there. In files they
are joined from `spec.memberOf` of the users and `spec.members` of the groups, so give both.

If anything is wrong with any source, all of it is printed, nothing is written, and the exit code
is 1.

Examples:
  cfaccess catalog build catalog/ --out kv.json
  curl -fsS -H \"Authorization: Bearer $TOKEN\" \\
    \"$BACKSTAGE/api/catalog/entities?filter=kind=user&filter=kind=group\" > entities.json
  cfaccess catalog build entities.json --out kv.json
  wrangler kv bulk put kv.json --binding CATALOG --remote";

/// An entry of the file.
#[derive(Serialize)]
struct Entry {
    key: String,
    value: String,
}

pub(super) fn run(args: &Args) -> Result<(), Failed> {
    let Read { documents, warnings } = Read::all(&args.sources);
    let mut problems = Vec::new();
    let entities = collect(documents, &mut problems);
    let entities: BTreeMap<EntityRef, Entity> =
        entities.into_iter().map(|(entity_ref, (entity, _))| (entity_ref, entity)).collect();
    let index = Index::of(&entities);
    if problems.is_empty() && index.users == 0 {
        problems.push("there is no user in the sources: nobody could sign in".to_owned());
    }
    if !problems.is_empty() {
        return Err(Failed(problems));
    }
    let text = to_file(&index).map_err(|error| format!("cannot be encoded: {error}"))?;
    if args.out.as_os_str() == "-" {
        put(&text)?;
    } else {
        files::replace(&args.out, &text, Readers::Anyone)?;
    }
    for warning in warnings.into_iter().chain(warnings_of(&entities, &index)) {
        eprintln!("warning: {warning}");
    }
    let Index { records, users, groups, without_email, ambiguous } = index;
    eprintln!(
        "{users} users, {groups} groups, {} records; {} ambiguous emails, {} users without email",
        records.len(),
        ambiguous.len(),
        without_email.len()
    );
    Ok(())
}

/// The entities by ref. One that stands in several sources counts once; two different ones with one
/// ref are a problem.
fn collect(
    documents: Vec<Result<Sourced, String>>,
    problems: &mut Vec<String>,
) -> BTreeMap<EntityRef, (Entity, Place)> {
    let mut entities: BTreeMap<EntityRef, (Entity, Place)> = BTreeMap::new();
    for sourced in documents {
        let sourced = match sourced {
            Ok(sourced) => sourced,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let entity = match Entity::read(&sourced.document.value) {
            Ok(entity) => entity,
            Err(found) => {
                problems.extend(
                    found
                        .iter()
                        .map(|problem| format!("{}: {problem}", sourced.place(&problem.path))),
                );
                continue;
            }
        };
        let place = sourced.place("");
        match entities.get(&entity.entity_ref) {
            Some((other, elsewhere)) if *other != entity => problems
                .push(format!("{place}: {} is another one at {elsewhere}", entity.entity_ref)),
            Some(_) => {}
            None => {
                entities.insert(entity.entity_ref.clone(), (entity, place));
            }
        }
    }
    entities
}

/// The records in the form that `wrangler kv bulk put` takes, one a line, sorted by key.
fn to_file(index: &Index) -> serde_json::Result<String> {
    let mut lines = Vec::new();
    for (key, record) in &index.records {
        let entry = Entry { key: key.clone(), value: encode(record)? };
        lines.push(serde_json::to_string(&entry)?);
    }
    Ok(format!("[\n{}\n]\n", lines.join(",\n")))
}

fn warnings_of(entities: &BTreeMap<EntityRef, Entity>, index: &Index) -> Vec<String> {
    let mut warnings: Vec<String> = index
        .ambiguous
        .iter()
        .map(|(email, refs)| {
            format!("{email} belongs to {}: nobody can sign in by it", refs.join(" and "))
        })
        .collect();
    let which = |test: &dyn Fn(&Kind) -> bool| {
        let found = entities.iter().filter(|(_, entity)| test(&entity.kind));
        found.map(|(entity_ref, _)| entity_ref.to_string()).collect::<Vec<_>>()
    };
    let no_groups = which(
        &|kind| matches!(kind, Kind::User(user) if user.membership == Membership::Spec(None)),
    );
    let locations = which(&|kind| *kind == Kind::Location);
    for (refs, what) in [
        (no_groups, "no `spec.memberOf`, which Backstage requires, even if empty"),
        (locations, "`spec.targets`, which are not followed: name the files themselves"),
    ] {
        if !refs.is_empty() {
            warnings.push(format!("{} has {what}", named(&refs)));
        }
    }
    warnings
}

fn named(refs: &[String]) -> String {
    let first = refs.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", ");
    match refs.len().checked_sub(MAX_NAMED) {
        None | Some(0) => first,
        Some(more) => format!("{first} and {more} more"),
    }
}
