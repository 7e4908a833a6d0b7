//! The KV bindings, and what wrangler needs to deploy anything at all.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::wrangler::Deployment;
use super::binding_names::is_bound_elsewhere;
use super::findings::{Code, Findings};

/// The KV namespaces of the Worker.
const NAMESPACES: [&str; 2] = ["CATALOG", "ACCESS_CACHE"];

/// The longest name of a Worker.
const NAME_MAX: usize = 63;

pub(super) fn check(deployment: &Deployment, findings: &mut Findings) {
    for (key, code, what) in [
        ("name", Code::Name, "set the Worker's name"),
        ("main", Code::Main, "set the built Worker, such as `build/worker.mjs`"),
        ("compatibility_date", Code::CompatibilityDate, "set a date such as `2026-11-17`"),
    ] {
        match deployment.get(key) {
            Some(Value::String(text)) if !text.trim().is_empty() => {}
            None => findings.problem(code, key, format!("`{key}` is missing"), what),
            Some(_) => findings.problem(
                code,
                key,
                format!("`{key}` must be text in quotes, and not empty"),
                what,
            ),
        }
    }
    check_name(deployment, findings);
    check_name_of_environment(deployment, findings);
    check_account(deployment, findings);
    match deployment.get("build.command") {
        None => findings.note(
            Code::NoBuild,
            "build.command",
            "there is no [build] command",
            "what lies at `main` is deployed as it is",
        ),
        Some(Value::String(command)) if !command.trim().is_empty() => {}
        Some(_) => findings.problem(
            Code::InvalidValue,
            "build.command",
            "`build.command` must be text, and not empty",
            "write a command such as `npm run build`, or take it out",
        ),
    }
    check_namespaces(deployment, findings);
}

/// Whether a Worker can have this name.
fn is_name(name: &str) -> bool {
    let is_plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    name.bytes().all(is_plain) && name.len() <= NAME_MAX && !name.starts_with('-')
}

/// Without a name of its own, an environment is deployed under that of the file and its own.
fn check_name_of_environment(deployment: &Deployment, findings: &mut Findings) {
    let name = deployment.get("name").and_then(Value::as_str).filter(|name| is_name(name));
    let (Some(env), Some(name)) = (&deployment.env, name) else { return };
    let worker = format!("{name}-{env}");
    if deployment.inherits("name") && !is_name(&worker) {
        findings.problem(
            Code::Name,
            format!("env.{env}"),
            format!("[env.{env}] is deployed as `{worker}`, which Cloudflare refuses"),
            format!(
                "give it a `name` of at most {NAME_MAX} lower-case letters, digits and hyphens"
            ),
        );
    }
}

fn check_name(deployment: &Deployment, findings: &mut Findings) {
    let Some(name) = deployment.get("name").and_then(Value::as_str) else { return };
    if !name.trim().is_empty() && !is_name(name) {
        findings.problem(
            Code::Name,
            "name",
            format!("`name` is `{name}`, which wrangler refuses"),
            format!("write at most {NAME_MAX} lower-case letters, digits and hyphens"),
        );
    }
}

fn check_account(deployment: &Deployment, findings: &mut Findings) {
    let Some(account) = deployment.get("account_id") else { return };
    if !account.as_str().is_some_and(is_id) {
        findings.problem(
            Code::AccountId,
            "account_id",
            "`account_id` is not the id of an account",
            "copy it from `wrangler whoami`, or take it out",
        );
    }
}

