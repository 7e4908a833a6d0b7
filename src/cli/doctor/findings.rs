//! What doctor finds, and how it is written: as lines for people, or as JSON.

use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::super::CliError;
use super::super::output::{Label, put, put_json, tell_labelled};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// It keeps the Worker from working, or from being safe.
    Error,
    /// It is legal but seldom meant.
    Warning,
    /// It could not be checked.
    Note,
}

macro_rules! codes {
    ($($name:ident = $text:literal,)+) => {
        /// What a finding is about. Scripts rely on the texts: docs/doctor.md lists them.
        #[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
        pub(super) enum Code {
            $(#[serde(rename = $text)] $name,)+
        }

        #[cfg(test)]
        const ALL: &[&str] = &[$($text,)+];
    };
}

codes! {
    AccountId = "account-id",
    AllowedDomains = "allowed-domains",
    AppAuthPlugin = "app-auth-plugin",
    AppBackendUrl = "app-backend-url",
    AppCors = "app-cors",
    AppDiscovery = "app-discovery",
    AppDiscoveryTarget = "app-discovery-target",
    AppFile = "app-file",
    AppKeyOrder = "app-key-order",
    AppKeyStore = "app-key-store",
    AppPluginSources = "app-plugin-sources",
    AppProvider = "app-provider",
    AppProviderDiffers = "app-provider-differs",
    Assets = "assets",
    AttachToken = "attach-token",
    Audience = "audience",
    BaseUrl = "base-url",
    BindingKind = "binding-kind",
    BindingTwice = "binding-twice",
    Cache = "cache",
    CatalogGroup = "catalog-group",
    CatalogIndex = "catalog-index",
    CatalogPush = "catalog-push",
    CatalogResolver = "catalog-resolver",
    CatalogServiceToken = "catalog-service-token",
    CatalogShared = "catalog-shared",
    CatalogSource = "catalog-source",
    CatalogToken = "catalog-token",
    CatalogTokenSize = "catalog-token-size",
    CatalogUnchecked = "catalog-unchecked",
    CompatibilityDate = "compatibility-date",
    CompatibilityFlag = "compatibility-flag",
    ConfigurationFile = "configuration-file",
    CorsOrigin = "cors-origin",
    CpuLimit = "cpu-limit",
    Cron = "cron",
    CronOften = "cron-often",
    CronOrigin = "cron-origin",
    CustomDomain = "custom-domain",
    EnvironmentName = "environment-name",
    Example = "example",
    ExposeAssertion = "expose-assertion",
    HeaderName = "header-name",
    IdentityClaims = "identity-claims",
    InvalidValue = "invalid-value",
    KeyTwice = "key-twice",
    KvBinding = "kv-binding",
    KvId = "kv-id",
    KvShared = "kv-shared",
    LoopFlag = "loop-flag",
    Main = "main",
    Misplaced = "misplaced",
    Name = "name",
    NoBuild = "no-build",
    NoEffect = "no-effect",
    Observability = "observability",
    OnlineCerts = "online-certs",
    OnlineHealth = "online-health",
    OnlineJwks = "online-jwks",
    OnlinePreflight = "online-preflight",
    OnlineRefresh = "online-refresh",
    OnlineUserinfo = "online-userinfo",
    OriginIsWorker = "origin-is-worker",
    OriginProvider = "origin-provider",
    OwnResolver = "own-resolver",
    PlainHttp = "plain-http",
    PreviewUrls = "preview-urls",
    PrivateHost = "private-host",
    PublicRoutes = "public-routes",
    Required = "required",
    ResolverTwice = "resolver-twice",
    RouteCoverage = "route-coverage",
    RouteMissing = "route-missing",
    RoutePattern = "route-pattern",
    RouteShared = "route-shared",
    RouteZone = "route-zone",
    SecretInVars = "secret-in-vars",
    SecretSize = "secret-size",
    SecretsRequired = "secrets-required",
    ServiceToken = "service-token",
    SigningKeys = "signing-keys",
    SigningKeysUnseen = "signing-keys-unseen",
    TeamName = "team-name",
    TokenLife = "token-life",
    TransitiveGroups = "transitive-groups",
    UnknownKey = "unknown-key",
    UsersOutsideCatalog = "users-outside-catalog",
    VarSize = "var-size",
    VarsUnseen = "vars-unseen",
    WorkersDev = "workers-dev",
}

/// One thing that was found.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    pub(super) code: Code,
    /// The file, with the line where it is known.
    pub(super) file: String,
    /// The environment of wrangler's file; `None` is the top level.
    pub(super) environment: Option<String>,
    /// The key in the file, such as `vars.CFACCESS.audience`, or a URL; empty for the whole file.
    pub(super) place: String,
    /// What is wrong.
    pub(super) message: String,
    /// What to do.
    pub(super) remedy: String,
}

