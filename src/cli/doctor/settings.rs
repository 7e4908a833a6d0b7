//! `CFACCESS`, `BACKSTAGE` and `SIGNING_KEYS`: read as the Worker reads them, and whether their
//! parts make sense together.

use serde_json::json;

use super::super::es256::{NewKey, secret_key};
use super::super::wrangler::Deployment;
use super::Findings;
use super::hosts::host_in;
use super::secrets::Keys;
use super::values;
use crate::config::{AppCode, AttachToken, BackstageConfig, Config, Mode, RawConfig, Trust};
use crate::sign_in::OnUserNotFound;

/// The audience in the wrangler.toml that comes with the package.
const EXAMPLE_AUDIENCE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Bindings that are secrets, which wrangler.toml must not hold.
const SECRETS: [&str; 2] = ["SIGNING_KEYS", "CATALOG_TOKEN"];

/// The configuration, if it can be read.
pub(super) fn check(
    deployment: &Deployment,
    is_own_worker: bool,
    keys: Option<&Keys>,
    findings: &mut Findings,
) -> Option<Config> {
    for secret in SECRETS.iter().filter(|name| deployment.var(name).is_some()) {
        findings.problem(format!(
            "{secret} is a secret and must not be in [vars]: take it out and run `wrangler secret \
             put {secret}`"
        ));
    }
    let stand_in = json!({ "keys": [NewKey::random(None).to_jwk()] }).to_string();
    let source = RawConfig {
        cfaccess: deployment.var("CFACCESS"),
        backstage: deployment.var("BACKSTAGE"),
        signing_keys: Some(keys.map_or(stand_in, |keys| keys.text.clone())),
    };
    let is_incomplete = source.cfaccess.is_none() || source.backstage.is_none();
    let code = if is_own_worker { AppCode::unknown_own() } else { AppCode::unknown() };
    match Config::read(&source, &code) {
        Ok(config) => {
            check_keys(&config, keys, findings);
            check_access(&config, findings);
            check_backstage(&config, findings);
            values::check(deployment, &config, findings);
            Some(config)
        }
        Err(problems) => {
            for problem in &problems {
                let place = keys.filter(|_| problem.path == "SIGNING_KEYS");
                let place = place.map(|keys| format!(" (from {})", keys.place));
                findings.problem(format!("{problem}{}", place.unwrap_or_default()));
            }
            if is_incomplete && deployment.env.is_some() {
                findings.note("an environment does not inherit [vars]: it needs its own");
            }
            None
        }
    }
}

fn check_keys(config: &Config, keys: Option<&Keys>, findings: &mut Findings) {
    let Some(keys) = keys else {
        findings.note(
            "SIGNING_KEYS is a secret and cannot be seen from here: give it with --signing-keys, \
             and see with `wrangler secret list` that it is deployed",
        );
        return;
    };
    values::check_size(&keys.text, findings);
    for key in config.signing_keys.iter() {
        if let Err(why) = secret_key(key) {
            findings.problem(format!(
                "SIGNING_KEYS: the key {} {why}: make a new one with `cfaccess keygen` (from {})",
                key.id, keys.place
            ));
        }
    }
}

