//! `--catalog`: what the users and groups of a catalog make of the configuration.

use std::collections::BTreeSet;
use std::path::PathBuf;

use glob::Pattern;
use serde_json::Value;

use super::super::catalog::{Concern, Gathered, LargeTokens, to_records};
use super::super::trial::{Caller, Trial};
use super::super::wrangler::Deployment;
use super::finder::{Finder, required_domains};
use super::findings::{Code, Finding, Findings, Level};
use crate::catalog::import::ANNOTATIONS;
use crate::catalog::{Record, UserRecord, fold};
use crate::config::Config;
use crate::error::{GateError, Refusal};
use crate::sign_in::OnUserNotFound;

/// Where the catalog is, as with `catalog build`.
pub(super) struct Sources<'a> {
    pub(super) paths: &'a [PathBuf],
    pub(super) exclude: &'a [Pattern],
    pub(super) annotations: &'a [String],
}

const RESOLVERS: &str = "vars.CFACCESS.signIn.resolvers";

pub(super) fn check(
    sources: &Sources<'_>,
    deployment: &Deployment,
    config: Option<&Config>,
    findings: &mut Findings,
) {
    let Some(config) = config else {
        findings.note(
            Code::CatalogUnchecked,
            "vars.CFACCESS",
            "the catalog is not compared with a configuration that cannot be read",
            "correct the configuration first",
        );
        return;
    };
    let mut policy = config.sign_in.import.clone();
    for name in sources.annotations {
        policy.add_index(&format!("{ANNOTATIONS}{name}"));
    }
    let gathered = match Gathered::from_files(sources.paths, sources.exclude, &policy) {
        Ok(gathered) => gathered,
        Err(problems) => {
            for problem in problems.0 {
                let remedy = "correct it, or leave the file out with --exclude";
                findings.0.push(of_source(sources, Level::Error, &problem, remedy));
            }
            return;
        }
    };
    let cfaccess = deployment.var("CFACCESS").unwrap_or_default();
    let cfaccess: Value = serde_json::from_str(&cfaccess).unwrap_or_default();
    let catalog = Catalog { config, cfaccess, gathered: &gathered };
    let finders = catalog.finders();
    check_warnings(sources, &catalog, &finders, findings);
    if let Some(large) = LargeTokens::of(&gathered.index, config.clone()) {
        let place = "vars.BACKSTAGE.omitIdentityTokenOwnershipClaim".to_owned();
        let level = if large.is_configured { Level::Warning } else { Level::Note };
        let (message, remedy) = (large.message, large.remedy.to_owned());
        findings.add(level, Code::CatalogTokenSize, place, message, remedy);
    }
    let finds_any = catalog.check_resolvers(&finders, findings);
    if finds_any {
        catalog.check_service_tokens(findings);
    }
    catalog.check_ownership(findings);
}

/// A catalog beside a configuration.
struct Catalog<'a> {
    config: &'a Config,
    /// `CFACCESS` as it is written.
    cfaccess: Value,
    gathered: &'a Gathered,
}

