//! One function per format: it must take any bytes without a panic, and what it makes of them must hold what its callers rely on.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;

use lineside::audio::AudioError;
use lineside::audio::decode::decode;
use lineside::audio::reader::RecordingReader;
use lineside::call::{CallId, Leg, Moment, WallTime};
use lineside::capture::coding::Decoder;
use lineside::capture::frame::{Frame, FrameReader};
use lineside::capture::naming::{self, NamingRules};
use lineside::capture::{eagi, follow};
use lineside::config::Config;
use lineside::integrate::ami::events::{AmiRequest, Watch};
use lineside::integrate::ami::map::{Fact, Map};
use lineside::integrate::ami::message::{AmiMessage, MessageReader};
use lineside::integrate::ami::roles::Roles;
use lineside::integrate::ami::taps::{Act, TapRule, TapSettings, TappedCalls};
use lineside::pipeline::live::keys::PauseKeys;
use lineside::speech::models::convert;
use lineside::speech::whisper;
use lineside::store::segments::fts_query;
use lineside::text::TextAnalyser;
use lineside::text::lexicon::LexiconKind;
use lineside::text::pack::Pack;

/// Takes any bytes.
pub type Target = fn(&[u8]);

/// All targets; the folder of a target's seeds has its name.
pub const TARGETS: &[(&str, Target)] = &[
    ("audiosocket", audiosocket),
    ("uuid", uuid),
    ("eagi", eagi_greeting),
    ("eagi_stream", eagi_stream),
    ("recording", recording),
    ("compressed", compressed),
    ("ami", ami),
    ("file_name", file_name),
    ("pack", pack),
    ("config", config),
    ("model", model),
    ("checkpoint", checkpoint),
    ("search", search),
    ("text", text),
];

/// A file of these bytes that no folder knows.
fn file_of(bytes: &[u8]) -> File {
    let fd = rustix::fs::memfd_create("fuzz", rustix::fs::MemfdFlags::CLOEXEC).expect("memfd");
    let mut file = File::from(fd);
    file.write_all(bytes).expect("write");
    std::io::Seek::rewind(&mut file).expect("rewind");
    file
}

/// Frames are the same however the stream is cut, and hold no more samples than came.
fn audiosocket(data: &[u8]) {
    let frames_in = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut reader = FrameReader::default();
        let mut frames = Vec::new();
        for piece in pieces {
            reader.push(piece);
            while let Some(frame) = reader.next_frame() {
                frames.push(frame);
            }
        }
        (frames, reader.left_over())
    };
    let (step, data) = data.split_first().map_or((1, data), |(first, rest)| (usize::from(*first).max(1), rest));
    let whole = frames_in(&mut std::iter::once(data));
    assert_eq!(whole, frames_in(&mut data.chunks(step)));
    let mut sound = Decoder::new(8000);
    let mut samples = 0;
    for (number, frame) in whole.0.into_iter().enumerate() {
        if let Frame::Audio { payload, .. } = frame {
            samples += sound.take(payload, number as i64 * 20).iter().map(|(samples, _)| samples.len()).sum::<usize>();
        }
    }
    samples += sound.release().iter().map(|(samples, _)| samples.len()).sum::<usize>();
    // G.711 has a sample in each byte.
    assert!(samples <= data.len());
}

/// Any sixteen bytes are a call whose id is fit for one.
fn uuid(data: &[u8]) {
    for bytes in data.chunks_exact(16) {
        let named = naming::from_uuid(bytes.try_into().expect("sixteen"));
        assert!(CallId::parse(named.call.as_str()).is_ok());
    }
}

/// The AGI environment, and the greeting that passes the socket.
fn eagi_greeting(data: &[u8]) {
    let environment = eagi::read_environment(data).expect("a slice can be read");
    assert!(environment.len() <= 200);
    if let Ok(hello) = serde_json::from_slice::<eagi::EagiHello>(data) {
        let _ = eagi::format_of(hello.format.as_deref()).map(|(rate, _)| assert!(rate >= 8000));
        let again = serde_json::to_vec(&hello).expect("json");
        assert_eq!(serde_json::from_slice::<eagi::EagiHello>(&again).expect("again"), hello);
    }
}

