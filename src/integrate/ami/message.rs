//! AMI's wire format: messages of lines `Name: value`, an empty line after each.
//!
//! Source: Asterisk's manager.c, and Asterisk 22.10 as seen; lines end with CR LF, LF alone is taken too. What a peer can make us hold is bounded:
//! a line that is too long is left out (a part of an id would be another id), fields beyond the limit are.

/// Bytes of the longest line that is taken. A channel's snapshot has none of 200.
const LINE: usize = 2048;
/// Fields of a message that are taken. The largest events of channels have some 40, a list of all commands has some 160.
const FIELDS: usize = 256;

/// A message: a response or an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AmiMessage {
    fields: Vec<(String, String)>,
}

impl AmiMessage {
    /// The value of the first field of this name, in any letter case. What Asterisk says itself comes before what a user adds.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Bytes that it holds, for those who bound them.
    pub fn size(&self) -> usize {
        self.fields.iter().map(|(name, value)| name.len() + value.len()).sum()
    }
}

/// Cuts a byte stream into messages.
#[derive(Debug, Default)]
pub struct MessageReader {
    line: Vec<u8>,
    too_long: bool,
    message: AmiMessage,
    left_out: u64,
}

impl MessageReader {
    /// Takes what came; gives the messages that are whole.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<AmiMessage> {
        let mut whole = Vec::new();
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let (text, ends) = piece.strip_suffix(b"\n").map_or((piece, false), |text| (text, true));
            if self.line.len() + text.len() > LINE {
                self.too_long = true;
                self.line.clear();
            }
            if !self.too_long {
                self.line.extend_from_slice(text);
            }
            if ends {
                whole.extend(self.end_of_line());
            }
        }
        whole
    }

    /// Lines and fields that were left out so far.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Bytes that are held of a message that has not come whole.
    pub fn held(&self) -> usize {
        self.line.len() + self.message.size()
    }

    fn end_of_line(&mut self) -> Option<AmiMessage> {
        if std::mem::take(&mut self.too_long) {
            self.left_out += 1;
            return None;
        }
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line));
        if line.is_empty() {
            let message = std::mem::take(&mut self.message);
            return Some(message).filter(|message| !message.fields.is_empty());
        }
        // A line without a colon is a greeting, or nonsense.
        if let Some((name, value)) = line.split_once(':') {
            if self.message.fields.len() < FIELDS {
                self.message.fields.push((name.trim().into(), value.trim().into()));
            } else {
                self.left_out += 1;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EVENT: &[u8] = b"Event: UserEvent\r\nPrivilege: user,all\r\nUniqueid: 1795334018.0\r\nAccountCode: \r\n\
        UserEvent: LinesidePause\r\nUniqueid: forged\r\nNote: a: b\r\n\r\n";

    #[test]
    fn an_event_is_read_as_asterisk_sends_it_and_its_own_fields_count_before_a_users() {
        let messages = MessageReader::default().push(&[b"Asterisk Call Manager/11.0.0\r\n", EVENT].concat());
        let [message] = messages.as_slice() else { panic!("{messages:?}") };
        let said = ["event", "UserEvent", "Uniqueid", "AccountCode", "Note", "Channel"].map(|name| message.get(name));
        let wanted = [Some("UserEvent"), Some("LinesidePause"), Some("1795334018.0"), Some(""), Some("a: b"), None];
        assert_eq!(said, wanted);
    }

    #[test]
    fn endless_lines_and_endless_messages_hold_no_memory() {
        let mut reader = MessageReader::default();
        for _ in 0..1000 {
            assert_eq!(reader.push(&[b'x'; 8192]), []);
            assert!(reader.held() <= LINE);
        }
        reader.push(b"\r\n");
        for number in 0..100_000 {
            assert_eq!(reader.push(format!("Field{number}: {}\r\n", "y".repeat(1000)).as_bytes()), []);
        }
        assert!(reader.held() <= FIELDS * LINE);
        assert_eq!(reader.push(b"\r\n").len(), 1);
        assert_eq!((reader.held(), reader.left_out()), (0, 1 + 100_000 - FIELDS as u64));
        assert_eq!(reader.push(EVENT).len(), 1, "what comes then is read as ever");
    }

    #[test]
    fn a_line_that_is_too_long_is_left_out_whole_and_its_message_stays() {
        let text = format!("Event: X\r\nUniqueid: 1.{}\r\nLinkedid: 2.2\r\n\r\n", "1".repeat(LINE));
        let messages = MessageReader::default().push(text.as_bytes());
        assert_eq!((messages[0].get("Uniqueid"), messages[0].get("Linkedid")), (None, Some("2.2")));
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_give_the_same_messages_and_never_panic(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b':'), any::<u8>()], 0..5000),
            step in 1_usize..300,
        ) {
            let mut whole = MessageReader::default();
            let expected = whole.push(&bytes);
            let mut pieces = MessageReader::default();
            let got: Vec<AmiMessage> = bytes.chunks(step).flat_map(|piece| pieces.push(piece)).collect();
            prop_assert_eq!(got, expected);
            prop_assert_eq!(pieces.held(), whole.held());
        }
    }
}
