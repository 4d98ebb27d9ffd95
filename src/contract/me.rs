//! Who is asking, and what they may do: for pages and programs that show only what will work.

use serde::Serialize;
use utoipa::ToSchema;

/// Way by which a client was authenticated.
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

/// Something that a token may do.
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

/// The client's name and rights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Me {
    /// Name of the token, or of the user on the Unix socket.
    pub who: String,
    /// Way by which the client was authenticated.
    pub entrance: Entrance,
    /// Rights of the client.
    pub scopes: Vec<Permission>,
    /// The one campaign whose calls they see; `null` for those of all.
    pub campaign: Option<String>,
    /// Whether the client may see the settings: it has every scope and sees every call.
    pub admin: bool,
    /// Address of the pages for browsers, `[http] public_url`.
    pub public_url: Option<String>,
}
