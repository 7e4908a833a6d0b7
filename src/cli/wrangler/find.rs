//! Which file `wrangler deploy` takes if it is not named.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::jsonc::parse_jsonc;

/// The names, in the order of wrangler's preference: a `wrangler.json` in any folder above comes before
/// a `wrangler.toml` in this one.
const NAMES: [&str; 3] = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];

/// Where a build tool names the file that it has written for `wrangler deploy`.
const REDIRECT: &str = ".wrangler/deploy/config.json";

/// The file that `wrangler deploy` takes here.
///
/// # Errors
/// If there is none, or if it is not clear which one is meant.
pub(in crate::cli) fn find() -> Result<PathBuf, String> {
    let here = env::current_dir().map_err(|error| format!("no working directory: {error}"))?;
    let found = find_from(&here)?;
    Ok(found.strip_prefix(&here).map(Path::to_owned).unwrap_or(found))
}

/// The file of this folder, without a look at the folders above; `None` if there is none.
///
/// # Errors
/// If there are several.
pub(in crate::cli) fn find_here() -> Result<Option<PathBuf>, String> {
    let found: Vec<&str> = NAMES.into_iter().filter(|name| Path::new(name).is_file()).collect();
    if found.len() > 1 {
        return Err(format!(
            "{} are both there: delete one, or name the file with --config",
            found.join(" and ")
        ));
    }
    Ok(found.first().map(PathBuf::from))
}

fn find_from(here: &Path) -> Result<PathBuf, String> {
    let found: Vec<PathBuf> = NAMES.iter().filter_map(|name| find_up(here, name)).collect();
    let redirect = find_up(here, REDIRECT);
    let Some(chosen) = found.first() else {
        return match redirect {
            Some(redirect) => target_of(&redirect),
            None => Err(format!(
                "there is no {} in this folder or above it: name the file with --config",
                NAMES.join(", ")
            )),
        };
    };
    // Beside the file that wrangler takes, or nearer than it.
    let folder = chosen.parent().unwrap_or(here);
    if let Some(other) = found.iter().skip(1).find(|it| it.starts_with(folder)) {
        return Err(format!(
            "{} and {} are both there: wrangler takes the first and ignores the second; delete one, or \
             name the file with --config here and in `wrangler deploy`",
            chosen.display(),
            other.display()
        ));
    }
    let Some(redirect) = redirect else { return Ok(chosen.clone()) };
    if redirect != folder.join(REDIRECT) {
        return Err(format!(
            "{} redirects wrangler, but it is not beside {}: delete it, or name the file with --config",
            redirect.display(),
            chosen.display()
        ));
    }
    target_of(&redirect)
}

/// The nearest file of this name.
fn find_up(here: &Path, name: &str) -> Option<PathBuf> {
    here.ancestors().map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The file that a redirect names.
fn target_of(redirect: &Path) -> Result<PathBuf, String> {
    let name = redirect.display();
    let text =
        fs::read_to_string(redirect).map_err(|error| format!("{name}: cannot be read: {error}"))?;
    let settings = parse_jsonc(&text).map_err(|(line, why)| format!("{name}:{line}: {why}"))?;
    let Some(target) = settings.get("configPath").and_then(|it| it.as_str()) else {
        return Err(format!("{name}: has no `configPath`, which wrangler needs: delete the file"));
    };
    let file = redirect.with_file_name(target);
    file.canonicalize().map_err(|_| {
        format!("{name}: names {}, which is not there: build again, or delete it", file.display())
    })
}
