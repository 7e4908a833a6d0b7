//! The caller that the command line describes.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::super::CliError;
use super::super::files;
use super::super::output::printable;
use super::super::trial::Caller;
use crate::config::Config;
use crate::json::read_unique;
use crate::sign_in::Requirement;

/// The longest email that Access issues is shorter than this, in characters.
const MAX_EMAIL: usize = 320;

#[derive(Debug, clap::Args)]
pub(super) struct CallerArgs {
    /// The email of the user who signs in
    #[arg(long = "as", value_name = "EMAIL", value_parser = email)]
    email: Option<String>,
    /// The client id of the service token that signs in
    #[arg(long, value_name = "CLIENT_ID", conflicts_with_all = ["email", "group", "attribute", "identity", "sub"])]
    service_token: Option<String>,
    /// A group of the user at the identity provider
    #[arg(long, value_name = "NAME")]
    group: Vec<String>,
    /// An attribute of the user from the identity provider
    #[arg(long, value_name = "NAME=VALUE", value_parser = attribute)]
    attribute: Vec<(String, String)>,
    /// What get-identity answers for the user: a JSON file, as a browser gets it from
    /// /cdn-cgi/access/get-identity of Backstage's host
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// The user's id at Access, the claim `sub` [default: `user_uuid` of --identity]
    #[arg(long, value_name = "ID")]
    sub: Option<String>,
}

impl CallerArgs {
    /// The caller; `None` if none is described.
    ///
    /// # Errors
    /// What is wrong with the document, or what is missing.
    pub(super) fn caller(&self) -> Result<Option<Caller>, CliError> {
        if let Some(client_id) = &self.service_token {
            return Ok(Some(Caller::service_token(client_id)));
        }
        let document = self.identity.as_deref().map(|file| Ok::<_, String>((file, read(file)?)));
        let document = document.transpose()?;
        let known = document.as_ref().and_then(|(_, it)| it.get("email")?.as_str());
        let Some(email) = self.email.as_deref().or(known).map(str::to_owned) else {
            let is_described = !self.group.is_empty() || !self.attribute.is_empty();
            return match document {
                Some((file, _)) => {
                    Err(format!("{}: has no `email`: give it with --as", file.display()).into())
                }
                None if is_described || self.sub.is_some() => {
                    Err("--group, --attribute and --sub need --as or --identity".to_owned().into())
                }
                None => Ok(None),
            };
        };
        if let Some((file, document)) = &document {
            check(file, document, &email)?;
        }
        let document = document.map(|(_, it)| it).unwrap_or_default();
        let mut caller = Caller::user(&email, self.sub.as_deref(), document);
        for group in &self.group {
            caller = caller.group(group);
        }
        for (name, value) in &self.attribute {
            caller = caller.attribute(name, value);
        }
        Ok(Some(caller))
    }
}

/// The document of a file.
fn read(file: &Path) -> Result<Map<String, Value>, String> {
    let name = file.display();
    let text = files::read_text(file)?;
    let document = read_unique(text.as_bytes());
    let document = document
        .map_err(|_| format!("{name}: is not one JSON object, as get-identity answers it"))?;
    match document.get("err").and_then(Value::as_str) {
        Some(error) => Err(format!(
            "{name}: is an error of get-identity ({}): log in, and save its answer again",
            printable(error)
        )),
        None => Ok(document),
    }
}

/// The Worker takes no document of another user, and goes on without one.
fn check(file: &Path, document: &Map<String, Value>, email: &str) -> Result<(), String> {
    let name = file.display();
    match document.get("email") {
        Some(Value::String(theirs)) if theirs.to_lowercase() != email.to_lowercase() => {
            return Err(format!("{name}: is of {}, not of {email}", printable(theirs)));
        }
        Some(Value::String(_)) | None => {}
        Some(_) => return Err(format!("{name}: `email` must be a string")),
    }
    match document.get("groups") {
        Some(Value::Array(_)) | None => Ok(()),
        Some(_) => Err(format!("{name}: `groups` must be a list")),
    }
}

/// What the configuration asks of the caller and the command line does not say.
pub(super) fn notes(config: &Config, caller: &Caller) -> Vec<String> {
    let sign_in = &config.sign_in;
    let by_groups =
        !sign_in.ownership.is_empty() || sign_in.require.iter().any(Requirement::needs_groups);
    let mut notes = Vec::new();
    if by_groups && caller.groups().is_empty() && caller.is_user() {
        notes.push(
            "the configuration looks at groups of the identity provider, and none is given: give them with \
             --group or --identity"
                .to_owned(),
        );
    }
    if config.access.identity == crate::access::IdentityFrom::Claims && caller.has_document() {
        notes.push(
            "CFACCESS.identity is \"claims\": get-identity is not asked, so groups and --identity have no \
             effect"
                .to_owned(),
        );
    }
    notes
}

fn email(text: &str) -> Result<String, String> {
    let is_email = text.split_once('@').is_some_and(|(name, domain)| {
        !name.is_empty() && !domain.is_empty() && !text.chars().any(char::is_whitespace)
    });
    if is_email && text.chars().count() <= MAX_EMAIL {
        return Ok(text.to_owned());
    }
    Err("must be an email such as `jane@example.com`".to_owned())
}

fn attribute(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("must be `NAME=VALUE`".to_owned()),
    }
}
