//! What another catalog changes for each user: who can no longer sign in, who newly can, whose groups differ.
//!
//! A user can sign in if the Worker resolves a caller with their email to them, or if an annotation or a
//! field by which the configuration finds users leads to them. What only the identity provider decides is
//! the same with both catalogs and is left out: the rules of `signIn.require` on groups and attributes, and
//! the groups that `ownership.add` adds.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Map;

use super::{Caller, MemoryRecords, Trial};
use crate::backstage::EntityRef;
use crate::catalog::{Key, PREFIX, Record, UserRecord, decode, fold};
use crate::config::Config;

/// What changes, by user.
#[derive(Debug, Default)]
pub(in crate::cli) struct Changes {
    /// In the order of the refs.
    pub(in crate::cli) list: Vec<Change>,
    /// How many users can sign in with the old and with the new catalog.
    pub(in crate::cli) counts: Counts,
    /// Whether the configuration names a resolver that is code of a Worker of one's own. Whether a user is
    /// in the catalog stands for whether they can sign in then.
    pub(in crate::cli) has_own_code: bool,
    /// Whether a resolver may find users by name.
    finds_by_name: bool,
}

/// How many users can sign in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::cli) struct Counts {
    pub(in crate::cli) before: usize,
    pub(in crate::cli) after: usize,
}

/// What changes for a user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli) struct Change {
    /// The user's ref.
    pub(in crate::cli) user: String,
    pub(in crate::cli) what: What,
}

/// What changes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli) enum What {
    /// The user can no longer sign in: the code of the refusal, or the other user that they become.
    Lost(String),
    /// The user can sign in now.
    Gained,
    /// The user can still sign in.
    Still {
        /// The ownership refs that are new.
        added: Vec<String>,
        /// Those that are gone.
        removed: Vec<String>,
        /// The emails, annotations and fields that no longer lead to the user.
        ways_lost: Vec<String>,
        /// Those that newly do.
        ways_gained: Vec<String>,
    },
}

/// How a way of signing in ends: the user and what they own, or a code.
type End = Result<(String, Vec<String>), String>;

/// One of the two catalogs.
struct Side<'a> {
    records: &'a MemoryRecords,
    users: BTreeMap<String, UserRecord>,
    /// How a caller with this email ends.
    emails: BTreeMap<String, End>,
}

impl Changes {
    /// What `new` changes for the users of `old`, and the other way round.
    pub(in crate::cli) fn of(config: Config, old: &MemoryRecords, new: &MemoryRecords) -> Self {
        let mut config = config;
        config.sign_in.require.retain(|it| !it.needs_identity_provider());
        let trial = Trial::new(config);
        let (mut before, mut after) = (Side::of(old), Side::of(new));
        let users = before.users.values().chain(after.users.values());
        let emails: BTreeSet<String> =
            users.filter_map(|user| user.email.as_deref()).map(fold).collect();
        for email in &emails {
            before.sign_in(&trial, email);
            after.sign_in(&trial, email);
        }
        let has_own_code =
            trial.config().sign_in.resolvers.iter().any(|resolver| resolver.name.contains('/'));
        let mut changes = Self {
            has_own_code,
            finds_by_name: has_own_code || finds_by_name(trial.config()),
            ..Self::default()
        };
        let refs: BTreeSet<&String> = before.users.keys().chain(after.users.keys()).collect();
        for user in refs {
            changes.compare(user, &before, &after, &trial);
        }
        changes
    }

    fn compare(&mut self, user: &str, before: &Side<'_>, after: &Side<'_>, trial: &Trial) {
        let records = [before, after].map(|side| side.users.get(user));
        let mut ways: BTreeSet<Way> = records
            .into_iter()
            .flatten()
            .flat_map(|record| Way::of(record, &trial.config().sign_in.import.indexes))
            .collect();
        if ways.is_empty() && self.finds_by_name {
            ways.insert(Way::Ref);
        }
        let lead = |side: &Side<'_>| {
            let ends = ways.iter().map(|way| (way, side.end(way, user, trial)));
            let lead = ends.filter_map(|(way, end)| {
                end.ok().filter(|(found, _)| found == user).map(|(_, refs)| (way, refs))
            });
            lead.collect::<BTreeMap<_, _>>()
        };
        let (old, new) = (lead(before), lead(after));
        self.counts.before += usize::from(!old.is_empty());
        self.counts.after += usize::from(!new.is_empty());
        let what = match (old.values().next(), new.values().next()) {
            (None, None) => return,
            (Some(_), None) => {
                let way = old.keys().next();
                What::Lost(way.map_or_else(String::new, |way| match after.end(way, user, trial) {
                    Ok((other, _)) => format!("signs in as {other}"),
                    Err(code) => code,
                }))
            }
            (None, Some(_)) => What::Gained,
            (Some(owned), Some(owns)) => {
                let less = |all: &[String], without: &[String]| {
                    all.iter().filter(|it| !without.contains(it)).cloned().collect::<Vec<_>>()
                };
                let ways = |of: &BTreeMap<&Way, _>, without: &BTreeMap<&Way, _>| {
                    let ways = of.keys().filter(|way| !without.contains_key(*way));
                    ways.map(|way| way.name()).collect::<Vec<_>>()
                };
                What::Still {
                    added: less(owns, owned),
                    removed: less(owned, owns),
                    ways_lost: ways(&old, &new),
                    ways_gained: ways(&new, &old),
                }
            }
        };
        if what != What::nothing() {
            self.list.push(Change { user: user.to_owned(), what });
        }
    }
}

