//! What has to be written for KV to hold what it should, from the list of its keys alone: each key
//! carries the digest of its value as metadata.

use std::collections::BTreeMap;

use serde_json::Value;

use super::policy::ImportPolicy;
use super::window::{Counts, KINDS, Window};
use crate::catalog::{
    Metadata, PREFIX, Record, RecordKind, count_groups, digest, encode, is_sync_key,
};

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
    /// How many there are in KV, by [`KINDS_OF_REMOVAL`]; memberships of the users who stay.
    held: Counts,
    /// By key, sorted, which kind its step removes, and how many of it.
    costs: Vec<(String, usize, u64)>,
}

/// What removals are of, and counted as: those of users first.
const KINDS_OF_REMOVAL: [&str; KINDS] = [
    RecordKind::Ref.plural(),
    RecordKind::Email.plural(),
    RecordKind::Annotation.plural(),
    RecordKind::Field.plural(),
    "memberships",
];

/// Where the memberships are, and the users who lose some.
const MEMBERSHIPS: usize = KINDS - 1;
const LOSERS: usize = KINDS;

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
            if name.starts_with(PREFIX) && !is_sync_key(name) {
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
        for (key, Slot { actual, groups: held, desired }) in std::mem::take(&mut self.slots) {
            let kind = RecordKind::of(&key);
            let is_user = matches!(kind, Some((RecordKind::Ref, _))) && actual.is_some();
            let kind = match kind {
                Some((RecordKind::Ref, _)) => Some(0),
                Some((RecordKind::Email, _)) => Some(1),
                Some((kind, Some(name))) if self.is_used(kind, name) => {
                    Some(if kind == RecordKind::Field { 3 } else { 2 })
                }
                // Something by which users are no longer found, or no key of the layout.
                Some(_) | None => None,
            };
            if let Some(held) = kind.and_then(|kind| plan.held.get_mut(kind)) {
                *held += u64::from(actual.is_some());
            }
            let (differs, value) = match desired {
                Desired::Nothing => {
                    if let Some(kind) = kind {
                        plan.costs.push((key.clone(), kind, 1));
                    }
                    plan.removed.push(key);
                    continue;
                }
                Desired::One { differs, groups, value, .. } => {
                    if is_user {
                        // Of records without a number it is known only whether they have any left.
                        let held = held.unwrap_or(1);
                        let lost = if differs { held.saturating_sub(groups) } else { 0 };
                        let [.., memberships, _] = &mut plan.held;
                        *memberships += number(held);
                        if lost > 0 {
                            plan.costs.push((key.clone(), MEMBERSHIPS, number(lost)));
                        }
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

    /// How many there are of each kind.
    pub(super) const fn held(&self) -> Counts {
        self.held
    }

    /// What the steps with these keys remove.
    #[must_use]
    pub fn removals(&self, keys: &[&String]) -> Counts {
        let mut counts = Counts::default();
        for key in keys {
            let Ok(at) = self.costs.binary_search_by(|it| it.0.as_str().cmp(key)) else { continue };
            if let Some((_, kind, count)) = self.costs.get(at) {
                add(&mut counts, *kind, *count);
            }
        }
        counts
    }

    /// What all steps remove.
    #[must_use]
    pub fn all_removals(&self) -> Counts {
        let mut counts = Counts::default();
        for (_, kind, count) in &self.costs {
            add(&mut counts, *kind, *count);
        }
        counts
    }

    /// Why so much must not be deleted unasked: of the records found by ref, email, annotation or field,
    /// or of the memberships of the users who stay, more than this percentage, rounded up, would go within
    /// the window. One of each may always go, and all memberships of one user.
    #[must_use]
    pub fn excess(&self, percent: u8, window: &Window) -> Option<String> {
        let now = self.all_removals();
        let [.., losers] = now;
        let [.., losers_before] = window.removed;
        let counts =
            now.into_iter().zip(self.held).zip(window.removed.into_iter().zip(window.before));
        for (what, ((removed, actual), (gone, before))) in KINDS_OF_REMOVAL.into_iter().zip(counts)
        {
            let all = removed + gone;
            let of = actual.max(before);
            let is_one = all == 1 || what == "memberships" && losers + losers_before == 1;
            if removed == 0 || is_one || all <= (of * u64::from(percent)).div_ceil(100) {
                continue;
            }
            let in_all = match gone {
                0 => String::new(),
                _ => format!(", with those before {all} of {of} within a day"),
            };
            return Some(format!(
                "{removed} of {actual} {what} would be removed{in_all}, more than {percent} %"
            ));
        }
        None
    }
}

fn add(counts: &mut Counts, kind: usize, count: u64) {
    let losers = u64::from(kind == MEMBERSHIPS);
    for (at, more) in [(kind, count), (LOSERS, losers)] {
        if let Some(sum) = counts.get_mut(at) {
            *sum += more;
        }
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
