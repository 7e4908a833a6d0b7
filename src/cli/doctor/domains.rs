//! Rules and resolvers that together let no caller in.

use serde_json::Value;

use super::finder::{Finder, required_domains, texts};
use super::findings::{Code, Findings, Level};
use super::values::is_domain;
use crate::access::IdentityFrom;
use crate::config::Config;

pub(super) fn check(cfaccess: &Value, config: &Config, findings: &mut Findings) {
    let list = |pointer: &str| -> &[Value] {
        cfaccess.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    };
    let mut has_domains = true;
    for (at, rule) in list("/signIn/require").iter().enumerate() {
        let place = format!("CFACCESS.signIn.require[{at}].emailDomain");
        for domain in texts(rule.get("emailDomain")).iter().filter(|it| !is_domain(it)) {
            has_domains = false;
            findings.problem(
                Code::AllowedDomains,
                format!("vars.{place}"),
                format!("{place} holds `{domain}`, which equals no domain"),
                "write whole domains such as `example.com`, each on its own",
            );
        }
    }
    check_groups(list("/signIn/require"), list("/ownership/add"), config, findings);
    let resolvers = list("/signIn/resolvers");
    if has_domains {
        check_together(resolvers, &required_domains(cfaccess), findings);
    }
    let own: Option<Vec<Finder>> = resolvers.iter().map(|it| Finder::of(it, &[])).collect();
    let Some(own) = own.filter(|own| !own.is_empty()) else { return };
    for (at, token) in config.access.service_tokens.iter().enumerate() {
        let is_email = token.subject.split_once('@').is_some_and(|(_, domain)| is_domain(domain));
        if is_email && own.iter().all(|finder| !finder.allows(&token.subject)) {
            findings.problem(
                Code::ServiceToken,
                format!("vars.CFACCESS.serviceTokens[{at}].subject"),
                format!(
                    "CFACCESS.serviceTokens[{at}] signs in as `{}`, whose domain no resolver allows",
                    token.subject
                ),
                "add the domain to allowedDomains, or write another subject",
            );
        }
    }
}

/// No email is of a domain that a resolver and a rule both allow.
fn check_together(resolvers: &[Value], required: &[Vec<String>], findings: &mut Findings) {
    let finders: Vec<Option<Finder>> =
        resolvers.iter().map(|resolver| Finder::of(resolver, required)).collect();
    let lets_none = |finder: &Finder| finder.allows_none();
    let is_fatal = finders.iter().all(|it| it.as_ref().is_some_and(lets_none));
    for (at, finder) in finders.iter().enumerate() {
        if !finder.as_ref().is_some_and(lets_none) {
            continue;
        }
        let place = format!("CFACCESS.signIn.resolvers[{at}]");
        findings.add(
            if is_fatal { Level::Error } else { Level::Warning },
            Code::AllowedDomains,
            format!("vars.{place}"),
            format!("{place} allows no domain that signIn.require allows too, so it finds no user"),
            "correct one of them".to_owned(),
        );
    }
}

/// With `identity: "claims"` no groups are known.
fn check_groups(rules: &[Value], added: &[Value], config: &Config, findings: &mut Findings) {
    if config.access.identity != IdentityFrom::Claims {
        return;
    }
    let remedy = "take `identity` out, so that the groups are asked for";
    for (at, _) in rules.iter().enumerate().filter(|(_, rule)| rule.get("group").is_some()) {
        let place = format!("CFACCESS.signIn.require[{at}]");
        let message = format!(
            "{place} is a rule on groups, and CFACCESS.identity = \"claims\" knows none: it refuses every user"
        );
        findings.problem(Code::IdentityClaims, format!("vars.{place}"), message, remedy);
    }
    if !added.is_empty() {
        findings.warning(
            Code::IdentityClaims,
            "vars.CFACCESS.ownership.add",
            "CFACCESS.ownership.add adds nothing: CFACCESS.identity = \"claims\" knows no groups",
            remedy,
        );
    }
}
