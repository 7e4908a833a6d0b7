//! `cfaccess keygen`: a new signing key, alone or in front of those in use.

mod key_files;

use std::path::{Path, PathBuf};

use super::es256::{NewKey, secret_key};
use super::files::{self, Readers};
use super::{CliError, put};
use crate::backstage::SigningKeySet;

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// The folder to write the set, the PEM pairs and the app-config snippet to
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The new key's id; by default its thumbprint (RFC 7638)
    #[arg(long, value_name = "KID")]
    kid: Option<String>,
    /// A set to put the new key in front of; without --out the file itself is changed
    #[arg(long, value_name = "FILE")]
    add_to: Option<PathBuf>,
    /// Replace files that exist in the folder
    #[arg(long, requires = "out")]
    force: bool,
}

const HELP: &str = "\
Without --out the set goes to stdout. With --out the folder gets
  signing-keys.json     the set, for the secret SIGNING_KEYS (only you may read it)
  public.pem            the public key, for the backend's auth.keyStore.static
  private.pem           the private key, likewise (only you may read it)
  app-config.auth.yaml  the snippet for app-config
and, for the further keys of --add-to, public-2.pem, private-2.pem and so on.

Examples:
  cfaccess keygen | wrangler secret put SIGNING_KEYS
  cfaccess keygen --out keys/
  cfaccess keygen --add-to keys/signing-keys.json

Rotation: the first key of the set signs, all are published.
  1. cfaccess keygen --add-to keys/signing-keys.json
     wrangler secret put SIGNING_KEYS < keys/signing-keys.json
     From now on the new key signs. The backend reads the Worker's key set again when it meets a
     key id that it does not know; with auth.keyStore.static give it the new key before this step.
  2. A day background no token of the old key is alive (backstageTokenExpiration is at most 24 hours):
     take it out of the file and put the secret again.";

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    if let Some(kid) = args.kid.as_deref().filter(|kid| !is_key_id(kid)) {
        let problem = format!("--kid must consist of letters, digits, `-`, `_` and `.`, not {kid}");
        return Err(problem.into());
    }
    let old = args.add_to.as_deref().map(read_set).transpose()?;
    let key = NewKey::random(args.kid.as_deref());
    let (text, set) = joined(&key, old)?;
    let count = set.iter().count();
    match (&args.out, &args.add_to) {
        (Some(folder), _) => {
            key_files::write(folder, &text, &set, args.force)?;
            eprintln!(
                "Wrote signing-keys.json, app-config.auth.yaml and the PEM files of {count} key{} \
                 to {}.\nThe secret: wrangler secret put SIGNING_KEYS < {}",
                if count == 1 { "" } else { "s" },
                folder.display(),
                folder.join(key_files::SET).display()
            );
        }
        (None, Some(file)) => {
            files::replace(file, &text, Readers::Owner)?;
            eprintln!(
                "Put a new key first into {} ({count} keys now): it signs, all are published.\n\
                 The secret: wrangler secret put SIGNING_KEYS < {}\n\
                 A day background take the old key out and put the secret again (see --help).",
                file.display(),
                file.display()
            );
        }
        (None, None) => {
            put(&text)?;
            eprintln!(
                "This is the secret SIGNING_KEYS: cfaccess keygen | wrangler secret put \
                 SIGNING_KEYS\nWhoever has it can sign in as any user. --out writes it to a file, \
                 with the PEM pair for the backend."
            );
        }
    }
    eprintln!("Key id of the new key: {}", set.first().id);
    Ok(())
}

/// What needs no quotes in a shell, a URL or YAML.
fn is_key_id(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// The members of a set that is in use.
fn read_set(file: &Path) -> Result<Vec<serde_json::Value>, String> {
    let file_name = file.display();
    let text = files::read_text(file)?;
    SigningKeySet::parse(&text).map_err(|why| format!("{file_name} {why}"))?;
    let mut document: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    match document.get_mut("keys").map(serde_json::Value::take) {
        Some(serde_json::Value::Array(keys)) => Ok(keys),
        _ => Err(format!("{file_name} is not a JSON Web Key Set")),
    }
}

/// The set with the new key first, as text and as the Worker reads it.
fn joined(
    key: &NewKey,
    old: Option<Vec<serde_json::Value>>,
) -> Result<(String, SigningKeySet), String> {
    let mut keys = vec![key.to_jwk()];
    keys.extend(old.unwrap_or_default());
    let text = format!("{}\n", serde_json::json!({ "keys": keys }));
    let set = SigningKeySet::parse(&text).map_err(|why| format!("the new set {why}"))?;
    for key in set.iter() {
        secret_key(key).map_err(|why| format!("the key {} {why}", key.id))?;
    }
    Ok((text, set))
}
