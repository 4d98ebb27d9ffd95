//! `lineside score`: lines of text in, one JSON object a line out.
//!
//! Needs no daemon. Streams: a line is answered before all of the input is there, and memory holds one line at a time.

use std::borrow::Cow;
use std::io::{self, BufRead, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::call::Leg;
use crate::config::{SentimentConfig, SentimentKind};
use crate::text::keywords::TermHit;
use crate::text::mood::Hit;
use crate::text::sentiment::Engines;
use crate::text::{Label, LexiconKind, Pack, Scores, TextAnalyser};

/// Score lines of text from standard input, one JSON object a line
#[derive(Args, Debug)]
pub struct ScoreArgs {
    /// Which words have a mood: VADER's alone, or the packs' phrases too
    #[arg(long, value_enum, default_value = "call-centre")]
    lexicon: LexiconName,
    /// Score with another engine: VADER's rules over a list of another language, or pattern's averages; needs --words
    #[arg(long, value_enum, requires = "words", conflicts_with_all = ["lexicon", "measure"])]
    engine: Option<EngineName>,
    /// The engine's rated words: `word<TAB>rating` a line, or pattern's XML
    #[arg(long, value_name = "FILE", requires = "engine")]
    words: Option<PathBuf>,
    /// Words that strengthen or weaken: `word INCR` or `word DECR` a line
    #[arg(long, value_name = "FILE", requires = "engine")]
    boosters: Option<PathBuf>,
    /// Words that negate, one a line
    #[arg(long, value_name = "FILE", requires = "engine")]
    negations: Option<PathBuf>,
    /// A word like "but"; may be given several times
    #[arg(long, value_name = "WORD", requires = "engine")]
    but: Vec<String>,
    /// Use these pack files instead of the ones that come with the program
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pack: Vec<PathBuf>,
    /// Who speaks; a keyword for the other leg does not count
    #[arg(long, value_enum, default_value = "mixed")]
    leg: LegName,
    /// Repeat the text in each answer
    #[arg(long)]
    text: bool,
    /// Name the words that made the score, and give each keyword's label and place
    #[arg(long)]
    explain: bool,
    /// Read everything, score it this many times without output, print the rate
    #[arg(long, value_name = "ROUNDS", hide = true)]
    measure: Option<u32>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LexiconName {
    Vader,
    CallCentre,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EngineName {
    WordList,
    Pattern,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LegName {
    Mixed,
    Agent,
    Caller,
}

impl From<LexiconName> for LexiconKind {
    fn from(name: LexiconName) -> Self {
        match name {
            LexiconName::Vader => Self::Vader,
            LexiconName::CallCentre => Self::CallCentre,
        }
    }
}

impl From<LegName> for Leg {
    fn from(name: LegName) -> Self {
        match name {
            LegName::Mixed => Self::Mixed,
            LegName::Agent => Self::Agent,
            LegName::Caller => Self::Caller,
        }
    }
}

/// One line of output.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(flatten)]
    scores: Scores,
    label: Label,
    /// How much of the text is opinion, 0 to 1; of pattern alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    subjectivity: Option<f64>,
    /// Terms, each once, in order.
    keywords: Vec<&'a str>,
    profanity: Vec<&'a str>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    reasons: Option<Reasons<'a>>,
}

/// What `--explain` adds; offsets are bytes of the line.
#[derive(Serialize)]
struct Reasons<'a> {
    hits: &'a [Hit],
    keyword_hits: &'a [TermHit],
    profanity_hits: &'a [TermHit],
}

impl ScoreArgs {
    /// The engine that the options name: it scores all that is read.
    fn engines(&self) -> anyhow::Result<Engines> {
        let mut engines = Engines::default();
        if let (Some(engine), Some(words)) = (self.engine, &self.words) {
            let engine = match engine {
                EngineName::WordList => SentimentKind::WordList,
                EngineName::Pattern => SentimentKind::Pattern,
            };
            let (words, boosters, negations) = (words.clone(), self.boosters.clone(), self.negations.clone());
            let config =
                SentimentConfig { language: EVERY.into(), engine, words, boosters, negations, but: self.but.clone() };
            config.check().map_err(|(_, key, problem)| anyhow::anyhow!("--{key}: {problem}"))?;
            engines.add(EVERY, config.engine()?);
        }
        Ok(engines)
    }
}

/// The language that lines are taken for where an engine is named.
const EVERY: &str = "xx";

/// Runs the command.
#[allow(clippy::needless_pass_by_value, reason = "every command takes its arguments so")]
pub fn run(args: ScoreArgs) -> anyhow::Result<()> {
    let packs = if args.pack.is_empty() { Pack::bundled()? } else { read_packs(&args.pack)? };
    let analyser = TextAnalyser::new(args.lexicon.into(), &packs).with_engines(args.engines()?);
    if let Some(rounds) = args.measure {
        return measure(&analyser, rounds);
    }
    match answer_all(&args, &analyser) {
        // `lineside score | head` has what it wants.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done.context("reading lines from standard input and writing JSON to standard output"),
    }
}

fn read_packs(files: &[PathBuf]) -> anyhow::Result<Vec<Pack>> {
    let read = |file: &Path| {
        let text = std::fs::read_to_string(file).with_context(|| format!("reading pack {}", file.display()))?;
        Ok(Pack::parse(&file.display().to_string(), &text)?)
    };
    files.iter().map(|file| read(file)).collect()
}

fn answer_all(args: &ScoreArgs, analyser: &TextAnalyser) -> io::Result<()> {
    let mut input = io::BufReader::with_capacity(64 * 1024, io::stdin().lock());
    let mut output = io::BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let mut bytes = Vec::new();
    let (mut lines, mut damaged) = (0_u64, 0_u64);
    while input.read_until(b'\n', &mut bytes)? > 0 {
        lines += 1;
        let line = String::from_utf8_lossy(without_line_end(&bytes));
        if matches!(line, Cow::Owned(_)) {
            damaged += 1;
            if damaged == 1 {
                eprintln!(
                    "line {lines} is not UTF-8: each bad byte is read as U+FFFD (said once; the count comes at the end)"
                );
            }
        }
        answer(args, analyser, &line, &mut output)?;
        bytes.clear();
        // Someone who types, or a program that waits for each answer, must not wait for a full buffer.
        if input.buffer().is_empty() {
            output.flush()?;
        }
    }
    if damaged > 0 {
        eprintln!("{damaged} of {lines} lines were not UTF-8");
    }
    output.flush()
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn answer(args: &ScoreArgs, analyser: &TextAnalyser, line: &str, output: &mut impl Write) -> io::Result<()> {
    let analysis = analyser.analyse_in(args.engine.map(|_| EVERY), line, args.leg.into());
    let reasons =
        Reasons { hits: &analysis.hits, keyword_hits: &analysis.keywords, profanity_hits: &analysis.profanity };
    let answer = Answer {
        text: args.text.then_some(line),
        scores: analysis.scores,
        label: analysis.label,
        subjectivity: analysis.subjectivity,
        keywords: terms(&analysis.keywords),
        profanity: terms(&analysis.profanity),
        reasons: args.explain.then_some(reasons),
    };
    serde_json::to_writer(&mut *output, &answer)?;
    output.write_all(b"\n")
}

fn terms(hits: &[TermHit]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for hit in hits {
        if !names.contains(&hit.term.as_str()) {
            names.push(&hit.term);
        }
    }
    names
}

/// Scores all of the input in memory, so that neither reading nor printing counts.
fn measure(analyser: &TextAnalyser, rounds: u32) -> anyhow::Result<()> {
    let input = io::read_to_string(io::stdin()).context("reading texts from standard input")?;
    let texts: Vec<&str> = input.lines().collect();
    let mut sum = 0.0;
    let start = Instant::now();
    for _ in 0..rounds {
        sum += texts.iter().map(|text| analyser.lexicon().score(text).compound).sum::<f64>();
    }
    let seconds = start.elapsed().as_secs_f64();
    let rate = texts.len() as f64 * f64::from(rounds) / seconds;
    // The sum shows that nothing was optimised away, and that two runs did the same work.
    println!(
        "{}",
        serde_json::json!({ "texts": texts.len(), "rounds": rounds, "seconds": seconds, "texts_per_s": rate, "sum": sum })
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: ScoreArgs,
    }

    fn json(options: &[&str], line: &str) -> serde_json::Value {
        let args = Command::parse_from([&["score"], options].concat()).args;
        let analyser = TextAnalyser::new(args.lexicon.into(), &Pack::bundled().expect("bundled packs"));
        let mut output = Vec::new();
        answer(&args, &analyser, line, &mut output).expect("memory takes everything");
        serde_json::from_slice(&output).expect("an answer is JSON")
    }

    #[test]
    fn an_answer_holds_the_figures_the_label_and_each_term_once() {
        let answer = json(&["--lexicon", "vader"], "Cancel it! I said cancel it, damn you.");
        assert_eq!(answer["keywords"], serde_json::json!(["cancel"]));
        assert_eq!(answer["profanity"], serde_json::json!(["damn"]));
        assert_eq!(answer["label"], "negative");
        assert!(["compound", "pos", "neu", "neg"].iter().all(|figure| answer[figure].is_f64()));
        assert!(answer.get("text").is_none() && answer.get("hits").is_none());
    }

    #[test]
    fn an_explained_answer_names_words_and_places() {
        let answer = json(&["--explain", "--text"], "Thank you");
        assert_eq!(answer["text"], "Thank you");
        assert_eq!(answer["hits"], serde_json::json!([{ "text": "thank you", "valence": 2.0, "start": 0, "end": 9 }]));
    }

    #[test]
    fn a_line_loses_its_end_of_either_kind_and_nothing_else() {
        assert_eq!(without_line_end(b"a \r\n"), b"a ");
        assert_eq!(without_line_end(b"a\n"), b"a");
        assert_eq!(without_line_end(b"a"), b"a");
    }
}
