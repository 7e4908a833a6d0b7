//! What the Worker refuses in its configuration: each mistake once.

use super::super::wrangler::Deployment;
use super::findings::{Code, Findings};
use super::secrets::Keys;
use crate::config::Problem;

/// What the Worker says of a key that must be there.
const REQUIRED: &str = "is required";

/// What it says of a key that it does not know.
const UNKNOWN: &str = "is not a known key";

pub(super) fn report(
    problems: &[Problem],
    deployment: &Deployment,
    keys: Option<&Keys>,
    findings: &mut Findings,
) {
    let inherits = if deployment.env.is_some() {
        "an environment does not inherit [vars]: give it its own"
    } else {
        "see docs/configuration.md"
    };
    let is_missing = |name: &str| {
        problems.iter().any(|problem| problem.path == name && problem.message == "is missing")
    };
    if is_missing("CFACCESS") && is_missing("BACKSTAGE") {
        findings.problem(
            Code::Required,
            "vars",
            "CFACCESS is missing, and BACKSTAGE is missing",
            inherits,
        );
    }
    let both = is_missing("CFACCESS") && is_missing("BACKSTAGE");
    for problem in problems {
        let first = problems.iter().find(|other| other.path == problem.path);
        if both && matches!(problem.path.as_str(), "CFACCESS" | "BACKSTAGE")
            || first.is_some_and(|first| first != problem)
            || problems.iter().any(|other| causes(other, problem))
            || slip_of(problem, problems).is_some()
        {
            continue;
        }
        let (code, place) = match problem.path.as_str() {
            "SIGNING_KEYS" => (Code::SigningKeys, "SIGNING_KEYS".to_owned()),
            path => (code_of(&problem.message), format!("vars.{path}")),
        };
        let (what, remedy) = problem.message.split_once(": ").unwrap_or((&problem.message, ""));
        let meant = problems.iter().find(|other| slip_of(other, problems) == Some(problem));
        let meant =
            meant.and_then(|it| it.path.rsplit_once('.')).map(|(_, key)| format!("write `{key}`"));
        let remedy = match (remedy, code) {
            (_, Code::UnknownKey) if meant.is_some() => meant.as_deref().unwrap_or_default(),
            ("", Code::Required) => inherits,
            ("", Code::UnknownKey) => "correct its name, or take it out",
            ("", Code::SigningKeys) => "create a set with `cfaccess keygen`",
            ("", _) => "docs/configuration.md says what the key may be",
            (remedy, _) => remedy,
        };
        let from = keys.filter(|_| code == Code::SigningKeys);
        let from = from.map(|keys| format!(" (from {})", keys.place)).unwrap_or_default();
        findings.problem(code, place, format!("{} {what}{from}", problem.path), remedy);
    }
}

fn code_of(message: &str) -> Code {
    if message == "is missing" || message.starts_with(REQUIRED) {
        Code::Required
    } else if message.starts_with(UNKNOWN) {
        Code::UnknownKey
    } else {
        Code::InvalidValue
    }
}

/// The unknown key that stands for a required one: each is the only one of its object.
fn slip_of<'a>(required: &Problem, problems: &'a [Problem]) -> Option<&'a Problem> {
    let object =
        |problem: &Problem| problem.path.rsplit_once('.').map(|(object, _)| object.to_owned());
    let of_same = |start: &str| -> Vec<&'a Problem> {
        let is_same =
            |it: &&Problem| object(it) == object(required) && it.message.starts_with(start);
        problems.iter().filter(is_same).collect()
    };
    if !required.message.starts_with(REQUIRED) || !required.path.contains('[') {
        return None;
    }
    match (of_same(REQUIRED).as_slice(), of_same(UNKNOWN).as_slice()) {
        ([_], [unknown]) => Some(unknown),
        _ => None,
    }
}

/// Whether the second problem is only there because of the first: a key is required because its name has
/// a slip, or because what it is in, or what is in it, cannot be read.
fn causes(one: &Problem, other: &Problem) -> bool {
    let is_within = |path: &str, outer: &str| {
        path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    if one == other {
        return false;
    }
    // The options of a resolver that is not known.
    let object = one.path.strip_suffix(".resolver").filter(|_| !one.message.starts_with(REQUIRED));
    if object.is_some_and(|object| is_within(&other.path, object))
        && other.message.starts_with(UNKNOWN)
    {
        return true;
    }
    if !other.message.starts_with(REQUIRED) {
        return false;
    }
    if one.message.starts_with(UNKNOWN) {
        let meant = one.message.split('`').nth(1).map(|name| {
            let place = one.path.rsplit_once('.').map_or("", |(place, _)| place);
            format!("{place}.{name}")
        });
        return meant.is_some_and(|meant| is_within(&other.path, &meant));
    }
    let is_below = is_within(&one.path, &other.path) && one.path != other.path;
    if one.message.starts_with(REQUIRED) {
        return is_below;
    }
    is_below || is_within(&other.path, &one.path) || one.path == other.path
}
