//! Sound that is drawn, and links to it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::call::Leg;

/// The loudness of a leg over its length.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Peaks {
    /// Direction of the sound.
    pub leg: Leg,
    /// Its number.
    pub leg_id: i64,
    /// Begin of the leg, seconds of the call.
    pub offset: f64,
    /// Its length, seconds.
    pub duration: f64,
    /// The loudest sample of each of equal parts, percent of full scale.
    pub peaks: Vec<u8>,
}

/// An address that plays a leg's sound without a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SoundLink {
    /// The address, without the host.
    pub url: String,
    /// Time at which the link expires.
    #[schema(format = DateTime)]
    pub expires_at: String,
}
