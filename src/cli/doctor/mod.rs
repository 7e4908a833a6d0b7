//! `cfaccess doctor`: everything that is wrong with wrangler's configuration, and how to correct it.

mod bindings;
mod cron;
mod exposure;
mod hosts;
mod neighbours;
mod platform;
mod schedule;
mod secrets;
mod settings;
mod values;

use std::fs;
use std::path::{Path, PathBuf};

use chrono::DateTime;

use super::CliError;
use super::output::{put, tell_line};
use super::verify::clock;
use super::wrangler::{self, Deployment, Wrangler};

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// The configuration of the Worker, .toml, .json or .jsonc; by default the file that
    /// `wrangler deploy` takes in this folder
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only this environment, or the top level if it is empty; by default the top level and every one
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// The key set of the secret `SIGNING_KEYS`, to be checked too
    #[arg(long, value_name = "FILE")]
    signing_keys: Option<PathBuf>,
}

const HELP: &str = "\
Nothing is fetched and nothing is changed. What is looked at:
  CFACCESS, BACKSTAGE   read as the Worker reads them; how they and the routes fit together
  SIGNING_KEYS          from --signing-keys or a .dev.vars beside the file: the set, and whether
                        the halves of each key belong together; what is deployed cannot be seen
  KV                    CATALOG and ACCESS_CACHE, with ids that are not made up
  exposure              workers_dev, preview_urls, routes, cache, assets, compatibility flags
  platform              compatibility date, CPU limit, observability, secrets.required
  environments          routes and KV namespaces that two of them share
  triggers              whether and how often the cron handler runs, and where it reads the catalog
  build                 name, main, compatibility_date

Each problem is a line on stderr that begins with `error:`; what is legal but seldom meant begins
with `warning:`, what could not be checked with `note:`.

Exit codes: 0 no problem (there may be warnings and notes); 1 a problem; 2 wrong usage.

Examples:
  cfaccess doctor
  cfaccess doctor --config wrangler.toml --env production --signing-keys keys/signing-keys.json";

/// What was found out about one deployment.
#[derive(Debug, Default)]
struct Findings {
    /// What keeps it from working, or from being safe.
    problems: Vec<String>,
    /// What is legal but seldom meant.
    warnings: Vec<String>,
    /// What could not be checked.
    notes: Vec<String>,
}

impl Findings {
    fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    fn warning(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }

    fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }
}

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let config = args.config.clone().map_or_else(wrangler::find, Ok)?;
    let wrangler = Wrangler::read(&config)?;
    let given = args.signing_keys.as_deref().map(secrets::from_file).transpose()?;
    let is_own_worker = is_own_worker(&config);
    let today = DateTime::from_timestamp(clock(), 0).unwrap_or_default().date_naive();
    let folder = config.parent().unwrap_or(Path::new(""));
    let all = wrangler.deployments(None)?;
    let mut problems = Vec::new();
    for deployment in wrangler.deployments(args.env.as_deref())? {
        let keys = given.clone().or_else(|| secrets::from_dev_vars(&wrangler.path, &deployment));
        let mut findings = examine(&deployment, is_own_worker, keys.as_ref());
        platform::check(&deployment, folder, today, &mut findings);
        neighbours::check(&deployment, &all, &mut findings);
        let place = format!("{}{}", config.display(), deployment.label());
        for text in &findings.notes {
            tell_line(&format!("note: {place}: {text}"));
        }
        for text in &findings.warnings {
            tell_line(&format!("warning: {place}: {text}"));
        }
        let count = findings.problems.len();
        put(&format!("{place}: {count} problem{}\n", if count == 1 { "" } else { "s" }))?;
        problems.extend(findings.problems.iter().map(|text| format!("{place}: {text}")));
    }
    if problems.is_empty() { Ok(()) } else { Err(CliError(problems)) }
}

/// Whether the Worker has code of its own: the crate beside wrangler.toml depends on this one.
fn is_own_worker(config: &Path) -> bool {
    let manifest = fs::read_to_string(config.with_file_name("Cargo.toml")).unwrap_or_default();
    let manifest: toml::Table = toml::from_str(&manifest).unwrap_or_default();
    let dependencies = manifest.get("dependencies");
    dependencies.is_some_and(|it| it.get(env!("CARGO_PKG_NAME")).is_some())
}

fn examine(deployment: &Deployment, is_own_worker: bool, keys: Option<&secrets::Keys>) -> Findings {
    let mut findings = Findings::default();
    let config = settings::check(deployment, is_own_worker, keys, &mut findings);
    bindings::check(deployment, &mut findings);
    exposure::check(deployment, config.as_ref(), &mut findings);
    cron::check(deployment, config.as_ref(), &mut findings);
    findings
}
