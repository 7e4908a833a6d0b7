//! `cfaccess catalog`: the records that the Worker looks users up in.

mod build;
mod cycles;
mod entry;
mod gather;
mod ids;
mod kv;
mod kv_values;
mod lists;
mod live;
mod progress;
mod push;
mod run;
mod settings;
mod source;
mod status;
mod users;

use super::CliError;

pub(super) use gather::{Concern, Gathered};
pub(super) use ids::{Ids, has_api_token};
pub(super) use kv::Namespace;
pub(super) use settings::{Settings, annotation_name};
pub(super) use users::{LargeTokens, to_records};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Turn Backstage entities into the file that `wrangler kv bulk put` takes
    Build(build::Args),
    /// Write what has changed in Backstage into KV
    Push(push::Args),
    /// Say when the records in KV were last brought up to date, and how that ended
    Status(status::Args),
}

pub(super) fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::Build(args) => build::run(&args),
        Command::Push(args) => push::run(&args),
        Command::Status(args) => status::run(&args),
    }
}
