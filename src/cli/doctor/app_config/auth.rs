//! The auth plugin of the backend: whether it is there, and whether it and the Worker agree.

use serde_json::Value;

use super::super::super::wrangler::Deployment;
use super::super::findings::{Code, Findings};
use super::super::secrets::Keys;
use super::super::settings::asks_origin;
use super::{AppConfig, known};
use super::{provider, urls};
use crate::backstage::SigningKeySet;
use crate::config::{Config, Trust};

/// The packages of the auth plugin and of the official provider.
const PLUGIN: &str = "@backstage/plugin-auth-backend";
const PROVIDER: &str = "@backstage/plugin-auth-backend-module-cloudflare-access-provider";

pub(super) fn check(
    app: &AppConfig,
    deployment: &Deployment,
    config: &Config,
    keys: Option<&Keys>,
    findings: &mut Findings,
) {
    match config.backstage.trust {
        Trust::Service => check_alone(app, findings),
        Trust::SharedKey => {
            check_packages(app, findings);
            check_key_store(app, keys, findings);
        }
    }
    if asks_origin(config) {
        provider::check(app, deployment, config, findings);
    }
    check_life(app, config, findings);
    check_cron(app, deployment, findings);
}

/// Without the auth plugin nothing may look for it.
fn check_alone(app: &AppConfig, findings: &mut Findings) {
    let sources = app.get("backend.actions.pluginSources").and_then(Value::as_array);
    if sources.is_some_and(|sources| sources.iter().any(|source| source == "auth")) {
        findings.problem(
            Code::AppPluginSources,
            "backend.actions.pluginSources",
            "backend.actions.pluginSources lists `auth`, and with BACKSTAGE.trust \"service\" there is no auth \
             plugin",
            "take `auth` out of the list",
        );
    }
    // Which place says that the plugin is there.
    let evidence = if app.installs(PLUGIN) == Some(true) {
        app.backend.as_ref().map(|backend| (String::new(), backend.path.display().to_string()))
    } else if app.get("auth.keyStore").is_some() {
        Some(("auth.keyStore".to_owned(), "auth.keyStore".to_owned()))
    } else {
        let providers = app.get("auth.providers").and_then(Value::as_object);
        let is_used = providers.is_some_and(|providers| !providers.is_empty());
        let is_removed = app.installs(PLUGIN) == Some(false);
        (is_used && !is_removed).then(|| ("auth.providers".to_owned(), "auth.providers".to_owned()))
    };
    if let Some((place, evidence)) = evidence.filter(|_| urls::auth_endpoint(app).is_some()) {
        findings.problem(
            Code::AppAuthPlugin,
            place,
            format!(
                "the backend has the auth plugin ({evidence}), and discovery sends its callers to the Worker: \
                 the plugin's own routes get 401"
            ),
            "remove the plugin and its settings, or use BACKSTAGE.trust \"shared-key\" without the endpoint of \
             discovery",
        );
    }
}

fn check_packages(app: &AppConfig, findings: &mut Findings) {
    let lacking: Vec<&str> =
        [PLUGIN, PROVIDER].into_iter().filter(|it| app.installs(it) == Some(false)).collect();
    let Some(backend) = app.backend.as_ref().filter(|_| !lacking.is_empty()) else { return };
    findings.problem(
        Code::AppAuthPlugin,
        "",
        format!(
            "{} does not add {}, and BACKSTAGE.trust is \"shared-key\"",
            backend.path.display(),
            lacking.join(" and ")
        ),
        "add backend.add(import('…')) for it, or set trust to \"service\"",
    );
}

