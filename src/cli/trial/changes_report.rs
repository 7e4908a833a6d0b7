//! What another catalog changes for users, as lines for people and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::super::output::printable;
use super::changes::{Change, Changes, What};

/// The most users of each kind that are named one by one. JSON names all.
const MAX_NAMED: usize = 50;

/// The lines: first who can no longer sign in.
pub(in crate::cli) fn report(changes: &Changes) -> String {
    let of = |is: fn(&What) -> bool| -> Vec<&Change> {
        changes.list.iter().filter(|it| is(&it.what)).collect()
    };
    let lost = of(|what| matches!(what, What::Lost(_)));
    let gained = of(|what| matches!(what, What::Gained));
    let still = of(|what| matches!(what, What::Still { .. }));
    let mut text = String::new();
    for (label, list) in [("lost", &lost), ("new", &gained), ("changed", &still)] {
        for change in list.iter().take(MAX_NAMED) {
            let words = format!("{}{}", change.user, in_words(&change.what));
            // Writing into a string cannot fail.
            let _ = writeln!(text, "{label:<8}{}", printable(&words));
        }
        if let Some(more) = list.len().checked_sub(MAX_NAMED).filter(|more| *more > 0) {
            let _ = writeln!(text, "{label:<8}{more} more");
        }
    }
    let (before, after) = (changes.counts.before, changes.counts.after);
    let _ = writeln!(
        text,
        "{} users can no longer sign in, {} newly can, {} change; {before} could before, {after} can after",
        lost.len(),
        gained.len(),
        still.len(),
    );
    if changes.has_own_code {
        text.push_str(
            "The configuration names resolvers of your own Worker: a user who is in the catalog counts as \
             one who can sign in\n",
        );
    }
    text
}

fn in_words(what: &What) -> String {
    match what {
        What::Lost(why) => format!(": {why}"),
        What::Gained => String::new(),
        What::Still { added, removed, ways_lost, ways_gained } => {
            let signed = |sign: char, refs: &[String]| {
                refs.iter().map(|it| format!(" {sign}{it}")).collect::<Vec<_>>().concat()
            };
            let mut words = format!("{}{}", signed('-', removed), signed('+', added));
            if !ways_lost.is_empty() {
                let _ = write!(words, " no longer by {}", ways_lost.join(", "));
            }
            if !ways_gained.is_empty() {
                let _ = write!(words, " now by {}", ways_gained.join(", "));
            }
            words
        }
    }
}

/// The document.
pub(in crate::cli) fn to_json(changes: &Changes) -> Value {
    let list: Vec<Value> = changes.list.iter().map(change).collect();
    json!({
        "before": changes.counts.before,
        "after": changes.counts.after,
        "resolversOfOwnCode": changes.has_own_code,
        "changes": list,
    })
}

fn change(change: &Change) -> Value {
    let user = &change.user;
    match &change.what {
        What::Lost(why) => json!({ "user": user, "change": "lost", "why": why }),
        What::Gained => json!({ "user": user, "change": "new" }),
        What::Still { added, removed, ways_lost, ways_gained } => json!({
            "user": user,
            "change": "changed",
            "ownershipAdded": added,
            "ownershipRemoved": removed,
            "noLongerBy": ways_lost,
            "nowBy": ways_gained,
        }),
    }
}
