//! The files of `cfaccess keygen`: the set, and beside it the PEM pairs and the snippet for a backend that
//! has the same keys.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::CliError;
use super::super::es256::pem_pair;
use super::super::files::{self, Readers};
use crate::backstage::SigningKeySet;

/// The set, for the secret.
pub(super) const SET: &str = "signing-keys.json";

/// The snippet for the backend.
pub(super) const SNIPPET: &str = "app-config.auth.yaml";

/// A file to write.
struct Output {
    file: PathBuf,
    content: String,
    readers: Readers,
}

/// Writes the set, the PEM pairs and the snippet into a folder. What is replaced is kept under another
/// name.
///
/// # Errors
/// Without `force`, every file that exists already; then nothing is written.
pub(super) fn write(
    folder: &Path,
    text: &str,
    set: &SigningKeySet,
    force: bool,
) -> Result<Vec<PathBuf>, CliError> {
    let mut outputs = backend_files(folder, set)?;
    let file = folder.join(SET);
    outputs.insert(0, Output { file, content: text.to_owned(), readers: Readers::Owner });
    if !force {
        let taken: Vec<String> = outputs
            .iter()
            .filter(|output| output.file.exists())
            .map(|output| {
                let file = output.file.display();
                format!(
                    "{file} exists already; --force replaces it and keeps the old file beside it"
                )
            })
            .collect();
        if !taken.is_empty() {
            return Err(CliError(taken));
        }
    }
    Ok(replace_all(outputs)?)
}

/// Replaces a set, and, where its folder has a snippet, the snippet and the PEM pairs that are missing.
/// What is replaced is kept under another name.
///
/// # Errors
/// A sentence that names the file.
pub(super) fn update(file: &Path, text: &str, set: &SigningKeySet) -> Result<Vec<PathBuf>, String> {
    let folder = file.parent().unwrap_or(Path::new(""));
    // The PEM pairs come before the set: a set that names a key always has its files.
    let mut outputs =
        if folder.join(SNIPPET).exists() { backend_files(folder, set)? } else { Vec::new() };
    let content = text.to_owned();
    outputs.push(Output { file: file.to_owned(), content, readers: Readers::Owner });
    replace_all(outputs)
}

fn replace_all(outputs: Vec<Output>) -> Result<Vec<PathBuf>, String> {
    let mut kept = Vec::new();
    for Output { file, content, readers } in outputs {
        kept.extend(files::replace_and_keep(&file, &content, readers)?);
    }
    Ok(kept)
}

/// The PEM pairs of all keys and the snippet that names them in the order of the set. A key keeps the
/// files that it has.
fn backend_files(folder: &Path, set: &SigningKeySet) -> Result<Vec<Output>, String> {
    let mut outputs = Vec::new();
    let mut entries = String::new();
    for (index, key) in set.iter().enumerate() {
        let (public, private) = pem_pair(key).map_err(|why| format!("the key {} {why}", key.id))?;
        let (public_file, private_file) = pair_of(folder, &private)
            .unwrap_or_else(|| new_pair(folder, &key.fingerprint, index == 0));
        entries.push_str(&snippet_entry(&public_file, &private_file, &key.id));
        outputs.push(Output { file: public_file, content: public, readers: Readers::Anyone });
        outputs.push(Output { file: private_file, content: private, readers: Readers::Owner });
    }
    let content = format!("{SNIPPET_HEAD}{entries}");
    outputs.push(Output { file: folder.join(SNIPPET), content, readers: Readers::Anyone });
    Ok(outputs)
}

/// The files in the folder that hold this key already.
fn pair_of(folder: &Path, private: &str) -> Option<(PathBuf, PathBuf)> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut names: Vec<String> = fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| {
            name.starts_with("private") && Path::new(name).extension() == Some("pem".as_ref())
        })
        .collect();
    names.sort();
    let holds = |name: &String| fs::read_to_string(folder.join(name)).is_ok_and(|it| it == private);
    let name = names.into_iter().find(holds)?;
    Some((folder.join(name.replacen("private", "public", 1)), folder.join(name)))
}

/// Names for the files of a key: the first one of a folder has none of its own.
fn new_pair(folder: &Path, fingerprint: &[u8], is_first: bool) -> (PathBuf, PathBuf) {
    let plain = folder.join("private.pem");
    let ending = if is_first && !plain.exists() {
        String::new()
    } else {
        let name = base16ct::lower::encode_string(fingerprint.get(..4).unwrap_or(fingerprint));
        format!("-{name}")
    };
    (folder.join(format!("public{ending}.pem")), folder.join(format!("private{ending}.pem")))
}

/// What `StaticKeyStore` of `@backstage/plugin-auth-backend` 0.31 reads.
const SNIPPET_HEAD: &str = "\
# For BACKSTAGE.trust = \"shared-key\": the backend's auth plugin publishes these keys too. It signs
# with the first entry of the list. If it has a static key of its own, add that one after these: it stays
# published. Where the Worker is the auth service (trust = \"service\"), this is not needed.
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
