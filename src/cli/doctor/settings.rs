//! `CFACCESS`, `BACKSTAGE` and `SIGNING_KEYS`: read as the Worker reads them, and whether their
//! parts make sense together.

use serde_json::{Value, json};

use super::super::es256::{NewKey, secret_key};
use super::super::wrangler::Deployment;
use super::findings::{Code, Findings};
use super::hosts::host_in;
use super::platform::VAR_MAX;
use super::refused;
use super::secret_vars;
use super::secrets::Keys;
use super::values;
use crate::config::{AppCode, AttachToken, BackstageConfig, Config, Mode, RawConfig, Trust};
use crate::sign_in::OnUserNotFound;

/// The audience in the wrangler.toml that comes with the package.
const EXAMPLE_AUDIENCE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Whether a var is deployed as a secret instead.
fn is_secret(deployment: &Deployment, name: &str) -> bool {
    let required = deployment.get("secrets.required").and_then(Value::as_array);
    deployment.var(name).is_none() && required.into_iter().flatten().any(|it| it == name)
}

/// The configuration, if it can be read.
pub(super) fn check(
    deployment: &Deployment,
    is_own_worker: bool,
    keys: Option<&Keys>,
    findings: &mut Findings,
) -> Option<Config> {
    secret_vars::check(deployment, findings);
    let hidden: Vec<&str> =
        ["CFACCESS", "BACKSTAGE"].into_iter().filter(|name| is_secret(deployment, name)).collect();
    if !hidden.is_empty() {
        let names = hidden.join(" and ");
        findings.note(
            Code::VarsUnseen,
            "secrets.required",
            format!("{names} is a secret and cannot be seen from here"),
            "make it a var, so that it is checked: it holds nothing secret",
        );
        return None;
    }
    let stand_in = json!({ "keys": [NewKey::random(None).to_jwk()] }).to_string();
    let source = RawConfig {
        cfaccess: deployment.var("CFACCESS"),
        backstage: deployment.var("BACKSTAGE"),
        signing_keys: Some(keys.map_or(stand_in, |keys| keys.text.clone())),
    };
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
            refused::report(&problems, deployment, keys, findings);
            None
        }
    }
}

fn check_keys(config: &Config, keys: Option<&Keys>, findings: &mut Findings) {
    let Some(keys) = keys else {
        findings.note(
            Code::SigningKeysUnseen,
            "SIGNING_KEYS",
            "SIGNING_KEYS is a secret and cannot be seen from here",
            "give it with --signing-keys, and see with `wrangler secret list` that it is deployed",
        );
        return;
    };
    if keys.text.len() > VAR_MAX {
        findings.problem(
            Code::SecretSize,
            "SIGNING_KEYS",
            format!("SIGNING_KEYS has {} bytes, and a secret may have {VAR_MAX}", keys.text.len()),
            "take out the keys that no token is signed with any more: `cfaccess keygen --retire`",
        );
    }
    for key in config.signing_keys.iter() {
        if let Err(why) = secret_key(key) {
            findings.problem(
                Code::SigningKeys,
                "SIGNING_KEYS",
                format!("SIGNING_KEYS: the key {} {why} (from {})", key.id, keys.place),
                "create a new one with `cfaccess keygen`",
            );
        }
    }
}

fn check_access(config: &Config, findings: &mut Findings) {
    for audience in &config.access.audience {
        let is_tag = audience.len() == 64 && audience.bytes().all(|byte| byte.is_ascii_hexdigit());
        let place = "vars.CFACCESS.audience";
        let remedy = "copy the AUD tag of the Access application (Zero Trust dashboard, Access, \
                      Applications, Additional settings)";
        let is_zero = is_tag && audience.bytes().all(|digit| digit == b'0');
        if audience.eq_ignore_ascii_case(EXAMPLE_AUDIENCE) || is_zero {
            findings.problem(
                Code::Example,
                place,
                "CFACCESS.audience is still the example's",
                remedy,
            );
        } else if !is_tag {
            findings.warning(
                Code::Audience,
                place,
                format!(
                    "CFACCESS.audience holds `{audience}`; an AUD tag has 64 hexadecimal digits"
                ),
                remedy,
            );
        }
    }
    for key in &config.without_effect {
        findings.warning(
            Code::NoEffect,
            format!("vars.CFACCESS.{key}"),
            format!(
                "CFACCESS.{key} has no effect, as in the official provider: Access decides how long a session \
                 lasts, and BACKSTAGE.backstageTokenExpiration how long a token does"
            ),
            "remove it",
        );
    }
    let own: Vec<&str> = own_resolvers(config).collect();
    if config.sign_in.allows_users_outside_catalog && own.is_empty() {
        findings.warning(
            Code::UsersOutsideCatalog,
            "vars.CFACCESS.signIn.resolvers",
            "CFACCESS.signIn signs in users who are not in the catalog \
             (dangerouslyAllowSignInWithoutUserInCatalog)",
            "take the option out, unless you mean it",
        );
    }
    check_resolvers(config, &own, findings);
    if config.sign_in.import.transitive_groups {
        findings.note(
            Code::TransitiveGroups,
            "vars.CFACCESS.catalog.groups",
            "CFACCESS.catalog.groups is `transitive`",
            "`cfaccess catalog push` and the cron handler read the groups too. Tokens that Backstage itself \
             issues have only direct groups unless it has an ownership resolver",
        );
    }
    if config.sign_in.expose_assertion {
        findings.warning(
            Code::ExposeAssertion,
            "vars.CFACCESS.exposeAssertion",
            "CFACCESS.exposeAssertion gives the raw assertion to every script in the page",
            "take it out, unless your front end needs it",
        );
    }
}

