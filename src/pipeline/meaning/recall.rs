//! Search by meaning and full text, measured: 100 questions, each in other words than the line that answers it, among 10,000 lines of calls.
//!
//! `tests/meaning/recall` prints the table, beside it that of labels ("fraudulent transaction abroad"), which is harder. The lines are those of
//! `tests/meaning`: a hundred that answer a question, some three hundred about the same things that answer none, and what else is said on calls. They go
//! through the database as the daemon's do.

use std::collections::{HashMap, HashSet};

use crate::call::{CallId, CallKey, CallNames, CallTime, Leg, LegKey, ProcessingMode, Source, UtteranceKey, WallTime};
use crate::meaning::Embedder;
use crate::meaning::tests::{ABSENT, published};
use crate::store::Store;
use crate::store::change::{Change, NewCall, NewLeg, NewSegment, NewUtterance, UtteranceState};
use crate::store::segments::{FoundSegment, SearchFilter, fts_query, fts_query_of_any};
use crate::store::vectors::{PackedVector, Ranking};

const LINES: usize = 10_000;
const FIRST: u32 = 10;
const QUESTIONS: &str = include_str!("../../../tests/meaning/questions.tsv");
const OTHERS: &str = include_str!("../../../tests/meaning/others.txt");

/// A throw of dice that is the same each time (splitmix64).
fn dice(line: u64, throw: u64, sides: usize) -> usize {
    let mut z = (line * 64 + throw).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) % sides as u64) as usize
}

/// The file of other lines: words for the places, and lines by their heading.
struct Others {
    words: HashMap<&'static str, Vec<&'static str>>,
    lines: HashMap<&'static str, Vec<&'static str>>,
}

impl Others {
    fn read() -> Self {
        let (mut words, mut lines) = (HashMap::new(), HashMap::<_, Vec<_>>::new());
        let mut heading = "";
        for line in OTHERS.lines().filter(|line| !line.starts_with('#')) {
            if let Some(named) = line.strip_prefix("== ") {
                heading = named.split(' ').next().unwrap_or_default();
            } else if heading.is_empty() {
                let (place, list) = line.split_once(": ").expect("a place and its words");
                words.insert(place, list.split(" | ").collect());
            } else if heading == "openings" || heading == "endings" {
                lines.insert(heading, line.split('|').collect());
            } else {
                lines.entry(heading).or_default().push(line);
            }
        }
        Self { words, lines }
    }

    /// A line with other words in its places, an opening and an ending.
    fn made(&self, pattern: &str, number: u64) -> String {
        let of = |heading: &str, throw: u64| {
            let list = &self.lines[heading];
            list[dice(number, throw, list.len())]
        };
        let mut said = String::new();
        let mut rest = pattern;
        let mut throw = 3;
        while let Some((before, after)) = rest.split_once('{') {
            let (place, after) = after.split_once('}').expect("a place ends");
            let words = &self.words[format!("{{{place}}}").as_str()];
            said += before;
            said += words[dice(number, throw, words.len())];
            (rest, throw) = (after, throw + 1);
        }
        said += rest;
        let parts = [of("openings", 1), &said, of("endings", 2)];
        format!("{}.", parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" "))
    }
}

