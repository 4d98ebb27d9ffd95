//! A call's sound for screens: `GET /api/v1/calls/{id}/peaks` draws a leg, `/live` gives the last seconds of a call that may still be running.
//!
//! Both read the files where they lie, as far as they have grown; nothing is kept and no writer waits.

use std::io;
use std::path::Path as FilePath;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};

use super::leg::{all_heard, heard, wanted_leg};
use super::parts::Sounds;
use crate::api::calls::find::find_call;
use crate::api::request::{ApiError, Parameters};
use crate::audio::AudioError;
use crate::audio::reader::RecordingReader;
use crate::audio::silence::Silences;
use crate::audio::wav;
use crate::contract::seconds;
use crate::contract::sound::Peaks;
use crate::priority;
use crate::store::calls::LegRow;

/// Samples per reading.
const PIECE: usize = 1 << 16;
/// Samples mixed at once.
const MIXED: usize = 1 << 14;
/// Rate of what is listened to live: that of the telephone.
const LIVE_HZ: u32 = 8000;
/// The longest window of live sound, seconds.
const LONGEST_S: f64 = 300.0;
/// A leg that has grown this much less than another one is not waited for.
const STALLED_MS: i64 = 3000;

fn gone(error: impl std::fmt::Display) -> ApiError {
    ApiError::NotFound(format!("the sound of this call cannot be had: {error}"))
}

/// Loudest sample of each of `buckets` equal parts, 0 to 100 % of full scale; and the leg's samples. Blocks.
fn peaks(path: &FilePath, channel: usize, silences: &Silences, buckets: usize) -> Result<(Vec<u8>, u64), AudioError> {
    let mut reader = RecordingReader::open(path)?;
    let samples = reader.available_samples()?;
    let mut loudest = vec![0_u16; buckets];
    let (mut place, mut piece) = (0_u64, Vec::new());
    while place < samples {
        piece.clear();
        if reader.read_samples(channel, place, PIECE, &mut piece)? == 0 {
            break;
        }
        silences.apply(place, &mut piece);
        for sample in &piece {
            let bucket = (place * buckets as u64 / samples.max(1)).min(buckets as u64 - 1) as usize;
            loudest[bucket] = loudest[bucket].max(sample.unsigned_abs());
            place += 1;
        }
    }
    Ok((loudest.into_iter().map(|peak| (u32::from(peak) * 100 / 32768) as u8).collect(), samples))
}

/// `GET /api/v1/calls/{id}/peaks?leg=&buckets=`: `peaks` are percent of full scale, `offset` and `duration` seconds.
pub(in crate::api) async fn draw(
    State(sounds): State<Sounds>,
    Path(id): Path<String>,
    query: Parameters,
) -> Result<Json<Peaks>, ApiError> {
    let buckets = query.number("buckets", 1..=10_000_usize)?.unwrap_or(1000);
    let call = find_call(&sounds.store, &id).await?;
    let legs = sounds.store.legs(call.key).await?;
    let leg = wanted_leg(&legs, query.text("leg").as_deref())?;
    let (leg, silences) = heard(&sounds, leg.clone()).await?;
    let (path, channel) = (leg.path.clone(), usize::from(leg.channel));
    let (peaks, samples) = priority::aside(move || peaks(path.as_ref(), channel, &silences, buckets))
        .await
        .map_err(gone)?
        .map_err(gone)?;
    Ok(Json(Peaks {
        leg: leg.leg,
        leg_id: leg.key.0,
        offset: seconds(leg.offset_ms),
        duration: samples as f64 / f64::from(leg.rate_hz.max(1)),
        peaks,
    }))
}

/// A leg in a mix.
struct Voice {
    channel: usize,
    rate_hz: i64,
    /// Its sample at the begin of the mix; before its own begin that is less than 0.
    first: i64,
    silences: Silences,
    reader: RecordingReader,
}

/// Legs mixed on the call's clock, read from disk piece by piece: an hour of sound costs no more memory than a second.
pub(in crate::api) struct Mix {
    out_hz: i64,
    voices: Vec<Voice>,
    place: usize,
    wanted: usize,
}

impl Mix {
    /// A silent mix at `out_hz` of this many samples.
    pub(in crate::api) fn new(out_hz: u32, wanted: usize) -> Self {
        Self { out_hz: i64::from(out_hz), voices: Vec::new(), place: 0, wanted }
    }

    /// Adds a leg; `first` is its sample at the begin of the mix.
    pub(in crate::api) fn add(&mut self, leg: &LegRow, silences: Silences, reader: RecordingReader, first: i64) {
        let rate_hz = i64::from(leg.rate_hz.max(1));
        self.voices.push(Voice { channel: usize::from(leg.channel), rate_hz, first, silences, reader });
    }

