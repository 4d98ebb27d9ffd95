//! `lineside calls`, `show`, `search`, `tail`: the daemon's answers on a terminal or for a script.

mod act;
mod list;
pub(super) mod scope;
mod show;
mod tail;
pub(super) mod words;

pub(super) use list::{CallsArguments, SearchArguments, list, search};
pub(super) use show::{ShowArguments, show};
pub(super) use tail::{TailArguments, tail};
