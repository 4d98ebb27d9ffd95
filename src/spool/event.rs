//! What the spool tells the pipeline.

use std::sync::Arc;

use super::leg::SpooledLeg;
use super::line::Line;
use crate::call::LegKey;

/// An event of the spool; events come in the order in which they happened.
#[derive(Clone, Debug)]
pub enum SpoolEvent {
    /// A connection has said whose sound it brings; none is here yet.
    Named(Arc<Line>),
    /// A connection has ended.
    Left(Arc<Line>),
    /// A leg began; its samples may already be growing.
    Opened(Arc<SpooledLeg>),
    /// A key was pressed on a leg.
    Dtmf {
        /// The leg on which it was pressed.
        leg: LegKey,
        /// Place on the leg, samples.
        at_sample: u64,
        /// `0`-`9`, `*`, `#`, `A`-`D`.
        digit: char,
    },
    /// A leg has its last sample on disk.
    Closed(Arc<SpooledLeg>),
}
