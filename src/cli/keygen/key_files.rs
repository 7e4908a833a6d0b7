//! The folder of `cfaccess keygen --out`.

use std::path::{Path, PathBuf};

use super::super::CliError;
use super::super::es256::pem_pair;
use super::super::files::{self, Readers};
use crate::backstage::SigningKeySet;

/// The set, for the secret.
pub(super) const SET: &str = "signing-keys.json";

/// The snippet for the backend.
const SNIPPET: &str = "app-config.auth.yaml";

/// The names of the PEM pair of the key at this place in the set: no number for the first.
fn pem_names(index: usize) -> (String, String) {
    let number = if index == 0 { String::new() } else { format!("-{}", index + 1) };
    (format!("public{number}.pem"), format!("private{number}.pem"))
}

/// Writes the set, the PEM pairs and the snippet.
///
/// # Errors
/// Without `force`, every file that exists already; then nothing is written.
pub(super) fn write(
    folder: &Path,
    text: &str,
    set: &SigningKeySet,
    force: bool,
) -> Result<(), CliError> {
    let mut outputs: Vec<(PathBuf, String, Readers)> =
        vec![(folder.join(SET), text.to_owned(), Readers::Owner)];
    let mut entries = String::new();
    for (index, key) in set.iter().enumerate() {
        let (public, private) = pem_pair(key).map_err(|why| format!("the key {} {why}", key.id))?;
        let (public_name, private_name) = pem_names(index);
        let (public_file, private_file) = (folder.join(public_name), folder.join(private_name));
        entries.push_str(&snippet_entry(&public_file, &private_file, &key.id));
        outputs.push((public_file, public, Readers::Anyone));
        outputs.push((private_file, private, Readers::Owner));
    }
    outputs.push((folder.join(SNIPPET), format!("{SNIPPET_HEAD}{entries}"), Readers::Anyone));
    if !force {
        let taken: Vec<String> = outputs
            .iter()
            .filter(|(file, ..)| file.exists())
            .map(|(file, ..)| format!("{} exists already; --force replaces it", file.display()))
            .collect();
        if !taken.is_empty() {
            return Err(CliError(taken));
        }
    }
    for (file, content, readers) in outputs {
        files::replace(&file, &content, readers)?;
    }
    Ok(())
}

/// What `StaticKeyStore` of `@backstage/plugin-auth-backend` 0.31 reads.
const SNIPPET_HEAD: &str = "\
# For BACKSTAGE.trust = \"shared-key\": the backend's auth plugin publishes these keys too. It signs
# with the first entry of the list, so if it has a static key of its own, keep that one first and
# add these after it. Where the Worker is the auth service (trust = \"service\"), this is not needed.
# The files are found from the working directory of the backend.
auth:
  keyStore:
    provider: static
    static:
      keys:
";

fn snippet_entry(public: &Path, private: &Path, id: &str) -> String {
    // A JSON string is a YAML string, whatever is in it.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    format!(
        "        - publicKeyFile: {}\n          privateKeyFile: {}\n          keyId: {}\n          \
         algorithm: ES256\n",
        quoted(&public.display().to_string()),
        quoted(&private.display().to_string()),
        quoted(id)
    )
}
