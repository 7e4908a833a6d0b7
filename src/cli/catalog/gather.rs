//! From sources to records.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use glob::Pattern;

use super::super::CliError;
use super::super::output::{Label, tell, tell_labelled};
use super::cycles;
use super::live::{self, Backstage};
use super::source::{Place, Read, Sourced};
use crate::backstage::EntityRef;
use crate::catalog::Record;
use crate::catalog::import::{ANNOTATIONS, Entity, Hierarchy, ImportPolicy, Index, Kind};

/// The most users that a message names one by one.
const MAX_NAMED: usize = 10;

/// The records, and what an operator should know of the entities they come from.
#[derive(Debug)]
pub(in crate::cli) struct Gathered {
    pub(in crate::cli) index: Index,
    /// The refs of the groups among the entities.
    pub(in crate::cli) groups: BTreeSet<String>,
    pub(in crate::cli) warnings: Vec<Warning>,
    /// What was passed over.
    note: Option<String>,
    /// What the sources lack of the lists that they are pages of.
    pub(super) missing: Option<String>,
    /// Whether the source was a running Backstage, which is not asked for its groups.
    is_live: bool,
}

/// What an operator should know of entities that can be read.
#[derive(Debug)]
pub(in crate::cli) struct Warning {
    pub(in crate::cli) concern: Concern,
    pub(in crate::cli) message: String,
}

/// What a warning is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli) enum Concern {
    /// Several users have one email, annotation or field.
    Shared,
    /// The sources may lack entities.
    Sources,
    /// No user has what users are found by: an annotation or a field, by its path.
    Unused(String),
}

impl Warning {
    const fn new(concern: Concern, message: String) -> Self {
        Self { concern, message }
    }
}

impl Gathered {
    /// The records of the entities in files and folders.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub(in crate::cli) fn from_files(
        sources: &[PathBuf],
        exclude: &[Pattern],
        policy: &ImportPolicy,
    ) -> Result<Self, CliError> {
        let read = Read::all(sources, exclude);
        let (note, missing) = (read.note(), read.lists.missing());
        let documents = read.documents;
        let mut problems = Vec::new();
        let entities = collect(documents, policy, &mut problems);
        problems.extend(cycles::problems(&entities));
        let entities =
            entities.into_iter().map(|(entity_ref, (entity, _))| (entity_ref, entity)).collect();
        let hierarchy = policy.hierarchy(&entities);
        let mut gathered = Self::of(&entities, &hierarchy, policy, problems, false)?;
        let of_sources = |message| Warning::new(Concern::Sources, message);
        gathered.warnings.extend(missing.clone().map(of_sources));
        (gathered.note, gathered.missing) = (note, missing);
        if policy.transitive_groups {
            let unknown = warning_of_unknown_groups(&entities, &gathered.index);
            gathered.warnings.extend(unknown.map(of_sources));
        }
        Ok(gathered)
    }

    /// The records of the users of a running Backstage.
    ///
    /// # Errors
    /// When it does not answer with all of them, and everything that is wrong with any of them.
    pub(super) fn from_backstage(
        backstage: &Backstage,
        policy: &ImportPolicy,
    ) -> Result<Self, CliError> {
        let mut problems = Vec::new();
        let hierarchy = if policy.transitive_groups {
            live::hierarchy(backstage, &mut problems)?
        } else {
            Hierarchy::default()
        };
        let entities = live::users(backstage, policy, &mut problems)?;
        Self::of(&entities, &hierarchy, policy, problems, true)
    }

    fn of(
        entities: &BTreeMap<EntityRef, Entity>,
        hierarchy: &Hierarchy,
        policy: &ImportPolicy,
        mut problems: Vec<String>,
        is_live: bool,
    ) -> Result<Self, CliError> {
        let index = Index::with(entities, hierarchy, &policy.indexes);
        if problems.is_empty() && index.users == 0 {
            let what = if is_live { "its catalog" } else { "the sources" };
            problems.push(format!("there is no user in {what}: no user could sign in"));
        }
        if !problems.is_empty() {
            return Err(CliError(problems));
        }
        let mut warnings = warnings_of(entities, &index);
        let is_unused = |name: &&String| !index.annotated.contains_key(*name);
        for name in policy.annotations.iter().filter(is_unused) {
            let message = format!("no user has the annotation {name}: no user can sign in by it");
            warnings.push(Warning::new(Concern::Unused(format!("{ANNOTATIONS}{name}")), message));
        }
        for path in policy.indexes.iter().filter(is_unused) {
            let message = format!("no user has the field {path}: no user can sign in by it");
            warnings.push(Warning::new(Concern::Unused(path.clone()), message));
        }
        let is_group = |(_, entity): &(&EntityRef, &Entity)| matches!(entity.kind, Kind::Group(_));
        let groups = entities.iter().filter(is_group).map(|(it, _)| it.to_string()).collect();
        Ok(Self { index, groups, warnings, note: None, missing: None, is_live })
    }

    /// Says on stderr what there is.
    pub(in crate::cli) fn report(&self) {
        for warning in &self.warnings {
            tell_labelled(Label::Warning, &warning.message);
        }
        if let Some(note) = &self.note {
            tell(note);
        }
        let Index { records, users, groups, without_email, ambiguous, annotated } = &self.index;
        let groups = if self.is_live { String::new() } else { format!("{groups} groups, ") };
        let what = if annotated.is_empty() { "emails" } else { "emails or annotations" };
        let with: Vec<String> =
            annotated.iter().map(|(name, count)| format!(", {count} with {name}")).collect();
        let with = with.concat();
        tell(&format!(
            "{users} users, {groups}{} records; {} ambiguous {what}, {} users without email{with}",
            records.len(),
            ambiguous.len(),
            without_email.len()
        ));
    }
}

