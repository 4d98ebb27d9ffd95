//! Who is asking, and what they may do: for pages and programs that show only what will work.

use serde::Serialize;
use utoipa::ToSchema;

/// By which way somebody came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Entrance {
    /// The Unix socket.
    Socket,
    /// `[http] open`: nobody is asked.
    Open,
    /// A token.
    Token,
    /// A login of the pages.
    Login,
}

/// Something that may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// To see calls, text, sound and figures.
    Read,
    /// To change and command.
    Operate,
    /// To bring calls in.
    Ingest,
}

/// Who is asking, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Me {
    /// Name of the token, or of the user on the Unix socket.
    pub who: String,
    /// By which way they came in.
    pub entrance: Entrance,
    /// What they may do.
    pub scopes: Vec<Permission>,
    /// The one campaign whose calls they see; `null` for those of all.
    pub campaign: Option<String>,
    /// Whether they may see the settings: whoever has every scope and sees every call.
    pub admin: bool,
    /// Where browsers find the pages, `[http] public_url`.
    pub public_url: Option<String>,
}
