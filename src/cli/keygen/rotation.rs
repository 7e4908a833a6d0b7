//! The steps of a rotation, on the members of a key set. Each key notes when it came and when it stopped
//! signing, in members that a JWK may have beside its own (RFC 7517, section 4).

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

/// When the key was added behind the signing one.
const ADDED: &str = "added_at";

/// When another key took over.
const REPLACED: &str = "replaced_at";

/// How long a key is published before it signs. Backstage keeps a key set for 10 minutes
/// (`createRemoteJWKSet` of jose, `cacheMaxAge`); the rest is for the deployment of the secret and for
/// isolates that still run with the old one.
const PUBLISHED_FOR: TimeDelta = TimeDelta::minutes(15);

/// How long a key is published after it signed for the last time: a token lives for 24 hours at most
/// (`backstageTokenExpiration`); the rest is for the deployment of the secret.
const KEPT_FOR: TimeDelta = TimeDelta::hours(25);

/// What a step has done.
#[derive(Debug)]
pub(super) struct Step {
    /// The key or keys that it was about.
    pub(super) kids: Vec<String>,
    /// The members of the set from now on.
    pub(super) keys: Vec<Value>,
    /// When the next step can be taken; `None` if the rotation is done.
    pub(super) next: Option<DateTime<Utc>>,
}

/// Publishes a key without signing with it: it becomes the second.
///
/// # Errors
/// If another key waits for its turn already, without `force`.
pub(super) fn add(
    mut keys: Vec<Value>,
    mut new: Value,
    now: DateTime<Utc>,
    force: bool,
) -> Result<Step, String> {
    if let Some(waiting) = keys.iter().skip(1).find(|key| is_waiting(key)).filter(|_| !force) {
        return Err(format!(
            "the key {} was added already and does not sign yet: continue with --promote; --force adds \
             another one",
            kid(waiting)
        ));
    }
    note(&mut new, ADDED, now);
    let kids = vec![kid(&new)];
    keys.insert(1.min(keys.len()), new);
    Ok(Step { kids, keys, next: Some(now + PUBLISHED_FOR) })
}

/// Makes the key that waits the one that signs. The others stay published.
///
/// # Errors
/// If no key waits, or several do and none is chosen, or, without `force`, if it has not been published
/// long enough.
pub(super) fn promote(
    mut keys: Vec<Value>,
    chosen: Option<&str>,
    now: DateTime<Utc>,
    force: bool,
) -> Result<Step, String> {
    let first = keys.first().map(kid).unwrap_or_default();
    let mut candidates = keys.iter().enumerate().skip(1).filter(|(_, key)| match chosen {
        Some(chosen) => kid(key) == chosen,
        None => is_waiting(key),
    });
    let Some((at, key)) = candidates.next() else {
        return Err(match chosen {
            Some(chosen) if chosen == first => format!("the key {chosen} signs already"),
            Some(chosen) => format!("no key has the id {chosen}"),
            None => format!(
                "no key waits for its turn, and {first} signs: publish one with --add, or choose one \
                 with --kid"
            ),
        });
    };
    if let Some((_, other)) = candidates.next() {
        return Err(format!("{} and {} both wait: choose one with --kid", kid(key), kid(other)));
    }
    if !force {
        let Some(added) = time(key, ADDED) else {
            return Err(format!(
                "the key {} has no `{ADDED}`, so how long it has been published is not known: if it is \
                 in the deployed secret for more than {} minutes, use --force",
                kid(key),
                PUBLISHED_FOR.num_minutes()
            ));
        };
        let from = added + PUBLISHED_FOR;
        if now < from {
            return Err(format!(
                "the key {} was added at {}: backends may remember the key set without it until {}, and \
                 would refuse its tokens. Promote it then; --force does it now",
                kid(key),
                shown(added),
                shown(from)
            ));
        }
    }
    let mut key = keys.remove(at);
    forget(&mut key);
    let kids = vec![kid(&key)];
    if let Some(old) = keys.first_mut() {
        note(old, REPLACED, now);
    }
    keys.insert(0, key);
    Ok(Step { kids, keys, next: Some(now + KEPT_FOR) })
}

/// Takes out the keys whose tokens have all expired.
///
/// # Errors
/// If there is none, or, with a chosen key and without `force`, if its tokens may still be valid.
pub(super) fn retire(
    keys: Vec<Value>,
    chosen: Option<&str>,
    now: DateTime<Utc>,
    force: bool,
) -> Result<Step, String> {
    let first = keys.first().map(kid).unwrap_or_default();
    if chosen == Some(first.as_str()) {
        return Err(format!("the key {first} signs: promote another one before you retire it"));
    }
    let is_meant = |key: &Value| chosen.is_none_or(|chosen| kid(key) == chosen);
    // A key without a note may have signed until a moment ago.
    let is_over =
        |key: &Value| time(key, REPLACED).is_some_and(|replaced| now >= replaced + KEPT_FOR);
    let mut retired = Vec::new();
    let mut kept = Vec::new();
    let mut too_early = Vec::new();
    for (at, key) in keys.into_iter().enumerate() {
        let may_go = at > 0 && is_meant(&key) && (chosen.is_some() || !is_waiting(&key));
        if may_go && (force || is_over(&key)) {
            retired.push(kid(&key));
        } else {
            if may_go {
                too_early.push(match time(&key, REPLACED) {
                    Some(replaced) => format!(
                        "the key {} signed until {}, and its tokens may be valid until {}",
                        kid(&key),
                        shown(replaced),
                        shown(replaced + KEPT_FOR)
                    ),
                    None => format!(
                        "the key {} has no `{REPLACED}`, so when it signed for the last time is not known",
                        kid(&key)
                    ),
                });
            }
            kept.push(key);
        }
    }
    if retired.is_empty() {
        return Err(match chosen {
            _ if !too_early.is_empty() => format!(
                "{}. Users with such a token would be signed out: retire it then, or, if all its tokens \
                 have expired, use --force",
                too_early.join("; ")
            ),
            Some(chosen) => format!("no key has the id {chosen}"),
            None => format!("no key has stopped signing: {first} signs"),
        });
    }
    Ok(Step { kids: retired, keys: kept, next: None })
}