fn check_access(config: &Config, findings: &mut Findings) {
    for audience in &config.access.audience {
        let is_tag = audience.len() == 64 && audience.bytes().all(|byte| byte.is_ascii_hexdigit());
        if audience == EXAMPLE_AUDIENCE {
            findings.problem(
                "CFACCESS.audience is still the example's: copy the AUD tag of the Access \
                 application (Zero Trust dashboard, Access, Applications, Additional settings)",
            );
        } else if !is_tag {
            findings.warning(format!(
                "CFACCESS.audience holds `{audience}`; an AUD tag has 64 hexadecimal digits"
            ));
        }
    }
    for key in &config.without_effect {
        findings.warning(format!(
            "CFACCESS.{key} has no effect, as in the official provider: Access decides how long a session \
             lasts, and BACKSTAGE.backstageTokenExpiration how long a token does. Remove it"
        ));
    }
    for token in &config.access.service_tokens {
        if !token.token.to_ascii_lowercase().ends_with(".access") {
            findings.warning(format!(
                "CFACCESS.serviceTokens holds `{}`; a client id ends in `.access`",
                token.token
            ));
        }
    }
    let own: Vec<&str> = own_resolvers(config).collect();
    if config.sign_in.allows_users_outside_catalog && own.is_empty() {
        findings.warning(
            "CFACCESS.signIn signs in users who are not in the catalog \
             (dangerouslyAllowSignInWithoutUserInCatalog)",
        );
    }
    if config.sign_in.resolvers.is_empty() {
        findings.note(
            "CFACCESS.signIn.resolvers is absent, which is right if the code of the Worker calls `sign_in`",
        );
    } else if !own.is_empty() {
        findings.note(format!(
            "CFACCESS.signIn names {}, of your own Worker: it checks their options when it starts",
            own.join(" and ")
        ));
    }
    let import = &config.sign_in.import;
    let found_by: Vec<&str> =
        import.annotations.iter().chain(&import.indexes).map(String::as_str).collect();
    if !found_by.is_empty() {
        findings.note(format!(
            "CFACCESS.signIn finds users by {}: KV knows them by it after the next `cfaccess catalog \
             push` with this file",
            found_by.join(" and ")
        ));
    }
    if config.sign_in.import.transitive_groups {
        findings.note(
            "CFACCESS.catalog.groups is `transitive`: `cfaccess catalog push` and the cron handler read the \
             groups too. Tokens that Backstage itself issues have only direct groups unless it has an \
             ownership resolver",
        );
    }
    if config.sign_in.expose_assertion {
        findings.warning(
            "CFACCESS.exposeAssertion gives the raw assertion to every script in the page",
        );
    }
}

fn check_backstage(config: &Config, findings: &mut Findings) {
    let backstage = &config.backstage;
    check_base_url(backstage, findings);
    let own: Vec<&str> = own_resolvers(config).collect();
    let asks_origin = backstage.trust == Trust::SharedKey
        || backstage.mode == Mode::Shadow
        || config.sign_in.on_user_not_found == OnUserNotFound::Origin;
    if asks_origin && !own.is_empty() {
        findings.warning(format!(
            "the origin's provider does not know {}: with trust \"shared-key\", mode \"shadow\" or \
             onUserNotFound \"origin\" it may find another user or none",
            own.join(" and ")
        ));
    }
    if backstage.attach_token == AttachToken::ServiceTokens
        && config.access.service_tokens.is_empty()
    {
        findings.warning(
            "BACKSTAGE.attachToken is \"service-tokens\", and CFACCESS.serviceTokens names none: no request gets \
             a token, and every service token is refused below /api/",
        );
    }
    // Both ask the origin's own provider, which the recommended set-up does without.
    if backstage.trust == Trust::Service {
        let needs = "asks the backend's own auth plugin and Cloudflare Access provider: keep both \
                     installed, or set";
        if backstage.mode == Mode::Shadow {
            findings.warning(format!("BACKSTAGE.mode = \"shadow\" {needs} it to \"answer\""));
        }
        if config.sign_in.on_user_not_found == OnUserNotFound::Origin {
            findings
                .warning(format!("CFACCESS.onUserNotFound = \"origin\" {needs} it to \"refuse\""));
        }
    }
}

/// The resolvers that are not built in, by name. Without any resolver in the configuration it is the one
/// in the code.
fn own_resolvers(config: &Config) -> impl Iterator<Item = &str> {
    let resolvers = &config.sign_in.resolvers;
    let unnamed = resolvers.is_empty().then_some("the resolver in your code");
    resolvers.iter().map(|it| it.name.as_str()).filter(|name| name.contains('/')).chain(unnamed)
}

fn check_base_url(backstage: &BackstageConfig, findings: &mut Findings) {
    let host = host_in(&backstage.issuer);
    let is_local = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
    if backstage.issuer.starts_with("http://") && !is_local {
        findings.warning("BACKSTAGE.baseUrl is not https");
    }
    if host == "example.com" || host.ends_with(".example.com") {
        findings.warning(format!("BACKSTAGE.baseUrl names {host}, an example"));
    }
}
