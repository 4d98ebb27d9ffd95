//! (being written)
use super::AudioError;
use std::path::Path;
/// (being written)
#[derive(Debug)]
pub struct RecordingReader;
impl RecordingReader {
    /// (being written)
    pub fn open(_path: &Path) -> Result<Self, AudioError> {
        Err(AudioError)
    }
    /// (being written)
    pub fn read_samples(&mut self, _channel: usize, _from: u64, _max: usize, _out: &mut Vec<i16>) -> Result<usize, AudioError> {
        Err(AudioError)
    }
}
