//! The command line, `cfaccess`. Native only: the same core as the Worker, with files, a clock and
//! a terminal around it.

mod catalog;
mod doctor;
mod es256;
mod files;
mod http;
mod keygen;
mod ports;
mod text;
mod verify;
mod wrangler;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Backstage sign-in behind Cloudflare Access: keys, catalog, diagnosis.
#[derive(Debug, Parser)]
#[command(name = "cfaccess", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 refused or a problem was found, every one on its own line of stderr, which
begins with `error:`; 2 wrong usage. Results go to stdout, everything else to stderr.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the records that the Worker looks users up in
    #[command(subcommand)]
    Catalog(catalog::Command),
    /// Say everything that is wrong with wrangler's configuration, and how to correct it
    Doctor(doctor::Args),
    /// Make a signing key, alone or in front of those in use
    Keygen(keygen::Args),
    /// Say what the Worker would say of an assertion, and why
    Verify(verify::Args),
}

/// Why a command did not do what it was asked: sentences, one for each problem.
#[derive(Debug)]
struct CliError(Vec<String>);

impl From<String> for CliError {
    fn from(problem: String) -> Self {
        Self(vec![problem])
    }
}

/// Writes the result of a command to stdout.
///
/// # Errors
/// If stdout is closed: the result would be lost.
fn put(text: &str) -> Result<(), String> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| format!("stdout: cannot be written: {error}"))
}

/// A text as a terminal may show it: control characters and those that turn the direction of text, which
/// may come from any input, are written as escapes.
fn printable(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}') {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Catalog(command) => catalog::run(command),
        Command::Doctor(args) => doctor::run(&args),
        Command::Keygen(args) => keygen::run(&args),
        Command::Verify(args) => verify::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(CliError(problems)) => {
            for problem in problems {
                eprintln!("error: {}", printable(&problem.replace('\n', " ")));
            }
            ExitCode::FAILURE
        }
    }
}
