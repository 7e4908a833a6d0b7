//! `cfaccess catalog`: the records that the Worker looks users up in.

mod build;
mod cycles;
mod entry;
mod gather;
mod ids;
mod kv;
mod lists;
mod live;
mod progress;
mod push;
mod settings;
mod source;

use super::CliError;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Turn Backstage entities into the file that `wrangler kv bulk put` takes
    Build(build::Args),
    /// Write what has changed in Backstage into KV
    Push(push::Args),
}

pub(super) fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::Build(args) => build::run(&args),
        Command::Push(args) => push::run(&args),
    }
}