/// Lines, each with what is asked.
type Asked = Vec<(String, &'static str)>;

/// All lines; and of those that answer, each with its question, and with a label of what it is about.
fn corpus() -> (Vec<String>, [Asked; 2]) {
    let (mut questions, mut labels) = (Asked::new(), Asked::new());
    for line in QUESTIONS.lines() {
        let (answer, asked) = line.split_once('\t').expect("a line and what is asked");
        let (question, label) = asked.split_once('\t').expect("a question and a label");
        questions.push((answer.into(), question));
        labels.push((answer.into(), label));
    }
    let mut lines: Vec<String> = questions.iter().map(|(answer, _)| answer.clone()).collect();
    let mut seen: HashSet<String> = lines.iter().cloned().collect();
    let others = Others::read();
    let near = others.lines["near"].iter().cycle().take(3 * others.lines["near"].len());
    for (number, pattern) in near.chain(others.lines["lines"].iter().cycle()).enumerate() {
        let line = others.made(pattern, number as u64);
        if seen.insert(line.clone()) {
            lines.push(line);
        }
        if lines.len() == LINES {
            break;
        }
    }
    (lines, [questions, labels])
}

/// Calls of fifty lines each, in an order that has nothing to do with the questions.
async fn filled(store: &Store, lines: &[String]) {
    for (call, part) in (0..lines.len()).collect::<Vec<_>>().chunks(50).enumerate() {
        let key = call as i64 + 1;
        let mut changes = vec![
            Change::CallOpened(NewCall {
                key: CallKey(key),
                id: CallId::from_lossy(&format!("a.{key}")),
                source: Source::Audiosocket,
                started: WallTime(key * 1000),
                names: CallNames::default(),
                mode: ProcessingMode::Realtime,
            }),
            Change::LegOpened(NewLeg {
                key: LegKey(key),
                call: CallKey(key),
                leg: Leg::Caller,
                source: Source::Audiosocket,
                rate_hz: 8000,
                started: WallTime(key * 1000),
                offset: CallTime(0),
                path: "/x.wav".into(),
                channel: 0,
                owned: false,
                peer: None,
            }),
        ];
        for &number in part {
            // 7919 is prime to the number of lines: each has its turn.
            changes.extend(said(number as i64 + 1, key, &lines[number * 7919 % lines.len()]));
        }
        store.writer().commit(changes).await.expect("commit");
    }
}

fn said(number: i64, call: i64, text: &str) -> [Change; 2] {
    let segment = NewSegment {
        start: CallTime(number * 1000),
        end: CallTime(number * 1000 + 900),
        text: text.into(),
        confidence: 1.0,
        language: None,
        words: Vec::new(),
        compound: Some(0.0),
        pos: 0.0,
        neu: 1.0,
        neg: 0.0,
        sender_sentiment: None,
        label: "neutral".into(),
        keywords: Vec::new(),
        profanity: Vec::new(),
    };
    [
        Change::UtteranceFound(NewUtterance {
            key: UtteranceKey(number),
            call: CallKey(call),
            leg: LegKey(call),
            start_sample: number as u64 * 8000,
            end_sample: number as u64 * 8000 + 7200,
            start: CallTime(number * 1000),
            end: CallTime(number * 1000 + 900),
            state: UtteranceState::Pending,
        }),
        Change::UtteranceDone {
            utterance: UtteranceKey(number),
            state: UtteranceState::Done,
            segments: vec![segment],
            note: None,
            engine: "test/none".into(),
            took_ms: 1,
            at: WallTime(1),
            lag_ms: None,
        },
    ]
}

/// CPU time of this process, milliseconds.
fn cpu_ms() -> f64 {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    spent.tv_sec as f64 * 1000.0 + spent.tv_nsec as f64 / 1e6
}

/// Gives all segments their vectors; CPU milliseconds of one.
async fn embedded(store: &Store, embedder: &Embedder) -> f64 {
    let (mut spent, mut count) = (0.0, 0);
    loop {
        let due = store.vectors_due(500).await.expect("due");
        if due.is_empty() {
            return spent / f64::from(count);
        }
        let began = cpu_ms();
        let vectors: Vec<_> =
            due.into_iter().map(|due| (due.clone(), PackedVector::of(&embedder.embed(&due.text)))).collect();
        spent += cpu_ms() - began;
        count += vectors.len() as u32;
        store.put_vectors(vectors).await.expect("put");
    }
}

fn filter(query: String) -> SearchFilter {
    SearchFilter { query, limit: FIRST, ..SearchFilter::default() }
}

/// Texts of the first ten by FTS5's own ranking, where any of the words will do: the best that full text alone can do with a question.
fn ranked_words(store: &Store, question: &str) -> Vec<String> {
    let query = fts_query_of_any(question).expect("words");
    let db = rusqlite::Connection::open(store.path()).expect("open");
    let sql = "SELECT text FROM segment_fts WHERE segment_fts MATCH ?1 ORDER BY bm25(segment_fts) LIMIT 10";
    let mut statement = db.prepare(sql).expect("query");
    let rows = statement.query_map([query], |row| row.get(0)).expect("query");
    rows.collect::<Result<_, _>>().expect("rows")
}

/// How often each way of searching has the line among its first ten: (full text, every word; any word, BM25; meaning; both).
async fn recall(store: &Store, embedder: &Embedder, asked: &[(String, &str)], once: bool) -> [f64; 4] {
    let texts = |found: Vec<FoundSegment>| found.into_iter().map(|hit| hit.segment.text).collect::<Vec<_>>();
    let mut hits = [0; 4];
    for (answer, question) in asked {
        let wanted = PackedVector::of(&embedder.embed(question));
        let any = fts_query_of_any(question).expect("words");
        let ranked = async |ranking| {
            let found = store.search_ranked(filter(any.clone()), ranking, once).await.expect("search");
            texts(found.into_iter().map(|hit| hit.found).collect())
        };
        let every = texts(store.search(filter(fts_query(question).expect("words"))).await.expect("search"));
        let meaning = ranked(Ranking::Meaning(wanted.clone())).await;
        if !meaning.contains(answer) {
            println!("not found: {question:?} for {answer:?}; first came {:?}", meaning.first());
        }
        let lists = [every, ranked_words(store, question), meaning, ranked(Ranking::Both(wanted)).await];
        for (hits, list) in hits.iter_mut().zip(lists) {
            *hits += u32::from(list.contains(answer));
        }
    }
    hits.map(|hits| f64::from(hits) / asked.len() as f64)
}

#[tokio::test]
async fn meaning_finds_what_was_said_in_other_words() {
    let Some(folder) = published() else { return eprintln!("{ABSENT}") };
    let (lines, asked) = corpus();
    assert_eq!((lines.len(), asked[0].len(), asked[1].len()), (LINES, 100, 100));
    let home = tempfile::tempdir().expect("temp dir");
    let (store, _) = Store::open(home.path()).expect("open");
    let embedder = Embedder::load(&folder).expect("whole");
    filled(&store, &lines).await;
    let cost = embedded(&store, &embedder).await;
    let [questions, labels] = asked;
    let mut table = Vec::new();
    for (name, asked) in [("questions", &questions), ("labels", &labels)] {
        for (listed, once) in [("alike once", true), ("all", false)] {
            table.push((name, listed, recall(&store, &embedder, asked, once).await));
        }
    }
    println!("recall@10 of 100 questions, and of 100 labels, over {} segments", lines.len());
    println!("{:<10} {:<11} every word   any word, BM25   by=meaning   by=both", "asked", "listed");
    for (name, listed, [every, any, meaning, both]) in &table {
        println!("{name:<10} {listed:<11} {every:>10.2} {any:>16.2} {meaning:>12.2} {both:>9.2}");
    }
    println!("a segment's vector: {cost:.1} ms of CPU on one thread, {}", embedder.name());
    assert!(table[0].2[2] >= 0.85, "by meaning: {:?}", table[0]);
}