impl Finding {
    fn line(&self) -> String {
        let Self { file, message, remedy, .. } = self;
        let environment = self.environment.as_ref().map(|env| format!(" [env.{env}]"));
        let environment = environment.unwrap_or_default();
        format!("{file}{environment}: {message}: {remedy}")
    }
}

/// What was found out about one deployment.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    pub(super) fn problem(
        &mut self,
        code: Code,
        place: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(Level::Error, code, place.into(), message.into(), remedy.into());
    }

    pub(super) fn warning(
        &mut self,
        code: Code,
        place: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(Level::Warning, code, place.into(), message.into(), remedy.into());
    }

    pub(super) fn note(
        &mut self,
        code: Code,
        place: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(Level::Note, code, place.into(), message.into(), remedy.into());
    }

    pub(super) fn add(
        &mut self,
        level: Level,
        code: Code,
        place: String,
        message: String,
        remedy: String,
    ) {
        let (file, environment) = (String::new(), None);
        self.0.push(Finding { level, code, file, environment, place, message, remedy });
    }

    /// Says where these findings were made, as far as they do not know themselves.
    pub(super) fn at(mut self, file: &Path, environment: Option<&String>) -> Vec<Finding> {
        for finding in self.0.iter_mut().filter(|finding| finding.file.is_empty()) {
            finding.file = file.display().to_string();
            finding.environment = environment.cloned();
        }
        self.0
    }
}

/// What is printed of one deployment.
#[derive(Debug)]
pub(super) struct Report {
    /// How the deployment is called in the line with its number of problems.
    pub(super) title: String,
    pub(super) findings: Vec<Finding>,
}

fn count(findings: &[Finding], level: Level) -> usize {
    findings.iter().filter(|finding| finding.level == level).count()
}

/// Writes everything that was found.
///
/// # Errors
/// The problems, if there are any.
pub(super) fn print(reports: &[Report]) -> Result<(), CliError> {
    let mut problems = Vec::new();
    for Report { title, findings } in reports {
        for (level, label) in [(Level::Note, Label::Note), (Level::Warning, Label::Warning)] {
            for finding in findings.iter().filter(|finding| finding.level == level) {
                tell_labelled(label, &finding.line());
            }
        }
        let errors = count(findings, Level::Error);
        put(&format!("{title}: {errors} problem{}\n", if errors == 1 { "" } else { "s" }))?;
        let errors = findings.iter().filter(|finding| finding.level == Level::Error);
        problems.extend(errors.map(Finding::line));
    }
    if problems.is_empty() { Ok(()) } else { Err(CliError(problems)) }
}

/// Writes everything that was found as one JSON object.
///
/// # Errors
/// Nothing to print, if there are problems: the exit code says it.
pub(super) fn print_json(findings: &[Finding]) -> Result<(), CliError> {
    let errors = count(findings, Level::Error);
    let document = json!({
        "errors": errors,
        "warnings": count(findings, Level::Warning),
        "notes": count(findings, Level::Note),
        "findings": findings,
    });
    put_json(&format!("{document:#}\n"))?;
    if errors == 0 { Ok(()) } else { Err(CliError(Vec::new())) }
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn every_code_has_a_row_in_the_documentation() {
        let page = include_str!("../../../docs/doctor.md");
        let missing: Vec<&&str> =
            ALL.iter().filter(|code| !page.contains(&format!("| `{code}` |"))).collect();
        assert!(missing.is_empty(), "docs/doctor.md lacks {missing:?}");
        // The tables before them are about other things.
        let (_, page) = page.split_once("\n## Codes\n").unwrap();
        let rows = page.lines().filter(|line| line.starts_with("| `") && line.contains("` | "));
        let codes = rows.filter_map(|row| row.strip_prefix("| `")?.split('`').next());
        for code in codes.filter(|code| code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')) {
            assert!(ALL.contains(&code), "docs/doctor.md has a row of `{code}`");
        }
    }
}
