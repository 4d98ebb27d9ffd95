//! The vectors of segments, and search by what was meant.
//!
//! A search looks at every vector that its filters leave, a row at a time, and keeps the best: no index has to be kept right when text goes, and nothing
//! is held in memory. Where filters name calls, only their vectors are read. It runs on the readers of people, as one of the long questions.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::segments::{FoundSegment, SearchFilter, found_by_id};
use super::{Store, StoreError};

/// Places that a ranked search looks at: what lies behind them is not asked for.
pub const DEEPEST: u32 = 1000;
/// Places of each list that are fused: those behind have hardly a say.
const FUSED: usize = 300;
/// Number added to a rank before its reciprocal counts, so that the first ranks of one list do not outweigh all others (Cormack and others, 2009).
const RECIPROCAL: f64 = 60.0;
/// Cosine from which two lines say nearly the same: the same sentence with other names, sums or fillers. Measured on `tests/meaning` (docs/figures.md).
const ALIKE: f32 = 0.85;
/// Vectors of a former model that go in one transaction.
const PIECE: i64 = 2000;

/// A vector of length 1 as it is stored: a scale and 8 bits for each number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedVector(Vec<u8>);

impl PackedVector {
    /// Packs a vector.
    pub fn of(vector: &[f32]) -> Self {
        let largest = vector.iter().fold(f32::MIN_POSITIVE, |most, x| most.max(x.abs()));
        let scale = largest / 127.0;
        let numbers = vector.iter().map(|x| (x / scale).round() as i8 as u8);
        Self(scale.to_le_bytes().into_iter().chain(numbers).collect())
    }

    /// Cosine of the angle to a stored one; `None` where that is of another kind.
    fn similarity(&self, stored: &[u8]) -> Option<f32> {
        let (mine, other) = (self.0.split_first_chunk::<4>()?, stored.split_first_chunk::<4>()?);
        if mine.1.len() != other.1.len() {
            return None;
        }
        let product = |(a, b): (&u8, &u8)| i32::from(*a as i8) * i32::from(*b as i8);
        let sum: i32 = mine.1.iter().zip(other.1).map(product).sum();
        Some(sum as f32 * f32::from_le_bytes(*mine.0) * f32::from_le_bytes(*other.0))
    }
}

/// A segment that waits for its vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueSegment {
    /// Row number.
    pub segment: i64,
    /// The words.
    pub text: String,
}

/// Order of a ranked search.
#[derive(Clone, Debug)]
pub enum Ranking {
    /// By meaning.
    Meaning(PackedVector),
    /// By meaning and words, fused.
    Both(PackedVector),
}

/// A segment as a ranked search shows it.
#[derive(Clone, Debug)]
pub struct RankedSegment {
    /// The segment.
    pub found: FoundSegment,
    /// The cosine of meaning, or the sum of the reciprocal places.
    pub score: f64,
    /// Segments behind it that say nearly the same and are not shown themselves; 0 where all are shown.
    pub alike: u32,
}

/// A place of a list that is best first.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    score: f64,
    segment: i64,
}

impl Eq for Place {}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        // Among equals the newer one comes first.
        self.score.total_cmp(&other.score).then(self.segment.cmp(&other.segment))
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The best vectors, best first.
fn nearest(db: &Connection, filter: &SearchFilter, wanted: &PackedVector, most: usize) -> rusqlite::Result<Vec<Place>> {
    let mut conditions = filter.which.conditions();
    let of_calls = !conditions.is_empty();
    // As a search by words has it: who was put right is found where they are now.
    conditions.extend(filter.leg.clone().map(|leg| ("coalesce(segment.said_by, leg.leg) = ?", vec![leg.into()])));
    let (clauses, values): (Vec<&str>, Vec<Vec<Value>>) = conditions.into_iter().unzip();
    let leg = if filter.leg.is_some() { "CROSS JOIN leg ON leg.id = segment.leg" } else { "" };
    let from = if of_calls {
        format!(
            "call CROSS JOIN segment INDEXED BY segment_by_call ON segment.call = call.id {leg} CROSS JOIN vector ON vector.segment = segment.id"
        )
    } else if filter.leg.is_some() {
        format!("vector CROSS JOIN segment ON segment.id = vector.segment {leg}")
    } else {
        "vector".into()
    };
    let wheres = if clauses.is_empty() { String::new() } else { format!("WHERE {}", clauses.join(" AND ")) };
    let mut query = db.prepare_cached(&format!("SELECT vector.segment, vector.vector FROM {from} {wheres}"))?;
    let mut rows = query.query(params_from_iter(values.concat()))?;
    let mut best: BinaryHeap<Reverse<Place>> = BinaryHeap::with_capacity(most + 1);
    while let Some(row) = rows.next()? {
        let Some(score) = wanted.similarity(row.get_ref(1)?.as_blob().unwrap_or_default()) else { continue };
        let place = Place { score: score.into(), segment: row.get(0)? };
        if best.len() < most || best.peek().is_some_and(|worst| worst.0 < place) {
            best.push(Reverse(place));
            if best.len() > most {
                best.pop();
            }
        }
    }
    Ok(best.into_sorted_vec().into_iter().map(|place| place.0).collect())
}

/// The segments that hold any of the words, best first as FTS5 ranks them (BM25).
fn with_words(db: &Connection, filter: &SearchFilter, most: usize) -> rusqlite::Result<Vec<Place>> {
    let (sql, values) = filter.ranked_sql(most);
    let place = |row: &rusqlite::Row| Ok(Place { segment: row.get(0)?, score: 0.0 });
    db.prepare_cached(&sql)?.query_map(params_from_iter(values), place)?.collect()
}

