//! Which KV namespace a command means.

use std::env;

use serde_json::Value;

use super::super::CliError;
use super::super::output::hide;
use super::super::wrangler::Deployment;
use super::kv::Namespace;
use super::settings::Settings;

/// Where Cloudflare's REST interface is.
const API: &str = "https://api.cloudflare.com/client/v4";

/// The ids of a namespace, as far as they are given.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Ids {
    /// The account id [default: `CLOUDFLARE_ACCOUNT_ID`, or `account_id` in wrangler's configuration]
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// The id of the namespace [default: that of CATALOG in wrangler's configuration]
    #[arg(long, value_name = "ID")]
    namespace: Option<String>,
}

impl Ids {
    /// The namespace, by these ids, or else by those of the environment and of wrangler's file.
    ///
    /// # Errors
    /// Everything that is missing, or is no id.
    pub(in crate::cli) fn namespace(
        &self,
        settings: &Settings,
        deployment: Option<&Deployment>,
    ) -> Result<Namespace, CliError> {
        let mut problems = Vec::new();
        let mut given = |value: Option<String>, what: &str| match value {
            Some(id) if id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') => id,
            Some(id) => {
                problems.push(format!("{what} is not an id: `{id}`"));
                String::new()
            }
            None => {
                problems.push(format!("{what} is missing"));
                String::new()
            }
        };
        let account = self.account.clone().or_else(|| variable("CLOUDFLARE_ACCOUNT_ID"));
        let account = account
            .or_else(|| deployment?.get("account_id").and_then(Value::as_str).map(str::to_owned));
        let config = settings.path();
        let config = config.display();
        let account = given(
            account,
            &format!("the account id (--account, CLOUDFLARE_ACCOUNT_ID, `account_id` in {config})"),
        );
        let id = self.namespace.clone().or_else(|| catalog_id(deployment?));
        let id = given(id, &format!("the id of the namespace (--namespace, CATALOG in {config})"));
        let api_token = variable("CLOUDFLARE_API_TOKEN").unwrap_or_else(|| {
            problems.push("CLOUDFLARE_API_TOKEN is not set".to_owned());
            String::new()
        });
        if !problems.is_empty() {
            return Err(CliError(problems));
        }
        hide(&api_token);
        // As wrangler has it.
        let api = variable("CLOUDFLARE_API_BASE_URL").unwrap_or_else(|| API.to_owned());
        let url = format!("{api}/accounts/{account}/storage/kv/namespaces/{id}");
        Ok(Namespace { url, api_token })
    }
}

/// Whether the environment has a token of Cloudflare's API.
pub(in crate::cli) fn has_api_token() -> bool {
    variable("CLOUDFLARE_API_TOKEN").is_some()
}

fn catalog_id(deployment: &Deployment) -> Option<String> {
    let namespaces = deployment.get("kv_namespaces")?.as_array()?;
    let binding = |it: &&Value| it.get("binding").and_then(Value::as_str) == Some("CATALOG");
    namespaces.iter().find(binding)?.get("id")?.as_str().map(str::to_owned)
}

/// A variable of the environment, unless it is empty.
pub(super) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}
