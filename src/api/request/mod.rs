//! Parts that handlers of all paths share: a request's parameters and form, the clock, and errors.

mod clock;
mod error;
mod form;
pub(super) mod parameters;
mod socket;

pub use self::clock::Clock;
pub use self::error::ApiError;
pub(super) use self::error::refused;
pub(super) use self::form::Form;
pub(crate) use self::parameters::{Parameters, cut};
pub(super) use self::socket::bounded;