/// The samples of the pipe do not depend on how it cuts them.
fn eagi_stream(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else { return };
    let (ulaw, step) = (first & 1 == 1, usize::from(first >> 1).max(1));
    let mut odd = None;
    let pieces: Vec<i16> = rest.chunks(step).flat_map(|piece| eagi::samples_of(piece, ulaw, &mut odd)).collect();
    assert_eq!(pieces, eagi::samples_of(rest, ulaw, &mut None));
}

/// The first byte chooses the ending of the name, the rest is the file: WAV of all kinds, and the formats without a header.
fn recording(data: &[u8]) {
    const ENDINGS: [&str; 10] = ["wav", "WAV", "wav49", "gsm", "ulaw", "alaw", "sln", "sln16", "raw", "wav16"];
    let Some((&first, rest)) = data.split_first() else { return };
    let ending = ENDINGS[usize::from(first) % ENDINGS.len()];
    let Ok(mut reader) = RecordingReader::from_file(file_of(rest), ending) else { return };
    let layout = *reader.layout();
    assert!(layout.rate_hz > 0 && layout.channels > 0);
    let available = reader.available_samples().expect("a file in memory");
    for channel in [0, usize::from(layout.channels) - 1, usize::from(layout.channels)] {
        for from in [0, available / 2, available.saturating_sub(1), available, u64::MAX] {
            let mut samples = Vec::new();
            if let Ok(got) = reader.read_samples(channel, from, 1000, &mut samples) {
                assert!(got == samples.len() && got <= 1000 && channel < usize::from(layout.channels));
            }
        }
    }
    let meta = file_of(rest).metadata().expect("a file in memory");
    let _ = follow::identify(&mut reader, &meta, first & 1 == 1);
}

/// MP3, Ogg, FLAC and M4A; what is found in them must be samples of a rate.
fn compressed(data: &[u8]) {
    const ENDINGS: [&str; 4] = ["mp3", "ogg", "flac", "m4a"];
    let Some((&first, rest)) = data.split_first() else { return };
    let mut samples = 0;
    let _ = decode::<AudioError>(file_of(rest), ENDINGS[usize::from(first) % 4], |(_, channels, piece)| {
        assert!(channels > 0 || piece.is_empty());
        samples += piece.len();
        // A few seconds tell as much as hours.
        if samples > 1_000_000 { Err(AudioError::Malformed("enough".into())) } else { Ok(()) }
    });
}

/// Messages are the same however the stream is cut, hold no more than came, and what they ask for names few calls, not far in the past.
fn ami(data: &[u8]) {
    let (step, data) = data.split_first().map_or((1, data), |(first, rest)| (usize::from(*first).max(1), rest));
    let (mut whole, mut pieces) = (MessageReader::default(), MessageReader::default());
    let messages = whole.push(data);
    assert_eq!(messages, data.chunks(step).flat_map(|piece| pieces.push(piece)).collect::<Vec<_>>());
    // A byte that is no UTF-8 becomes three.
    assert!(messages.iter().map(AmiMessage::size).sum::<usize>() + whole.held() <= 3 * data.len());
    let now = Moment::now(WallTime(1_795_218_045_000));
    map_and_taps(&messages, now.wall);
    for same_clock in [true, false] {
        let keys = PauseKeys { pause: "*71".into(), resume: "*72".into() };
        let mut watch = Watch::new(keys, same_clock);
        for AmiRequest { wish, .. } in messages.iter().flat_map(|message| watch.event(message, now)) {
            assert!(wish.names.len() <= 16 && wish.names.iter().all(|name| name.len() <= CallId::MAX_LEN));
            assert!((now.wall.0 - 60_000..=now.wall.0).contains(&wish.at.wall.0) && wish.by.starts_with("ami"));
        }
    }
}

