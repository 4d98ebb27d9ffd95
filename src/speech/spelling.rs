//! The byte alphabet of GPT-2's tokens, which Whisper uses too.

/// GPT-2 writes every byte as a printable character: those that are printable as themselves, the others from U+0100 on, in order.
pub(super) fn byte_of(c: char) -> Option<u8> {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    match u32::from(c) {
        code @ 0..=0xff => u8::try_from(code).ok().filter(|&byte| printable(byte)),
        code => (0..=255_u8).filter(|&byte| !printable(byte)).nth((code - 0x100) as usize),
    }
}
