//! The reconciliation of what KV holds with what it should, held against a plain model.

use std::collections::BTreeMap;

use backstage_cfaccess::catalog::import::{Plan, Reconciliation, Window, Write};
use backstage_cfaccess::catalog::{Record, digest, encode};
use proptest::prelude::*;
use serde_json::{Value, json};

const KEYS: [&str; 8] = [
    "v1:annotation:x.io/id=7",
    "v1:annotation:x.io/id#cd",
    "v1:email:a@x",
    "v1:email:b@x",
    "v1:email#ab",
    "v1:ref:user:d/a",
    "v1:ref:user:d/b",
    "other",
];

type Pairs = BTreeMap<String, String>;

fn pairs() -> impl Strategy<Value = Pairs> {
    prop::collection::btree_map(
        prop::sample::select(&KEYS[..]).prop_map(str::to_owned),
        prop::sample::select(&["1", "2", "3"][..]).prop_map(str::to_owned),
        0..KEYS.len(),
    )
}

fn compare(held: &Pairs, marked: bool, wanted: &Pairs, room: usize) -> Plan {
    let mut reconciliation = Reconciliation::new(room, vec!["x.io/id".into()]);
    let keys: Vec<Value> = held
        .iter()
        .map(|(key, value)| {
            let metadata = if marked { json!({ "h": digest(value) }) } else { Value::Null };
            json!({ "name": key, "metadata": metadata })
        })
        .collect();
    reconciliation.actual(&json!(keys)).unwrap();
    for (key, value) in wanted {
        reconciliation.want(key.clone(), "user:d/a", value);
    }
    reconciliation.plan().unwrap()
}

fn carry_out(plan: &Plan, held: &Pairs) -> Pairs {
    let mut pairs = held.clone();
    for key in &plan.removed {
        pairs.remove(key).expect("nothing is removed that is not there");
    }
    for Write { key, value } in &plan.changed {
        pairs.insert(key.clone(), value.clone()).expect("what is changed is there");
    }
    for Write { key, value } in &plan.added {
        assert_eq!(pairs.insert(key.clone(), value.clone()), None, "what is added is not there");
    }
    pairs
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_plan_leads_from_what_is_to_what_should_be(
        held in pairs(),
        wanted in pairs(),
        marked: bool,
    ) {
        let wanted: Pairs = wanted.into_iter().filter(|(key, _)| key != "other").collect();
        let plan = compare(&held, marked, &wanted, usize::MAX);
        let mut expected = wanted.clone();
        expected.extend(held.get_key_value("other").map(|(key, value)| (key.clone(), value.clone())));
        assert_eq!(carry_out(&plan, &held), expected);
        let same = wanted.iter().filter(|(key, value)| held.get(*key) == Some(value)).count();
        assert_eq!(plan.unchanged, if marked { same } else { 0 });
        assert_eq!(plan.is_empty(), held == expected && (marked || wanted.is_empty()));
        assert!(compare(&expected, true, &wanted, usize::MAX).is_empty());
    }

    #[test]
    fn with_little_room_it_leads_there_in_several_steps(held in pairs(), wanted in pairs()) {
        let held: Pairs = held.into_iter().filter(|(key, _)| key != "other").collect();
        let wanted: Pairs = wanted.into_iter().filter(|(key, _)| key != "other").collect();
        let mut pairs = held;
        for step in 0.. {
            let plan = compare(&pairs, true, &wanted, 2);
            assert!(plan.changed.len() + plan.added.len() <= 2);
            pairs = carry_out(&plan, &pairs);
            if plan.put_off == 0 {
                break;
            }
            assert!(step < KEYS.len());
        }
        assert_eq!(pairs, wanted);
    }

    #[test]
    fn users_of_one_email_make_it_ambiguous_in_any_order(
        users in prop::collection::vec(prop::sample::select(&["user:d/a", "user:d/b", "user:d/c"][..]), 1..6),
        room in 0..4_usize,
    ) {
        let mut reconciliation = Reconciliation::new(room, vec!["x.io/id".into()]);
        for user in &users {
            reconciliation.want("v1:email:x".into(), user, user);
        }
        let mut distinct: Vec<String> = users.iter().map(|user| (*user).to_owned()).collect();
        distinct.sort();
        distinct.dedup();
        let plan = reconciliation.plan().unwrap();
        let value = match distinct.as_slice() {
            [one] => one.clone(),
            _ => encode(&Record::Many(distinct.clone())).unwrap(),
        };
        if distinct.len() > 1 || value.len() <= room {
            assert_eq!(plan.added, [Write { key: "v1:email:x".into(), value }]);
        } else {
            assert_eq!((plan.added.len(), plan.put_off), (0, 1));
        }
    }

    #[test]
    fn more_than_the_share_is_an_excess(held in 0..40_usize, gone in 0..40_usize, percent in 0..=100_u8) {
        let gone = gone.min(held);
        let all: Pairs = (0..held).map(|i| (format!("v1:ref:user:d/{i:02}"), "1".into())).collect();
        let left: Pairs = all.clone().into_iter().skip(gone).collect();
        let plan = compare(&all, true, &left, usize::MAX);
        assert_eq!(plan.removed.len(), gone);
        let share = f64::from(percent) / 100.0 * f64::from(u32::try_from(held).unwrap());
        let is_excess = f64::from(u32::try_from(gone).unwrap()) > (share - 1e-9).ceil().max(1.0);
        assert_eq!(plan.excess(percent, &Window::default()).is_some(), is_excess);
    }
}
