//! From sources to records.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::super::{CliError, printable};
use super::cycles;
use super::live::{self, Backstage};
use super::source::{Place, Read, Sourced};
use crate::backstage::EntityRef;
use crate::catalog::import::{Entity, Index, Kind, Membership};

/// The most users that a message names one by one.
const MAX_NAMED: usize = 10;

/// The records, and what an operator should know of the entities they come from.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) index: Index,
    warnings: Vec<String>,
    /// Whether the source was a running Backstage, which is not asked for its groups.
    is_live: bool,
}

impl Gathered {
    /// The records of the entities in files and folders.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub(super) fn from_files(
        sources: &[PathBuf],
        annotations: &[String],
    ) -> Result<Self, CliError> {
        let Read { documents, warnings } = Read::all(sources);
        let mut problems = Vec::new();
        let entities = collect(documents, annotations, &mut problems);
        problems.extend(cycles::problems(&entities));
        let entities =
            entities.into_iter().map(|(entity_ref, (entity, _))| (entity_ref, entity)).collect();
        Self::of(&entities, annotations, problems, warnings, false)
    }

    /// The records of the users of a running Backstage.
    ///
    /// # Errors
    /// When it does not answer with all of them, and everything that is wrong with any of them.
    pub(super) fn from_backstage(
        backstage: &Backstage,
        annotations: &[String],
    ) -> Result<Self, CliError> {
        let mut problems = Vec::new();
        let entities = live::users(backstage, annotations, &mut problems)?;
        Self::of(&entities, annotations, problems, Vec::new(), true)
    }

    fn of(
        entities: &BTreeMap<EntityRef, Entity>,
        annotations: &[String],
        mut problems: Vec<String>,
        mut warnings: Vec<String>,
        is_live: bool,
    ) -> Result<Self, CliError> {
        let index = Index::of(entities);
        if problems.is_empty() && index.users == 0 {
            let what = if is_live { "its catalog" } else { "the sources" };
            problems.push(format!("there is no user in {what}: nobody could sign in"));
        }
        if !problems.is_empty() {
            return Err(CliError(problems));
        }
        warnings.extend(warnings_of(entities, &index));
        for name in annotations.iter().filter(|name| !index.annotated.contains_key(*name)) {
            warnings.push(format!("no user has the annotation {name}: nobody can sign in by it"));
        }
        Ok(Self { index, warnings, is_live })
    }

    /// Says on stderr what there is.
    pub(super) fn report(&self) {
        for warning in &self.warnings {
            eprintln!("warning: {}", printable(warning));
        }
        let Index { records, users, groups, without_email, ambiguous, annotated } = &self.index;
        let groups = if self.is_live { String::new() } else { format!("{groups} groups, ") };
        let what = if annotated.is_empty() { "emails" } else { "emails or annotations" };
        let with: Vec<String> =
            annotated.iter().map(|(name, count)| format!(", {count} with {name}")).collect();
        let with = with.concat();
        eprintln!(
            "{users} users, {groups}{} records; {} ambiguous {what}, {} users without email{with}",
            records.len(),
            ambiguous.len(),
            without_email.len()
        );
    }
}

/// The entities by ref. One that stands in several sources counts once; two different ones with one
/// ref are a problem.
fn collect(
    documents: Vec<Result<Sourced, String>>,
    annotations: &[String],
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
        let entity = match Entity::read(&sourced.document.value, annotations) {
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