/// Several lists as one: each place counts by its reciprocal.
fn fused(lists: &[Vec<Place>]) -> Vec<Place> {
    let mut scores: HashMap<i64, f64> = HashMap::new();
    for list in lists {
        for (number, place) in list.iter().enumerate() {
            *scores.entry(place.segment).or_default() += 1.0 / (RECIPROCAL + 1.0 + number as f64);
        }
    }
    let mut all: Vec<Place> = scores.into_iter().map(|(segment, score)| Place { score, segment }).collect();
    all.sort_by(|one, other| other.cmp(one));
    all
}

/// The hits that say something else than all before them, `most` at most; each with the number of those behind it that say nearly the same.
fn distinct(db: &Connection, ranked: Vec<Place>, most: usize) -> rusqlite::Result<Vec<(Place, u32)>> {
    let mut query = db.prepare_cached("SELECT vector FROM vector WHERE segment = ?1")?;
    let mut kept: Vec<(Place, u32, Option<PackedVector>)> = Vec::new();
    for place in ranked {
        let vector = query.query_row([place.segment], |row| row.get(0).map(PackedVector)).optional()?;
        let likeness = |other: &Option<PackedVector>| vector.as_ref()?.similarity(&other.as_ref()?.0);
        let like = kept.iter().position(|(_, _, other)| likeness(other).is_some_and(|cosine| cosine >= ALIKE));
        match like {
            Some(number) => kept[number].1 += 1,
            None if kept.len() < most => kept.push((place, 0, vector)),
            None => {}
        }
    }
    Ok(kept.into_iter().map(|(place, alike, _)| (place, alike)).collect())
}

impl Store {
    /// Hits of a search by meaning, best first. With `once`, segments that say nearly the same are shown once, and counted.
    pub async fn search_ranked(
        &self,
        mut filter: SearchFilter,
        ranking: Ranking,
        once: bool,
    ) -> Result<Vec<RankedSegment>, StoreError> {
        self.read_for(true, move |db| {
            // One snapshot for both queries: the ranked rows are the shown ones.
            let snapshot = db.unchecked_transaction()?;
            filter.which.spell(&snapshot)?;
            let wanted_places = (filter.offset + filter.limit).min(DEEPEST) as usize;
            let deepest = if once { DEEPEST as usize } else { wanted_places };
            let ranked = match &ranking {
                Ranking::Meaning(wanted) => nearest(&snapshot, &filter, wanted, deepest)?,
                Ranking::Both(wanted) => {
                    let most = FUSED.max(deepest);
                    fused(&[nearest(&snapshot, &filter, wanted, most)?, with_words(&snapshot, &filter, most)?])
                }
            };
            let ranked = if once {
                distinct(&snapshot, ranked, wanted_places)?
            } else {
                ranked.into_iter().map(|place| (place, 0)).collect()
            };
            let shown = ranked.into_iter().skip(filter.offset as usize).take(filter.limit as usize);
            let mut hits = Vec::new();
            for (Place { score, segment }, alike) in shown {
                hits.extend(found_by_id(&snapshot, segment)?.map(|found| RankedSegment { found, score, alike }));
            }
            Ok(hits)
        })
        .await
    }

    /// Segments that wait for their vector, newest first.
    pub async fn vectors_due(&self, limit: u32) -> Result<Vec<DueSegment>, StoreError> {
        self.read(move |db| {
            let due = |row: &rusqlite::Row| Ok(DueSegment { segment: row.get(0)?, text: row.get(1)? });
            db.prepare_cached(DUE)?.query_map([limit], due)?.collect()
        })
        .await
    }

    /// Number of segments without a vector.
    pub async fn count_vectors_due(&self) -> Result<i64, StoreError> {
        self.read(|db| db.prepare_cached("SELECT count(*) FROM vector_due")?.query_row([], |row| row.get(0))).await
    }

    /// Keeps vectors. One whose segment has gone, or has other words by now, is not kept.
    pub async fn put_vectors(&self, vectors: Vec<(DueSegment, PackedVector)>) -> Result<(), StoreError> {
        self.writer()
            .run(move |db| {
                let transaction = db.transaction()?;
                for (due, vector) in vectors {
                    transaction.prepare_cached(PUT)?.execute((due.segment, due.text, vector.0))?;
                }
                transaction.commit()
            })
            .await
    }

    /// All vectors are of this model from now on: those of another one go, a piece at a time, and their segments wait again.
    pub async fn vectors_are_of(&self, model: &str) -> Result<(), StoreError> {
        const MODEL: &str = "SELECT name FROM vector_model";
        let known =
            self.read(|db| db.prepare_cached(MODEL)?.query_row([], |row| row.get::<_, String>(0)).optional()).await?;
        if known.as_deref() == Some(model) {
            return Ok(());
        }
        loop {
            let forget = move |db: &mut Connection| {
                db.execute("DELETE FROM vector WHERE segment IN (SELECT segment FROM vector LIMIT ?1)", [PIECE])
            };
            if self.writer().run(forget).await? == 0 {
                break;
            }
        }
        let model = model.to_string();
        let note = move |db: &mut Connection| db.execute("INSERT OR REPLACE INTO vector_model VALUES (1, ?1)", [model]);
        self.writer().run(note).await.map(drop)
    }
}

const DUE: &str = "
    SELECT segment.id, segment.text
    FROM vector_due
    JOIN segment ON segment.id = vector_due.segment
    ORDER BY vector_due.segment DESC
    LIMIT ?1";
const PUT: &str = "INSERT OR REPLACE INTO vector SELECT id, ?3 FROM segment WHERE id = ?1 AND text = ?2";

#[cfg(test)]
mod tests;
