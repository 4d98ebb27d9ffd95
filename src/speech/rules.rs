//! The recogniser's rules for accurate text: margins of the window, second decodings, and what is doubted or dropped.

/// Encoder positions beyond the stretch, 7.7 s. With fewer, real weights lose their place: of 65 real recordings at 8 kHz 7 ran away with a margin of
/// 128, none with 256, but with 10.5 % of words wrong; 384 gives 8.5 %, 512 8.0 %, the whole window 8.4 % (tiny.en, greedy, CTranslate2).
pub(super) const MARGIN: u32 = 384;
/// The part of the margin that the encoder computes each time, 1.9 s; the rest is stored silence (`silence.rs`).
pub(super) const ROOM: u32 = 96;

/// The margin of a second decoding. All of it is encoded: where one way of hearing it is doubtful, another may be right.
const SECOND_MARGIN: u32 = 512;
/// Beams of a second decoding: where one way of hearing it is doubtful, five are compared (Radford et al. 2022, section 4.5).
const SECOND_BEAMS: u32 = 5;

/// Whisper's own threshold, hundredths of a log probability (Radford et al. 2022, section 4.5).
const IMPROBABLE: u32 = 100;
/// No word of such a text is likelier than one in six.
const HOPELESS: u32 = 180;

/// Of the utterances of 65 real recordings three in ten have less range with noise 5 dB below the voice, one in eleven with 10 dB, one in twenty with 20 dB,
/// and one in seventy-five on a quiet line (docs/decisions/noise-is-read-once.md).
const NOISY: u32 = 12;

/// The measures for accurate text. All of them are on; a bench switches one off at a time, to see what it gains and costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a rule of its own, on or off")]
pub struct Rules {
    /// Positions beyond the stretch that the decoder sees.
    pub margin: u32,
    /// Positions beyond the stretch that the encoder computes, where the engine stores the encoding of silence.
    pub room: u32,
    /// Doubtful text is decoded again with more beams.
    pub second_look: bool,
    /// Positions beyond the stretch that the decoder sees then, at least.
    pub second_margin: u32,
    /// Positions beyond the stretch that the encoder computes then.
    pub second_room: u32,
    /// Beams then, at least.
    pub second_beams: u32,
    /// Whether a gap in a window is decoded again alone (gap re-decoding).
    pub gaps: bool,
    /// Below minus this mean log probability, in hundredths, a text is decoded again.
    pub improbable: u32,
    /// Below minus this one, in hundredths, it is dropped at once.
    pub hopeless: u32,
    /// Text is dropped where the model says that nobody spoke.
    pub no_speech: bool,
    /// Loops and text that nobody could say so fast are doubted.
    pub repetition: bool,
    /// Sentences that models invent are dropped.
    pub known_phrases: bool,
    /// Range between loud and quiet moments of a stretch, dB, below which noise fills the pauses: it is decoded once, and doubtful text is dropped.
    pub noisy: u32,
    /// Whether signalling tones are left out.
    pub tones: bool,
    /// The text is no longer than its sound allows.
    pub bound: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            margin: MARGIN,
            room: ROOM,
            improbable: IMPROBABLE,
            hopeless: HOPELESS,
            second_look: true,
            second_margin: SECOND_MARGIN,
            second_room: SECOND_MARGIN,
            second_beams: SECOND_BEAMS,
            gaps: true,
            no_speech: true,
            repetition: true,
            known_phrases: true,
            noisy: NOISY,
            tones: true,
            bound: true,
        }
    }
}
