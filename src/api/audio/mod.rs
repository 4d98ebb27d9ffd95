//! Audio: a leg played or drawn, a running call listened to, uploaded recordings.

pub(super) mod leg;
mod parts;
mod play;
pub(super) mod sound;
pub(super) mod upload;

pub use self::parts::Sounds;
pub use self::upload::UploadSettings;
