//! `cfaccess catalog`: the records that the Worker looks users up in.

mod build;
mod document;
mod source;

use super::Failed;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Turn Backstage entities into the file that `wrangler kv bulk put` takes
    Build(build::Args),
}

pub(super) fn run(command: Command) -> Result<(), Failed> {
    match command {
        Command::Build(args) => build::run(&args),
    }
}
