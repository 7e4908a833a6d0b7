//! Writing files so that a reader never sees half of one.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use chrono::DateTime;

use super::clock;
use super::text;

/// How many files with one time in their names are kept at the most.
const MAX_KEPT: usize = 100;

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
    write_new(&temporary, content.as_bytes(), readers)
        .and_then(|()| fs::rename(&temporary, path))
        .map_err(|why| {
            // What cannot be removed was not created.
            let _ = fs::remove_file(&temporary);
            because(why)
        })
}

/// A file that this process alone changes, as long as the value lives.
#[derive(Debug)]
pub(super) struct Locked {
    pub(super) text: String,
    // Closing it gives the lock back.
    _file: File,
}

/// Reads a file that is going to be replaced. A second process that wants the same is refused, so that
/// neither loses what the other writes.
///
/// # Errors
/// A sentence that names the file.
pub(super) fn lock(path: &Path) -> Result<Locked, String> {
    let name = path.display();
    let because = |why: std::io::Error| format!("{name}: cannot be read: {why}");
    let mut file = File::open(path).map_err(because)?;
    let busy = || format!("{name}: another process is changing it: try again when that has ended");
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(busy()),
        Err(TryLockError::Error(why)) if why.kind() == ErrorKind::Unsupported => {}
        Err(TryLockError::Error(why)) => return Err(format!("{name}: cannot be locked: {why}")),
    }
    // The process that had the lock may have put another file in its place since it was opened.
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let (ours, theirs) =
            (file.metadata().map_err(because)?, fs::metadata(path).map_err(because)?);
        if (ours.dev(), ours.ino()) != (theirs.dev(), theirs.ino()) {
            return Err(busy());
        }
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(because)?;
    let text = text::decode(&bytes).map_err(|why| format!("{name}: {why}"))?;
    Ok(Locked { text, _file: file })
}

/// Writes a file as [`replace`] does. What it replaces is kept beside it, under its name with the time and
/// `.old`, and returned. Nothing is written if the file has this content already.
///
/// # Errors
/// A sentence that names the file; then the file is as it was.
pub(super) fn replace_and_keep(
    path: &Path,
    content: &str,
    readers: Readers,
) -> Result<Option<PathBuf>, String> {
    let because = |why: std::io::Error| format!("{}: cannot be read: {why}", path.display());
    let before = match fs::read(path) {
        Ok(before) if before == content.as_bytes() => return Ok(None),
        Ok(before) => Some(before),
        Err(why) if why.kind() == ErrorKind::NotFound => None,
        Err(why) => return Err(because(why)),
    };
    let kept = before.map(|before| keep(path, &before, readers)).transpose()?;
    replace(path, content, readers)?;
    Ok(kept)
}

/// Writes what a file has held under a name that no file has.
fn keep(path: &Path, content: &[u8], readers: Readers) -> Result<PathBuf, String> {
    let time = DateTime::from_timestamp(clock::now(), 0).unwrap_or_default().naive_utc();
    let time = format!("{time:?}Z").replace(['-', ':'], "");
    for number in 0..MAX_KEPT {
        let mut name = path.as_os_str().to_owned();
        let number = if number == 0 { String::new() } else { format!("-{number}") };
        name.push(format!(".{time}{number}.old"));
        let kept = PathBuf::from(name);
        match write_new(&kept, content, readers) {
            Ok(()) => return Ok(kept),
            Err(why) if why.kind() == ErrorKind::AlreadyExists => {}
            Err(why) => return Err(format!("{}: cannot be written: {why}", kept.display())),
        }
    }
    Err(format!("{}: has {MAX_KEPT} old files beside it of this second", path.display()))
}

/// Beside the file, so that the rename stays within one file system.
fn temporary_name(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    Some(path.with_file_name(format!(".{name}.{}.tmp", std::process::id())))
}

fn write_new(path: &Path, content: &[u8], readers: Readers) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if readers == Readers::Owner {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = readers;
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}
