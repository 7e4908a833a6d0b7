//! `BACKSTAGE`: what Backstage is told, and where it is.

use serde_json::Value;

use super::url::PlainUrl;
use crate::backstage::OwnershipClaim;
use crate::problem::Problem;
use crate::reader::Reader;

/// Bounds and default of the life of a Backstage token, in seconds
/// (`readTokenExpiration` of `@backstage/plugin-auth-backend`).
const TOKEN_LIFE_MIN: u32 = 600;
const TOKEN_LIFE_MAX: u32 = 86_400;
const TOKEN_LIFE_DEFAULT: u32 = 3_600;

/// What Backstage is told, and where it is.
#[derive(Clone, Debug)]
pub struct BackstageConfig {
    /// The path of the auth plugin, such as `/api/auth`.
    pub auth_path: String,
    /// The issuer of Backstage tokens: the URL of the auth plugin.
    pub issuer: String,
    /// How the backend comes to trust our tokens.
    pub trust: Trust,
    /// The life of a Backstage token, in seconds.
    pub token_life: u32,
    /// Whether the token carries `ent`.
    pub ownership_claim: OwnershipClaim,
    /// Whose forwarded requests get the Backstage token of their caller.
    pub attach_token: AttachToken,
    /// Origins of front ends that are served from elsewhere.
    pub cors_origins: Vec<String>,
    /// Where to forward to; `None` is the request's own host, whose origin a routed Worker reaches.
    pub origin: Option<String>,
    /// Path prefixes that are forwarded without an assertion.
    pub public_paths: Vec<String>,
    /// Who answers.
    pub mode: Mode,
    /// The share of forwarded requests that is logged, from 0 to 1. Refusals, faults, sign-ins and the
    /// origin's own errors always are.
    pub log_forwarded: f64,
    /// Whether the Worker's own answers say in `Server-Timing` where their time went.
    pub server_timing: bool,
}

/// Forwarded requests are most of the lines, and a line costs money.
const LOG_FORWARDED: f64 = 0.01;

/// How the backend comes to trust our tokens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trust {
    /// The Worker is the auth service.
    Service,
    /// Our public key is one of the backend's.
    SharedKey,
}

/// Whose forwarded requests get the Backstage token of their caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AttachToken {
    /// None.
    Never,
    /// Those of service tokens.
    ServiceTokens,
    /// Those of service tokens, and those of users that show no browser.
    NonBrowser,
}

/// Who answers the refresh route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// The Worker.
    Answer,
    /// The origin; the Worker compares.
    Shadow,
}

pub(super) fn read(value: &Value, problems: &mut Vec<Problem>) -> Option<BackstageConfig> {
    let mut reader = Reader::new("BACKSTAGE", value, problems);
    let base_url = base_url(&mut reader);
    let trust =
        reader.one_of("trust", &[("service", Trust::Service), ("shared-key", Trust::SharedKey)]);
    let token_life = token_life(&mut reader);
    let ownership_claim = ownership_claim(&mut reader);
    let attach_token = reader.one_of(
        "attachToken",
        &[
            ("never", AttachToken::Never),
            ("service-tokens", AttachToken::ServiceTokens),
            ("non-browser", AttachToken::NonBrowser),
        ],
    );
    let cors_origins = cors_origins(&mut reader);
    let origin = origin(&mut reader);
    if let (Some(origin), Some(base_url)) = (&origin, &base_url)
        && is_same_host(origin, &base_url.origin)
    {
        reader.problem(
            "origin",
            format!(
                "must not be the host of baseUrl, `{origin}`, which is the Worker itself: set it to \
                 an address of Backstage's own, or leave it out on a route of a zone"
            ),
        );
    }
    let public_paths = public_paths(&mut reader);
    let mode = reader.one_of("mode", &[("answer", Mode::Answer), ("shadow", Mode::Shadow)]);
    let log = reader.below("log", |log| (log_forwarded(log), log.boolean("serverTiming")));
    let (log_forwarded, server_timing) = log.unwrap_or_default();
    let log_forwarded = log_forwarded.unwrap_or(LOG_FORWARDED);
    reader.finish();
    let base_url = base_url?;
    let auth_path = format!("{}/api/auth", base_url.path);
    Some(BackstageConfig {
        issuer: format!("{}{auth_path}", base_url.origin),
        auth_path,
        trust: trust?,
        token_life,
        ownership_claim,
        attach_token: attach_token?,
        cors_origins,
        origin,
        public_paths,
        mode: mode?,
        log_forwarded,
        server_timing,
    })
}

