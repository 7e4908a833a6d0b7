//! What the catalog's commands take from wrangler's configuration: which Worker the records are for.

use std::collections::BTreeSet;
use std::path::PathBuf;

use glob::Pattern;

use super::super::CliError;
use super::super::wrangler::{Deployment, Wrangler, find_here};
use crate::catalog::import::ImportPolicy;
use crate::catalog::is_annotation_name;
use crate::config::import_policy;

/// How messages name a configuration that is not there.
const DEFAULT: &str = "wrangler.toml";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Settings {
    /// The Worker's configuration: its resolvers say which annotations users are found by
    /// [default: wrangler.json, .jsonc or .toml of this folder, if there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Its environment; by default the top level
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// A further annotation that users are found by
    #[arg(long, value_name = "NAME", value_parser = annotation_name)]
    annotation: Vec<String>,
    /// What is left out of folders: a glob such as `**/test/**` on paths below the folder
    #[arg(long, value_name = "GLOB")]
    pub(in crate::cli) exclude: Vec<Pattern>,
}

impl Settings {
    /// How messages name the file.
    pub(in crate::cli) fn path(&self) -> PathBuf {
        let found = || find_here().ok().flatten();
        self.config.clone().or_else(found).unwrap_or_else(|| DEFAULT.into())
    }

    /// What wrangler deploys; `None` if there is no file and none was asked for.
    ///
    /// # Errors
    /// If it cannot be read, has no such environment, or if it is not clear which file is meant.
    pub(in crate::cli) fn deployment(&self) -> Result<Option<Deployment>, String> {
        let found = if self.config.is_some() { None } else { find_here()? };
        if self.config.is_none() && found.is_none() && self.env.is_none() {
            return Ok(None);
        }
        let deployments = Wrangler::read(&self.path())?.deployments(self.env.as_deref())?;
        Ok(deployments.into_iter().next())
    }

    /// How messages name a deployment of the file.
    pub(in crate::cli) fn place(&self, deployment: &Deployment) -> String {
        format!("{}{}", self.path().display(), deployment.label())
    }

    /// What the records have: the annotations of the command line and of the configuration, and what
    /// else the configuration says.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub(in crate::cli) fn import_policy(
        &self,
        deployment: Option<&Deployment>,
    ) -> Result<ImportPolicy, CliError> {
        let mut names: BTreeSet<String> = self.annotation.iter().cloned().collect();
        let mut policy = ImportPolicy::default();
        if let Some(deployment) = deployment
            && let Some(cfaccess) = deployment.var("CFACCESS")
        {
            let place = self.place(deployment);
            policy = import_policy(&cfaccess).map_err(|problems| {
                CliError(problems.iter().map(|problem| format!("{place}: {problem}")).collect())
            })?;
            names.extend(policy.annotations);
        }
        Ok(ImportPolicy { annotations: names.into_iter().collect(), ..policy })
    }
}

/// Reads the name of an annotation.
///
/// # Errors
/// If it is none.
pub(in crate::cli) fn annotation_name(text: &str) -> Result<String, String> {
    if is_annotation_name(text) {
        return Ok(text.to_owned());
    }
    Err("must be the name of an annotation such as `google.com/email`".to_owned())
}
