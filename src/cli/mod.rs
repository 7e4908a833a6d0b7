//! The command line, `cfaccess`. Native only: the same core as the Worker, with files, a clock and
//! a terminal around it.

#![deny(clippy::print_stderr, clippy::print_stdout)]

mod catalog;
mod clock;
mod doctor;
mod es256;
mod files;
mod headers;
mod http;
mod keygen;
mod output;
mod ports;
mod resolve;
mod text;
mod trial;
mod verify;
mod wrangler;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use output::{Label, tell, tell_labelled};

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

/// The exit code of clap.
const WRONG_USAGE: u8 = 2;

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the records that the Worker looks users up in
    #[command(subcommand)]
    Catalog(catalog::Command),
    /// Say everything that is wrong with wrangler's configuration, and how to correct it
    Doctor(doctor::Args),
    /// Make signing keys, and replace them step by step
    Keygen(keygen::Args),
    /// Say whether a caller can sign in, as which user, and why not
    Resolve(resolve::Args),
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

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error)
            if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) =>
        {
            error.exit()
        }
        // What clap quotes of the arguments may have come from anywhere.
        Err(error) => {
            tell(error.render().to_string().trim_end());
            return ExitCode::from(WRONG_USAGE);
        }
    };
    let result = match cli.command {
        Command::Catalog(command) => catalog::run(command),
        Command::Doctor(args) => doctor::run(&args),
        Command::Keygen(args) => keygen::run(&args),
        Command::Resolve(args) => resolve::run(&args),
        Command::Verify(args) => verify::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(CliError(problems)) => {
            for problem in problems {
                tell_labelled(Label::Error, &problem);
            }
            ExitCode::FAILURE
        }
    }
}
