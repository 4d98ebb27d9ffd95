//! State of the handlers of audio.

use std::path::PathBuf;
use std::sync::Arc;

use crate::api::access::AccessControl;
use crate::api::request::Clock;
use crate::store::Store;

/// What is needed to give somebody a call's sound.
#[derive(Clone)]
pub struct Sounds {
    /// Rows: which legs there are, and what of them is silent.
    pub store: Store,
    /// Signs links, and knows where own sound lies.
    pub access_control: Arc<AccessControl>,
    /// Folder for audio that had to be converted for playing.
    pub cache: PathBuf,
    /// Until when a link is good, and how far behind live sound is.
    pub clock: Clock,
}
