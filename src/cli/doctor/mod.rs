//! `cfaccess doctor`: everything that is wrong with the configuration, and how to correct it.

mod app_config;
mod binding_names;
mod bindings;
mod catalog;
mod cron;
mod domains;
mod exposure;
mod file_keys;
mod finder;
mod findings;
mod flags;
mod hosts;
mod misplaced_vars;
mod neighbours;
mod online;
mod platform;
mod refused;
mod routes;
mod schedule;
mod secret_vars;
mod secrets;
mod settings;
mod slips;
mod urls;
mod values;

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate};
use glob::Pattern;

use self::findings::{Code, Finding, Findings, Report};
use super::catalog::annotation_name;
use super::clock;
use super::wrangler::{self, Deployment, Wrangler};
use super::{CliError, headers};
use crate::config::Config;

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
    /// Backstage's configuration, to be checked with the Worker's: the files of its `--config`, in order
    #[arg(long, value_name = "FILE", num_args = 1..)]
    app_config: Vec<PathBuf>,
    /// A catalog, in the forms that `catalog build` reads, to be checked with the resolvers and rules
    #[arg(long, value_name = "FILE_OR_DIR", num_args = 1..)]
    catalog: Vec<PathBuf>,
    /// What is left out of folders of --catalog: a glob such as `**/test/**`
    #[arg(long, value_name = "GLOB", requires = "catalog")]
    exclude: Vec<Pattern>,
    /// A further annotation that users of --catalog are found by
    #[arg(long, value_name = "NAME", requires = "catalog", value_parser = annotation_name)]
    annotation: Vec<String>,
    /// Also ask what is deployed: the URL of Backstage, as users open it
    #[arg(long, value_name = "URL", value_parser = online::base_url)]
    online: Option<String>,
    /// A header for --online, such as those of an Access service token: `NAME: VALUE` or
    /// `NAME: env:VARIABLE`
    #[arg(long, value_name = "NAME: VALUE", requires = "online")]
    header: Vec<String>,
    /// A file of such headers, one a line
    #[arg(long, value_name = "FILE", requires = "online")]
    header_file: Vec<PathBuf>,
    /// Write one JSON object to stdout
    #[arg(long)]
    json: bool,
}

const HELP: &str = "\
Nothing is changed, and without --online nothing is fetched. What is looked at:
  CFACCESS, BACKSTAGE   read as the Worker reads them; how they and the routes fit together
  SIGNING_KEYS          from --signing-keys or a .dev.vars beside the file: the set, and whether
                        the halves of each key belong together; what is deployed cannot be seen
  KV                    CATALOG and ACCESS_CACHE, with ids that are not made up
  exposure              workers_dev, preview_urls, routes, cache, assets, compatibility flags
  platform              compatibility date, CPU limit, observability, secrets.required
  environments          names, routes and KV namespaces that two of them share
  triggers              whether and how often the cron handler runs, and where it reads the catalog
  build                 name, main, compatibility_date
  --catalog             whom the resolvers find, groups of the rules, tokens that do not fit
  --app-config          discovery, the auth plugin, its provider and key store, URLs, CORS
  --online              certs, JWKS, userinfo, health, catalog, a preflight; each within 5 seconds

Each problem is a line on stderr that begins with `error:`; what is legal but seldom meant begins
with `warning:`, what could not be checked with `note:`. --json writes the same as data. The checks and their
codes are in docs/doctor.md.

Exit codes: 0 no problem (there may be warnings and notes); 1 a problem; 2 wrong usage.

Examples:
  cfaccess doctor
  cfaccess doctor --config wrangler.toml --env production --signing-keys keys/signing-keys.json
  cfaccess doctor --env production --app-config app-config.yaml app-config.production.yaml
  cfaccess doctor --env production --catalog catalog/
  cfaccess doctor --env production --online https://backstage.example.com \\
    --header \"CF-Access-Client-Id: env:ID\" --header \"CF-Access-Client-Secret: env:SECRET\"";

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    match (examine_all(args), args.json) {
        (Ok(reports), false) => findings::print(&reports),
        (Ok(reports), true) => {
            let all: Vec<Finding> = reports.into_iter().flat_map(|it| it.findings).collect();
            findings::print_json(&all)
        }
        (Err(problem), false) => Err(problem.into()),
        (Err(problem), true) => {
            let mut found = Findings::default();
            let remedy = "correct it, or name another file";
            let file = args.config.clone().or_else(|| wrangler::find().ok()).unwrap_or_default();
            let place = line_in(&problem).map(|line| format!("line {line}")).unwrap_or_default();
            found.problem(Code::ConfigurationFile, place, problem, remedy);
            findings::print_json(&found.at(&file, None))
        }
    }
}

/// The line that a problem of a file names: `wrangler.toml:7: …`.
fn line_in(problem: &str) -> Option<u32> {
    problem.split(':').nth(1)?.parse().ok()
}

/// A deployment with what was read of it.
struct Examined {
    deployment: Deployment,
    config: Option<Config>,
    keys: Option<secrets::Keys>,
}