/// Whatever the events say, what Asterisk is told is a line, and when nothing is left no tap is.
fn map_and_taps(messages: &[AmiMessage], at: WallTime) {
    let rule = TapRule { matches: regex::Regex::new("").expect("pattern"), rate_hz: 8000, max: 5, weight: 0 };
    let (address, tag) = (Some("127.0.0.1:9093".into()), "9093".into());
    let mut map = Map::new(Roles::default());
    let mut taps = TappedCalls::new(TapSettings { rules: vec![rule], max: 5, address, tag });
    let mut acts = Vec::new();
    for message in messages {
        acts.extend(taps.answered(message, at));
        for fact in map.event(message, at) {
            match fact {
                Fact::Bridges { call } => acts.extend(taps.bridged(&map, &call, at)),
                Fact::Over { call } => acts.extend(taps.over(&call, at)),
                Fact::Event(event) => {
                    assert!(!format!("{}{:?}", event.channel, event.detail).contains(char::is_control));
                }
                Fact::Names { names, .. } => assert!(names.metadata_fits()),
                Fact::PartOf { channel, call } => assert_ne!(channel, call),
            }
        }
    }
    let later = WallTime(at.0 + 60_000);
    map.listed(messages, later);
    acts.extend(taps.listed(messages, &map, later));
    map.listed(&[], WallTime(at.0 + 120_000));
    acts.extend(taps.listed(&[], &map, WallTime(at.0 + 120_000)));
    assert!(map.is_empty() && taps.list().is_empty());
    for act in acts {
        let told = match act {
            Act::Originate { id, channel, data } => id + &channel + &data,
            Act::HangUp { id } => id,
            Act::Tell(_) => continue,
        };
        assert!(!told.contains(char::is_control), "{told:?}");
    }
}

/// Any name is a call whose id is fit for one.
fn file_name(data: &[u8]) {
    static NAMING: OnceLock<NamingRules> = OnceLock::new();
    let named = NAMING
        .get_or_init(|| NamingRules::new(&[]).expect("the ready patterns"))
        .recording(Path::new(std::ffi::OsStr::from_bytes(data)));
    assert!(CallId::parse(named.call.as_str()).is_ok());
}

/// A pack that is taken can be used.
fn pack(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Pack::parse("fuzz.toml", text) {
        Ok(pack) => {
            let analyser = TextAnalyser::new(LexiconKind::CallCentre, &[pack]);
            let _ = analyser.analyse("I want to cancel, this is a bloody bad service", Leg::Caller);
        }
        Err(error) => assert!(error.to_string().contains("fuzz.toml")),
    }
}

/// A configuration is taken, or the mistake is named.
fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Config::parse(Path::new("fuzz.toml"), text) {
        Ok(config) => drop((config.listening(), config.hints())),
        Err(error) => assert!(error.to_string().contains("fuzz.toml")),
    }
}

/// A model's file is walked to its end or refused, in time that its own length allows.
fn model(data: &[u8]) {
    let file = file_of(data);
    let _ = whisper::check_file(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())));
}

/// The table of a checkpoint, or all of one: taken or refused, and never more tensors than there are bytes to name them.
fn checkpoint(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else { return };
    if first & 1 == 0 {
        assert!(convert::check_table(rest).unwrap_or(0) <= rest.len());
    } else {
        let _ = convert::check_checkpoint(file_of(rest));
    }
}

/// What a person types is never a mistake to SQLite.
fn search(data: &[u8]) {
    thread_local! {
        static DB: rusqlite::Connection = {
            let db = rusqlite::Connection::open_in_memory().expect("database");
            db.execute_batch("CREATE VIRTUAL TABLE said USING fts5 (text, tokenize = \"unicode61 remove_diacritics 2\"); INSERT INTO said VALUES ('the quick brown fox')")
                .expect("table");
            db
        };
    }
    let Ok(typed) = std::str::from_utf8(data) else { return };
    let Ok(query) = fts_query(typed) else { return };
    DB.with(|db| {
        let found = db.query_row("SELECT count(*) FROM said WHERE said MATCH ?1", [&query], |row| row.get::<_, i64>(0));
        assert!(found.is_ok(), "{typed:?} became {query:?}: {found:?}");
    });
}

/// Scores are in their range, and what was found lies in the text.
fn text(data: &[u8]) {
    static ANALYSER: OnceLock<TextAnalyser> = OnceLock::new();
    let analyser =
        ANALYSER.get_or_init(|| TextAnalyser::new(LexiconKind::CallCentre, &Pack::bundled().expect("packs")));
    let Ok(said) = std::str::from_utf8(data) else { return };
    let found = analyser.analyse(said, Leg::Caller);
    assert!((-1.0..=1.0).contains(&found.scores.compound), "{}", found.scores.compound);
}