fn base_url(reader: &mut Reader<'_>) -> Option<PlainUrl> {
    let text =
        reader.required_string("baseUrl", "the `backend.baseUrl` of Backstage's app-config")?;
    let url = PlainUrl::parse(&text);
    if url.is_none() {
        reader.problem(
            "baseUrl",
            format!("must be a plain URL such as `https://backstage.example.com`, not `{text}`"),
        );
    }
    url
}

fn token_life(reader: &mut Reader<'_>) -> u32 {
    reader
        .seconds("backstageTokenExpiration")
        .map_or(TOKEN_LIFE_DEFAULT, |seconds| seconds.clamp(TOKEN_LIFE_MIN, TOKEN_LIFE_MAX))
}

fn log_forwarded(reader: &mut Reader<'_>) -> Option<f64> {
    let share = reader.value("forwarded")?.as_f64().filter(|share| (0.0..=1.0).contains(share));
    if share.is_none() {
        reader.problem("forwarded", "must be a number from 0 to 1");
    }
    share
}

fn ownership_claim(reader: &mut Reader<'_>) -> OwnershipClaim {
    let key = "omitIdentityTokenOwnershipClaim";
    match reader.value(key) {
        None => OwnershipClaim::WhileSmall,
        Some(Value::Bool(true)) => OwnershipClaim::Never,
        Some(Value::Bool(false)) => OwnershipClaim::Always,
        Some(Value::String(text)) if text.trim() == "auto" => OwnershipClaim::WhileSmall,
        Some(_) => {
            reader.problem(key, "must be true, false or `auto`");
            OwnershipClaim::WhileSmall
        }
    }
}

fn cors_origins(reader: &mut Reader<'_>) -> Vec<String> {
    let texts = reader.strings("corsOrigins");
    let mut origins = Vec::new();
    for text in texts {
        match PlainUrl::parse(&text) {
            Some(url) if url.path.is_empty() && !text.ends_with('/') => origins.push(url.origin),
            _ => reader.problem(
                "corsOrigins",
                format!(
                    "must hold origins such as `https://app.example.com`, not `{text}`: the \
                     answers are given with credentials, so there are no wildcards"
                ),
            ),
        }
    }
    origins
}

fn origin(reader: &mut Reader<'_>) -> Option<String> {
    let text = reader.string("origin")?;
    match PlainUrl::parse(&text) {
        Some(url) if url.path.is_empty() => Some(url.origin),
        _ => {
            reader.problem(
                "origin",
                format!("must be an origin such as `https://origin.example.com`, not `{text}`"),
            );
            None
        }
    }
}

fn public_paths(reader: &mut Reader<'_>) -> Vec<String> {
    let paths = reader.strings("publicPaths");
    for path in &paths {
        let is_plain = path.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~')
        });
        let has_dots = path.split('/').any(|segment| segment.starts_with("..") || segment == ".");
        if !path.starts_with('/') || !is_plain || path.contains("//") || has_dots {
            reader.problem("publicPaths", format!("must hold plain paths, not `{path}`"));
        } else if path == "/" {
            reader.problem("publicPaths", "must not hold `/`: it would open every path");
        }
    }
    paths
}

/// Whether a public path would let requests to the auth plugin's provider through unverified. Case
/// does not count, because Backstage's routers ignore it. Only the health route may be public.
pub(super) fn opens_sign_in(path: &str, auth_path: &str, provider: &str) -> bool {
    let path = format!("{}/", path.trim_end_matches('/').to_ascii_lowercase());
    [auth_path, "/api/auth"].iter().any(|auth_path| {
        let provider = format!("{auth_path}/{provider}/").to_ascii_lowercase();
        let is_health = path == format!("{provider}health/");
        // The plugin and what it lies below; the provider and what lies below it.
        format!("{auth_path}/").to_ascii_lowercase().starts_with(&path)
            || path.starts_with(&provider) && !is_health
    })
}

/// Whether two origins are one host and port. Without a port, `http` and `https` are the same: a route
/// takes both.
fn is_same_host(a: &str, b: &str) -> bool {
    let authority = |origin: &str| {
        let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
        let plain = authority.strip_suffix(":443").or_else(|| authority.strip_suffix(":80"));
        plain.unwrap_or(authority).to_owned()
    };
    authority(a) == authority(b)
}