fn examine_all(args: &Args) -> Result<Vec<Report>, String> {
    let file = args.config.clone().map_or_else(wrangler::find, Ok)?;
    let wrangler = Wrangler::read(&file)?;
    if wrangler.is_empty() {
        return Err(format!(
            "{}: is empty: `npx backstage-cfaccess init` writes one",
            file.display()
        ));
    }
    let given = args.signing_keys.as_deref().map(secrets::from_file).transpose()?;
    let is_own_worker = is_own_worker(&file);
    let today = DateTime::from_timestamp(clock::now(), 0).unwrap_or_default().date_naive();
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut all = wrangler.deployments(None)?;
    all.retain(|deployment| deployment.is_described);
    for deployment in &mut all {
        slips::check(deployment, &mut Findings::default());
    }
    let mut reports: Vec<Report> = Vec::new();
    let mut examined = Vec::new();
    for mut deployment in wrangler.deployments(args.env.as_deref())? {
        let keys = given.clone().or_else(|| secrets::from_dev_vars(&wrangler.path, &deployment));
        let mut found = Findings::default();
        if let Some(env) = deployment.env.as_ref().filter(|_| !deployment.is_described) {
            found.problem(
                Code::Required,
                format!("env.{env}"),
                format!(
                    "`env.{env}` is no object with keys, and no vars or bindings are inherited"
                ),
                "write [env.NAME] with all that it needs, or take it out",
            );
            let findings = found.at(&file, deployment.env.as_ref());
            let title = format!("{}{}", file.display(), deployment.label());
            reports.push(Report { title, findings });
            continue;
        }
        for (line, path) in wrangler.twice.iter().filter(|_| reports.is_empty()) {
            found.warning(
                Code::KeyTwice,
                path.clone(),
                format!(
                    "`{path}` is there twice, at last in line {line}, and only the last counts"
                ),
                "keep one",
            );
        }
        slips::check(&mut deployment, &mut found);
        let place = Place { folder, today, is_own_worker };
        let config = examine(&deployment, &place, keys.as_ref(), &mut found);
        neighbours::check(&deployment, &all, &mut found);
        let mut findings = found.at(&file, deployment.env.as_ref());
        findings.retain(|finding| !is_repeated(finding, &deployment, &reports));
        let title = format!("{}{}", file.display(), deployment.label());
        reports.push(Report { title, findings });
        examined.push(Examined { deployment, config, keys });
    }
    if !args.app_config.is_empty() || !args.catalog.is_empty() || args.online.is_some() {
        let [one] = examined.as_slice() else {
            return Err(format!(
                "{}: has several environments: choose one with --env for --catalog, --app-config and --online",
                file.display()
            ));
        };
        reports.extend(beyond(args, &file, one)?);
    }
    Ok(reports)
}

/// What is looked at beyond wrangler's file.
fn beyond(args: &Args, file: &Path, examined: &Examined) -> Result<Vec<Report>, String> {
    let Examined { deployment, config, keys } = examined;
    let mut reports = Vec::new();
    if !args.catalog.is_empty() {
        let mut found = Findings::default();
        let (paths, exclude, annotations) = (&args.catalog, &args.exclude, &args.annotation);
        let sources = catalog::Sources { paths, exclude, annotations };
        catalog::check(&sources, deployment, config.as_ref(), &mut found);
        let findings = found.at(file, deployment.env.as_ref());
        reports.push(Report { title: "catalog".to_owned(), findings });
    }
    let mut discovery = None;
    if let Some(last) = args.app_config.last() {
        let mut found = Findings::default();
        let app = app_config::read(&args.app_config)?;
        app_config::check(&app, deployment, config.as_ref(), keys.as_ref(), &mut found);
        discovery = app_config::internal_auth_url(&app);
        let findings = found.at(last, None);
        reports.push(Report { title: "app-config".to_owned(), findings });
    }
    if let Some(url) = &args.online {
        let headers = headers::given(&args.header, &args.header_file)?;
        let mut found = Findings::default();
        let target = online::Target { url, headers: &headers, discovery: discovery.as_deref() };
        online::check(&target, config.as_ref(), keys.as_ref(), &mut found);
        let findings = found.at(Path::new(url), None);
        reports.push(Report { title: url.clone(), findings });
    }
    Ok(reports)
}

/// Whether this was found at the top level already, from which the environment has it.
fn is_repeated(finding: &Finding, deployment: &Deployment, reports: &[Report]) -> bool {
    let top = reports.iter().flat_map(|report| &report.findings);
    deployment.inherits(&finding.place)
        && top.filter(|it| it.environment.is_none()).any(|it| {
            (it.code, &it.place, &it.message) == (finding.code, &finding.place, &finding.message)
        })
}

/// Whether the Worker has code of its own: the crate beside wrangler.toml depends on this one.
fn is_own_worker(config: &Path) -> bool {
    let manifest = fs::read_to_string(config.with_file_name("Cargo.toml")).unwrap_or_default();
    let manifest: toml::Table = toml::from_str(&manifest).unwrap_or_default();
    let dependencies = manifest.get("dependencies");
    dependencies.is_some_and(|it| it.get(env!("CARGO_PKG_NAME")).is_some())
}

/// What the checks know beside the file.
struct Place<'a> {
    folder: &'a Path,
    today: NaiveDate,
    is_own_worker: bool,
}

fn examine(
    deployment: &Deployment,
    place: &Place<'_>,
    keys: Option<&secrets::Keys>,
    findings: &mut Findings,
) -> Option<Config> {
    let config = settings::check(deployment, place.is_own_worker, keys, findings);
    bindings::check(deployment, findings);
    binding_names::check(deployment, findings);
    exposure::check(deployment, config.as_ref(), findings);
    cron::check(deployment, config.as_ref(), findings);
    platform::check(deployment, place.folder, place.today, findings);
    config
}
