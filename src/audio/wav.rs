//! WAV headers: written for the spool, read from files of any program.
//!
//! The reader never trusts a length. While Asterisk records, RIFF and data sizes are 0; after a crash they stay 0; other programs write 0xffffffff.
//! So the audio reaches to the end of the file unless another chunk clearly follows it.

use super::AudioError;
use super::layout::{Encoding, Layout};

/// Bytes before the first sample in the spool's files.
pub const HEADER_LEN: usize = 44;

/// The header of a 16-bit PCM file with this many samples per channel; sizes beyond 4 GiB are written as "to the end of the file".
pub fn header(rate_hz: u32, channels: u16, samples: u64) -> [u8; HEADER_LEN] {
    let block = u64::from(channels) * 2;
    let data = u32::try_from(samples * block).ok().filter(|&bytes| bytes < u32::MAX - 36).unwrap_or(u32::MAX);
    let mut bytes = [0; HEADER_LEN];
    let mut place = 0;
    let mut put = |part: &[u8]| {
        bytes[place..place + part.len()].copy_from_slice(part);
        place += part.len();
    };
    put(b"RIFF");
    put(&data.saturating_add(36).to_le_bytes());
    put(b"WAVEfmt ");
    put(&16_u32.to_le_bytes());
    put(&1_u16.to_le_bytes());
    put(&channels.to_le_bytes());
    put(&rate_hz.to_le_bytes());
    put(&(rate_hz * block as u32).to_le_bytes());
    put(&(block as u16).to_le_bytes());
    put(&16_u16.to_le_bytes());
    put(b"data");
    put(&data.to_le_bytes());
    bytes
}

/// Brings the sizes in a header of ours up to date with a file of `len` bytes; leaves anything else as it is.
pub fn resize(head: &mut [u8], len: u64) {
    if head.len() < HEADER_LEN || &head[..4] != b"RIFF" || &head[36..40] != b"data" {
        return;
    }
    let size = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
    head[4..8].copy_from_slice(&size(len.saturating_sub(8)));
    head[40..44].copy_from_slice(&size(len.saturating_sub(HEADER_LEN as u64)));
}

/// Reads a header. `head` is the beginning of the file (64 KiB suffice), `look` reads eight bytes at a place, or fewer at the end.
pub fn parse(head: &[u8], mut look: impl FnMut(u64) -> Vec<u8>) -> Result<Layout, AudioError> {
    if head.len() < 12 || &head[..4] != b"RIFF" || &head[8..12] != b"WAVE" {
        return Err(AudioError::Malformed("named as WAV, but has no RIFF/WAVE header".into()));
    }
    let mut place = 12;
    let mut format: Option<(Encoding, u32, u16)> = None;
    while let Some(chunk) = head.get(place..place + 8) {
        let size = u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]);
        let body = place + 8;
        match &chunk[..4] {
            b"fmt " => {
                let end = body.saturating_add(size as usize).min(head.len());
                format = Some(parse_format(&head[body..end])?);
            }
            b"data" => {
                let (encoding, rate_hz, channels) =
                    format.ok_or_else(|| AudioError::Malformed("WAV: data before its format".into()))?;
                let data_offset = body as u64;
                let data_len = (size != 0
                    && size != u32::MAX
                    && chunk_follows(&look(data_offset + u64::from(size) + u64::from(size & 1))))
                .then_some(u64::from(size));
                return Ok(Layout { encoding, rate_hz, channels, data_offset, data_len });
            }
            _ => {}
        }
        // Chunks are padded to even lengths.
        place = body.saturating_add(size as usize).saturating_add(size as usize & 1);
    }
    Err(AudioError::Malformed("WAV: no data chunk in its first 64 KiB".into()))
}

/// Sizes from here on are written by programs that do not know how long the audio will be.
const UNKNOWN_SIZE: u32 = 0x7fff_0000;

