//! `cfaccess verify`: what the Worker would say of an assertion, and why.

mod report;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::CliError;
use super::clock;
use super::es256::NewKey;
use super::files;
use super::output::put;
use super::ports::{Native, block_on};
use super::wrangler::Wrangler;
use crate::access::AccessPolicy;
use crate::access::{self, JwkSet, JwksCache};
use crate::config::{AppCode, Config, RawConfig};
use crate::scope::Scope;

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// The team's name, or its whole domain
    #[arg(long, value_name = "NAME", required_unless_present = "config")]
    team: Option<String>,
    /// An accepted audience tag; several are given one by one or with commas
    #[arg(long, value_name = "AUD", value_delimiter = ',', required_unless_present = "config")]
    audience: Vec<String>,
    /// Where to take from what of --team and --audience is not given
    #[arg(long, value_name = "WRANGLER_TOML")]
    config: Option<PathBuf>,
    /// The environment of that file
    #[arg(long, value_name = "NAME", requires = "config")]
    env: Option<String>,
    /// The team's certs document; without it, Access is asked for it
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// The time to verify at, in seconds since 1970, instead of now
    #[arg(long, value_name = "SECONDS")]
    now: Option<i64>,
    /// The assertion; `-` reads it from stdin, which keeps it out of the shell's history
    #[arg(value_name = "TOKEN")]
    token: String,
}

const HELP: &str = "\
The assertion is verified by the code that the Worker runs. It goes nowhere: only the keys are
fetched, from https://<team>.cloudflareaccess.com/cdn-cgi/access/certs. The token is never printed;
its claims are.

Exit codes: 0 accepted; 1 refused, or the keys could not be had; 2 wrong usage.

Examples:
  pbpaste | cfaccess verify --team acme --audience 0a1b… -
  cfaccess verify --config wrangler.toml --env production - < token.txt
  cfaccess verify --team acme --audience 0a1b… --jwks certs.json --now 1764000000 \"$TOKEN\"

A browser shows its assertion as the cookie CF_Authorization of Backstage's host.";

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let config = config(args)?;
    let certs = args.jwks.as_deref().map(certs).transpose()?;
    let token = token(&args.token)?;
    let now = time(args.now)?;
    let ports = Native { certs };
    let scope = Scope::new(now, &ports);
    match block_on(access::verify(&token, &scope, &config, &JwksCache::default())) {
        Ok(assertion) => {
            put(&report::accepted(&assertion, now))?;
            Ok(())
        }
        Err(stop) => {
            put(&report::stopped(&stop, &token, &config, now))?;
            Err(format!("not accepted: {}", stop.code()).into())
        }
    }
}

/// A setting and how messages name it.
struct Setting {
    key: &'static str,
    name: String,
    value: Option<Value>,
}

impl Setting {
    /// Takes from a deployment's `CFACCESS` what was not given on the command line.
    fn or_of(&mut self, cfaccess: &Value, place: &str) {
        if self.value.is_none() {
            self.value = cfaccess.get(self.key).cloned();
            self.name = format!("{place}.{}", self.key);
        }
    }
}

/// What the Worker would make of team and audience. The rest of its configuration does not matter
/// here and is made up.
fn config(args: &Args) -> Result<AccessPolicy, CliError> {
    let team = args.team.clone().map(Value::from);
    let mut team = Setting { key: "teamName", name: "--team".to_owned(), value: team };
    let audience = (!args.audience.is_empty()).then(|| json!(args.audience));
    let mut audience = Setting { key: "audience", name: "--audience".to_owned(), value: audience };
    if let Some(file) = &args.config {
        let (cfaccess, place) = cfaccess(file, args.env.as_deref())?;
        team.or_of(&cfaccess, &place);
        audience.or_of(&cfaccess, &place);
    }
    let cfaccess = json!({
        "teamName": team.value,
        "audience": audience.value,
        "signIn": { "resolvers": [{ "resolver": "emailMatchingUserEntityProfileEmail" }] },
    });
    let source = RawConfig {
        cfaccess: Some(cfaccess.to_string()),
        backstage: Some(json!({ "baseUrl": "https://backstage.invalid" }).to_string()),
        signing_keys: Some(json!({ "keys": [NewKey::random(None).to_jwk()] }).to_string()),
    };
    Config::read(&source, &AppCode::unknown()).map(|config| config.access).map_err(|problems| {
        let in_words = |text: String| {
            text.replace("CFACCESS.teamName", &team.name)
                .replace("CFACCESS.audience", &audience.name)
        };
        CliError(problems.iter().map(|problem| in_words(problem.to_string())).collect())
    })
}

/// `CFACCESS` of the one deployment that is meant, and the place where it stands.
fn cfaccess(file: &Path, env: Option<&str>) -> Result<(Value, String), String> {
    let name = file.display();
    let deployments = Wrangler::read(file)?.deployments(env)?;
    let [deployment] = deployments.as_slice() else {
        return Err(format!("{name}: has several environments; choose one with --env"));
    };
    let place = format!("{name}{}: CFACCESS", deployment.label());
    let text = deployment.var("CFACCESS").ok_or_else(|| format!("{place} is missing"))?;
    let cfaccess =
        serde_json::from_str(&text).map_err(|error| format!("{place} is not JSON: {error}"))?;
    Ok((cfaccess, place))
}

/// The certs document of a file, with at least one usable key in it.
fn certs(file: &Path) -> Result<String, String> {
    let name = file.display();
    let text = files::read_text(file)?;
    JwkSet::parse(&text).map_err(|error| format!("{name}: {error}"))?;
    Ok(text)
}

fn token(argument: &str) -> Result<String, String> {
    if argument != "-" {
        return Ok(argument.trim().to_owned());
    }
    let mut bytes = Vec::new();
    std::io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| format!("stdin: cannot be read: {error}"))?;
    // Whatever is no text is no base64url either, and refused as such.
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

fn time(now: Option<i64>) -> Result<DateTime<Utc>, String> {
    let now = now.unwrap_or_else(clock::now);
    DateTime::from_timestamp(now, 0).ok_or_else(|| format!("--now {now} is no time"))
}
