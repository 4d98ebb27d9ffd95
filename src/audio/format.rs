//! What kind of audio a file holds, from its first bytes and its extension.
//!
//! Asterisk's names decide where bytes cannot: `.wav` is PCM, `.WAV` is GSM in RIFF, `.ulaw`, `.alaw`, `.gsm` and `.sln*` have no header at all,
//! `.raw` is MixMonitor's option D: both directions interleaved, 16-bit, 8 kHz.

pub use super::layout::{Encoding, Layout};
use super::{AudioError, wav};

/// The way in which a file can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatKind {
    /// By sample number, also while it grows.
    Streamable(Layout),
    /// From its beginning, once it is finished: compressed in a container.
    Finished,
}

/// Extensions of headerless files: (extension, encoding, rate, channels). Rates of `sln*` are Asterisk's (`formats/format_sln.c` in words).
const HEADERLESS: &[(&str, Encoding, u32, u16)] = &[
    ("ulaw", Encoding::Ulaw, 8000, 1),
    ("ul", Encoding::Ulaw, 8000, 1),
    ("mu", Encoding::Ulaw, 8000, 1),
    ("pcm", Encoding::Ulaw, 8000, 1),
    ("alaw", Encoding::Alaw, 8000, 1),
    ("al", Encoding::Alaw, 8000, 1),
    ("gsm", Encoding::Gsm, 8000, 1),
    ("raw", Encoding::S16, 8000, 2),
    ("sln", Encoding::S16, 8000, 1),
    ("slin", Encoding::S16, 8000, 1),
    ("sln8", Encoding::S16, 8000, 1),
    ("sln12", Encoding::S16, 12_000, 1),
    ("sln16", Encoding::S16, 16_000, 1),
    ("sln24", Encoding::S16, 24_000, 1),
    ("sln32", Encoding::S16, 32_000, 1),
    ("sln44", Encoding::S16, 44_100, 1),
    ("sln48", Encoding::S16, 48_000, 1),
    ("sln96", Encoding::S16, 96_000, 1),
    ("sln192", Encoding::S16, 192_000, 1),
];

/// Extensions of containers that are decoded when finished.
const FINISHED: &[&str] = &["mp3", "ogg", "oga", "flac", "m4a", "mp4", "aac"];

/// Whether a file with this extension is taken for audio at all.
pub fn is_audio_extension(extension: &str) -> bool {
    let lower = extension.to_ascii_lowercase();
    matches!(lower.as_str(), "wav" | "wav16" | "wav49")
        || HEADERLESS.iter().any(|row| row.0 == lower)
        || FINISHED.contains(&lower.as_str())
}

/// Whether the file can be read while it is being written.
pub fn grows(extension: &str) -> bool {
    is_audio_extension(extension) && !FINISHED.contains(&extension.to_ascii_lowercase().as_str())
}

/// Recognises the content of a file. `head` is its beginning (64 KiB suffice), `look` reads eight bytes at a place.
pub fn sniff(head: &[u8], extension: &str, look: impl FnMut(u64) -> Vec<u8>) -> Result<FormatKind, AudioError> {
    let lower = extension.to_ascii_lowercase();
    match head {
        [b'R', b'I', b'F', b'F', ..] => return wav::parse(head, look).map(FormatKind::Streamable),
        [b'O', b'g', b'g', b'S', ..]
        | [b'f', b'L', b'a', b'C', ..]
        | [b'I', b'D', b'3', ..]
        | [_, _, _, _, b'f', b't', b'y', b'p', ..] => {
            return Ok(FormatKind::Finished);
        }
        _ => {}
    }
    if let Some(&(_, encoding, rate_hz, channels)) = HEADERLESS.iter().find(|row| row.0 == lower) {
        return Ok(FormatKind::Streamable(Layout { encoding, rate_hz, channels, data_offset: 0, data_len: None }));
    }
    if FINISHED.contains(&lower.as_str()) {
        return Ok(FormatKind::Finished);
    }
    if lower.starts_with("wav") {
        return wav::parse(head, look).map(FormatKind::Streamable);
    }
    Err(AudioError::Unsupported(format!("no known audio in a file named .{extension}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_names_the_codec_where_there_is_no_header() {
        let Ok(FormatKind::Streamable(layout)) = sniff(&[0; 33], "gsm", |_| Vec::new()) else {
            panic!("gsm is streamable")
        };
        assert_eq!(layout.encoding.block(), (33, 160));
        let Ok(FormatKind::Streamable(layout)) = sniff(&[0; 8], "raw", |_| Vec::new()) else {
            panic!("raw is streamable")
        };
        assert_eq!((layout.channels, layout.rate_hz), (2, 8000));
    }

    #[test]
    fn a_wav_that_is_none_is_refused_with_the_reason() {
        let error = sniff(b"hello, I am text", "wav", |_| Vec::new()).expect_err("not audio");
        assert!(error.to_string().contains("no RIFF/WAVE header"), "{error}");
    }
}
