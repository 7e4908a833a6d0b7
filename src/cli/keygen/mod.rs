//! `cfaccess keygen`: new signing keys, and the steps that replace them.

mod key_files;
mod rotation;

use std::path::{Path, PathBuf};

use chrono::DateTime;
use clap::ArgGroup;
use serde_json::{Value, json};

use super::CliError;
use super::clock;
use super::es256::{NewKey, secret_key};
use super::files;
use super::output::{put_json, tell};
use crate::backstage::SigningKeySet;
use rotation::{Step, shown};

/// The set that a rotation is about if it is not named.
const DEFAULT_SET: &str = "keys/signing-keys.json";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
#[command(group = ArgGroup::new("step").args(["out", "add", "promote", "retire"]))]
pub(super) struct Args {
    /// A new set: the folder to write it to, with the PEM pair and the app-config snippet
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Rotation, step 1: adds a new key to a set, which publishes it and does not sign with it
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = DEFAULT_SET)]
    add: Option<PathBuf>,
    /// Rotation, step 2: makes the added key the one that signs
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = DEFAULT_SET)]
    promote: Option<PathBuf>,
    /// Rotation, step 3: takes out the keys whose tokens have all expired
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = DEFAULT_SET)]
    retire: Option<PathBuf>,
    /// The id of the key; by default the thumbprint of a new one (RFC 7638), and the key whose turn it is
    #[arg(long, value_name = "KID")]
    kid: Option<String>,
    /// Replace files that exist, or take a step of a rotation before its time
    #[arg(long, requires = "step")]
    force: bool,
    /// The time of the step, in seconds since 1970, instead of now
    #[arg(long, value_name = "SECONDS", requires = "step")]
    now: Option<i64>,
}

const HELP: &str = "\
Without --out the set goes to stdout. With --out the folder gets
  signing-keys.json     the set, for the secret SIGNING_KEYS (only you may read it)
  public.pem            the public key, for the backend's auth.keyStore.static
  private.pem           the private key, likewise (only you may read it)
  app-config.auth.yaml  the snippet for app-config
A file that is replaced is kept beside the new one, as NAME.TIME.old.

Rotation: the first key of the set signs, all are published. Each step changes the set, and the PEM pairs
and the snippet if they are in its folder. FILE is keys/signing-keys.json if it is not given. After each
step, restart the backend with the snippet (BACKSTAGE.trust \"shared-key\" only), then replace the secret:
  wrangler secret put SIGNING_KEYS < keys/signing-keys.json
  1. cfaccess keygen --add
  2. cfaccess keygen --promote   15 minutes later: by then every backend that remembers the key set
                                 (for 10 minutes) has read it again with the new key in it
  3. cfaccess keygen --retire    25 hours later: by then every token of the old key has expired (a token
                                 lives for 24 hours at most)
--promote and --retire refuse to run earlier. The file knows when a step was taken, not when you replaced
the secret: do both together.

Exit codes: 0 done; 1 refused, and nothing was changed; 2 wrong usage.

Examples:
  cfaccess keygen | wrangler secret put SIGNING_KEYS
  cfaccess keygen --out keys/
  cfaccess keygen --add keys/signing-keys.json";

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    if let Some(kid) = args.kid.as_deref().filter(|kid| !is_key_id(kid)) {
        let problem = format!("--kid must consist of letters, digits, `-`, `_` and `.`, not {kid}");
        return Err(problem.into());
    }
    match (&args.out, &args.add, &args.promote, &args.retire) {
        (_, Some(file), ..) => rotate(file, Phase::Add, args),
        (_, _, Some(file), _) => rotate(file, Phase::Promote, args),
        (_, _, _, Some(file)) => rotate(file, Phase::Retire, args),
        (out, ..) => create(out.as_deref(), args),
    }
}

