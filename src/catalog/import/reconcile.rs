//! What has to be written for KV to hold what it should, from the list of its keys alone: each key
//! carries the digest of its value as metadata.

use std::collections::BTreeMap;

use serde_json::Value;

use super::policy::ImportPolicy;
use crate::catalog::{Metadata, PREFIX, Record, RecordKind, count_groups, digest, encode};

/// The most of the users, of the emails, of the annotations or of the memberships that cron removes, and
/// the command line without being told otherwise, in percent.
pub const MAX_REMOVED: u8 = 20;

/// A comparison under way: what KV holds, and record by record what it should hold.
#[derive(Debug)]
pub struct Reconciliation {
    /// What users are found by.
    policy: ImportPolicy,
    slots: BTreeMap<String, Slot>,
    room: usize,
    /// How much of the room additions must leave to replacements: these may take something away.
    reserve: usize,
}

#[derive(Debug, Default)]
struct Slot {
    /// What KV has under the key: its digest, empty if it is not known.
    actual: Option<String>,
    /// How many groups that has, if it is known.
    groups: Option<usize>,
    desired: Desired,
}

#[derive(Debug, Default)]
enum Desired {
    #[default]
    Nothing,
    /// The record of this user; the value only if it differs from what is actual, and there was room.
    /// Nothing differs if what is actual is to stay.
    One { user: String, differs: bool, groups: usize, value: Option<String> },
    /// Several users have the email or annotation. Sorted, each once.
    Several(Vec<String>),
}

/// What is to be done, and in which order: what is gone is deleted, then what has changed is
/// replaced, then what is new is written, refs first. Each record stands by itself, so after
/// any part of it every key holds either what was right before or what is right now.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Plan {
    /// The keys to delete, sorted.
    pub removed: Vec<String>,
    /// The records to replace, sorted by key.
    pub changed: Vec<Write>,
    /// The records to add, refs before the others.
    pub added: Vec<Write>,
    /// How many records are right as they are.
    pub unchanged: usize,
    /// How many records are to be written but were not kept: there was no room.
    pub put_off: usize,
    /// How many records are actual, and are to be deleted, of those found by annotation, email, field and ref.
    shares: [(usize, usize); 4],
    /// How many memberships the users have who stay, and how many of these would go.
    memberships: (usize, usize),
    /// How many users would lose some.
    losers: usize,
}

/// A record to write.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Write {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

impl Reconciliation {
    /// A comparison with a namespace of which nothing is known yet. At most `room` bytes of values
    /// that are to be written are kept, and half of that of new ones; the next comparison will find
    /// the others. The policy says which annotations and fields users are found by: no sign-in
    /// reads the records of others, so all of those may be removed.
    #[must_use]
    pub fn new(room: usize, policy: impl Into<ImportPolicy>) -> Self {
        Self { policy: policy.into(), slots: BTreeMap::new(), room, reserve: room / 2 }
    }

    /// Notes the keys of a page of KV's list: `{name, metadata: {h}}`, as its binding and its REST
    /// interface have them. `None` if it is something else.
    pub fn actual(&mut self, keys: &Value) -> Option<()> {
        for item in keys.as_array()? {
            let name = item.get("name")?.as_str()?;
            let digest = Metadata::digest_of(item).unwrap_or_default();
            if name.starts_with(PREFIX) {
                let groups = Metadata::groups_of(item);
                let actual = Some(digest.to_owned());
                let slot = Slot { actual, groups, desired: Desired::Nothing };
                self.slots.insert(name.to_owned(), slot);
            }
        }
        Some(())
    }

    /// Notes that a key should hold the record of this user. Two users under one key, which is an
    /// email or an annotation then, make it ambiguous; one user twice counts once.
    pub fn want(&mut self, key: String, user: &str, value: &str) {
        self.want_each(vec![key], user, value);
    }

    /// The same for several keys, with one digest for all.
    pub fn want_each(&mut self, keys: Vec<String>, user: &str, value: &str) {
        let digest = digest(value);
        for key in keys {
            self.note(key, user, Some((value, &digest)));
        }
    }

    /// Notes that a key is this user's whose record is not known: what it holds stays, unless it is
    /// another user's too.
    pub fn keep(&mut self, key: String, user: &str) {
        self.note(key, user, None);
    }

