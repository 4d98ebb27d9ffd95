//! Finished compressed files (MP3, Ogg Vorbis, FLAC, M4A) through symphonia, piece by piece so that memory stays small.

use std::fs::File;

use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use super::AudioError;

/// A piece of decoded sound: rate, channels, interleaved samples.
pub type Piece<'a> = (u32, u16, &'a [i16]);

/// Decodes a whole file, handing every piece to `sink`. A damaged packet is skipped; what `sink` refuses ends it. Blocks.
pub fn decode<E: From<AudioError>>(
    file: File,
    extension: &str,
    mut sink: impl FnMut(Piece<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let fail = |error: Error| match error {
        Error::IoError(error) => AudioError::Io(error),
        Error::Unsupported(what) => AudioError::Unsupported(format!("not supported: {what}")),
        other => AudioError::Malformed(format!("damaged or not audio: {other}")),
    };
    let source = MediaSourceStream::new(Box::new(file), symphonia::core::io::MediaSourceStreamOptions::default());
    let mut hint = Hint::new();
    hint.with_extension(&extension.to_ascii_lowercase());
    let mut format = symphonia::default::get_probe()
        .probe(&hint, source, FormatOptions::default(), MetadataOptions::default())
        .map_err(fail)?;
    let track =
        format.default_track(TrackType::Audio).ok_or_else(|| AudioError::Malformed("no sound track in it".into()))?;
    let id = track.id;
    let params = track
        .codec_params
        .as_ref()
        .and_then(|params| params.audio())
        .ok_or_else(|| AudioError::Unsupported("its sound track has an unknown codec".into()))?;
    let mut decoder =
        symphonia::default::get_codecs().make_audio_decoder(params, &AudioDecoderOptions::default()).map_err(fail)?;
    let mut samples: Vec<i16> = Vec::new();
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
                sound.copy_to_vec_interleaved(&mut samples);
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
    fn a_text_named_mp3_is_refused() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("a.mp3");
        std::fs::write(&path, "no sound at all").expect("write");
        assert!(decode::<AudioError>(File::open(&path).expect("open"), "mp3", |_| Ok(())).is_err());
    }
}
