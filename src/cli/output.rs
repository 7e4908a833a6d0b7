//! All that the command line writes to stdout and stderr passes through here: text that comes from files,
//! servers and arguments can neither steer the terminal nor show a secret.

#![expect(clippy::print_stderr, reason = "this is where everything is printed")]

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};

/// What must not be shown.
static SECRETS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// What a secret is replaced with.
const HIDDEN: &str = "[secret]";

/// Shorter values are in every other word, and none that a server issues.
const SHORTEST_SECRET: usize = 6;

/// From now on this value is not shown, in whatever text it stands.
pub(super) fn hide(secret: &str) {
    let secret = secret.trim();
    if secret.len() >= SHORTEST_SECRET {
        let mut secrets = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.push(secret.to_owned());
        // The longest first: a secret that is part of another one must not leave the rest of it.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }
}

/// Writes the result of a command to stdout: lines for people.
///
/// # Errors
/// If stdout is closed: the result would be lost.
pub(super) fn put(text: &str) -> Result<(), String> {
    write(&shown(text, escaped))
}

/// Writes the result of a command to stdout: a JSON document, which stays the same document.
///
/// # Errors
/// If stdout is closed: the result would be lost.
pub(super) fn put_json(text: &str) -> Result<(), String> {
    write(&shown(text, escaped_in_json))
}

/// Says something on stderr, in one or more lines.
pub(super) fn tell(text: &str) {
    eprintln!("{}", shown(text, escaped));
}

/// What a line begins with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Label {
    Error,
    Warning,
    Note,
}

/// Says something on stderr in one line that begins with a label, in colour on a terminal.
pub(super) fn tell_labelled(label: Label, text: &str) {
    let (name, colour) = match label {
        Label::Error => ("error", "31"),
        Label::Warning => ("warning", "33"),
        Label::Note => ("note", "36"),
    };
    let text = shown(&text.replace(['\n', '\r'], " "), escaped);
    if has_colour() {
        eprintln!("\x1b[1;{colour}m{name}:\x1b[0m {text}");
    } else {
        eprintln!("{name}: {text}");
    }
}

/// Whether stderr shows colour: on a terminal, unless the environment says no (no-color.org).
fn has_colour() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    std::io::stderr().is_terminal() && !is_set("NO_COLOR") && !is_dumb
}

/// A text as a terminal may show it: what steers a terminal or turns the direction of text is written as
/// an escape, line ends too.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::new();
    text.chars().for_each(|c| if steers(c) { escaped(&mut shown, c) } else { shown.push(c) });
    shown
}

fn write(text: &str) -> Result<(), String> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| format!("stdout: cannot be written: {error}"))
}

/// The text without secrets, its line ends and tabs as they are.
fn shown(text: &str, escape: fn(&mut String, char)) -> String {
    let secrets = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut text = text.to_owned();
    for secret in secrets.iter() {
        text = text.replace(secret, HIDDEN);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) && !matches!(c, '\n' | '\t') { escape(&mut shown, c) } else { shown.push(c) }
    }
    shown
}

/// Control characters (C0, DEL, C1), line and paragraph separators, and what turns the direction of text.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

fn escaped(shown: &mut String, c: char) {
    shown.extend(c.escape_default());
}

/// In a JSON document such characters are only in strings. All of them have four hexadecimal digits.
fn escaped_in_json(shown: &mut String, c: char) {
    // Writing into a string cannot fail.
    let _ = write!(shown, "\\u{:04x}", u32::from(c));
}

#[cfg(test)]
mod tests {
    use super::{HIDDEN, escaped, escaped_in_json, hide, printable, shown};

    #[test]
    fn what_steers_a_terminal_is_escaped_and_everything_else_is_not() {
        let plain = "ä 漢字 🎉 é\n\tb";
        assert_eq!(shown(plain, escaped), plain);
        for c in ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}').chain('\u{202a}'..='\u{202e}') {
            if !matches!(c, '\n' | '\t') {
                let text = shown(&format!("a{c}b"), escaped);
                assert!(!text.contains(c) && text.starts_with("a\\"), "{c:?}: {text}");
                let json = shown(&format!("\"a{c}b\""), escaped_in_json);
                assert!(!json.contains(c));
                let read: String = serde_json::from_str(&json).unwrap();
                assert_eq!(read, format!("a{c}b"));
            }
        }
        assert_eq!(printable("a\r\n\u{2066}b"), "a\\r\\n\\u{2066}b");
    }

    #[test]
    fn a_hidden_value_is_not_shown_in_whatever_text() {
        hide("s3cret-value\n");
        hide("s3cret-value-and-more");
        hide("a");
        let text = shown("no s3cret-value here, and a, s3cret-values", escaped);
        assert_eq!(text, format!("no {HIDDEN} here, and a, {HIDDEN}s"));
        assert_eq!(shown("s3cret-value-and-more", escaped), HIDDEN);
    }
}
