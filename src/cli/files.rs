//! Writing files so that a reader never sees half of one.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::text;

/// Who may read a file that is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Readers {
    /// Everyone the umask allows.
    Anyone,
    /// The owner: it holds a secret (mode 0600, where there are modes).
    Owner,
}

/// Reads a text file: UTF-8, or UTF-16 as PowerShell writes it.
///
/// # Errors
/// A sentence that names the file.
pub(super) fn read_text(path: &Path) -> Result<String, String> {
    let name = path.display();
    let bytes = fs::read(path).map_err(|error| format!("{name}: cannot be read: {error}"))?;
    text::decode(&bytes).map_err(|why| format!("{name}: {why}"))
}

/// Writes a file through a temporary one beside it, replacing what was there. Folders that are
/// missing are made.
///
/// # Errors
/// A sentence that names the file; then the file is as it was.
pub(super) fn replace(path: &Path, content: &str, readers: Readers) -> Result<(), String> {
    let because = |why: std::io::Error| format!("{}: cannot be written: {why}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(because)?;
    }
    let temporary = temporary_name(path)
        .ok_or_else(|| format!("{}: is not the name of a file", path.display()))?;
    write_new(&temporary, content, readers).and_then(|()| fs::rename(&temporary, path)).map_err(
        |why| {
            // What cannot be removed was not created.
            let _ = fs::remove_file(&temporary);
            because(why)
        },
    )
}

/// Beside the file, so that the rename stays within one file system.
fn temporary_name(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    Some(path.with_file_name(format!(".{name}.{}.tmp", std::process::id())))
}

fn write_new(path: &Path, content: &str, readers: Readers) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if readers == Readers::Owner {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = readers;
    let mut file = options.open(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}
