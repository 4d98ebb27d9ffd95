//! `GET /api/v1/calls/{id}/audio`: a leg's sound, with range requests, for players that seek; and links to it that work without a token for a while.

use std::io::Write;
use std::path::{Path as FilePath, PathBuf};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use tokio::sync::Mutex;

use super::parts::Sounds;
use crate::api::access::grant::Access;
use crate::api::access::link::{LONGEST_S, LinkTarget, SignedLink};
use crate::api::calls::find::find_call;
use crate::api::request::{ApiError, Parameters};
use crate::audio::reader::RecordingReader;
use crate::audio::silence::Silences;
use crate::audio::sound_file::SoundWriter;
use crate::audio::wav;
use crate::contract::sound::SoundLink;
use crate::priority;
use crate::store::StoreError;
use crate::store::calls::LegRow;

/// Two players that ask for one recording must not convert it into one file at a time.
static TURNS: [Mutex<()>; 16] = [const { Mutex::const_new(()) }; 16];

pub(in crate::api) async fn audio(
    State(sounds): State<Sounds>,
    Path(id): Path<String>,
    query: Parameters,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let call = find_call(&sounds.store, &id).await?;
    let legs = sounds.store.legs(call.key).await?;
    let leg = wanted_leg(&legs, query.text("leg").as_deref())?;
    let path = playable(&sounds, leg).await.map_err(|why| gone(&why))?;
    super::play::answer(path, &headers).await.map_err(|why| gone(&why))
}

fn gone(why: &str) -> ApiError {
    ApiError::NotFound(format!("the sound of this leg cannot be had: {why}"))
}

/// `POST /api/v1/calls/{id}/audio/link`: an address that plays this sound without a token, for `seconds` (an hour at most).
pub(in crate::api) async fn link(
    State(sounds): State<Sounds>,
    access: Access,
    Path(id): Path<String>,
    query: Parameters,
) -> Result<Json<SoundLink>, ApiError> {
    let seconds = query.number("seconds", 1..=LONGEST_S)?.unwrap_or(LONGEST_S);
    let call = find_call(&sounds.store, &id).await?;
    let leg = query.text("leg").unwrap_or_default();
    let legs = sounds.store.legs(call.key).await?;
    source(&sounds, wanted_leg(&legs, query.text("leg").as_deref())?).await.map_err(|why| gone(&why))?;
    let expires_s = sounds.clock.now().0 / 1000 + seconds;
    let to = LinkTarget::Sound { call: &call.call_id, leg: &leg };
    let sound = SignedLink { to, expires_s, by: &access.token };
    let leg = if leg.is_empty() { String::new() } else { format!("leg={leg}&") };
    let url = format!(
        "/api/v1/calls/{}/audio?{leg}expires={expires_s}&by={}&signature={}",
        call.call_id,
        access.token,
        sounds.access_control.links.sign(sound)
    );
    Ok(Json(SoundLink { url, expires_at: crate::call::WallTime(expires_s * 1000).rfc3339() }))
}

/// The leg of that name or number; without one the first that has sound.
pub(in crate::api) fn wanted_leg<'a>(legs: &'a [LegRow], wanted: Option<&str>) -> Result<&'a LegRow, ApiError> {
    let found = match wanted {
        Some(name) => legs.iter().find(|leg| leg.leg.as_str() == name || leg.key.to_string() == name),
        None => legs.iter().find(|leg| leg.has_sound()).or_else(|| legs.first()),
    };
    found.ok_or_else(|| {
        let names: Vec<&str> = legs.iter().map(|leg| leg.leg.as_str()).collect();
        ApiError::NotFound(format!("no such leg; this call has: {}", names.join(", ")))
    })
}

