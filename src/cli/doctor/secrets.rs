//! `SIGNING_KEYS`, as far as it can be seen from here.

use std::fs;
use std::path::Path;

use super::super::files;
use super::super::wrangler::Deployment;

/// The secret's text, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub(super) place: String,
    pub(super) text: String,
}

/// The secret from a file that holds nothing else.
///
/// # Errors
/// A sentence that names the file.
pub(super) fn from_file(file: &Path) -> Result<Keys, String> {
    let place = file.display().to_string();
    let text = files::read_text(file)?;
    Ok(Keys { place, text })
}

/// The secret of local development: `.dev.vars.<env>`, or else `.dev.vars`, beside wrangler.toml.
pub(super) fn from_dev_vars(wrangler: &Path, deployment: &Deployment) -> Option<Keys> {
    let of_env = deployment.env.as_ref().map(|env| format!(".dev.vars.{env}"));
    let names = of_env.into_iter().chain([".dev.vars".to_owned()]);
    let file = names.map(|name| wrangler.with_file_name(name)).find(|file| file.exists())?;
    let vars = fs::read_to_string(&file).ok()?;
    let text = value(&vars, "SIGNING_KEYS")?;
    Some(Keys { place: file.display().to_string(), text })
}

/// The value of a name in a dotenv file: the rest of the line, or what stands between quotes, which
/// may be several lines.
fn value(vars: &str, name: &str) -> Option<String> {
    let mut rest = vars;
    while !rest.is_empty() {
        let (line, next) = rest.split_once('\n').unwrap_or((rest, ""));
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let after = line.strip_prefix(name).map(str::trim_start);
        if let Some(after) = after.and_then(|after| after.strip_prefix('=')) {
            let after = after.trim_start();
            let Some(to_json_string) =
                after.chars().next().filter(|c| matches!(c, '\'' | '"' | '`'))
            else {
                return Some(after.trim_end().to_owned());
            };
            let start = rest.find(to_json_string)? + to_json_string.len_utf8();
            let (text, _) = rest.get(start..)?.split_once(to_json_string)?;
            return Some(text.to_owned());
        }
        rest = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn a_value_is_the_rest_of_the_line_or_what_is_between_quotes() {
        let vars = "# keys\nOTHER=1\n SIGNING_KEYS = {\"keys\":[]} \nX='a'\nexport Y=\"b\nc\"\n";
        assert_eq!(value(vars, "SIGNING_KEYS").as_deref(), Some("{\"keys\":[]}"));
        assert_eq!(value(vars, "X").as_deref(), Some("a"));
        assert_eq!(value(vars, "Y").as_deref(), Some("b\nc"));
    }

    #[test]
    fn a_name_that_only_begins_alike_is_another() {
        assert_eq!(value("SIGNING_KEYS_OLD=1\nZ='unclosed\n", "SIGNING_KEYS"), None);
        assert_eq!(value("Z='unclosed\n", "Z"), None);
    }
}
