//! The encoder's output for silence, computed once for each model and reused.
//!
//! Whisper was trained on windows of 30 s. Where a window ends soon after the speech, the decoder loses its place and repeats itself, so seconds of
//! silence have to follow. Only the decoder has to see them: the encoder reads the speech with a short margin, and the positions after the margin are
//! taken from a window of nothing but silence. On 65 real recordings the word error rate is the same as with silence encoded each time, and the
//! encoder takes half the time (docs/decisions/silence-encoded-once.md has the figures).

#![allow(unsafe_code)] // a getter of CTranslate2's for which ct2rs has no name

use std::ffi::c_void;

use anyhow::{Context, Result, ensure};
use ct2rs::sys::{Device, StorageView, Whisper};

use super::engine::FULL_CONTEXT;

/// Value of the features of silence beside speech: 8 below a loudest point of 0.9 to 1.7, scaled (`mel.rs`), as in real recordings.
const FLOOR: f32 = -0.6;

unsafe extern "C-unwind" {
    /// `const float* ctranslate2::StorageView::data<float>() const`, by the name that the C++ ABI of Linux gives it.
    #[link_name = "_ZNK11ctranslate211StorageView4dataIfEEPKT_v"]
    fn data(view: *const c_void) -> *const f32;
}

/// The encoder's positions of a silent window.
pub(super) struct Silence {
    width: usize,
    positions: Vec<f32>,
}

impl Silence {
    /// Encodes a window of silence. Blocks for one inference.
    pub(super) fn of(whisper: &Whisper) -> Result<Self> {
        let frames = 2 * FULL_CONTEXT as usize;
        let mut features = vec![FLOOR; whisper.n_mels() * frames];
        let features = StorageView::new(&[1, whisper.n_mels(), frames], &mut features, Device::CPU)?;
        let positions = numbers(&whisper.encode(&features, false)?)?.to_vec();
        Ok(Self { width: positions.len() / FULL_CONTEXT as usize, positions })
    }

    /// Each of `rows` encoded stretches with silence behind it, up to position `to`.
    pub(super) fn behind(&self, encoded: &StorageView, rows: usize, to: usize) -> Result<Vec<f32>> {
        let encoded = numbers(encoded)?;
        let row = encoded.len() / rows.max(1);
        let silence = self.positions.get(row..to * self.width).context("the window is longer than Whisper's")?;
        let mut joined = Vec::with_capacity(rows * to * self.width);
        for speech in encoded.chunks(row) {
            joined.extend_from_slice(speech);
            joined.extend_from_slice(silence);
        }
        Ok(joined)
    }

    /// Numbers of a position.
    pub(super) fn width(&self) -> usize {
        self.width
    }
}

/// The numbers that a view holds.
fn numbers<'a>(view: &'a StorageView<'_>) -> Result<&'a [f32]> {
    ensure!(view.device() == Device::CPU && !view.empty(), "the encoder's answer is not in memory");
    // SAFETY: a `StorageView` of ct2rs dereferences to CTranslate2's own. The encoder computes with int8 weights and 32-bit floats, which the getter checks;
    // it holds `size` of them, in order, as long as the view is there.
    Ok(unsafe {
        let first = data(std::ptr::from_ref(&**view).cast());
        std::slice::from_raw_parts(first, usize::try_from(view.size())?)
    })
}