/// A time as messages show it.
pub(super) fn shown(time: DateTime<Utc>) -> String {
    format!("{:?}Z", time.naive_utc())
}

fn kid(key: &Value) -> String {
    key.get("kid").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Whether a key was added and has not signed yet.
fn is_waiting(key: &Value) -> bool {
    key.get(ADDED).is_some() && key.get(REPLACED).is_none()
}

fn time(key: &Value, name: &str) -> Option<DateTime<Utc>> {
    let text = key.get(name)?.as_str()?;
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

fn note(key: &mut Value, name: &str, time: DateTime<Utc>) {
    if let Some(key) = key.as_object_mut() {
        key.insert(name.to_owned(), json!(shown(time)));
    }
}

/// A key that signs neither waits nor has been replaced.
fn forget(key: &mut Value) {
    if let Some(key) = key.as_object_mut() {
        key.remove(ADDED);
        key.remove(REPLACED);
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use serde_json::{Value, json};

    use super::{Step, add, promote, retire};

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::minutes(minutes)
    }

    fn key(kid: &str) -> Value {
        json!({ "kid": kid })
    }

    fn kids(step: &Step) -> Vec<&str> {
        step.keys.iter().map(|key| key["kid"].as_str().unwrap()).collect()
    }

    #[test]
    fn a_rotation_is_three_steps_each_in_its_time() {
        let added = add(vec![key("a")], key("b"), at(0), false).unwrap();
        assert_eq!((kids(&added), added.next), (vec!["a", "b"], Some(at(15))));
        let early = promote(added.keys.clone(), None, at(14), false).unwrap_err();
        assert!(early.contains("the key b was added at 2027-01-15T08:00:00Z"), "{early}");
        let promoted = promote(added.keys, None, at(15), false).unwrap();
        assert_eq!((kids(&promoted), promoted.next), (vec!["b", "a"], Some(at(15 + 25 * 60))));
        let early = retire(promoted.keys.clone(), None, at(14 + 25 * 60), false).unwrap_err();
        assert!(early.starts_with("the key a signed until 2027-01-15T08:15:00Z"), "{early}");
        let retired = retire(promoted.keys, None, at(15 + 25 * 60), false).unwrap();
        assert_eq!((kids(&retired), retired.kids.as_slice()), (vec!["b"], &["a".to_owned()][..]));
        assert_eq!(retired.keys, [key("b")]);
    }

    #[test]
    fn a_step_taken_twice_is_refused_and_loses_nothing() {
        let added = add(vec![key("a")], key("b"), at(0), false).unwrap();
        assert!(add(added.keys.clone(), key("c"), at(1), false).unwrap_err().contains("--promote"));
        let forced = add(added.keys.clone(), key("c"), at(1), true).unwrap();
        assert_eq!(kids(&forced), ["a", "c", "b"]);
        assert!(promote(forced.keys, None, at(60), false).unwrap_err().contains("both wait"));
        let promoted = promote(added.keys, None, at(60), false).unwrap();
        let again = promote(promoted.keys.clone(), None, at(120), false).unwrap_err();
        assert!(again.starts_with("no key waits for its turn, and b signs"), "{again}");
        let retired = retire(promoted.keys, None, at(10_000), false).unwrap();
        let again = retire(retired.keys, None, at(20_000), false).unwrap_err();
        assert_eq!(again, "no key has stopped signing: b signs");
    }

    #[test]
    fn a_key_of_unknown_age_needs_force_and_a_waiting_one_is_not_retired() {
        let unknown = vec![key("a"), key("b")];
        for chosen in [None, Some("b")] {
            let refused = promote(unknown.clone(), chosen, at(0), false);
            assert!(refused.is_err(), "{refused:?}");
            assert!(retire(unknown.clone(), chosen, at(0), false).is_err());
        }
        assert_eq!(kids(&promote(unknown.clone(), Some("b"), at(0), true).unwrap()), ["b", "a"]);
        assert_eq!(kids(&retire(unknown.clone(), Some("b"), at(0), true).unwrap()), ["a"]);
        for (chosen, expected) in [("a", "signs"), ("c", "no key has the id c")] {
            assert!(
                promote(unknown.clone(), Some(chosen), at(0), true).unwrap_err().contains(expected)
            );
            assert!(
                retire(unknown.clone(), Some(chosen), at(0), true).unwrap_err().contains(expected)
            );
        }
        let waiting = add(vec![key("a")], key("b"), at(0), false).unwrap().keys;
        assert!(retire(waiting.clone(), None, at(9_999), true).is_err());
        assert_eq!(kids(&retire(waiting, Some("b"), at(1), true).unwrap()), ["a"]);
    }

    #[test]
    fn a_rotation_can_be_undone_by_promoting_the_old_key_again() {
        let added = add(vec![key("a")], key("b"), at(0), false).unwrap();
        let promoted = promote(added.keys, None, at(20), false).unwrap();
        let back = promote(promoted.keys, Some("a"), at(21), true).unwrap();
        assert_eq!(kids(&back), ["a", "b"]);
        assert_eq!(retire(back.keys, None, at(21 + 25 * 60), false).unwrap().kids, ["b"]);
    }
}
