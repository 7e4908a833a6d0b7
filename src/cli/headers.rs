//! Headers for a running Backstage, some of them secret.

use std::env;
use std::path::PathBuf;

use super::files;
use super::output::hide;

/// Before the name of a variable that holds the value.
const FROM_ENVIRONMENT: &str = "env:";

/// The headers of `--header` and `--header-file`. No value is shown, in whatever text it stands.
///
/// # Errors
/// A sentence that says which header is meant, without its value.
pub(super) fn given(
    arguments: &[String],
    header_files: &[PathBuf],
) -> Result<Vec<(String, String)>, String> {
    let mut headers = Vec::new();
    for (at, argument) in arguments.iter().enumerate() {
        headers.push(read(argument, &format!("--header number {}", at + 1))?);
    }
    for file in header_files {
        let text = files::read_text(file)?;
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                headers.push(read(line, &format!("{}:{}", file.display(), at + 1))?);
            }
        }
    }
    Ok(headers)
}

fn read(text: &str, place: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').unwrap_or_default();
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
    // RFC 9110, section 5.6.2.
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(format!("{place} must be `NAME: VALUE`"));
    }
    let value = match value.strip_prefix(FROM_ENVIRONMENT) {
        Some(variable) => env::var(variable)
            .map_err(|_| format!("{place}: the variable of the header {name} is not set"))?
            .trim()
            .to_owned(),
        None => value.to_owned(),
    };
    if value.is_empty() || value.chars().any(char::is_control) {
        return Err(format!(
            "{place}: the value of the header {name} is empty or has a control character in it"
        ));
    }
    hide(&value);
    Ok((name, value))
}
