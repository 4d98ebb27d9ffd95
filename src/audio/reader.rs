//! Reads samples of a file by number, also while another program is still writing it.
//!
//! Every read names its place in the file. So a file that grows, shrinks or vanishes gives fewer samples or an error, never a panic, and no buffer
//! has a size that the file merely claims.

use std::path::Path;
use std::time::SystemTime;

use super::AudioError;
use super::format::{Encoding, FormatKind, Layout, sniff};
use super::gsm;
use super::sound_file::SoundFile;

/// Bytes of a file's head from which its layout is known.
const HEAD: usize = 65_536;
/// Blocks decoded ahead of a jump into GSM, so that the filters have settled: after 50 frames of speech no sample differed any more.
const WARM_UP_BLOCKS: u64 = 50;

/// A file with a known layout.
#[derive(Debug)]
pub struct RecordingReader {
    file: SoundFile,
    layout: Layout,
    gsm: gsm::GsmDecoder,
    gsm_next: u64,
}

impl RecordingReader {
    /// Opens a file that can be read by sample number. Blocks.
    pub fn open(path: &Path) -> Result<Self, AudioError> {
        let extension = path.extension().map(|ext| ext.to_string_lossy().into_owned()).unwrap_or_default();
        Self::from_file(SoundFile::open(path)?, &extension)
    }

    /// The same with a file that is already open, which goes on working when its name is gone.
    pub fn from_file(file: impl Into<SoundFile>, extension: &str) -> Result<Self, AudioError> {
        let file = file.into();
        match kind_of(&file, extension)? {
            FormatKind::Streamable(layout) => Ok(Self { file, layout, gsm: gsm::GsmDecoder::default(), gsm_next: 0 }),
            FormatKind::Finished => {
                Err(AudioError::Unsupported("a compressed container cannot be read by sample number".into()))
            }
        }
    }

    /// The coding and place of its samples.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Samples per channel that can be read now.
    pub fn available_samples(&self) -> Result<u64, AudioError> {
        Ok(self.samples_in(self.file.len()?))
    }

    /// The same, and when the last of them was written, by the clock of the file system, where that is known.
    pub fn available_since(&self) -> Result<(u64, Option<SystemTime>), AudioError> {
        let (len, changed) = self.file.len_since()?;
        Ok((self.samples_in(len), changed))
    }

    fn samples_in(&self, len: u64) -> u64 {
        let in_file = len.saturating_sub(self.layout.data_offset);
        let bytes = self.layout.data_len.map_or(in_file, |len| len.min(in_file));
        let (block, samples) = self.layout.encoding.block();
        bytes / (block * u64::from(self.layout.channels)) * samples
    }

    /// Appends up to `max` samples of one channel from number `from` on; returns how many. Fewer than asked: that is all there is now. Blocks.
    pub fn read_samples(
        &mut self,
        channel: usize,
        from: u64,
        max: usize,
        out: &mut Vec<i16>,
    ) -> Result<usize, AudioError> {
        let channels = usize::from(self.layout.channels);
        if channel >= channels {
            return Err(AudioError::Malformed(format!("channel {channel} of a file with {channels}")));
        }
        let count = self.available_samples()?.saturating_sub(from).min(max as u64) as usize;
        let before = out.len();
        match self.layout.encoding {
            Encoding::Gsm | Encoding::GsmMs => self.read_gsm(from, count, out)?,
            encoding => {
                let (width, _) = encoding.block();
                let step = width as usize * channels;
                let mut bytes = vec![0; (count * step).min(1 << 18) / step * step];
                let mut done = 0;
                while done < count && !bytes.is_empty() {
                    let want = (count - done) * step;
                    let part = bytes.len().min(want);
                    let place = self.layout.data_offset + (from + done as u64) * step as u64;
                    let got = self.file.read_at(place, &mut bytes[..part])? / step;
                    let one = channel * width as usize;
                    out.extend(bytes[..got * step].chunks_exact(step).map(|frame| decode(encoding, &frame[one..])));
                    done += got;
                    if got == 0 {
                        break;
                    }
                }
            }
        }
        Ok(out.len() - before)
    }

