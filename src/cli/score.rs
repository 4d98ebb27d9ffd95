//! `lineside score`: lines of text in, JSON lines out.

use std::io::{self, BufRead, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::call::Leg;
use crate::config;
use crate::text::TextAnalyser;
use crate::text::lexicon::LexiconKind;

/// One text a line on stdin, one JSON object a line on stdout: compound, pos, neu, neg, label, keywords, profanity
#[derive(Args)]
pub(super) struct ScoreArguments {
    /// Which lexicon to score with
    #[arg(long, value_enum, default_value_t)]
    lexicon: LexiconKind,
    /// Folder of packs [default: those built in]
    #[arg(long, value_name = "FOLDER")]
    packs: Option<PathBuf>,
}

pub(super) fn run(arguments: &ScoreArguments) -> anyhow::Result<()> {
    let analyser = TextAnalyser::new(arguments.lexicon, &config::packs(arguments.packs.as_deref())?)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    let mut number = 0;
    while input.read_until(b'\n', &mut line)? > 0 {
        number += 1;
        let text = String::from_utf8_lossy(&line);
        if matches!(text, std::borrow::Cow::Owned(_)) {
            eprintln!("lineside score: line {number} is not UTF-8; what is not was replaced");
        }
        let analysis = analyser.analyse(text.trim_end_matches(['\n', '\r']), Leg::Mixed);
        let terms = |hits: &[crate::text::keywords::TermHit]| -> Vec<serde_json::Value> {
            hits.iter().map(|hit| json!({"term": hit.term, "label": hit.label})).collect()
        };
        let scores = analysis.scores;
        let answer = json!({
            "compound": scores.compound, "pos": scores.pos, "neu": scores.neu, "neg": scores.neg, "label": analysis.label,
            "keywords": terms(&analysis.keywords), "profanity": terms(&analysis.profanity), "words": analysis.weights,
        });
        serde_json::to_writer(&mut out, &answer)?;
        out.write_all(b"\n")?;
        line.clear();
    }
    out.flush()?;
    Ok(())
}
