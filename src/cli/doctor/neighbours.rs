//! What two environments of one file must not share.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::wrangler::Deployment;
use super::findings::{Code, Findings};
use super::hosts::host_in;
use super::routes::{host_of, pattern, routes};
use super::values::object;

/// Compares a deployment with those that come before it in the file.
pub(super) fn check(deployment: &Deployment, all: &[Deployment], findings: &mut Findings) {
    check_origin(deployment, all, findings);
    for other in all.iter().take_while(|other| other.env != deployment.env) {
        let name = name_of(other);
        let shared = common(&patterns(deployment), &patterns(other));
        if !shared.is_empty() {
            findings.problem(
                Code::RouteShared,
                "routes",
                format!(
                    "shares the route {shared} with {name}, and only one of both Workers gets the requests"
                ),
                "give each its own `routes`",
            );
        }
        let shared = common(&namespaces(deployment), &namespaces(other));
        if !shared.is_empty() {
            findings.problem(
                Code::KvShared,
                "kv_namespaces",
                format!(
                    "shares the KV namespace {shared} with {name}, so each changes the other's users"
                ),
                "create one for each with `wrangler kv namespace create`",
            );
        }
        if worker(deployment) == worker(other) && worker(deployment).is_some() {
            findings.problem(
                Code::EnvironmentName,
                "name",
                format!(
                    "has the name of {name}, `{}`, so each deployment replaces the other",
                    worker(deployment).unwrap_or_default()
                ),
                "take out `name` of the environment: wrangler adds the environment to it",
            );
        }
    }
}

/// An origin that has a route to the Worker of another environment refuses what is forwarded to it.
fn check_origin(deployment: &Deployment, all: &[Deployment], findings: &mut Findings) {
    let backstage = object(deployment, "BACKSTAGE");
    let origin = backstage.as_ref().and_then(|it| it.get("origin")?.as_str()).map(host_in);
    let Some(origin) = origin.map(|host| host.to_ascii_lowercase()) else { return };
    let has_route = |other: &&Deployment| {
        let mut hosts = routes(other).into_iter().filter_map(|(_, route)| host_of(route));
        other.env != deployment.env && hosts.any(|host| host == origin)
    };
    // One that it shares a route with is said to.
    let is_own = routes(deployment).iter().any(|(_, it)| host_of(it).as_ref() == Some(&origin));
    if let Some(other) = all.iter().find(has_route).filter(|_| !is_own) {
        let name = name_of(other);
        findings.problem(
            Code::OriginIsWorker,
            "vars.BACKSTAGE.origin",
            format!("BACKSTAGE.origin names {origin}, which has a route to the Worker of {name}"),
            "set it to an address of Backstage's own",
        );
    }
}

fn name_of(deployment: &Deployment) -> String {
    deployment.env.as_ref().map_or("the top level".to_owned(), |env| format!("[env.{env}]"))
}

/// The name that the Worker is deployed under.
fn worker(deployment: &Deployment) -> Option<String> {
    let name = deployment.get("name").and_then(Value::as_str)?;
    match &deployment.env {
        Some(env) if deployment.inherits("name") => Some(format!("{name}-{env}")),
        _ => Some(name.to_owned()),
    }
}

fn common(one: &BTreeSet<String>, other: &BTreeSet<String>) -> String {
    one.intersection(other).map(String::as_str).collect::<Vec<_>>().join(" and ")
}

fn patterns(deployment: &Deployment) -> BTreeSet<String> {
    routes(deployment)
        .into_iter()
        .filter_map(|(_, route)| pattern(route))
        .map(str::to_ascii_lowercase)
        .collect()
}

fn namespaces(deployment: &Deployment) -> BTreeSet<String> {
    let namespaces = deployment.get("kv_namespaces").and_then(Value::as_array);
    let namespaces = namespaces.into_iter().flatten();
    let ids = namespaces.filter_map(|it| it.get("id").and_then(Value::as_str));
    ids.map(str::to_ascii_lowercase).collect()
}
