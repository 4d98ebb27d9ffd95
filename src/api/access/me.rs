//! `GET /api/v1/me`: the client's name and rights.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::grant::{Access, Way};
use super::route::{INGEST, OPERATE, READ};
use super::state::AccessControl;
use crate::contract::me::{Entrance, Me, Permission};

/// `GET /api/v1/me`
pub(in crate::api) async fn me(State(access_control): State<Arc<AccessControl>>, access: Access) -> Json<Me> {
    let all = [(READ, Permission::Read), (OPERATE, Permission::Operate), (INGEST, Permission::Ingest)];
    Json(Me {
        entrance: match access.way {
            Way::Unix => Entrance::Socket,
            Way::Open => Entrance::Open,
            Way::Cookie => Entrance::Login,
            // A link opens one sound alone, and the guard lets nobody in by no way.
            Way::Token | Way::Link | Way::None => Entrance::Token,
        },
        scopes: all.into_iter().filter(|(scopes, _)| access.may(scopes)).map(|(_, permission)| permission).collect(),
        admin: access.is_admin(),
        public_url: access_control.settings.public_url.clone(),
        who: access.who,
        campaign: access.campaign,
    })
}