    /// The next samples; none at the end. What a file does not hold is silence. Blocks.
    fn next(&mut self) -> Result<Vec<i16>, AudioError> {
        let count = (self.wanted - self.place).min(MIXED);
        if count == 0 {
            return Ok(Vec::new());
        }
        let mut mix = vec![0_i32; count];
        for Voice { channel, rate_hz, first, silences, reader } in &mut self.voices {
            let at = |place: usize| *first + place as i64 * *rate_hz / self.out_hz;
            let (from, to) = (at(self.place).max(0), at(self.place + count - 1) + 1);
            let mut samples = Vec::new();
            while (samples.len() as i64) < to - from {
                let left = (to - from) as usize - samples.len();
                if reader.read_samples(*channel, from as u64 + samples.len() as u64, left, &mut samples)? == 0 {
                    break;
                }
            }
            silences.apply(from as u64, &mut samples);
            for (place, sum) in mix.iter_mut().enumerate() {
                // The nearest sample: for an ear that listens in, not for a recogniser.
                let found = usize::try_from(at(self.place + place) - from).ok().and_then(|at| samples.get(at));
                *sum += found.map_or(0, |&sample| i32::from(sample));
            }
        }
        self.place += count;
        Ok(mix.into_iter().map(|sum| sum.clamp(-32768, 32767) as i16).collect())
    }

    /// A WAV of it, made as it is taken.
    pub(in crate::api) fn into_body(self) -> Body {
        let head = wav::header(self.out_hz as u32, 1, self.wanted as u64).to_vec();
        let pieces = stream::try_unfold(self, |mut mix| async move {
            let read = priority::aside(move || mix.next().map(|samples| (samples, mix)));
            let (samples, mix) = read.await.map_err(io::Error::other)?.map_err(io::Error::other)?;
            let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            Ok::<_, io::Error>((!bytes.is_empty()).then_some((bytes, mix)))
        });
        Body::from_stream(stream::once(async { Ok(head) }).chain(pieces))
    }

    /// Length of that WAV, bytes.
    pub(in crate::api) fn wav_len(&self) -> u64 {
        (wav::HEADER_LEN + 2 * self.wanted) as u64
    }

    #[cfg(test)]
    fn all(mut self) -> Vec<i16> {
        let mut all = Vec::new();
        while all.len() < self.wanted {
            all.extend(self.next().expect("readable"));
        }
        all
    }
}

/// A stretch of a call's time with its legs mixed.
struct Window {
    from_ms: i64,
    to_ms: i64,
    mix: Mix,
}

impl Window {
    /// The stretch from `from_ms` (or the last `seconds`) to where all legs that grow have come. Blocks.
    fn open(legs: Vec<(LegRow, Silences)>, from_ms: Option<i64>, seconds: f64) -> Result<Self, AudioError> {
        let mut readers = Vec::new();
        for (leg, silences) in legs {
            let reader = RecordingReader::open(leg.path.as_ref())?;
            let end_ms = leg.offset_ms + (reader.available_samples()? * 1000 / u64::from(leg.rate_hz.max(1))) as i64;
            readers.push((leg, silences, reader, end_ms));
        }
        let furthest = readers.iter().map(|&(.., end_ms)| end_ms).max().unwrap_or(0);
        let keeps_up = |end_ms: i64| furthest - end_ms < STALLED_MS;
        let to_ms = readers.iter().map(|&(.., end_ms)| end_ms).filter(|&end_ms| keeps_up(end_ms)).min().unwrap_or(0);
        let earliest = to_ms - (LONGEST_S * 1000.0) as i64;
        let from_ms = from_ms.unwrap_or(to_ms - (seconds * 1000.0) as i64).max(earliest).clamp(0, to_ms.max(0));
        let wanted = ((to_ms - from_ms).max(0) * i64::from(LIVE_HZ) / 1000) as usize;
        let mut mix = Mix::new(LIVE_HZ, wanted);
        for (leg, silences, reader, _) in readers {
            let first = (from_ms - leg.offset_ms) * i64::from(leg.rate_hz.max(1)) / 1000;
            mix.add(&leg, silences, reader, first);
        }
        Ok(Self { from_ms, to_ms, mix })
    }
}