    fn note(&mut self, key: String, user: &str, value: Option<(&str, &str)>) {
        let slot = self.slots.entry(key).or_default();
        match &mut slot.desired {
            Desired::Nothing => {
                let actual = slot.actual.as_deref();
                let value = value.filter(|(_, digest)| actual != Some(digest));
                let reserve = if actual.is_some() { 0 } else { self.reserve };
                let differs = value.is_some();
                let groups = value.map_or(0, |(value, _)| count_groups(value));
                let room = self.room.saturating_sub(reserve);
                let value = value.map(|(value, _)| value).filter(|it| it.len() <= room);
                self.room -= value.map_or(0, str::len);
                let value = value.map(str::to_owned);
                slot.desired = Desired::One { user: user.to_owned(), differs, groups, value };
            }
            Desired::One { user: other, value, .. } => {
                if other != user {
                    self.room += value.as_ref().map_or(0, String::len);
                    let mut users = vec![std::mem::take(other)];
                    insert(&mut users, user);
                    slot.desired = Desired::Several(users);
                }
            }
            Desired::Several(users) => insert(users, user),
        }
    }

    /// Whether users are found by this annotation or field.
    fn is_used(&self, kind: RecordKind, name: &str) -> bool {
        let ImportPolicy { annotations, indexes, .. } = &self.policy;
        let names = if kind == RecordKind::Field { indexes } else { annotations };
        names.iter().any(|it| it == name)
    }

    /// What is to be done.
    ///
    /// # Errors
    /// None in practice: a record is always JSON.
    pub fn plan(mut self) -> serde_json::Result<Plan> {
        let mut plan = Plan::default();
        let mut unused = (0, 0);
        for (key, Slot { actual, groups: held, desired }) in std::mem::take(&mut self.slots) {
            let [annotations, emails, fields, refs] = &mut plan.shares;
            let kind = RecordKind::of(&key);
            let is_user = matches!(kind, Some((RecordKind::Ref, _))) && actual.is_some();
            let share = match kind {
                Some((RecordKind::Email, _)) => emails,
                Some((RecordKind::Ref, _)) => refs,
                Some((kind, Some(name))) if self.is_used(kind, name) => {
                    if kind == RecordKind::Field { fields } else { annotations }
                }
                // Something by which users are no longer found, or no key of the layout.
                Some(_) | None => &mut unused,
            };
            share.0 += usize::from(actual.is_some());
            let (differs, value) = match desired {
                Desired::Nothing => {
                    share.1 += 1;
                    plan.removed.push(key);
                    continue;
                }
                Desired::One { differs, groups, value, .. } => {
                    if is_user {
                        // Of records without a number it is known only whether they have any left.
                        let held = held.unwrap_or(1);
                        plan.memberships.0 += held;
                        let lost = if differs { held.saturating_sub(groups) } else { 0 };
                        plan.memberships.1 += lost;
                        plan.losers += usize::from(lost > 0);
                    }
                    (differs, value)
                }
                Desired::Several(users) => {
                    let value = encode(&Record::Many(users))?;
                    (actual.as_deref() != Some(&digest(&value)), Some(value))
                }
            };
            match (differs, value) {
                (false, _) => plan.unchanged += usize::from(actual.is_some()),
                (true, None) => plan.put_off += 1,
                (true, Some(value)) if actual.is_some() => plan.changed.push(Write { key, value }),
                (true, Some(value)) => plan.added.push(Write { key, value }),
            }
        }
        // `annotation`, `email` and `field` sort before `ref`.
        plan.added.reverse();
        Ok(plan)
    }
}

/// Adds a text to a sorted list, unless it is there. (Sorting the list at its end would be more code
/// than all of the above.)
fn insert(list: &mut Vec<String>, text: &str) {
    if let Err(at) = list.binary_search_by(|it| it.as_str().cmp(text)) {
        list.insert(at, text.to_owned());
    }
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty()
            && self.changed.is_empty()
            && self.added.is_empty()
            && self.put_off == 0
    }

    /// Why so much must not be deleted unasked: of the records found by ref, email, annotation or field,
    /// or of the memberships of the users who stay, more than this percentage, rounded up, would go. One
    /// of each may always go, and all memberships of one user.
    #[must_use]
    pub fn excess(&self, percent: u8) -> Option<String> {
        let [annotations, emails, fields, refs] = self.shares;
        let memberships = if self.losers > 1 { self.memberships } else { (0, 0) };
        let shares = [
            (RecordKind::Ref.plural(), refs),
            (RecordKind::Email.plural(), emails),
            (RecordKind::Annotation.plural(), annotations),
            (RecordKind::Field.plural(), fields),
            ("memberships", memberships),
        ];
        for (what, (actual, removed)) in shares {
            if removed > 1 && removed > (actual * usize::from(percent)).div_ceil(100) {
                return Some(format!(
                    "{removed} of {actual} {what} would be removed, more than {percent} %"
                ));
            }
        }
        None
    }
}
