//! A sign-in as lines for people.

use std::fmt::Write as _;

use serde_json::Value;

use super::super::output::printable;
use super::super::trial::{Caller, Ended, Found, NODE_LIMIT, OTHER_HEADERS, Outcome, Step, Trial};
use crate::backstage::SMALL_TOKEN_LENGTH;
use crate::error::Fault;
use crate::sign_in::ResolvedUser;

/// The lines.
pub(super) fn report(
    caller: &Caller,
    trial: &Trial,
    ended: &Ended,
    remedy: Option<&str>,
    before: Option<&Ended>,
) -> String {
    let mut text = String::new();
    line(&mut text, "caller", &caller.name());
    let groups = caller.groups();
    if !groups.is_empty() {
        line(&mut text, "groups", &groups.join(", "));
    }
    for (name, value) in caller.attributes() {
        line(&mut text, "attribute", &format!("{name} = {value}"));
    }
    for (number, step) in ended.steps.iter().enumerate() {
        resolver(&mut text, number + 1, step);
    }
    for note in &ended.notes {
        line(&mut text, "note", note);
    }
    match &ended.result {
        Ok(user) => signed_in(&mut text, trial, user),
        Err(error) => {
            line(&mut text, "refused", &format!("{} ({})", error.code(), error.status()));
            line(&mut text, "message", error.message());
            if let Some(detail) = &ended.detail {
                line(&mut text, "log", detail);
            }
        }
    }
    if let Some(remedy) = remedy {
        line(&mut text, "do", remedy);
    }
    if let Some(before) = before {
        let outcome = match &before.result {
            Ok(user) => format!("{}, owns {}", user.user, user.ownership.join(", ")),
            Err(error) => format!("refused, {}", error.code()),
        };
        line(&mut text, "before", &outcome);
    }
    text
}

fn resolver(text: &mut String, number: usize, step: &Step) {
    line(text, &format!("{number}."), &step.resolver);
    for (key, found) in &step.reads {
        line(text, "", &format!("  {key}: {}", found_in_words(found)));
    }
    line(text, "", &format!("  {}", outcome(step)));
}

fn found_in_words(found: &Found) -> String {
    match found {
        Found::Nothing => "no record".to_owned(),
        Found::User(user) => user.clone(),
        Found::Several(refs) => format!("several users: {}", refs.join(", ")),
        Found::Corrupt => "not a record of this version".to_owned(),
        Found::Failed(why) => format!("not readable: {why}"),
    }
}

/// How a resolver ended, and why it went on.
pub(super) fn outcome(step: &Step) -> String {
    match &step.outcome {
        Outcome::SignedIn => "signs in".to_owned(),
        Outcome::Ended(code) => format!("{code}: no other resolver is asked"),
        Outcome::Next if step.reads.is_empty() => {
            "next: the caller has nothing that it could look up".to_owned()
        }
        Outcome::Next if step.reads.iter().all(|(_, found)| *found == Found::Nothing) => {
            "next: no user in the catalog".to_owned()
        }
        Outcome::Next => "next: the user in the catalog does not match".to_owned(),
    }
}

fn signed_in(text: &mut String, trial: &Trial, user: &ResolvedUser) {
    let from = if user.record.is_some() { "" } else { " (not in the catalog)" };
    line(text, "user", &format!("{}{from}", user.user));
    for (index, owned) in user.ownership.iter().enumerate() {
        line(text, if index == 0 { "owns" } else { "" }, owned);
    }
    let profile = &user.profile;
    for (label, value) in
        [("name", &profile.display_name), ("email", &profile.email), ("picture", &profile.picture)]
    {
        if let Some(value) = value {
            line(text, label, value);
        }
    }
    if !user.claims.is_empty() {
        line(text, "claims", &Value::Object(user.claims.clone()).to_string());
    }
    let lengths = trial.token_lengths(user);
    let length = match &lengths.token {
        Ok(length) => format!("{length} characters"),
        Err(fault) => format!("none: {}", fault.code()),
    };
    line(text, "token", &length);
    line(text, "", &fit(&lengths.with_ownership));
}

/// Whether the token that carries the ownership refs in any case would do.
fn fit(with_ownership: &Result<usize, Fault>) -> String {
    let length = match with_ownership {
        Ok(length) | Err(Fault::TokenTooLarge(length)) => *length,
        Err(fault) => return fault.detail(),
    };
    let verdict = match with_ownership {
        Err(_) => "longer than Backstage accepts: no user could sign in with it".to_owned(),
        Ok(_) if length + OTHER_HEADERS > NODE_LIMIT => {
            format!("too large for Node.js, which takes {NODE_LIMIT} bytes of headers")
        }
        Ok(_) if length >= SMALL_TOKEN_LENGTH => {
            "may be too large for Node.js, beside a large assertion".to_owned()
        }
        Ok(_) => "fits".to_owned(),
    };
    format!("with omitIdentityTokenOwnershipClaim = false: {length} characters, {verdict}")
}

fn line(text: &mut String, label: &str, value: &str) {
    // Writing into a string cannot fail.
    let _ = writeln!(text, "{}", format!("{label:<10}{}", printable(value)).trim_end());
}