/// How many bytes of audio a finished file of `len` bytes lacks by its header; `None` where it has all, or where the header does not tell.
pub fn missing_bytes(head: &[u8], len: u64) -> Option<u64> {
    if head.len() < 12 || &head[..4] != b"RIFF" || &head[8..12] != b"WAVE" {
        return None;
    }
    let mut place = 12;
    loop {
        let chunk = head.get(place..place + 8)?;
        let size = u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]);
        let body = place + 8;
        if &chunk[..4] == b"data" {
            let end = body as u64 + u64::from(size);
            return (size < UNKNOWN_SIZE && end > len).then(|| end - len);
        }
        place = body.saturating_add(size as usize).saturating_add(size as usize & 1);
    }
}

/// Names of chunks that writers put after the audio; anything else there is audio that came after the header was written.
fn chunk_follows(bytes: &[u8]) -> bool {
    matches!(
        bytes.get(..4),
        Some(b"LIST" | b"fact" | b"cue " | b"id3 " | b"ID3 " | b"bext" | b"iXML" | b"smpl" | b"PEAK" | b"JUNK")
    )
}

fn parse_format(body: &[u8]) -> Result<(Encoding, u32, u16), AudioError> {
    if body.len() < 16 {
        return Err(AudioError::Malformed("WAV: format chunk cut short".into()));
    }
    let short = |at: usize| u16::from_le_bytes([body[at], body[at + 1]]);
    let mut tag = short(0);
    let channels = short(2);
    let rate_hz = u32::from_le_bytes([body[4], body[5], body[6], body[7]]);
    let bits = short(14);
    if tag == 0xfffe && body.len() >= 26 {
        tag = short(24); // WAVE_FORMAT_EXTENSIBLE: the real tag opens the sub-format GUID
    }
    let encoding = match (tag, bits) {
        (1, 8) => Encoding::U8,
        (1, 16) => Encoding::S16,
        (1, 24) => Encoding::S24,
        (1, 32) => Encoding::S32,
        (3, 32) => Encoding::F32,
        (6, _) => Encoding::Alaw,
        (7, _) => Encoding::Ulaw,
        (0x31, _) => Encoding::GsmMs,
        _ => return Err(AudioError::Unsupported(format!("WAV with format tag {tag:#x} and {bits} bits"))),
    };
    if !(1..=8).contains(&channels)
        || !(4000..=384_000).contains(&rate_hz)
        || (encoding == Encoding::GsmMs && channels != 1)
    {
        return Err(AudioError::Malformed(format!(
            "WAV: {channels} channels at {rate_hz} Hz is not a recording of a call"
        )));
    }
    Ok((encoding, rate_hz, channels))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_file_that_ends_before_its_audio_does_lacks_so_many_bytes() {
        let head = header(8000, 1, 1000);
        let len = head.len() as u64 + 2000;
        assert_eq!(missing_bytes(&head, len), None);
        assert_eq!(missing_bytes(&head, len + 30), None);
        assert_eq!(missing_bytes(&head, len - 500), Some(500));
        for unknown in [0, u32::MAX, 0x7fff_ffff] {
            let mut streamed = head;
            streamed[40..44].copy_from_slice(&unknown.to_le_bytes());
            assert_eq!(missing_bytes(&streamed, len), None, "{unknown:x}");
        }
        assert_eq!(missing_bytes(b"RIFF", 4), None);
        assert_eq!(missing_bytes(b"no audio at all", 15), None);
    }

    #[test]
    fn a_header_written_here_is_read_by_hound() {
        let mut file = header(8000, 1, 3).to_vec();
        file.extend([1, 0, 2, 0, 3, 0]);
        let mut reader = hound::WavReader::new(std::io::Cursor::new(file)).expect("hound reads it");
        assert_eq!(reader.samples::<i16>().map(|s| s.expect("sample")).collect::<Vec<_>>(), [1, 2, 3]);
    }

    /// The kinds of WAV that a PBX leaves, each of two samples a channel: which of them hound reads whole, and which are read here.
    #[test]
    fn kinds_of_wav_that_hound_does_not_read_are_read_here() {
        fn file(tag: u16, bits: u16, body: &[u8], length: u32) -> Vec<u8> {
            let block = bits / 8;
            let mut bytes = header(8000, 1, 0).to_vec();
            bytes[20..22].copy_from_slice(&tag.to_le_bytes());
            bytes[28..32].copy_from_slice(&(8000 * u32::from(block)).to_le_bytes());
            bytes[32..34].copy_from_slice(&block.to_le_bytes());
            bytes[34..36].copy_from_slice(&bits.to_le_bytes());
            bytes[40..44].copy_from_slice(&length.to_le_bytes());
            bytes.extend(body);
            bytes
        }
        let pcm = [1, 0, 2, 0];
        let kinds = [
            ("16-bit PCM, finished", file(1, 16, &pcm, 4)),
            ("16-bit PCM while Asterisk records (size 0)", file(1, 16, &pcm, 0)),
            ("16-bit PCM from a pipe (size 0xffffffff)", file(1, 16, &pcm, u32::MAX)),
            ("16-bit PCM that has grown since its header", file(1, 16, &[1, 0, 2, 0, 3, 0], 2)),
            ("A-law", file(6, 8, &[0x55, 0xd5], 2)),
            ("mu-law", file(7, 8, &[0xff, 0x7f], 2)),
        ];
        let whole = |bytes: &[u8]| {
            let samples = |bytes: &[u8]| -> Option<usize> {
                let mut reader = hound::WavReader::new(std::io::Cursor::new(bytes)).ok()?;
                reader.samples::<i16>().collect::<Result<Vec<_>, _>>().ok().map(|samples| samples.len())
            };
            let layout = parse(bytes, |_| Vec::new()).expect("read here");
            let length = (bytes.len() as u64 - layout.data_offset) / layout.encoding.block().0;
            (samples(bytes) == Some(length as usize), length)
        };
        let read: Vec<bool> = kinds.iter().map(|(_, bytes)| whole(bytes).0).collect();
        for ((kind, bytes), by_hound) in kinds.iter().zip(&read) {
            println!(
                "wav | {kind} | {} samples here | hound {}",
                whole(bytes).1,
                if *by_hound { "too" } else { "does not" }
            );
        }
        assert_eq!(read, [true, false, false, false, false, false], "hound reads more than it did: use it there");
    }

    #[test]
    fn a_header_is_brought_up_to_date_as_if_it_were_written_anew() {
        let mut head = header(16_000, 1, 0);
        resize(&mut head, 44 + 2 * 4711);
        assert_eq!(head, header(16_000, 1, 4711));
        let mut other = *b"RIFF, but with chunks between, so not ours..";
        resize(&mut other, 4711);
        assert_eq!(&other, b"RIFF, but with chunks between, so not ours..");
    }

    #[test]
    fn a_recording_cut_by_a_crash_is_read_to_its_end() {
        let layout = parse(&header(8000, 1, 0), |_| Vec::new()).expect("header");
        assert_eq!((layout.data_offset, layout.data_len), (44, None));
    }

    #[test]
    fn a_chunk_after_the_audio_is_not_audio() {
        let layout = parse(&header(8000, 2, 100), |at| if at == 444 { b"LIST\0\0\0\0".to_vec() } else { Vec::new() })
            .expect("header");
        assert_eq!((layout.channels, layout.data_len), (2, Some(400)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), riff in any::<bool>()) {
            if riff && bytes.len() > 20 {
                bytes[..4].copy_from_slice(b"RIFF");
                bytes[8..16].copy_from_slice(b"WAVEfmt ");
            }
            let _ = parse(&bytes, |_| Vec::new());
        }

        #[test]
        fn every_length_that_a_header_claims_leaves_the_audio_readable(claim in any::<u32>()) {
            let mut bytes = header(8000, 1, 0);
            bytes[40..44].copy_from_slice(&claim.to_le_bytes());
            prop_assert_eq!(parse(&bytes, |_| Vec::new()).expect("header").data_len, None);
        }
    }
}