/// `GET /api/v1/calls/{id}/live?seconds=30&from=`: WAV, mono, 8 kHz, all legs mixed. `from` (seconds in the call) goes on where the last answer
/// ended; `Lineside-From` and `Lineside-To` say what it holds, `Lineside-Behind` how long ago its end was (seconds), `Lineside-Running` whether more
/// will come.
pub(in crate::api) async fn live(
    State(sounds): State<Sounds>,
    Path(id): Path<String>,
    query: Parameters,
) -> Result<Response, ApiError> {
    let seconds = query.number("seconds", 0.0..=LONGEST_S)?.unwrap_or(30.0);
    let from_ms = query.number("from", 0.0..=1e9_f64)?.map(|from| (from * 1000.0).round() as i64);
    let call = find_call(&sounds.store, &id).await?;
    let legs = sounds.store.legs(call.key).await?;
    if legs.is_empty() {
        return Err(gone("it has no sound yet"));
    }
    let running = legs.iter().any(|leg| leg.closed.is_none());
    // A source that is not transcribed holds the same voice again.
    let is_heard = |leg: &LegRow| !leg.heard.is_empty();
    let any = legs.iter().any(is_heard);
    let text_alone = !legs.iter().any(LegRow::has_sound);
    let fits = |leg: &LegRow| (!any || is_heard(leg)) && (text_alone || leg.has_sound());
    let legs = legs.into_iter().filter(fits).collect();
    let sounding = all_heard(&sounds, legs).await?;
    let window =
        priority::aside(move || Window::open(sounding, from_ms, seconds)).await.map_err(gone)?.map_err(gone)?;
    let behind_ms = (sounds.clock.now().0 - call.started.0 - window.to_ms).max(0);
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("audio/wav"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(window.mix.wav_len()));
    let told = [
        ("lineside-from", seconds_of(window.from_ms)),
        ("lineside-to", seconds_of(window.to_ms)),
        ("lineside-behind", seconds_of(behind_ms)),
        ("lineside-running", running.to_string()),
    ];
    for (name, value) in told {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    Ok((headers, window.mix.into_body()).into_response())
}

fn seconds_of(ms: i64) -> String {
    format!("{:.3}", ms as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Leg, LegKey, Source, WallTime};

    fn leg(path: &FilePath, rate_hz: u32, offset_ms: i64, samples: &[i16]) -> LegRow {
        let mut bytes = wav::header(rate_hz, 1, samples.len() as u64).to_vec();
        bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        std::fs::write(path, bytes).expect("write");
        LegRow {
            key: LegKey(1),
            leg: Leg::Agent,
            source: Source::Audiosocket,
            rate_hz,
            started: WallTime(0),
            offset_ms,
            path: path.to_string_lossy().into_owned(),
            channel: 0,
            owned: true,
            peer: None,
            samples: 0,
            closed: None,
            close_reason: None,
            why: None,
            heard: vec![(0, None)],
        }
    }

    /// A leg without silenced stretches.
    fn heard(leg: LegRow) -> (LegRow, Silences) {
        (leg, Silences::default())
    }

    #[test]
    fn what_nobody_may_hear_is_neither_drawn_nor_played() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("a.wav");
        let (leg, silences) = heard(leg(&path, 8000, 0, &vec![20_000; 16_000]));
        silences.add(8000, Some(12_000));
        let (loudest, _) = peaks(&path, 0, &silences, 4).expect("peaks");
        assert_eq!(loudest, [61, 61, 0, 61]);
        let mix = Window::open(vec![(leg, silences)], Some(0), 30.0).expect("window").mix.all();
        assert_eq!((mix[7999], mix[8000], mix[11_999], mix[12_000]), (20_000, 0, 0, 20_000));
    }

    #[test]
    fn peaks_are_the_loudest_of_each_part() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("a.wav");
        leg(&path, 8000, 0, &[0, 16384, -32768, 1, 0, 0]);
        assert_eq!(peaks(&path, 0, &Silences::default(), 3).expect("peaks"), (vec![50, 100, 0], 6));
    }

    #[test]
    fn a_window_mixes_legs_of_other_rates_and_beginnings_at_their_time() {
        let folder = tempfile::tempdir().expect("temp dir");
        let one = leg(&folder.path().join("a.wav"), 8000, 0, &vec![100; 16_000]);
        let other = leg(&folder.path().join("b.wav"), 16_000, 1000, &vec![11; 16_000]);
        let window = Window::open(vec![heard(one), heard(other)], Some(500), 30.0).expect("window");
        assert_eq!((window.from_ms, window.to_ms, window.mix.wanted), (500, 2000, 12_000));
        let mix = window.mix.all();
        assert_eq!((mix[0], mix[3999], mix[4000], mix[11_999]), (100, 100, 111, 111));
    }

    #[test]
    fn a_window_ends_where_the_slower_leg_is_unless_that_has_stalled() {
        let folder = tempfile::tempdir().expect("temp dir");
        let fast = leg(&folder.path().join("a.wav"), 8000, 0, &vec![1; 80_000]);
        let slow = leg(&folder.path().join("b.wav"), 8000, 0, &vec![1; 72_000]);
        let dead = leg(&folder.path().join("c.wav"), 8000, 0, &vec![1; 8000]);
        assert_eq!(Window::open(vec![heard(fast.clone()), heard(slow)], None, 2.0).expect("window").to_ms, 9000);
        let window = Window::open(vec![heard(fast), heard(dead)], None, 2.0).expect("window");
        assert_eq!((window.from_ms, window.to_ms), (8000, 10_000));
    }
}