    fn read_gsm(&mut self, from: u64, count: usize, out: &mut Vec<i16>) -> Result<(), AudioError> {
        let (bytes, samples) = self.layout.encoding.block();
        let first = from / samples;
        let end = (from + count as u64).div_ceil(samples);
        if first != self.gsm_next {
            self.gsm = gsm::GsmDecoder::default();
            self.gsm_next = first.saturating_sub(WARM_UP_BLOCKS);
        }
        let mut skip = (from - first * samples) as usize;
        let mut left = count;
        while self.gsm_next < end && left > 0 {
            let mut block = [0; gsm::BYTES_MS];
            let block = &mut block[..bytes as usize];
            if self.file.read_at(self.layout.data_offset + self.gsm_next * bytes, block)? < block.len() {
                break;
            }
            let mut sound = [0; 2 * gsm::FRAME];
            if let Ok(block) = <&[u8; gsm::BYTES_MS]>::try_from(&*block) {
                sound = self.gsm.block_ms(block);
            } else if let Ok(block) = <&[u8; gsm::BYTES]>::try_from(&*block)
                && let Some(frame) = self.gsm.frame(block)
            {
                sound[..gsm::FRAME].copy_from_slice(&frame); // a frame without its mark stays silence of the same length
            }
            self.gsm_next += 1;
            if self.gsm_next > first {
                let take = &sound[skip..samples as usize];
                let take = &take[..take.len().min(left)];
                out.extend_from_slice(take);
                left -= take.len();
                skip = 0;
            }
        }
        // A piece that ends inside a block decodes it again next time: the state must be that before it.
        if !(from + count as u64).is_multiple_of(samples) {
            self.gsm_next = u64::MAX;
        }
        Ok(())
    }
}

/// Tells what an open file holds. Blocks.
pub fn kind_of(file: &SoundFile, extension: &str) -> Result<FormatKind, AudioError> {
    let mut head = vec![0; HEAD];
    let len = file.read_at(0, &mut head)?;
    sniff(&head[..len], extension, |place| {
        let mut bytes = vec![0; 8];
        let got = file.read_at(place, &mut bytes).unwrap_or(0);
        bytes.truncate(got);
        bytes
    })
}

fn decode(encoding: Encoding, bytes: &[u8]) -> i16 {
    match encoding {
        Encoding::U8 => (i16::from(bytes[0]) - 128) << 8,
        Encoding::S16 => i16::from_le_bytes([bytes[0], bytes[1]]),
        Encoding::S24 => i16::from_le_bytes([bytes[1], bytes[2]]),
        Encoding::S32 => i16::from_le_bytes([bytes[2], bytes[3]]),
        Encoding::F32 => {
            (f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) * 32768.0).clamp(-32768.0, 32767.0) as i16
        }
        Encoding::Ulaw => audio_codec_algorithms::decode_ulaw(bytes[0]),
        Encoding::Alaw => audio_codec_algorithms::decode_alaw(bytes[0]),
        Encoding::Gsm | Encoding::GsmMs => 0, // decoded by blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::wav;
    use proptest::prelude::*;
    use std::fs::File;
    use std::io::Write;

    #[test]
    fn a_growing_wav_gives_what_is_there_and_later_the_rest() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("a.wav");
        let mut file = File::create(&path).expect("create");
        file.write_all(&wav::header(8000, 1, 0)).expect("write");
        let mut reader = RecordingReader::open(&path).expect("open");
        let mut out = Vec::new();
        assert_eq!(reader.read_samples(0, 0, 100, &mut out).expect("read"), 0);
        file.write_all(&[1, 0, 2, 0, 3]).expect("write");
        assert_eq!(reader.read_samples(0, 0, 100, &mut out).expect("read"), 2);
        file.write_all(&[0]).expect("write");
        assert_eq!(reader.read_samples(0, 2, 100, &mut out).expect("read"), 1);
        assert_eq!(out, [1, 2, 3]);
    }

    #[test]
    fn each_channel_of_a_stereo_file_is_read_alone() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("a.raw");
        std::fs::write(&path, [1, 0, 9, 0, 2, 0, 8, 0]).expect("write");
        let mut reader = RecordingReader::open(&path).expect("open");
        let (mut left, mut right) = (Vec::new(), Vec::new());
        reader.read_samples(0, 0, 10, &mut left).expect("read");
        reader.read_samples(1, 1, 10, &mut right).expect("read");
        assert_eq!((left, right), (vec![1, 2], vec![8]));
    }

    proptest! {
        #[test]
        fn gsm_read_in_pieces_equals_gsm_read_at_once(cuts in proptest::collection::vec(1_usize..500, 1..20)) {
            let folder = tempfile::tempdir().expect("temp dir");
            let path = folder.path().join("a.gsm");
            let bytes: Vec<u8> = (0..33 * 20).map(|i: usize| if i.is_multiple_of(33) { 0xd7 } else { (i * 31 % 251) as u8 }).collect();
            std::fs::write(&path, bytes).expect("write");
            let mut whole = Vec::new();
            RecordingReader::open(&path).expect("open").read_samples(0, 0, 10_000, &mut whole).expect("read");
            let mut reader = RecordingReader::open(&path).expect("open");
            let mut pieces = Vec::new();
            for cut in cuts {
                let from = pieces.len() as u64;
                reader.read_samples(0, from, cut / 160 * 160 + 160, &mut pieces).expect("read");
            }
            prop_assert_eq!(&pieces[..], &whole[..pieces.len()]);
        }
    }
}
