//! Secrets among the vars, where everyone who reads the file can read them.

use serde_json::Value;

use super::super::wrangler::Deployment;
use super::findings::{Code, Findings};

/// Bindings that are secrets, which wrangler.toml must not hold.
const SECRETS: [&str; 2] = ["SIGNING_KEYS", "CATALOG_TOKEN"];

/// Vars of other names that hold a private JWK.
fn other_secrets(deployment: &Deployment) -> Vec<String> {
    let vars = deployment.get("vars").and_then(Value::as_object);
    let names = vars.into_iter().flatten().map(|(name, _)| name);
    names
        .filter(|name| !SECRETS.contains(&name.as_str()))
        .filter(|name| {
            let text = deployment.var(name).unwrap_or_default();
            text.contains("\"kty\"") && text.contains("\"d\"") || text.contains("PRIVATE KEY-----")
        })
        .cloned()
        .collect()
}

/// Vars whose names say that they are secrets.
fn secret_names(deployment: &Deployment) -> Vec<String> {
    const ENDS: [&str; 5] = ["_API_KEY", "_PASSWORD", "_PRIVATE_KEY", "_SECRET", "_TOKEN"];
    let vars = deployment.get("vars").and_then(Value::as_object);
    let texts = vars.into_iter().flatten().filter(|(_, value)| value.is_string());
    let others = other_secrets(deployment);
    texts
        .map(|(name, _)| name)
        .filter(|name| !SECRETS.contains(&name.as_str()) && !others.contains(name))
        .filter(|name| {
            let upper = name.to_ascii_uppercase();
            SECRETS.contains(&upper.as_str()) || ENDS.iter().any(|end| upper.ends_with(end))
        })
        .cloned()
        .collect()
}

pub(super) fn check(deployment: &Deployment, findings: &mut Findings) {
    for secret in SECRETS.iter().filter(|name| deployment.var(name).is_some()) {
        findings.problem(
            Code::SecretInVars,
            format!("vars.{secret}"),
            format!("{secret} is a secret and must not be in [vars]"),
            format!(
                "take it out, run `wrangler secret put {secret}`, and replace the secret if others could read \
                 the file"
            ),
        );
    }
    for name in other_secrets(deployment) {
        findings.problem(
            Code::SecretInVars,
            format!("vars.{name}"),
            format!("{name} holds a private key and must not be in [vars]"),
            "take it out, run `wrangler secret put SIGNING_KEYS`, and replace the keys if others could read the \
             file",
        );
    }
    for name in secret_names(deployment) {
        findings.warning(
            Code::SecretInVars,
            format!("vars.{name}"),
            format!("{name} is named as a secret, and everyone who reads the file can read it"),
            format!("take it out, and run `wrangler secret put {name}` if the Worker needs it"),
        );
    }
}