/// The entities by ref. One that stands in several sources counts once; two different ones with one
/// ref are a problem.
fn collect(
    documents: Vec<Result<Sourced, String>>,
    policy: &ImportPolicy,
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
        let entity = match Entity::read(&sourced.document.value, policy) {
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

fn warnings_of(entities: &BTreeMap<EntityRef, Entity>, index: &Index) -> Vec<Warning> {
    let shared = index.ambiguous.iter().map(|(email, refs)| {
        format!("{email} belongs to {}: no user can sign in by it", refs.join(" and "))
    });
    let mut warnings: Vec<Warning> =
        shared.map(|message| Warning::new(Concern::Shared, message)).collect();
    let which = |test: &dyn Fn(&Kind) -> bool| {
        let found = entities.iter().filter(|(_, entity)| test(&entity.kind));
        found.map(|(entity_ref, _)| entity_ref.to_string()).collect::<Vec<_>>()
    };
    let locations = which(&|kind| *kind == Kind::Location);
    if !locations.is_empty() {
        let what = "`spec.targets`, which are not followed: name the files themselves";
        let message = format!("{} has {what}", named(&locations));
        warnings.push(Warning::new(Concern::Sources, message));
    }
    warnings
}

/// Users' groups that are not among the entities, so that their parents are not known.
fn warning_of_unknown_groups(
    entities: &BTreeMap<EntityRef, Entity>,
    index: &Index,
) -> Option<String> {
    let known: BTreeSet<&str> = entities.keys().map(EntityRef::as_str).collect();
    let mut unknown = BTreeSet::new();
    for record in index.records.values() {
        let Record::One(user) = record else { continue };
        let groups = user.ownership.iter().skip(1);
        unknown.extend(groups.filter(|it| !known.contains(it.as_str())).cloned());
    }
    let unknown: Vec<String> = unknown.into_iter().collect();
    (!unknown.is_empty()).then(|| {
        let named = named(&unknown);
        format!("{named}: not in the sources, so which groups contain them is not known")
    })
}

fn named(refs: &[String]) -> String {
    let first = refs.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", ");
    match refs.len().checked_sub(MAX_NAMED) {
        None | Some(0) => first,
        Some(more) => format!("{first} and {more} more"),
    }
}
