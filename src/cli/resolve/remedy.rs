//! What to do about a sign-in that fails.

use super::super::trial::{Ended, Found};
use crate::error::{Fault, GateError, Refusal};

/// Where every code is explained.
const MORE: &str = "docs/troubleshooting.md";

/// A sentence for the operator.
pub(super) fn of(error: &GateError, ended: &Ended, asks_origin: bool) -> String {
    if let Some(resolver) = ended.unknown_resolver() {
        return format!(
            "{resolver} is code of your own Worker, which this command does not have: test it with \
             `backstage_cfaccess::testing::Trial`"
        );
    }
    let what = match error {
        GateError::Refusal(Refusal::UserNotFound) => not_found(ended, asks_origin),
        GateError::Refusal(Refusal::UserAmbiguous) => ambiguous(ended),
        GateError::Refusal(Refusal::DomainNotAllowed) => {
            "add the domain of the email to `allowedDomains` of the last resolver above".to_owned()
        }
        GateError::Refusal(Refusal::RequirementNotMet | Refusal::Custom(_)) => {
            "change the rule of CFACCESS.signIn.require, or the groups and attributes of the user at the \
             identity provider; say here with --group, --attribute or --identity what they are"
                .to_owned()
        }
        GateError::Refusal(Refusal::ServiceTokenUnknown) => {
            "add the client id to CFACCESS.serviceTokens, with the email of a catalog user as `subject`"
                .to_owned()
        }
        GateError::Fault(Fault::CatalogCorrupt(_)) => {
            "run `cfaccess catalog push` with the version of the Worker".to_owned()
        }
        GateError::Fault(Fault::CatalogUnavailable(_)) => {
            "run the command again; the Worker answers 503 while KV does not answer".to_owned()
        }
        _ => return format!("see `{}` in {MORE}", error.code()),
    };
    format!("{what} (`{}` in {MORE})", error.code())
}

fn not_found(ended: &Ended, asks_origin: bool) -> String {
    let keys: Vec<&str> = ended
        .steps
        .iter()
        .flat_map(|step| &step.reads)
        .filter(|(_, found)| *found == Found::Nothing)
        .map(|(key, _)| key.as_str())
        .collect();
    let what = if keys.is_empty() {
        "no resolver has a value of this caller to look up: give attributes with --attribute or --identity, \
         or add a resolver to CFACCESS.signIn.resolvers"
            .to_owned()
    } else {
        format!(
            "add the user to Backstage's catalog so that one of these keys exists, and run `cfaccess catalog \
             push`: {}",
            keys.join(", ")
        )
    };
    if asks_origin {
        return format!(
            "the Worker forwards this refresh to the origin's own provider (onUserNotFound = \"origin\"). To \
             answer it itself, {what}"
        );
    }
    what
}

fn ambiguous(ended: &Ended) -> String {
    let refs =
        ended.steps.iter().flat_map(|step| &step.reads).find_map(|(key, found)| match found {
            Found::Several(refs) => Some(format!("{} share {key}", refs.join(" and "))),
            _ => None,
        });
    let refs = refs.unwrap_or_else(|| "several users have the same value".to_owned());
    format!("{refs}: change it in Backstage for all but one, and run `cfaccess catalog push`")
}