/// The one way to a leg's sound: its file, where it may be heard. Whatever its row or a link says, nothing outside the spool is lineside's own sound;
/// of a recording the name is resolved inside its folder when it is opened.
async fn source(sounds: &Sounds, leg: &LegRow) -> Result<PathBuf, String> {
    if !leg.has_sound() {
        return Err("it came as text, without sound".into());
    }
    let path = PathBuf::from(&leg.path);
    if !leg.owned {
        return Ok(path);
    }
    let (real, spool) =
        (tokio::fs::canonicalize(&path).await, tokio::fs::canonicalize(sounds.access_control.spool()).await);
    match (real, spool) {
        (Ok(real), Ok(spool)) if real.starts_with(&spool) => Ok(real),
        (Ok(_), Ok(_)) => Err("its file leads out of the spool".into()),
        (Err(error), _) if error.kind() == std::io::ErrorKind::NotFound => {
            Err("it was deleted, as [retention] wants it".into())
        }
        (Err(error), _) | (_, Err(error)) => Err(error.to_string()),
    }
}

/// A leg whose sound may be heard, with where its file is and what is silent of it.
pub(in crate::api) async fn heard(sounds: &Sounds, mut leg: LegRow) -> Result<(LegRow, Silences), ApiError> {
    let path = source(sounds, &leg).await;
    let path = path.map_err(|why| ApiError::NotFound(format!("the sound of this call cannot be had: {why}")))?;
    leg.path = path.to_string_lossy().into_owned();
    let silences = silences(sounds, &leg).await?;
    Ok((leg, silences))
}

/// The same for several.
pub(in crate::api) async fn all_heard(sounds: &Sounds, legs: Vec<LegRow>) -> Result<Vec<(LegRow, Silences)>, ApiError> {
    let mut all = Vec::new();
    for leg in legs {
        all.push(heard(sounds, leg).await?);
    }
    Ok(all)
}

/// The file itself where a player can take it, else a WAV of this leg, made once.
async fn playable(sounds: &Sounds, leg: &LegRow) -> Result<PathBuf, String> {
    let path = source(sounds, leg).await?;
    if leg.owned {
        return Ok(path);
    }
    let (to, channel, closed) =
        (sounds.cache.join(format!("{}.wav", leg.key)), usize::from(leg.channel), leg.closed.is_some());
    if closed && to.exists() {
        return Ok(to);
    }
    let silences = silences(sounds, leg).await.map_err(|error| error.to_string())?;
    // Who waits for a turn holds no thread; it ends with the conversion, also when nobody waits for that any more.
    let turn = TURNS[leg.key.0.unsigned_abs() as usize % TURNS.len()].lock().await;
    let convert = move || {
        let _turn = turn;
        if closed && to.exists() {
            return Ok(to);
        }
        convert(&path, channel, &silences, &to).map(|()| to)
    };
    priority::aside(convert).await.map_err(|error| error.to_string())?
}

/// What nobody may hear of a leg: every way by which sound leaves applies it.
async fn silences(sounds: &Sounds, leg: &LegRow) -> Result<Silences, StoreError> {
    let silences = Silences::default();
    for silence in sounds.store.silences(leg.key).await? {
        silences.add(silence.start, silence.end);
    }
    Ok(silences)
}

fn convert(from: &FilePath, channel: usize, silences: &Silences, to: &FilePath) -> Result<(), String> {
    let mut reader = RecordingReader::open(from).map_err(|error| format!("{}: {error}", from.display()))?;
    let samples = reader.available_samples().map_err(|error| error.to_string())?;
    let text = |error: std::io::Error| format!("{}: {error}", to.display());
    std::fs::create_dir_all(to.parent().unwrap_or(to)).map_err(text)?;
    let part = to.with_extension("part");
    let mut out = std::io::BufWriter::with_capacity(1 << 16, SoundWriter::create(&part).map_err(text)?);
    out.write_all(&wav::header(reader.layout().rate_hz, 1, samples)).map_err(text)?;
    let (mut place, mut piece) = (0, Vec::new());
    while place < samples {
        piece.clear();
        let got = reader.read_samples(channel, place, 1 << 16, &mut piece).map_err(|error| error.to_string())?;
        if got == 0 {
            break;
        }
        silences.apply(place, &mut piece);
        place += got as u64;
        for sample in &piece {
            out.write_all(&sample.to_le_bytes()).map_err(text)?;
        }
    }
    out.flush().and_then(|()| out.get_ref().finish()).map_err(text)?;
    std::fs::rename(&part, to).map_err(text)
}