fn check_key_store(app: &AppConfig, keys: Option<&Keys>, findings: &mut Findings) {
    let place = "auth.keyStore.static.keys";
    let add = "add keys/app-config.auth.yaml, which `cfaccess keygen --out keys` writes, to the backend's \
               --config";
    let provider = app.get("auth.keyStore.provider");
    if provider.and_then(Value::as_str) != Some("static") {
        if provider.is_some_and(|provider| known(provider).is_none()) {
            return;
        }
        findings.problem(
            Code::AppKeyStore,
            "auth.keyStore.provider",
            "auth.keyStore.provider is not `static`, so the backend does not have the Worker's key, and \
             BACKSTAGE.trust is \"shared-key\"",
            add,
        );
        return;
    }
    let entries = app.get(place).and_then(Value::as_array);
    let Some(entries) = entries.filter(|entries| !entries.is_empty()) else {
        findings.problem(
            Code::AppKeyStore,
            place,
            "auth.keyStore.static has no keys, so the backend does not have the Worker's key",
            add,
        );
        return;
    };
    for (at, entry) in entries.iter().enumerate() {
        check_entry(&format!("{place}[{at}]"), entry, findings);
    }
    let ids: Vec<Option<&str>> =
        entries.iter().map(|entry| entry.get("keyId").and_then(known)).collect();
    let Some(set) = keys.and_then(|keys| SigningKeySet::parse(&keys.text).ok()) else {
        findings.note(
            Code::AppKeyStore,
            place,
            "auth.keyStore.static was not compared with SIGNING_KEYS, which cannot be seen from here",
            "give it with --signing-keys",
        );
        return;
    };
    if ids.contains(&None) {
        return;
    }
    let missing: Vec<&str> =
        set.iter().map(|key| key.id.as_str()).filter(|id| !ids.contains(&Some(*id))).collect();
    let first = set.first().id.as_str();
    if !missing.is_empty() {
        findings.problem(
            Code::AppKeyStore,
            place,
            format!("auth.keyStore.static lacks {} of SIGNING_KEYS", missing.join(" and ")),
            add,
        );
    } else if ids.first() != Some(&Some(first)) {
        findings.problem(
            Code::AppKeyOrder,
            place,
            format!(
                "the first key of auth.keyStore.static is {}, and the Worker signs with {first}: Backstage signs \
                 with its first key",
                ids.first().copied().flatten().unwrap_or_default()
            ),
            format!("move {first} to the front; the others stay published"),
        );
    }
}

fn check_entry(place: &str, entry: &Value, findings: &mut Findings) {
    let lacking: Vec<&str> = ["publicKeyFile", "privateKeyFile", "keyId"]
        .into_iter()
        .filter(|key| entry.get(*key).is_none_or(Value::is_null))
        .collect();
    if !lacking.is_empty() {
        findings.problem(
            Code::AppKeyStore,
            place,
            format!(
                "{place} has no {}, without which the backend does not start",
                lacking.join(" and no ")
            ),
            "copy the entry of keys/app-config.auth.yaml",
        );
    }
    let algorithm = entry.get("algorithm").and_then(known);
    if algorithm.is_some_and(|algorithm| algorithm != "ES256") {
        findings.problem(
            Code::AppKeyStore,
            place,
            format!(
                "{place} is for {}, and the Worker's keys are for ES256",
                algorithm.unwrap_or_default()
            ),
            "write algorithm: ES256",
        );
    }
}

fn check_life(app: &AppConfig, config: &Config, findings: &mut Findings) {
    let place = "auth.backstageTokenExpiration";
    let Some(value) = app.get(place).filter(|value| !value.to_string().contains("${")) else {
        return;
    };
    let object = serde_json::json!({ "life": value });
    let mut ignored = Vec::new();
    let seconds = crate::reader::Reader::new("auth", &object, &mut ignored).seconds("life");
    let ours = config.backstage.token_life;
    if let Some(seconds) = seconds.filter(|seconds| (*seconds).clamp(600, 86_400) != ours) {
        findings.warning(
            Code::AppProviderDiffers,
            place,
            format!(
                "{place} is {seconds} seconds, and BACKSTAGE.backstageTokenExpiration of the Worker is {ours}"
            ),
            "write the same in both",
        );
    }
}

/// The cron handler reads the catalog with a static token.
fn check_cron(app: &AppConfig, deployment: &Deployment, findings: &mut Findings) {
    let crons = deployment.get("triggers.crons").and_then(Value::as_array);
    if crons.is_none_or(Vec::is_empty) || app.get("backend.auth.externalAccess").is_some() {
        return;
    }
    findings.warning(
        Code::CatalogToken,
        "backend.auth.externalAccess",
        "backend.auth.externalAccess is not in these files, and the cron handler reads the catalog with a static \
         token",
        "add an entry of type static, whose token is the secret CATALOG_TOKEN",
    );
}