fn check_resolvers(config: &Config, own: &[&str], findings: &mut Findings) {
    let place = "vars.CFACCESS.signIn.resolvers";
    if config.sign_in.resolvers.is_empty() {
        findings.note(
            Code::OwnResolver,
            place,
            "CFACCESS.signIn.resolvers is absent, which is right if the code of the Worker calls `sign_in`",
            "otherwise name a resolver",
        );
    } else if !own.is_empty() {
        findings.note(
            Code::OwnResolver,
            place,
            format!("CFACCESS.signIn names {}, of your own Worker", own.join(" and ")),
            "it checks their options when it starts",
        );
    }
    let import = &config.sign_in.import;
    let found_by: Vec<&str> =
        import.annotations.iter().chain(&import.indexes).map(String::as_str).collect();
    if !found_by.is_empty() {
        findings.note(
            Code::CatalogPush,
            place,
            format!("CFACCESS.signIn finds users by {}", found_by.join(" and ")),
            "KV knows them by it after the next `cfaccess catalog push` with this file",
        );
    }
}

fn check_backstage(config: &Config, findings: &mut Findings) {
    let backstage = &config.backstage;
    check_base_url(backstage, findings);
    let own: Vec<&str> = own_resolvers(config).collect();
    if asks_origin(config) && !own.is_empty() {
        findings.warning(
            Code::OriginProvider,
            "vars.CFACCESS.signIn.resolvers",
            format!(
                "the origin's provider does not know {}: with trust \"shared-key\", mode \"shadow\" or \
                 onUserNotFound \"origin\" it may find another user or none",
                own.join(" and ")
            ),
            "give the provider in the backend the same resolver",
        );
    }
    if backstage.attach_token == AttachToken::ServiceTokens
        && config.access.service_tokens.is_empty()
    {
        findings.warning(
            Code::AttachToken,
            "vars.BACKSTAGE.attachToken",
            "BACKSTAGE.attachToken is \"service-tokens\", and CFACCESS.serviceTokens names none: no request gets \
             a token, and every service token is refused below /api/",
            "add the service tokens, or take attachToken out",
        );
    }
    // Both ask the origin's own provider, which the set-up alone does without.
    if backstage.trust == Trust::Service {
        let needs = "asks the backend's own auth plugin and Cloudflare Access provider";
        if backstage.mode == Mode::Shadow {
            findings.warning(
                Code::OriginProvider,
                "vars.BACKSTAGE.mode",
                format!("BACKSTAGE.mode = \"shadow\" {needs}"),
                "keep both installed, or set it to \"answer\"",
            );
        }
        if config.sign_in.on_user_not_found == OnUserNotFound::Origin {
            findings.warning(
                Code::OriginProvider,
                "vars.CFACCESS.onUserNotFound",
                format!("CFACCESS.onUserNotFound = \"origin\" {needs}"),
                "keep both installed, or set it to \"refuse\"",
            );
        }
    }
}

/// Whether the origin's own provider is asked for users too.
pub(super) fn asks_origin(config: &Config) -> bool {
    config.backstage.trust == Trust::SharedKey
        || config.backstage.mode == Mode::Shadow
        || config.sign_in.on_user_not_found == OnUserNotFound::Origin
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
    let place = "vars.BACKSTAGE.baseUrl";
    let is_local = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
    if backstage.issuer.starts_with("http://") && !is_local {
        findings.warning(
            Code::PlainHttp,
            place,
            "BACKSTAGE.baseUrl is not https",
            "write the URL that users open",
        );
    }
    if host == "example.com" || host.ends_with(".example.com") {
        findings.warning(
            Code::Example,
            place,
            format!("BACKSTAGE.baseUrl names {host}, an example"),
            "write `backend.baseUrl` of app-config",
        );
    }
}
