//! The coding of a file's samples, and where in the file they are.

/// The coding of the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Unsigned 8-bit.
    U8,
    /// Signed 16-bit, little endian.
    S16,
    /// Signed 24-bit, little endian.
    S24,
    /// Signed 32-bit, little endian.
    S32,
    /// 32-bit float, little endian, -1..1.
    F32,
    /// G.711 mu-law.
    Ulaw,
    /// G.711 A-law.
    Alaw,
    /// GSM 06.10, 33 bytes for 160 samples.
    Gsm,
    /// GSM 06.10 as Microsoft packs it, 65 bytes for 320 samples.
    GsmMs,
}

impl Encoding {
    /// (bytes, samples per channel) of the smallest piece that can be decoded, for one channel.
    pub const fn block(self) -> (u64, u64) {
        match self {
            Self::U8 | Self::Ulaw | Self::Alaw => (1, 1),
            Self::S16 => (2, 1),
            Self::S24 => (3, 1),
            Self::S32 | Self::F32 => (4, 1),
            Self::Gsm => (33, 160),
            Self::GsmMs => (65, 320),
        }
    }
}

/// Place and coding of a file's samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The coding of the samples.
    pub encoding: Encoding,
    /// Samples per second and channel.
    pub rate_hz: u32,
    /// Number of interleaved channels.
    pub channels: u16,
    /// Bytes before the first sample.
    pub data_offset: u64,
    /// Bytes of audio; `None` means to the end of the file, however long that gets.
    pub data_len: Option<u64>,
}