impl What {
    fn nothing() -> Self {
        let (added, removed, ways_lost, ways_gained) = (vec![], vec![], vec![], vec![]);
        Self::Still { added, removed, ways_lost, ways_gained }
    }
}

/// A way of signing in.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Way {
    /// A caller with this email.
    Email(String),
    /// The value of an annotation.
    Annotation(String, String),
    /// A value of a field.
    Field(String, String),
    /// The user's name, for a user without any other way. Which email leads to it is not known.
    Ref,
}

impl Way {
    /// The ways of a user, but for the name. Values are compared without case.
    fn of(record: &UserRecord, indexes: &[String]) -> Vec<Self> {
        let email = record.email.as_deref().map(|email| Self::Email(fold(email)));
        let annotations = record.annotations.iter().filter_map(|(name, value)| {
            Some(Self::Annotation(name.clone(), fold(value.as_str()?)))
        });
        let fields = indexes.iter().flat_map(|path| {
            record.field(path).map(|value| Self::Field(path.clone(), fold(value)))
        });
        email.into_iter().chain(annotations).chain(fields).collect()
    }

    fn name(&self) -> String {
        match self {
            Self::Email(email) => email.clone(),
            Self::Annotation(name, value) | Self::Field(name, value) => format!("{name}={value}"),
            Self::Ref => "the name".to_owned(),
        }
    }
}

impl<'a> Side<'a> {
    fn of(records: &'a MemoryRecords) -> Self {
        let mut users = BTreeMap::new();
        for (key, value) in records {
            let text = key.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix("ref:"));
            let Some(entity_ref) = text.and_then(|text| EntityRef::parse(text, None)) else {
                continue;
            };
            if let Ok(Record::One(user)) = decode(Key::Ref(&entity_ref), value) {
                users.insert(user.entity_ref.clone(), user);
            }
        }
        Self { records, users, emails: BTreeMap::new() }
    }

    /// Notes how a caller with this email ends.
    fn sign_in(&mut self, trial: &Trial, email: &str) {
        let ended = trial.sign_in(&Caller::user(email, None, Map::new()), self.records);
        let end = match ended.unknown_resolver() {
            // The code of the app is not known: the catalog's word stands for it.
            Some(_) => self.by_key(Key::Email(email), trial),
            None => ended
                .result
                .map(|resolved| (resolved.user, resolved.ownership))
                .map_err(|error| error.code().to_owned()),
        };
        self.emails.insert(email.to_owned(), end);
    }

    fn end(&self, way: &Way, user: &str, trial: &Trial) -> End {
        let none = || Err("user_not_found".to_owned());
        match way {
            Way::Email(email) => self.emails.get(email).cloned().unwrap_or_else(none),
            Way::Ref => EntityRef::parse(user, None)
                .map_or_else(none, |it| self.by_key(Key::Ref(&it), trial)),
            Way::Annotation(name, value) => self.by_key(Key::Annotation(name, value), trial),
            Way::Field(path, value) => self.by_key(Key::Field(path, value), trial),
        }
    }

    fn by_key(&self, key: Key<'_>, trial: &Trial) -> End {
        let value = self.records.get(&key.to_kv()).map(|value| decode(key, value));
        match value {
            None => Err("user_not_found".to_owned()),
            Some(Ok(Record::One(user))) => Ok(owned(&user, trial)),
            Some(Ok(Record::Many(_))) => Err("user_ambiguous".to_owned()),
            Some(Err(_)) => Err("catalog_corrupt".to_owned()),
        }
    }
}

/// Whether a built-in resolver finds users by name, or may.
fn finds_by_name(config: &Config) -> bool {
    let by_name = ["emailLocalPartMatchingUserEntityName", "userMatching"];
    config.sign_in.resolvers.iter().any(|resolver| by_name.contains(&resolver.name.as_str()))
}

/// What a user of the catalog owns, by the rules that do not depend on the caller.
fn owned(user: &UserRecord, trial: &Trial) -> (String, Vec<String>) {
    let refs = user.ownership.iter().cloned().map(EntityRef::canonical).collect();
    let refs = trial.config().sign_in.ownership.keep(refs);
    (user.entity_ref.clone(), refs.into_iter().map(EntityRef::into_string).collect())
}