fn check_namespaces(deployment: &Deployment, findings: &mut Findings) {
    const KEY: &str = "kv_namespaces";
    let none = Vec::new();
    let namespaces = match deployment.get(KEY) {
        None => &none,
        Some(Value::Array(namespaces)) => namespaces,
        Some(_) => {
            let remedy = "write [[kv_namespaces]] in TOML, or [{…}] in JSON";
            findings.problem(
                Code::KvBinding,
                KEY,
                "`kv_namespaces` must be a list of namespaces",
                remedy,
            );
            return;
        }
    };
    let named = |binding: &str| -> Vec<(usize, &Value)> {
        let is_named = |it: &&Value| it.get("binding").and_then(Value::as_str) == Some(binding);
        namespaces.iter().enumerate().filter(|(_, it)| is_named(it)).collect()
    };
    let mut missing: Vec<&str> =
        NAMESPACES.into_iter().filter(|binding| named(binding).is_empty()).collect();
    // What binds the name instead is said of that.
    missing.retain(|binding| !is_bound_elsewhere(deployment, binding));
    let twice: Vec<&str> =
        NAMESPACES.into_iter().filter(|binding| named(binding).len() > 1).collect();
    // One of two that were meant has the other's name.
    if let ([missing], [twice]) = (missing.as_slice(), twice.as_slice()) {
        findings.problem(
            Code::KvBinding,
            KEY,
            format!("the KV binding {twice} is there twice, and {missing} is missing"),
            format!("name one of them {missing}"),
        );
        return;
    }
    for binding in twice {
        findings.problem(
            Code::KvBinding,
            KEY,
            format!("the KV binding {binding} is there twice"),
            "keep one",
        );
    }
    check_missing(deployment, &missing, findings);
    let mut ids: BTreeMap<String, &str> = BTreeMap::new();
    for binding in NAMESPACES {
        if let [(at, namespace)] = named(binding).as_slice() {
            check_id(deployment, (binding, *at), namespace, &mut ids, findings);
        }
    }
}

fn check_missing(deployment: &Deployment, missing: &[&str], findings: &mut Findings) {
    let (message, create_them) = match missing {
        [] => return,
        [one] => (format!("the KV binding {one} is missing"), "creates it and prints its id"),
        _ => (
            format!("the KV bindings {} are missing", missing.join(" and ")),
            "create them and print their ids",
        ),
    };
    let create = |binding: &&str| format!("`wrangler kv namespace create {binding}`");
    let commands = missing.iter().map(create).collect::<Vec<_>>().join(" and ");
    let inherits =
        if deployment.env.is_some() { "; an environment does not inherit KV bindings" } else { "" };
    findings.problem(
        Code::KvBinding,
        "kv_namespaces",
        message,
        format!("{commands} {create_them}{inherits}"),
    );
}

fn check_id<'a>(
    deployment: &Deployment,
    (binding, at): (&'a str, usize),
    namespace: &Value,
    ids: &mut BTreeMap<String, &'a str>,
    findings: &mut Findings,
) {
    let place = format!("kv_namespaces[{at}].id");
    let create = format!("`wrangler kv namespace create {binding}` creates it and prints its id");
    match namespace.get("id").map(|id| id.as_str().unwrap_or_default()) {
        None => findings.note(
            Code::KvId,
            place,
            format!("the KV binding {binding} has no id"),
            "wrangler creates a namespace when it deploys",
        ),
        Some(id) if !is_id(id) => findings.problem(
            Code::KvId,
            place,
            format!("the KV binding {binding} has the made-up id `{id}`"),
            create,
        ),
        Some(id) => {
            let is_account = deployment.get("account_id").and_then(Value::as_str) == Some(id);
            if is_account {
                findings.problem(
                    Code::KvId,
                    place,
                    format!("the KV binding {binding} has the id of the account"),
                    create,
                );
            } else if let Some(other) = ids.insert(id.to_ascii_lowercase(), binding) {
                findings.problem(
                    Code::KvId,
                    place,
                    format!("the KV bindings {other} and {binding} are one namespace"),
                    create,
                );
            }
        }
    }
}

/// Whether this can be an id of Cloudflare's: 32 hexadecimal digits, and not a placeholder.
pub(super) fn is_id(id: &str) -> bool {
    let mut digits: Vec<u8> = id.bytes().collect();
    let is_hex = digits.len() == 32 && digits.iter().all(u8::is_ascii_hexdigit);
    let is_run = id.contains("0123456789") || id.contains("abcdef");
    digits.sort_unstable();
    digits.dedup();
    is_hex && digits.len() > 3 && !is_run
}
