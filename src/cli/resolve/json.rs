//! A sign-in as a JSON document.

use serde_json::{Map, Value, json};

use super::super::trial::{Caller, Ended, Found, NODE_LIMIT, OTHER_HEADERS, Outcome, Step, Trial};
use crate::error::Fault;

/// The document.
pub(super) fn document(
    caller: &Caller,
    trial: &Trial,
    ended: &Ended,
    remedy: Option<&str>,
) -> Map<String, Value> {
    let mut document = Map::new();
    document.insert(
        "caller".to_owned(),
        json!({
            "name": caller.name(),
            "groups": caller.groups(),
            "attributes": caller.attributes(),
        }),
    );
    let resolvers: Vec<Value> = ended.steps.iter().map(step).collect();
    document.insert("resolvers".to_owned(), resolvers.into());
    document.extend(outcome(ended));
    if let Ok(user) = &ended.result {
        let lengths = trial.token_lengths(user);
        let characters = |length: &Result<usize, Fault>| match length {
            Ok(length) | Err(Fault::TokenTooLarge(length)) => json!(length),
            Err(_) => Value::Null,
        };
        let fits =
            matches!(lengths.with_ownership, Ok(length) if length + OTHER_HEADERS <= NODE_LIMIT);
        document.insert(
            "token".to_owned(),
            json!({
                "length": characters(&lengths.token),
                "issued": lengths.token.is_ok(),
                "lengthWithOwnership": characters(&lengths.with_ownership),
                "fitsWithOwnership": fits,
            }),
        );
    }
    if let Some(remedy) = remedy {
        document.insert("remedy".to_owned(), remedy.into());
    }
    document
}

/// The document with what else is known.
pub(super) fn with(
    mut document: Map<String, Value>,
    before: Option<&Ended>,
    notes: &[String],
) -> Value {
    if let Some(before) = before {
        document.insert("before".to_owned(), outcome(before).into());
    }
    document.insert("notes".to_owned(), json!(notes));
    Value::Object(document)
}

/// How it ended: the user, or the code.
fn outcome(ended: &Ended) -> Map<String, Value> {
    let outcome = match &ended.result {
        Ok(user) => json!({
            "signsIn": true,
            "user": user.user,
            "inCatalog": user.record.is_some(),
            "ownership": user.ownership,
            "claims": user.claims,
            "profile": user.profile,
            "resolver": user.resolver,
        }),
        Err(error) => json!({
            "signsIn": false,
            "decided": ended.unknown_resolver().is_none(),
            "code": error.code(),
            "status": error.status(),
            "message": error.message(),
            "detail": ended.detail,
        }),
    };
    match outcome {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn step(step: &Step) -> Value {
    let reads: Vec<Value> = step.reads.iter().map(|(key, found)| read(key, found)).collect();
    let outcome = match &step.outcome {
        Outcome::SignedIn => "signs in",
        Outcome::Next => "next",
        Outcome::Ended(code) => code.as_str(),
    };
    json!({
        "resolver": step.resolver,
        "reads": reads,
        "outcome": outcome,
        "why": super::report::outcome(step),
    })
}

fn read(key: &str, found: &Found) -> Value {
    let users = match found {
        Found::Nothing => json!([]),
        Found::User(user) => json!([user]),
        Found::Several(refs) => json!(refs),
        Found::Corrupt => return json!({ "key": key, "corrupt": true }),
        Found::Failed(why) => return json!({ "key": key, "failed": why }),
    };
    json!({ "key": key, "users": users })
}
