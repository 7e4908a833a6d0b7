//! Groups that contain themselves by way of others. Backstage takes them; but then its pages about
//! them have no end, and whoever wrote it meant something else. (A group that names itself is a
//! problem of that one entity.)

use std::collections::{BTreeMap, BTreeSet};

use super::source::Place;
use crate::backstage::EntityRef;
use crate::catalog::import::{Entity, Kind};

/// A sentence for each circle, with the place of one of its groups.
pub(super) fn problems(entities: &BTreeMap<EntityRef, (Entity, Place)>) -> Vec<String> {
    let mut below: BTreeMap<&EntityRef, BTreeSet<&EntityRef>> = BTreeMap::new();
    for (group, (entity, _)) in entities {
        if let Kind::Group(spec) = &entity.kind {
            below.entry(group).or_default().extend(&spec.children);
            for parent in &spec.parents {
                below.entry(parent).or_default().insert(group);
            }
        }
    }
    let mut problems = Vec::new();
    for circle in cycles(&below) {
        let place = circle.iter().find_map(|group| entities.get(*group)).map(|(_, place)| place);
        let names: Vec<&str> = circle.iter().map(|group| group.as_str()).collect();
        let (names, first) = (names.join(", in it "), names.first().copied().unwrap_or_default());
        if let Some(place) = place {
            problems.push(format!("{place}: the group contains itself: {names}, in it {first}"));
        }
    }
    problems
}

/// The circles that a walk from each group downwards runs into: at least one if there is any, each
/// from its first group on.
fn cycles<'a>(below: &BTreeMap<&'a EntityRef, BTreeSet<&'a EntityRef>>) -> Vec<Vec<&'a EntityRef>> {
    let mut cycles = Vec::new();
    let mut done = BTreeSet::new();
    for (start, groups) in below {
        let mut path = vec![(*start, groups.iter())];
        while let Some((group, rest)) = path.last_mut() {
            let Some(next) = rest.next() else {
                done.insert(*group);
                path.pop();
                continue;
            };
            if done.contains(next) {
                continue;
            }
            let at = path.iter().position(|(group, _)| group == next);
            if let Some(circle) = at.and_then(|at| path.get(at..)) {
                cycles.push(circle.iter().map(|(group, _)| *group).collect());
            } else if let Some(groups) = below.get(next) {
                path.push((next, groups.iter()));
            }
        }
    }
    cycles
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::{ProptestConfig, prop, prop_assert, prop_assert_eq, proptest};

    use super::cycles;
    use crate::backstage::EntityRef;

    const GROUPS: usize = 6;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_circle_is_found_if_and_only_if_there_is_one(
            pairs in prop::collection::vec((0..GROUPS, 0..GROUPS), 0..12),
        ) {
            let names: Vec<EntityRef> = (0..GROUPS)
                .map(|group| EntityRef::new("group", None, &group.to_string()).unwrap())
                .collect();
            let mut below: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
            // The model: which group is in which, directly or not.
            let mut within = [[false; GROUPS]; GROUPS];
            for (outer, inner) in pairs {
                below.entry(&names[outer]).or_default().insert(&names[inner]);
                within[outer][inner] = true;
            }
            for via in 0..GROUPS {
                for outer in 0..GROUPS {
                    for inner in 0..GROUPS {
                        within[outer][inner] |= within[outer][via] && within[via][inner];
                    }
                }
            }
            let found = cycles(&below);
            prop_assert_eq!(!found.is_empty(), (0..GROUPS).any(|group| within[group][group]));
            for circle in found {
                let shifted = circle.iter().skip(1).chain(circle.first());
                for (outer, inner) in circle.iter().zip(shifted) {
                    prop_assert!(below[outer].contains(inner));
                }
            }
        }
    }
}
