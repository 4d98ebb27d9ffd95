//! (being written)
/// Bytes before the samples.
pub const HEADER_LEN: usize = 44;
/// A PCM header: rate, channels, samples per channel.
pub fn header(_rate_hz: u32, _channels: u16, _samples: u64) -> [u8; HEADER_LEN] {
    [0; HEADER_LEN]
}
