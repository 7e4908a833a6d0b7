//! Configuration in two stages: what the operator wrote ([`RawConfig`]) and what the program may rely
//! on ([`Config`]). The step between them finds every problem at once, and there is no other.
//!
//! The keys of `CFACCESS` are those of `auth.providers.cfaccess` in Backstage's app-config, plus our
//! own; those of `BACKSTAGE` are in `backstage.rs`.

mod app_code;
mod backstage;
mod cfaccess;
mod sign_in;
mod url;

use serde_json::Value;
use sha2::{Digest, Sha256};

pub use app_code::AppCode;
pub use backstage::{AttachToken, BackstageConfig, Mode, Trust};

use crate::access::AccessPolicy;
use crate::backstage::SigningKeySet;
use crate::catalog::import::{ImportPolicy, SyncPolicy};
use crate::json::without_mark;
pub use crate::problem::Problem;
use crate::reader::Reader;
use crate::sign_in::SignInPolicy;

/// What the operator wrote: the texts of the bindings, as the runtime or wrangler.toml has them.
#[derive(Clone, Debug, Default)]
pub struct RawConfig {
    /// `CFACCESS`, a JSON object or a JSON string that holds one.
    pub cfaccess: Option<String>,
    /// `BACKSTAGE`, likewise.
    pub backstage: Option<String>,
    /// `SIGNING_KEYS`, a JSON Web Key Set.
    pub signing_keys: Option<String>,
}

/// What the program may rely on.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which assertions are accepted.
    pub access: AccessPolicy,
    /// How callers become users.
    pub sign_in: SignInPolicy,
    /// What Backstage is told.
    pub backstage: BackstageConfig,
    /// With which keys.
    pub signing_keys: SigningKeySet,
    /// Keys of `CFACCESS` that are accepted and have no effect.
    pub without_effect: Vec<&'static str>,
    /// Tells one configuration from another in the log; nothing can be read from it.
    pub fingerprint: String,
}

impl Config {
    /// Reads and checks everything, for an app with this code.
    ///
    /// # Errors
    /// Every problem there is, in the order of the bindings.
    pub fn read(source: &RawConfig, code: &AppCode) -> Result<Self, Vec<Problem>> {
        let app = code.registry.problems().into_iter().chain(code.problems.clone());
        let mut problems: Vec<Problem> = app.map(|it| Problem::new("app", it)).collect();
        let cfaccess = object("CFACCESS", source.cfaccess.as_deref(), &mut problems)
            .map(|value| cfaccess::read(&value, code, &mut problems));
        let backstage = object("BACKSTAGE", source.backstage.as_deref(), &mut problems)
            .map(|value| backstage::read(&value, &mut problems));
        if let (Some(Some((_, sign_in, _))), Some(Some(backstage))) = (&cfaccess, &backstage) {
            for path in backstage.public_paths.iter().filter(|path| *path != "/") {
                if backstage::opens_sign_in(path, &backstage.auth_path, &sign_in.provider_id) {
                    problems.push(Problem::new(
                        "BACKSTAGE.publicPaths",
                        format!(
                            "holds `{path}`, which opens the sign-in without an assertion: name only \
                             the paths that must be public"
                        ),
                    ));
                }
            }
        }
        let signing_keys = source.signing_keys.as_deref().map_or_else(
            || {
                Err("is missing; make it with `cfaccess keygen` and `wrangler secret put \
                     SIGNING_KEYS`"
                    .to_owned())
            },
            SigningKeySet::parse,
        );
        let signing_keys =
            signing_keys.map_err(|why| problems.push(Problem::new("SIGNING_KEYS", why))).ok();
        match (cfaccess.flatten(), backstage.flatten(), signing_keys) {
            (Some((access, sign_in, without_effect)), Some(backstage), Some(signing_keys))
                if problems.is_empty() =>
            {
                let fingerprint = fingerprint(source, &signing_keys);
                Ok(Self { access, sign_in, backstage, signing_keys, without_effect, fingerprint })
            }
            _ => Err(problems),
        }
    }

    /// What the scheduled handler needs to know.
    #[must_use]
    pub fn sync_policy(&self) -> SyncPolicy {
        SyncPolicy {
            auth_path: self.backstage.auth_path.clone(),
            import: self.sign_in.import.clone(),
        }
    }
}

/// Eight hexadecimal digits that change with `CFACCESS`, with `BACKSTAGE` and with the ids of the signing
/// keys, in their order.
fn fingerprint(source: &RawConfig, signing_keys: &SigningKeySet) -> String {
    let mut digest = Sha256::new();
    let texts = [&source.cfaccess, &source.backstage];
    let keys = signing_keys.public_jwks();
    let ids = keys.iter().map(|key| key.kid.as_str());
    for text in texts.into_iter().flatten().map(String::as_str).chain(ids) {
        // No JSON text and no id has this byte in it.
        digest.update(text);
        digest.update([0]);
    }
    let mut hex = base16ct::lower::encode_string(&digest.finalize());
    hex.truncate(8);
    hex
}

/// What a `CFACCESS` wants in the records, whatever is wrong with the rest of it.
///
/// # Errors
/// What is wrong with the sign-in policy.
pub fn import_policy(cfaccess: &str) -> Result<ImportPolicy, Vec<Problem>> {
    let mut problems = Vec::new();
    let value = object("CFACCESS", Some(cfaccess), &mut problems).unwrap_or_default();
    let mut reader = Reader::new("CFACCESS", &value, &mut problems);
    let policy = sign_in::read(&mut reader, &AppCode::unknown_own());
    match policy {
        Some(policy) if problems.is_empty() => Ok(policy.import),
        _ => Err(problems),
    }
}

/// The object of a binding, from its text: an object, or a string of one (a var that was set in the
/// dashboard as text).
fn object(name: &str, text: Option<&str>, problems: &mut Vec<Problem>) -> Option<Value> {
    let Some(text) = text else {
        problems.push(Problem::new(name, "is missing"));
        return None;
    };
    let parsed = serde_json::from_str::<Value>(without_mark(text)).and_then(|value| match value {
        Value::String(inner) => serde_json::from_str::<Value>(without_mark(&inner)),
        other => Ok(other),
    });
    match parsed {
        Ok(value @ Value::Object(_)) => Some(value),
        Ok(_) => {
            problems.push(Problem::new(name, "must be a JSON object"));
            None
        }
        Err(error) => {
            problems.push(Problem::new(name, format!("is not JSON: {error}")));
            None
        }
    }
}
