//! `lineside openapi`: the API's document, without a daemon.

use clap::Args;

use super::print::say;
use crate::daemon;

#[derive(Args)]
pub(super) struct OpenapiArguments {
    /// The messages of the feeds, as AsyncAPI 3.0, instead of paths and answers as OpenAPI 3.1
    #[arg(long)]
    feeds: bool,
}

pub(super) fn run(arguments: &OpenapiArguments) -> anyhow::Result<()> {
    let text = if arguments.feeds { daemon::asyncapi() } else { daemon::openapi() };
    Ok(say(text.trim_end())?)
}
