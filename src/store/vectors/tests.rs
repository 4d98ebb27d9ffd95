//! Vectors come and go with their text; a search by meaning keeps to its filters.

use std::path::Path;
use std::time::Duration;

use super::super::calls::Which;
use super::super::change::{Change, UtteranceState};
use super::super::forget;
use super::super::privacy::PrivacyChange;
use super::super::retention::OfCampaigns;
use super::super::rewrite::{NewText, Rewritten};
use super::super::tests::{call, done, leg, open, utterance};
use super::*;
use crate::call::alert::Unsaid;
use crate::call::{CallKey, CallState, UtteranceKey, WallTime};

/// A vector that nothing else in a database looks like.
fn vector(number: u32) -> PackedVector {
    let mut dice = u64::from(number) + 1;
    let roll = || {
        // Xorshift, which goes round all numbers but 0.
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        (dice >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let numbers: Vec<f32> = std::iter::repeat_with(roll).skip(16).take(384).collect();
    let length = numbers.iter().map(|x| x * x).sum::<f32>().sqrt();
    PackedVector::of(&numbers.iter().map(|x| x / length).collect::<Vec<_>>())
}

/// Calls 1 to `calls`, each with one segment that has its vector, all over.
async fn filled(store: &Store, calls: i64) {
    for key in 1..=calls {
        let said = format!("what was said in call number {key}");
        let over = Change::CallMoved {
            call: CallKey(key),
            state: CallState::Completed,
            at: WallTime(1000 * key),
            reason: None,
        };
        let mut changes = vec![call(key, &format!("a.{key}"), 1000 * key), leg(key, key, 1000 * key)];
        changes.push(utterance(key, key, key, 0));
        changes.extend(done(key, &said));
        changes.push(over);
        store.writer().commit(changes).await.expect("commit");
    }
    fill(store).await;
}

/// Gives every segment that waits the vector of its number.
async fn fill(store: &Store) {
    let due = store.vectors_due(1000).await.expect("due");
    let vectors = due.into_iter().map(|due| (due.clone(), vector(due.segment as u32))).collect();
    store.put_vectors(vectors).await.expect("put");
    assert_eq!(store.count_vectors_due().await.expect("count"), 0);
}

async fn count(store: &Store) -> i64 {
    store.read(|db| db.query_row("SELECT count(*) FROM vector", [], |row| row.get(0))).await.expect("count")
}

/// Whether a vector stands anywhere in the database or its log.
fn is_in_a_file(folder: &Path, vector: &PackedVector) -> bool {
    let holds = |name: &str| {
        let bytes = std::fs::read(folder.join(name)).unwrap_or_default();
        bytes.windows(64).any(|window| window == &vector.0[100..164])
    };
    holds("lineside.db") || holds("lineside.db-wal")
}

/// Waits until what was deleted is overwritten.
async fn overwritten(store: &Store) {
    assert!(store.overwritten(Duration::from_secs(20)).await.expect("asked"), "nobody reads");
}

fn filter(limit: u32) -> SearchFilter {
    SearchFilter { query: "\"said\"".into(), limit, ..SearchFilter::default() }
}

async fn found(store: &Store, filter: SearchFilter, ranking: Ranking) -> Vec<String> {
    let hits = store.search_ranked(filter, ranking, false).await.expect("search");
    hits.into_iter().map(|hit| hit.found.call_id).collect()
}

#[test]
fn a_packed_vector_keeps_its_direction() {
    let long = |numbers: &[f32]| numbers.iter().map(|x| x * x).sum::<f32>().sqrt();
    let one: Vec<f32> = (0..384).map(|i| (i as f32 * 0.37).sin()).collect();
    let other: Vec<f32> = (0..384).map(|i| (i as f32 * 0.39).cos()).collect();
    let (one, other): (Vec<f32>, Vec<f32>) =
        (one.iter().map(|x| x / long(&one)).collect(), other.iter().map(|x| x / long(&other)).collect());
    let exact: f32 = one.iter().zip(&other).map(|(a, b)| a * b).sum();
    let (packed, stored) = (PackedVector::of(&one), PackedVector::of(&other));
    assert_eq!(packed.0.len(), 388);
    assert!((packed.similarity(&stored.0).expect("of one kind") - exact).abs() < 0.005);
    assert!((packed.similarity(&packed.0).expect("of one kind") - 1.0).abs() < 0.005);
    assert_eq!(packed.similarity(&stored.0[..100]), None, "of another model");
    assert_eq!(PackedVector::of(&[0.0; 4]).similarity(&PackedVector::of(&[1.0; 4]).0), Some(0.0));
}

#[tokio::test]
async fn the_nearest_come_first_and_filters_hold() {
    let (_folder, store) = open();
    filled(&store, 4).await;
    let wanted = || Ranking::Meaning(vector(3));
    assert_eq!(found(&store, filter(1), wanted()).await, ["a.3"]);
    assert_eq!(found(&store, filter(10), wanted()).await.len(), 4);
    let second = SearchFilter { offset: 1, ..filter(10) };
    assert!(!found(&store, second, wanted()).await.contains(&"a.3".to_string()), "the next page goes on behind it");
    let early = Which { until: Some(WallTime(2500)), ..Which::default() };
    let within = found(&store, SearchFilter { which: early, ..filter(10) }, wanted()).await;
    assert_eq!((within.len(), within.contains(&"a.3".into())), (2, false));
    // Whoever sees one campaign alone finds nothing of the others.
    let only = Which { only: Some("other".into()), ..Which::default() };
    for ranking in [wanted(), Ranking::Both(vector(3))] {
        let none = found(&store, SearchFilter { which: only.clone(), ..filter(10) }, ranking).await;
        assert_eq!(none, Vec::<String>::new());
    }
    for (leg, count) in [("caller", 4), ("agent", 0)] {
        let of_leg = SearchFilter { leg: Some(leg.into()), ..filter(10) };
        assert_eq!(found(&store, of_leg, wanted()).await.len(), count, "{leg}");
        let both = SearchFilter {
            leg: Some(leg.into()),
            which: Which { agent: Some("mary".into()), ..Which::default() },
            ..filter(10)
        };
        assert_eq!(found(&store, both, Ranking::Both(vector(3))).await.len(), count, "{leg}");
    }
    // Somebody has put the speaker of one right: by words and by meaning it is the agent's now.
    let correct = "UPDATE segment SET said_by = 'agent' WHERE id = 2";
    store.writer().run(move |db| db.execute(correct, [])).await.expect("corrected");
    for (leg, count) in [("caller", 3), ("agent", 1)] {
        let of_leg = SearchFilter { leg: Some(leg.into()), ..filter(10) };
        assert_eq!(store.search(of_leg.clone()).await.expect("search").len(), count, "{leg}");
        for ranking in [wanted(), Ranking::Both(vector(3))] {
            assert_eq!(found(&store, of_leg.clone(), ranking).await.len(), count, "{leg}");
        }
    }
}

#[tokio::test]
async fn what_says_nearly_the_same_is_shown_once_and_counted() {
    let (_folder, store) = open();
    filled(&store, 6).await;
    // Calls 2, 4 and 5 say the same, 3 has no vector yet.
    let same =
        |segment: i64| (DueSegment { segment, text: format!("what was said in call number {segment}") }, vector(2));
    store.put_vectors(vec![same(2), same(4), same(5)]).await.expect("put");
    store.writer().run(|db| db.execute("DELETE FROM vector WHERE segment = 3", [])).await.expect("delete");
    let once = async |filter, ranking| {
        let hits = store.search_ranked(filter, ranking, true).await.expect("search");
        hits.into_iter().map(|hit| (hit.found.call_id, hit.alike)).collect::<Vec<_>>()
    };
    let first = once(filter(1), Ranking::Meaning(vector(2))).await;
    assert_eq!(first, [("a.5".to_string(), 2)], "of equals the newest");
    let mut all = once(filter(9), Ranking::Both(vector(2))).await;
    all.sort();
    let of = |id: &str, alike| (id.to_string(), alike);
    assert_eq!(all, [of("a.1", 0), of("a.3", 0), of("a.5", 2), of("a.6", 0)], "what has no vector is like nothing");
    let second = once(SearchFilter { offset: 1, ..filter(1) }, Ranking::Meaning(vector(2))).await;
    assert!(second.len() == 1 && !["a.2", "a.4", "a.5"].contains(&second[0].0.as_str()), "{second:?}");
}

#[tokio::test]
async fn both_rankings_together_put_first_what_either_puts_first() {
    let (_folder, store) = open();
    filled(&store, 30).await;
    // By words it is call 7, by meaning call 9.
    let words = SearchFilter { query: "\"7\" OR \"zebra\"".into(), ..filter(2) };
    let mut first = found(&store, words, Ranking::Both(vector(9))).await;
    first.sort();
    assert_eq!(first, ["a.7", "a.9"]);
}

#[tokio::test]
async fn a_segment_that_is_reworded_loses_its_vector_and_gets_that_of_the_new_words_alone() {
    let (folder, store) = open();
    filled(&store, 2).await;
    let stale = DueSegment { segment: 1, text: "what was said in call number 1".into() };
    let reworded = PrivacyChange::Reworded {
        utterance: UtteranceKey(1),
        number: 0,
        before: stale.text.clone(),
        text: "what was said in [card]".into(),
        words: Vec::new(),
        keywords: Vec::new(),
        profanity: Vec::new(),
        unsaid: Unsaid { terms: Vec::new(), instead: "[card]".into() },
    };
    store.writer().commit(vec![Change::Privacy(reworded)]).await.expect("commit");
    overwritten(&store).await;
    assert!(!is_in_a_file(folder.path(), &vector(1)) && is_in_a_file(folder.path(), &vector(2)));
    let due = store.vectors_due(9).await.expect("due");
    assert_eq!(due, [DueSegment { segment: 1, text: "what was said in [card]".into() }]);
    // A vector of the words before, which was being made meanwhile.
    store.put_vectors(vec![(stale, vector(1))]).await.expect("put");
    assert_eq!((count(&store).await, store.count_vectors_due().await.expect("count")), (1, 1));
    fill(&store).await;
    assert_eq!(count(&store).await, 2);
}

#[tokio::test]
async fn what_goes_by_age_by_request_or_for_a_new_text_takes_its_vector_along() {
    let (folder, store) = open();
    filled(&store, 4).await;
    let is_there = |number| is_in_a_file(folder.path(), &vector(number));
    assert!((1..=4).all(is_there));

    // By age.
    store.delete_old_calls(WallTime(1500), OfCampaigns::All, |_| Ok::<_, std::io::Error>(())).await.expect("delete");
    overwritten(&store).await;
    assert_eq!((count(&store).await, is_there(1), is_there(2)), (3, false, true));

    // Forgotten by request, its lines first.
    store.thin(2).await.expect("thin");
    let whom = (2, "a.2".to_string());
    store.writer().run(move |db| forget::erase(db, &whom, |_| Ok::<_, std::io::Error>(()))).await.expect("erase");
    overwritten(&store).await;
    assert!(!is_there(2) && is_there(3));

    // Transcribed again.
    let (read, stretches) = store.stretches(CallKey(3)).await.expect("stretches");
    let texts = stretches
        .iter()
        .map(|stretch| Rewritten {
            utterance: stretch.key,
            state: UtteranceState::Empty,
            segments: Vec::new(),
            note: None,
            engine: "test/none".into(),
            took_ms: 1,
        })
        .collect();
    let new = NewText { texts, ..NewText::default() };
    assert!(store.rewrite(read, new, WallTime(9)).await.expect("rewrite"));
    overwritten(&store).await;
    assert!(!is_there(3) && is_there(4));
    assert_eq!((count(&store).await, store.count_vectors_due().await.expect("count")), (1, 0));
    assert_eq!(found(&store, filter(9), Ranking::Meaning(vector(1))).await, ["a.4"]);
}

#[tokio::test]
async fn vectors_of_another_model_go_and_their_segments_wait_again() {
    let (_folder, store) = open();
    filled(&store, 3).await;
    store.vectors_are_of("one").await.expect("first");
    assert_eq!(store.count_vectors_due().await.expect("count"), 3, "nobody knows which model they were of");
    fill(&store).await;
    store.vectors_are_of("one").await.expect("the same");
    assert_eq!(count(&store).await, 3);
    store.vectors_are_of("other").await.expect("another");
    assert_eq!((count(&store).await, store.count_vectors_due().await.expect("count")), (0, 3));
}

/// `LINESIDE_VECTORS=1000000 cargo test --release a_search_of_many -- --nocapture` measures a search of as many (docs/figures.md).
#[tokio::test]
async fn a_search_of_many_vectors_is_answered_in_time() {
    let wanted: i64 = std::env::var("LINESIDE_VECTORS").ok().and_then(|count| count.parse().ok()).unwrap_or(5000);
    let (_folder, store) = open();
    filled(&store, 1).await;
    let copy = "
        INSERT INTO segment (id, call, leg, utterance, start_ms, end_ms, text, confidence, words, compound, pos, neu, neg, label, keywords, profanity)
        SELECT ?1, call, leg, utterance, start_ms + ?1, end_ms + ?1, text, confidence, words, compound, pos, neu, neg, label, keywords, profanity
        FROM segment WHERE id = 1";
    let insert = move |db: &mut Connection| {
        let transaction = db.transaction()?;
        for id in 2..=wanted {
            transaction.prepare_cached(copy)?.execute([id])?;
            transaction.prepare_cached("INSERT INTO vector VALUES (?1, ?2)")?.execute((id, vector(id as u32).0))?;
        }
        transaction.commit()
    };
    store.writer().run(insert).await.expect("insert");
    let people = store.for_people();
    let of_agent = Which { agent: Some("mary".into()), ..Which::default() };
    for (name, which) in [("all", Which::default()), ("of one agent", of_agent)] {
        let began = std::time::Instant::now();
        let found = people.search_ranked(SearchFilter { which, ..filter(10) }, Ranking::Meaning(vector(7)), true).await;
        let found = found.expect("in time");
        println!("the nearest ten of {wanted} vectors, {name}: {} ms", began.elapsed().as_millis());
        assert_eq!((found.len(), found[0].found.segment.id), (10, 7), "{name}");
    }
}