/// A new set of one key.
fn create(out: Option<&Path>, args: &Args) -> Result<(), CliError> {
    let key = NewKey::random(args.kid.as_deref());
    let (text, set) = written(&[key.to_jwk()])?;
    if let Some(folder) = out {
        let kept = key_files::write(folder, &text, &set, args.force)?;
        report_kept(&kept);
        let folder_name = folder.display();
        tell(&format!(
            "Wrote signing-keys.json, app-config.auth.yaml and the PEM files of 1 key to {folder_name}.\n\
             The secret: wrangler secret put SIGNING_KEYS < {}",
            folder.join(key_files::SET).display()
        ));
    } else {
        put_json(&text)?;
        tell(
            "This is the secret SIGNING_KEYS: cfaccess keygen | wrangler secret put SIGNING_KEYS\n\
             Whoever has it can sign in as any user. --out writes it to a file, with the PEM pair for the \
             backend.",
        );
    }
    tell(&format!("Key id of the new key: {}", set.first().id));
    Ok(())
}

/// A step of a rotation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Add,
    Promote,
    Retire,
}

fn rotate(file: &Path, phase: Phase, args: &Args) -> Result<(), CliError> {
    let seconds = args.now.unwrap_or_else(clock::now);
    let now = DateTime::from_timestamp(seconds, 0)
        .ok_or_else(|| format!("--now {seconds} is no time"))?;
    // Held until the set is written.
    let locked = files::lock(file)?;
    let keys = members(file, &locked.text)?;
    let (kid, force) = (args.kid.as_deref(), args.force);
    let step = match phase {
        Phase::Add => rotation::add(keys, NewKey::random(kid).to_jwk(), now, force),
        Phase::Promote => rotation::promote(keys, kid, now, force),
        Phase::Retire => rotation::retire(keys, kid, now, force),
    }
    .map_err(|why| format!("{}: {why}", file.display()))?;
    let (text, set) = written(&step.keys)?;
    let kept = key_files::update(file, &text, &set)?;
    report_kept(&kept);
    tell(&next_steps(file, phase, &step, &set));
    Ok(())
}

/// What was done, and what the operator does now.
fn next_steps(file: &Path, phase: Phase, step: &Step, set: &SigningKeySet) -> String {
    let (kids, signs) = (step.kids.join(" and "), &set.first().id);
    let done = match phase {
        Phase::Add => {
            format!("Added the key {kids}. It is published and does not sign; {signs} signs.")
        }
        Phase::Promote => format!("The key {kids} signs from now on. The others stay published."),
        Phase::Retire => format!("Took out {kids}. {signs} signs."),
    };
    let file_name = file.display();
    let snippet = file.with_file_name(key_files::SNIPPET);
    let mut now = Vec::new();
    if snippet.exists() {
        now.push(format!("with a shared key, restart the backend with {}", snippet.display()));
    }
    now.push(format!("wrangler secret put SIGNING_KEYS < {file_name}"));
    let next = step.next.map(shown).unwrap_or_default();
    match phase {
        Phase::Add => now.push(format!("from {next} on: cfaccess keygen --promote {file_name}")),
        Phase::Promote => now.push(format!("from {next} on: cfaccess keygen --retire {file_name}")),
        Phase::Retire => {}
    }
    let now = now.iter().enumerate().map(|(at, line)| format!("\n  {}. {line}", at + 1));
    format!("{done}\nNow:{}", now.collect::<String>())
}

fn report_kept(kept: &[PathBuf]) {
    for file in kept {
        tell(&format!("The file before is kept as {}", file.display()));
    }
}

/// What needs no quotes in a shell, a URL or YAML.
fn is_key_id(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// The members of a set that is in use.
fn members(file: &Path, text: &str) -> Result<Vec<Value>, String> {
    let file_name = file.display();
    SigningKeySet::parse(text).map_err(|why| format!("{file_name} {why}"))?;
    let mut document: Value = serde_json::from_str(text).unwrap_or_default();
    match document.get_mut("keys").map(Value::take) {
        Some(Value::Array(keys)) => Ok(keys),
        _ => Err(format!("{file_name} is not a JSON Web Key Set")),
    }
}

/// The set as text and as the Worker reads it.
fn written(keys: &[Value]) -> Result<(String, SigningKeySet), String> {
    let text = format!("{}\n", json!({ "keys": keys }));
    let set = SigningKeySet::parse(&text).map_err(|why| format!("the new set {why}"))?;
    for key in set.iter() {
        secret_key(key).map_err(|why| format!("the key {} {why}", key.id))?;
    }
    Ok((text, set))
}