impl Catalog<'_> {
    /// The resolvers in their order; `None` is code of a Worker of one's own.
    fn finders(&self) -> Vec<Option<Finder>> {
        let required = required_domains(&self.cfaccess);
        self.list("/signIn/resolvers").iter().map(|it| Finder::of(it, &required)).collect()
    }

    fn list(&self, pointer: &str) -> &[Value] {
        self.cfaccess.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn users(&self) -> Vec<&UserRecord> {
        let records = self.gathered.index.records.values();
        let users = records.filter_map(|record| match record {
            Record::One(user) => Some(user),
            Record::Many(_) => None,
        });
        users.collect()
    }

    /// Whether any resolver finds any user.
    fn check_resolvers(&self, finders: &[Option<Finder>], findings: &mut Findings) -> bool {
        let users = self.users();
        let finds =
            |finder: &Finder| finder.needs_no_user || users.iter().any(|it| finder.finds(it));
        let finds_any =
            finders.is_empty() || finders.iter().any(|finder| finder.as_ref().is_none_or(&finds));
        let is_fatal =
            !finds_any && self.config.sign_in.on_user_not_found != OnUserNotFound::Origin;
        for (at, finder) in finders.iter().enumerate() {
            let Some(finder) = finder.as_ref().filter(|finder| !finds(finder)) else { continue };
            let (why, remedy) = finder.why(&users);
            let place = format!("{RESOLVERS}[{at}]");
            let message = format!(
                "CFACCESS.signIn.resolvers[{at}] ({}) finds no user of the catalog: {why}",
                finder.name
            );
            let level = if is_fatal { Level::Error } else { Level::Warning };
            findings.add(level, Code::CatalogResolver, place, message, remedy);
        }
        finds_any
    }

    /// A service token whose subject is not a user of the catalog is refused.
    fn check_service_tokens(&self, findings: &mut Findings) {
        let tokens = &self.config.access.service_tokens;
        let Some(records) = to_records(&self.gathered.index).ok().filter(|_| !tokens.is_empty())
        else {
            return;
        };
        let trial = Trial::new(self.config.clone());
        for (at, token) in tokens.iter().enumerate() {
            let ended = trial.sign_in(&Caller::service_token(&token.token), &records);
            let why = match &ended.result {
                Err(GateError::Refusal(Refusal::UserNotFound)) => "no resolver finds a user for it",
                Err(GateError::Refusal(Refusal::UserAmbiguous)) => "it belongs to several users",
                Err(GateError::Refusal(Refusal::DomainNotAllowed)) => "its domain is not allowed",
                _ => continue,
            };
            if ended.unknown_resolver().is_none() {
                findings.warning(
                    Code::CatalogServiceToken,
                    format!("vars.CFACCESS.serviceTokens[{at}].subject"),
                    format!(
                        "CFACCESS.serviceTokens[{at}] signs in as `{}`, and {why}",
                        token.subject
                    ),
                    "correct the subject, or add a user for it to the catalog",
                );
            }
        }
    }

    /// Rules on groups that the catalog does not have.
    fn check_ownership(&self, findings: &mut Findings) {
        let has_groups = !self.gathered.groups.is_empty();
        let mut known: BTreeSet<&str> = self.gathered.groups.iter().map(String::as_str).collect();
        for user in self.users() {
            known.extend(user.ownership.iter().skip(1).map(String::as_str));
        }
        let is_known = |pattern: &str| {
            let pattern = fold(pattern);
            let (before, after) = pattern.split_once('*').unwrap_or((&pattern, ""));
            let has_rest = pattern.contains('*');
            known.iter().any(|group| match group.strip_prefix(before) {
                Some(rest) => {
                    if has_rest {
                        rest.ends_with(after)
                    } else {
                        rest.is_empty()
                    }
                }
                None => false,
            })
        };
        let added = self.list("/ownership/add").iter().enumerate();
        let added =
            added.filter_map(|(at, rule)| Some((format!("add[{at}].ref"), rule.get("ref")?)));
        let kept = match self.cfaccess.pointer("/ownership/keep") {
            Some(Value::Array(kept)) => kept.iter().collect(),
            Some(one) => vec![one],
            None => Vec::new(),
        };
        let kept = kept.into_iter().enumerate().map(|(at, kept)| (format!("keep[{at}]"), kept));
        let mut seen = BTreeSet::new();
        for (key, group) in added.chain(kept) {
            let Some(group) = group.as_str().map(str::trim) else { continue };
            if is_known(group) || !seen.insert(group) {
                continue;
            }
            // Groups without members are not seen where the sources have users alone.
            let (level, remedy) = if has_groups {
                (Level::Warning, "correct it, or add the group")
            } else {
                (Level::Note, "give the groups to --catalog too")
            };
            findings.add(
                level,
                Code::CatalogGroup,
                format!("vars.CFACCESS.ownership.{key}"),
                format!("CFACCESS.ownership.{key} is `{group}`, which is no group of the catalog"),
                remedy.to_owned(),
            );
        }
    }
}

/// What `catalog build` warns of.
fn check_warnings(
    sources: &Sources<'_>,
    catalog: &Catalog<'_>,
    finders: &[Option<Finder>],
    findings: &mut Findings,
) {
    for warning in &catalog.gathered.warnings {
        let message = &warning.message;
        match &warning.concern {
            Concern::Sources => findings.0.push(of_source(
                sources,
                Level::Warning,
                message,
                "give the whole catalog to --catalog",
            )),
            Concern::Shared => findings.warning(
                Code::CatalogShared,
                "--catalog",
                message,
                "give each user a value of their own",
            ),
            // Said of the resolver.
            Concern::Unused(path)
                if finders.iter().flatten().any(|it| it.path() == Some(path.as_str())) => {}
            Concern::Unused(path) => {
                let place = if catalog.config.sign_in.import.has(path) {
                    "vars.CFACCESS.catalog.indexes"
                } else {
                    "--annotation"
                };
                findings.warning(
                    Code::CatalogIndex,
                    place,
                    message,
                    "correct its name, or take it out",
                );
            }
        }
    }
}

/// A finding about a file of the catalog. A message begins with its place, if it has one.
fn of_source(sources: &Sources<'_>, level: Level, message: &str, remedy: &str) -> Finding {
    let named = message.split_once(": ").filter(|(place, _)| {
        sources.paths.iter().any(|path| place.starts_with(&path.display().to_string()))
    });
    let all = || sources.paths.iter().map(|it| it.display().to_string()).collect::<Vec<_>>();
    let (file, message) = match named {
        Some((place, message)) => (place.to_owned(), message),
        None => (all().join(" "), message),
    };
    Finding {
        level,
        code: Code::CatalogSource,
        file,
        environment: None,
        place: "--catalog".to_owned(),
        message: message.to_owned(),
        remedy: remedy.to_owned(),
    }
}
