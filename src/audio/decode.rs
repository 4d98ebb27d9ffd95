//! Finished compressed files (MP3, Ogg Vorbis, FLAC, M4A) through symphonia, piece by piece so that memory stays small.

use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use super::AudioError;
use super::sound_file::SoundFile;

/// A piece of decoded sound: rate, channels, interleaved samples.
pub type DecodedPiece<'a> = (u32, u16, &'a [i16]);

/// A recording of a call is not longer; a few bytes can stand for days of silence, and a disk is finite.
const LONGEST_S: u64 = 8 * 3600;
/// Size of the decoded audio on disk at most, bytes.
const LARGEST: u64 = 1 << 30;
/// Size of the decoded audio, bytes, from which the expansion is checked.
const SUSPICIOUS: u64 = 64 << 20;
/// Decoded bytes per byte of the file at most. Speech comes to 15 with MP3 and to 2 with FLAC.
const EXPANSION: u64 = 500;

/// The decoded part of a file.
struct Decoded {
    file: u64,
    bytes: u64,
    frames: u64,
}

impl Decoded {
    fn count(&mut self, rate_hz: u32, channels: u16, samples: usize) -> Result<(), AudioError> {
        self.bytes += samples as u64 * 2;
        self.frames += samples as u64 / u64::from(channels.max(1));
        let seconds = self.frames / u64::from(rate_hz.max(1));
        let bomb = self.bytes > SUSPICIOUS && self.bytes / EXPANSION > self.file;
        if seconds <= LONGEST_S && self.bytes <= LARGEST && !bomb {
            return Ok(());
        }
        Err(AudioError::Malformed(format!(
            "decodes to more than {} min of sound, {} MiB, from {} bytes: the rest of it is not read",
            seconds / 60,
            self.bytes >> 20,
            self.file
        )))
    }
}

/// Decodes a whole file, handing every piece to `sink`. A damaged packet is skipped; what `sink` refuses ends it. Blocks.
pub fn decode<E: From<AudioError>>(
    file: impl Into<SoundFile>,
    extension: &str,
    mut sink: impl FnMut(DecodedPiece<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let fail = |error: Error| match error {
        Error::IoError(error) => AudioError::Io(error),
        Error::Unsupported(what) => AudioError::Unsupported(format!("not supported: {what}")),
        other => AudioError::Malformed(format!("damaged or not audio: {other}")),
    };
    let file = file.into();
    let bytes = file.len()?;
    let source =
        MediaSourceStream::new(Box::new(file.stream()), symphonia::core::io::MediaSourceStreamOptions::default());
    let mut hint = Hint::new();
    hint.with_extension(&extension.to_ascii_lowercase());
    let mut format = symphonia::default::get_probe()
        .probe(&hint, source, FormatOptions::default(), MetadataOptions::default())
        .map_err(fail)?;
    let track =
        format.default_track(TrackType::Audio).ok_or_else(|| AudioError::Malformed("no sound track in it".into()))?;
    let id = track.id;
    let claimed = track.num_frames.unwrap_or(0);
    let params = track
        .codec_params
        .as_ref()
        .and_then(|params| params.audio())
        .ok_or_else(|| AudioError::Unsupported("its sound track has an unknown codec".into()))?;
    let rate = params.sample_rate.unwrap_or(0).max(1);
    if claimed / u64::from(rate) > LONGEST_S {
        let what = format!(
            "says that it holds {} h of sound; at most {} h are taken",
            claimed / u64::from(rate) / 3600,
            LONGEST_S / 3600
        );
        return Err(AudioError::Malformed(what).into());
    }
    let mut decoder =
        symphonia::default::get_codecs().make_audio_decoder(params, &AudioDecoderOptions::default()).map_err(fail)?;
    let mut samples: Vec<i16> = Vec::new();
    let mut so_far = Decoded { file: bytes, bytes: 0, frames: 0 };
    loop {
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => return Ok(()),
            // A file cut short ends where it was cut; what came before is kept.
            Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(fail(error).into()),
        };
        if packet.track_id != id {
            continue;
        }
        match decoder.decode(&packet) {
            Ok(sound) => {
                let (rate, channels) = (sound.spec().rate(), sound.num_planes() as u16);
                // A header may claim anything; a rate of 0 would be a division by it.
                if !(4000..=384_000).contains(&rate) || !(1..=8).contains(&channels) {
                    let what = format!("{channels} channels at {rate} Hz is not a recording of a call");
                    return Err(AudioError::Malformed(what).into());
                }
                sound.copy_to_vec_interleaved(&mut samples);
                so_far.count(rate, channels, samples.len())?;
                sink((rate, channels, &samples))?;
            }
            Err(Error::DecodeError(_)) => {}
            Err(error) => return Err(fail(error).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::process::Command;

    #[test]
    fn each_finished_format_that_sox_can_write_is_decoded() {
        let folder = tempfile::tempdir().expect("temp dir");
        let mut tried = 0;
        for extension in ["flac", "ogg", "mp3"] {
            let path = folder.path().join(format!("a.{extension}"));
            let made = Command::new("sox")
                .args(["-n", "-r", "16000", "-c", "2"])
                .arg(&path)
                .args(["synth", "1", "sine", "440"])
                .stderr(std::process::Stdio::null())
                .status();
            if !made.is_ok_and(|status| status.success()) {
                eprintln!("skipped: sox cannot write {extension} here");
                continue;
            }
            let mut frames = 0;
            decode::<AudioError>(File::open(&path).expect("open"), extension, |(rate, channels, samples)| {
                assert_eq!((rate, channels), (16_000, 2));
                frames += samples.len() / 2;
                Ok(())
            })
            .expect(extension);
            assert!((15_000..18_000).contains(&frames), "{extension}: {frames} frames");
            tried += 1;
        }
        eprintln!("{tried} formats decoded");
    }

    #[test]
    fn a_few_bytes_that_stand_for_hours_are_stopped_and_real_calls_are_not() {
        let decode = |file, rate, minutes: usize| {
            let mut so_far = Decoded { file, bytes: 0, frames: 0 };
            (0..minutes).find_map(|minute| so_far.count(rate, 1, rate as usize * 60).err().map(|_| minute))
        };
        assert_eq!(decode(20_000, 8000, 480), Some(69), "64 MiB of 20 kB");
        assert_eq!(decode(2_000_000, 8000, 480), None, "eight hours of muted line, FLAC");
        assert_eq!(decode(60_000_000, 8000, 481), Some(480), "longer than any call");
        assert_eq!(decode(600_000_000, 48_000, 480), Some(186), "more than the disk is for");
    }

    #[test]
    fn a_text_named_mp3_is_refused() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("a.mp3");
        std::fs::write(&path, "no sound at all").expect("write");
        assert!(decode::<AudioError>(File::open(&path).expect("open"), "mp3", |_| Ok(())).is_err());
    }
}
