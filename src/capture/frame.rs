//! AudioSocket's frames: one byte of type, two of length (big endian), the payload. Audio is 16-bit little endian, or should be.
//!
//! A length has 16 bits, so a false one costs 64 KiB of buffer per connection at most. Types: Asterisk's `res_audiosocket`, and the wire as
//! captured; Asterisk itself never sends 0x00 or 0xff, other clients do.

/// A complete frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The other side says good-bye (0x00).
    Terminate,
    /// The call's UUID (0x01).
    Id([u8; 16]),
    /// A key press (0x03).
    Dtmf(char),
    /// Sound (0x10 to 0x18).
    Audio {
        /// Samples per second.
        rate_hz: u32,
        /// The payload as sent; [`super::coding`] finds out its coding.
        payload: Vec<u8>,
    },
    /// The other side reports an error (0xff).
    Error(u8),
    /// A type that is not known, or a known one that makes no sense; skipped.
    Unknown {
        /// Its type.
        kind: u8,
        /// Its length.
        len: usize,
    },
}

/// Rates of the types 0x10 to 0x18.
const RATES_HZ: [u32; 9] = [8000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000];

/// Cuts a byte stream into frames.
#[derive(Debug, Default)]
pub struct FrameReader {
    bytes: Vec<u8>,
    start: usize,
}

impl FrameReader {
    /// Takes bytes as they came from the socket.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 && self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame, if it is there.
    pub fn next_frame(&mut self) -> Option<Frame> {
        let rest = &self.bytes[self.start..];
        let &[kind, high, low, ..] = rest else { return self.compact() };
        let len = usize::from(u16::from_be_bytes([high, low]));
        let Some(payload) = rest.get(3..3 + len) else { return self.compact() };
        let frame = read(kind, payload);
        self.start += 3 + len;
        Some(frame)
    }

    /// Bytes of an incomplete frame.
    pub fn left_over(&self) -> usize {
        self.bytes.len() - self.start
    }

    fn compact(&mut self) -> Option<Frame> {
        self.bytes.drain(..self.start);
        self.start = 0;
        None
    }
}

fn read(kind: u8, payload: &[u8]) -> Frame {
    let unknown = Frame::Unknown { kind, len: payload.len() };
    match kind {
        0x00 => Frame::Terminate,
        0x01 => payload.try_into().map_or(unknown, Frame::Id),
        0x03 => match payload {
            [digit @ (b'0'..=b'9' | b'*' | b'#' | b'A'..=b'D' | b'a'..=b'd')] => {
                Frame::Dtmf(char::from(digit.to_ascii_uppercase()))
            }
            _ => unknown,
        },
        0x10..=0x18 if !payload.is_empty() => {
            Frame::Audio { rate_hz: RATES_HZ[usize::from(kind - 0x10)], payload: payload.to_vec() }
        }
        0xff => Frame::Error(payload.first().copied().unwrap_or(0)),
        _ => unknown,
    }
}

/// The whole frame that ends a connection politely. Anything less than a whole frame makes Asterisk stall the leg.
pub const TERMINATE: [u8; 3] = [0, 0, 0];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames(reader: &mut FrameReader) -> Vec<Frame> {
        std::iter::from_fn(|| reader.next_frame()).collect()
    }

    #[test]
    fn what_asterisk_sends_is_understood() {
        let mut reader = FrameReader::default();
        let mut bytes = vec![1, 0, 16];
        bytes.extend([7; 16]);
        bytes.extend([0x10, 0, 4, 1, 0, 0xff, 0xff, 3, 0, 1, b'#', 0x16, 0, 2, 5, 0]);
        reader.push(&bytes);
        assert_eq!(
            frames(&mut reader),
            [
                Frame::Id([7; 16]),
                Frame::Audio { rate_hz: 8000, payload: vec![1, 0, 0xff, 0xff] },
                Frame::Dtmf('#'),
                Frame::Audio { rate_hz: 48_000, payload: vec![5, 0] },
            ]
        );
    }

    #[test]
    fn every_audio_type_has_its_rate() {
        for (kind, rate) in (0x10_u8..).zip(RATES_HZ) {
            assert_eq!(read(kind, &[0, 0]), Frame::Audio { rate_hz: rate, payload: vec![0, 0] });
        }
    }

    #[test]
    fn an_id_of_the_wrong_length_is_no_id() {
        assert_eq!(read(1, &[0; 15]), Frame::Unknown { kind: 1, len: 15 });
        assert_eq!(read(3, b"xy"), Frame::Unknown { kind: 3, len: 2 });
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_give_the_same_frames_and_never_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..3000),
            cuts in proptest::collection::vec(1_usize..200, 1..50),
        ) {
            let mut whole = FrameReader::default();
            whole.push(&bytes);
            let expected = frames(&mut whole);
            let mut pieces = FrameReader::default();
            let (mut got, mut rest) = (Vec::new(), &bytes[..]);
            for cut in cuts.into_iter().chain(std::iter::once(usize::MAX)) {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                pieces.push(now);
                got.extend(frames(&mut pieces));
                rest = later;
            }
            prop_assert_eq!(got, expected);
            prop_assert_eq!(pieces.left_over(), whole.left_over());
            prop_assert!(pieces.left_over() < 65_539);
        }
    }
}
