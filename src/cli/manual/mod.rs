//! What the commands' help and man pages say besides their options: examples, exit status, files. One description for both, so that they cannot differ.

mod commands;
mod help;
mod pages;
mod settings;

pub(super) use help::documented;
pub(super) use pages::command_page;
pub(super) use settings::settings_page;
