//! What the catalog's commands take from wrangler.toml: which Worker the records are for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use glob::Pattern;

use super::super::CliError;
use super::super::wrangler::{Deployment, Wrangler};
use crate::catalog::import::ImportPolicy;
use crate::catalog::is_annotation_name;
use crate::config::import_policy;

/// Where the configuration is, if it is not named.
const DEFAULT: &str = "wrangler.toml";

#[derive(Debug, clap::Args)]
pub(super) struct Settings {
    /// The Worker's configuration: its resolvers say which annotations users are found by
    /// [default: wrangler.toml, if there is one]
    #[arg(long, value_name = "WRANGLER_TOML")]
    config: Option<PathBuf>,
    /// Its environment; by default the top level
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// A further annotation that users are found by
    #[arg(long, value_name = "NAME", value_parser = name)]
    annotation: Vec<String>,
    /// What is left out of folders: a glob such as `**/test/**` on paths below the folder
    #[arg(long, value_name = "GLOB")]
    pub(super) exclude: Vec<Pattern>,
}

impl Settings {
    /// How messages name the file.
    pub(super) fn path(&self) -> &Path {
        self.config.as_deref().unwrap_or(Path::new(DEFAULT))
    }

    /// What wrangler deploys; `None` if there is no file and none was asked for.
    ///
    /// # Errors
    /// If it cannot be read, or has no such environment.
    pub(super) fn deployment(&self) -> Result<Option<Deployment>, String> {
        if self.config.is_none() && self.env.is_none() && !self.path().exists() {
            return Ok(None);
        }
        let deployments = Wrangler::read(self.path())?.deployments(self.env.as_deref())?;
        Ok(deployments.into_iter().next())
    }

    /// What the records have: the annotations of the command line and of the configuration, and what
    /// else the configuration says.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub(super) fn import_policy(
        &self,
        deployment: Option<&Deployment>,
    ) -> Result<ImportPolicy, CliError> {
        let mut names: BTreeSet<String> = self.annotation.iter().cloned().collect();
        let mut policy = ImportPolicy::default();
        if let Some(deployment) = deployment
            && let Some(cfaccess) = deployment.var("CFACCESS")
        {
            let place = format!("{}{}", self.path().display(), deployment.label());
            policy = import_policy(&cfaccess).map_err(|problems| {
                CliError(problems.iter().map(|problem| format!("{place}: {problem}")).collect())
            })?;
            names.extend(policy.annotations);
        }
        Ok(ImportPolicy { annotations: names.into_iter().collect(), ..policy })
    }
}

fn name(text: &str) -> Result<String, String> {
    if is_annotation_name(text) {
        return Ok(text.to_owned());
    }
    Err("must be the name of an annotation such as `google.com/email`".to_owned())
}
