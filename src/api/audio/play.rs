//! A sound file of ours as an answer: all of it or one range, in pieces, so that an hour of audio costs no memory.
//!
//! The answer is a plain file, whether the file is encrypted on disk or not. The WAV header is made for the answer: a call that still runs, or that a
//! crash ended, has the length that it had when the answer began.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, IF_MODIFIED_SINCE, IF_RANGE, LAST_MODIFIED, RANGE,
};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::Response;
use futures_util::stream;

use crate::audio::sound_file::SoundFile;
use crate::audio::wav;
use crate::priority;

/// Bytes per reading.
const PIECE: u64 = 1 << 18;

struct Sound {
    file: SoundFile,
    head: [u8; wav::HEADER_LEN],
    len: u64,
    modified: Option<String>,
}

/// The answer to a GET with these headers; an error says why there is none.
pub(in crate::api) async fn answer(path: PathBuf, asked: &HeaderMap) -> Result<Response, String> {
    let sound = priority::aside(move || open(&path)).await.map_err(|error| error.to_string())??;
    let text = |name: HeaderName| asked.get(name).and_then(|value| value.to_str().ok());
    let mut answer = Response::builder().header(ACCEPT_RANGES, "bytes").header(CONTENT_TYPE, "audio/wav");
    if let Some(modified) = &sound.modified {
        answer = answer.header(LAST_MODIFIED, modified);
    }
    let unchanged = |since: Option<&str>| since.is_some() && since == sound.modified.as_deref();
    if text(RANGE).is_none() && unchanged(text(IF_MODIFIED_SINCE)) {
        return answer.status(StatusCode::NOT_MODIFIED).body(Body::empty()).map_err(|error| error.to_string());
    }
    // A range of a file that has changed since would be put to parts of another one.
    let wanted = text(RANGE).filter(|_| text(IF_RANGE).is_none() || unchanged(text(IF_RANGE)));
    let range = match wanted.map(|wanted| range(wanted, sound.len)) {
        None | Some(ByteRange::All) => 0..sound.len,
        Some(ByteRange::Nothing) => {
            return answer
                .status(StatusCode::RANGE_NOT_SATISFIABLE)
                .header(CONTENT_RANGE, format!("bytes */{}", sound.len))
                .body(Body::empty())
                .map_err(|error| error.to_string());
        }
        Some(ByteRange::Part(range)) => {
            answer = answer
                .status(StatusCode::PARTIAL_CONTENT)
                .header(CONTENT_RANGE, format!("bytes {}-{}/{}", range.start, range.end - 1, sound.len));
            range
        }
    };
    answer
        .header(CONTENT_LENGTH, range.end - range.start)
        .body(body(Arc::new(sound), range))
        .map_err(|error| error.to_string())
}

fn open(path: &Path) -> Result<Sound, String> {
    let name = path.display().to_string();
    let open = || {
        let file = SoundFile::open(path)?;
        let len = file.len()?;
        let mut head = [0; wav::HEADER_LEN];
        file.read_at(0, &mut head)?;
        wav::resize(&mut head, len);
        let modified = std::fs::metadata(path)?.modified().ok();
        let modified = modified.and_then(|at| jiff::Timestamp::try_from(at).ok());
        let modified = modified.map(|at| at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
        Ok::<_, crate::audio::AudioError>(Sound { file, head, len, modified })
    };
    open().map_err(|error| format!("{name}: {error}"))
}

fn body(sound: Arc<Sound>, range: Range<u64>) -> Body {
    Body::from_stream(stream::try_unfold(range, move |left| {
        let sound = Arc::clone(&sound);
        async move {
            if left.is_empty() {
                return Ok(None);
            }
            let read = priority::aside(move || piece(&sound, &left).map(|bytes| (bytes, left)));
            let (bytes, left) = read.await.map_err(io::Error::other)??;
            let next = left.start + bytes.len() as u64..left.end;
            Ok::<_, io::Error>(Some((bytes, next)))
        }
    }))
}

/// The next bytes of a range. Blocks.
fn piece(sound: &Sound, left: &Range<u64>) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; (left.end - left.start).min(PIECE) as usize];
    let got = sound.file.read_at(left.start, &mut bytes).map_err(io::Error::other)?;
    if got < bytes.len() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file has become shorter"));
    }
    for (place, byte) in (left.start..wav::HEADER_LEN as u64).zip(&mut bytes) {
        *byte = sound.head[place as usize];
    }
    Ok(bytes)
}

#[derive(Debug, PartialEq, Eq)]
enum ByteRange {
    All,
    Part(Range<u64>),
    Nothing,
}

/// The range that a Range header asks for, of this many bytes (RFC 9110, 14.2). Several ranges at once, and a malformed header, get all of it.
fn range(header: &str, len: u64) -> ByteRange {
    let Some((first, last)) = header.trim().strip_prefix("bytes=").and_then(|range| range.trim().split_once('-'))
    else {
        return ByteRange::All;
    };
    let range = match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), Ok(last)) if first > last => return ByteRange::All,
        (Ok(first), Ok(last)) => first..last.saturating_add(1).min(len),
        (Ok(first), Err(_)) if last.trim().is_empty() => first..len,
        (Err(_), Ok(count)) if first.trim().is_empty() => len.saturating_sub(count)..len,
        _ => return ByteRange::All,
    };
    if range.is_empty() { ByteRange::Nothing } else { ByteRange::Part(range) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_the_standard_has_it() {
        for (header, wanted) in [
            ("bytes=0-43", ByteRange::Part(0..44)),
            ("bytes=0-0", ByteRange::Part(0..1)),
            ("bytes=90-", ByteRange::Part(90..100)),
            ("bytes=90-4711", ByteRange::Part(90..100)),
            ("bytes=-10", ByteRange::Part(90..100)),
            ("bytes=-4711", ByteRange::Part(0..100)),
            ("bytes=100-", ByteRange::Nothing),
            ("bytes=-0", ByteRange::Nothing),
            ("bytes=5-3", ByteRange::All),
            ("bytes=0-1,5-6", ByteRange::All),
            ("bytes=a-b", ByteRange::All),
            ("samples=0-1", ByteRange::All),
            ("bytes=0-18446744073709551615", ByteRange::Part(0..100)),
        ] {
            assert_eq!(range(header, 100), wanted, "{header}");
        }
        assert_eq!(range("bytes=0-", 0), ByteRange::Nothing);
    }
}
