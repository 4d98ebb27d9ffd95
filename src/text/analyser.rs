//! All that is read from one segment's text, behind one call.
//!
//! Built once from the configured lexicon and packs, shared by all calls, replaced whole on reload. Holds no state of a call.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::keywords::{Matcher, TermHit};
use super::lexicon::{Lexicon, LexiconKind};
use super::mood::{Explained, Hit, SentimentEngine};
use super::pack::Pack;
use super::redaction::Redactor;
use super::review::insights::Insights;
use super::review::{ReviewLine, Reviewer};
use super::rule::Rule;
use super::sentiment::Engines;
use super::tongue::Tongues;
use super::vader::{Label, Scores};
use crate::call::Leg;

/// What a text says beyond its words.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// VADER's four figures.
    #[serde(flatten)]
    pub scores: Scores,
    /// The mood in one word.
    pub label: Label,
    /// How far the text is from neutral, 0 to 1: the compound without its sign. Not a probability.
    pub confidence: f64,
    /// Keywords, by place.
    pub keywords: Vec<TermHit>,
    /// Profanity, by place.
    pub profanity: Vec<TermHit>,
    /// The words and phrases that made the score, by place.
    pub hits: Vec<Hit>,
    /// How much of the text is opinion, 0 to 1, where the engine tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subjectivity: Option<f64>,
}

impl Analysis {
    /// VADER's compound, -1 to 1; `None` where no list has words of the language.
    pub fn compound(&self) -> Option<f64> {
        (self.label != Label::Unavailable).then_some(self.scores.compound)
    }

    /// Takes over the mood that somebody else has found, -1 to 1; words that made another are none.
    pub fn take_mood(&mut self, compound: f64) {
        self.scores = Scores { compound, ..Scores::default() };
        self.label = Label::of(compound);
        self.confidence = compound.abs();
        self.hits.clear();
        self.subjectivity = None;
    }
}

/// Reads texts with one lexicon and some packs.
#[derive(Debug)]
pub struct TextAnalyser {
    lexicon: Lexicon,
    /// What scores a language instead of the lexicon.
    engines: Engines,
    matcher: Matcher,
    rules: Vec<Rule>,
    redactor: Arc<Redactor>,
    reviewer: Reviewer,
    /// Languages that the lexicon has words of, as ISO 639-1 codes.
    languages: BTreeSet<String>,
    /// Small words of those languages other than English, by which a text of unknown language is known.
    markers: BTreeSet<String>,
    tongues: Tongues,
    /// Names and versions.
    packs: Vec<String>,
    /// When a pack was changed last, wall clock.
    changed_ms: i64,
    /// What reads the calls of single campaigns, by their names in any case.
    campaigns: Vec<(String, Arc<Self>)>,
}

/// Small words that hardly a sentence of English does without, and that few other languages have.
const ENGLISH: [&str; 40] = [
    "the", "and", "you", "your", "my", "this", "that", "with", "have", "has", "not", "are", "what", "please", "thank",
    "thanks", "it's", "i'm", "don't", "can't", "want", "need", "i", "is", "of", "to", "was", "we", "they", "how",
    "why", "when", "yes", "no", "hello", "would", "could", "been", "there", "it",
];
/// Share of small words of a language from which on a text of unknown language is taken for it: "was" and "no" are words of several.
const KNOWN_SHARE: f64 = 0.2;

impl TextAnalyser {
    /// Takes the packs' keywords and profanity, and for [`LexiconKind::CallCentre`] their phrases too. Where packs disagree on a phrase the later counts.
    pub fn new(kind: LexiconKind, packs: &[Pack]) -> Self {
        let rules = packs.iter().flat_map(|pack| &pack.rules).cloned().collect();
        let redactor = Arc::new(Redactor::new(packs));
        let (lexicon, matcher, reviewer) = (Lexicon::new(kind, packs), Matcher::new(packs), Reviewer::new(packs));
        let with_phrases = || packs.iter().filter(|pack| kind == LexiconKind::CallCentre && !pack.phrases.is_empty());
        let languages = with_phrases().map(|pack| pack.language.to_lowercase()).chain(["en".to_owned()]).collect();
        let markers = with_phrases().flat_map(|pack| pack.markers.iter().map(|word| word.to_lowercase())).collect();
        let tongues = Tongues::new(&ENGLISH, packs);
        let packs = packs.iter().map(|pack| format!("{} {}", pack.name, pack.version)).collect();
        Self {
            lexicon,
            engines: Engines::default(),
            matcher,
            rules,
            redactor,
            reviewer,
            languages,
            markers,
            tongues,
            packs,
            changed_ms: 0,
            campaigns: Vec::new(),
        }
    }

    /// Has these engines score their languages.
    #[must_use]
    pub fn with_engines(mut self, engines: Engines) -> Self {
        self.languages.extend(engines.languages().map(str::to_owned));
        self.engines = engines;
        self
    }

    /// What scores a text; one of unknown language is taken for that which its small words tell, or else for English.
    pub fn engine_for(&self, language: Option<&str>, text: &str) -> &dyn SentimentEngine {
        if self.engines.is_empty() {
            return &self.lexicon;
        }
        let code = language.or_else(|| self.tongues.of(text)).unwrap_or("en");
        self.engines.of(code).unwrap_or(&self.lexicon)
    }

    /// Has the calls of a campaign read by some of the packs alone. Numbers are taken out of their texts by all of them.
    pub fn read_campaign_by(&mut self, campaign: String, kind: LexiconKind, packs: &[Pack]) {
        let own =
            Self { redactor: Arc::clone(&self.redactor), ..Self::new(kind, packs).with_engines(self.engines.clone()) };
        self.campaigns.push((campaign, Arc::new(own)));
    }

    /// What reads the calls of campaigns that have packs of their own, by their names.
    pub fn of_campaigns(&self) -> impl Iterator<Item = (&str, &Arc<Self>)> {
        self.campaigns.iter().map(|(name, own)| (name.as_str(), own))
    }

    /// What reads the calls of a campaign.
    pub fn of_campaign(self: &Arc<Self>, campaign: Option<&str>) -> Arc<Self> {
        let own = campaign.and_then(|campaign| {
            let small = campaign.to_lowercase();
            self.campaigns.iter().find(|(name, _)| name.to_lowercase() == small).map(|(_, own)| own)
        });
        Arc::clone(own.unwrap_or(self))
    }

    /// Whether the lexicon knows the language of a text; `language` is its code (`de`, `en-GB`), where one is known. A text of unknown language is
    /// taken for English, or for that of a pack with `markers`, when enough of its words are.
    pub fn can_score(&self, text: &str, language: Option<&str>) -> bool {
        if let Some(code) = language {
            return self.has_list_of(code);
        }
        let lower = text.to_lowercase().replace('’', "'");
        let words = || lower.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty());
        let known = |word: &&str| ENGLISH.contains(word) || self.markers.contains(*word);
        let (all, known) = (words().count(), words().filter(known).count());
        known as f64 >= KNOWN_SHARE * all as f64
    }

    /// Whether a list has words of a language, given by its code.
    fn has_list_of(&self, code: &str) -> bool {
        let main = code.split(['-', '_']).next().unwrap_or(code).to_lowercase();
        self.languages.contains(&main)
    }

    /// The language of a text by its small words, as ISO 639-1 code; `None` where no language has enough of them.
    pub fn language_of(&self, text: &str) -> Option<&str> {
        self.tongues.of(text)
    }

    /// Names and versions of the packs.
    pub fn packs(&self) -> &[String] {
        &self.packs
    }

    /// The packs were changed at this time of the wall clock, as far as anybody knows.
    pub fn changed_at(&mut self, ms: i64) {
        self.changed_ms = self.changed_ms.max(ms);
    }

    /// When the packs were changed last, milliseconds of the wall clock; 0 where nobody knows.
    pub const fn changed_ms(&self) -> i64 {
        self.changed_ms
    }

    /// What is taken out of texts before anybody sees them.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// What looks at a call as a whole.
    pub fn reviewer(&self) -> &Reviewer {
        &self.reviewer
    }

    /// What a call was about, what came of it and what is left to do. `today` is the day of the call where it took place; `language` its code, where
    /// one is known. In a language without a lexicon there is no sentiment.
    pub fn insights(&self, lines: &[ReviewLine], today: Option<Date>, language: Option<&str>) -> Insights {
        let said: Vec<&str> =
            lines.iter().filter(|line| line.leg != Leg::Agent).map(|line| line.text.as_str()).collect();
        let scored = self.can_score(&said.join(" "), language);
        self.reviewer.insights(lines, today, scored)
    }

    /// The lexicon in use.
    pub fn lexicon(&self) -> &Lexicon {
        &self.lexicon
    }

    /// The packs' rules of alerts, in the order of the packs.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Reads one segment's text in a language, given by its code where it is known. Where no list has words of that language the mood is
    /// [`Label::Unavailable`]; keywords are looked for all the same. Offsets are bytes of `text` and lie on character boundaries.
    pub fn analyse_in(&self, language: Option<&str>, text: &str, leg: Leg) -> Analysis {
        let found = self.matcher.find(text, leg);
        let (keywords, profanity) = (found.keywords, found.profanity);
        if language.is_some_and(|code| !self.has_list_of(code)) {
            return Analysis { label: Label::Unavailable, keywords, profanity, ..Analysis::default() };
        }
        let Explained { scores, hits, subjectivity } = self.engine_for(language, text).explain(text);
        Analysis {
            scores,
            label: scores.label(),
            confidence: scores.compound.abs(),
            keywords,
            profanity,
            hits,
            subjectivity,
        }
    }

    /// The same of a text of which nobody knows the language: it is taken for one that the lists have.
    pub fn analyse(&self, text: &str, leg: Leg) -> Analysis {
        self.analyse_in(None, text, leg)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    static ANALYSERS: LazyLock<[TextAnalyser; 2]> = LazyLock::new(|| {
        let packs = Pack::bundled().expect("bundled packs");
        [LexiconKind::Vader, LexiconKind::CallCentre].map(|kind| TextAnalyser::new(kind, &packs))
    });

    fn check(text: &str) {
        for analyser in &*ANALYSERS {
            let analysis = analyser.analyse(text, Leg::Mixed);
            let Scores { compound, pos, neu, neg } = analysis.scores;
            assert!((-1.0..=1.0).contains(&compound), "{compound} of {text:?}");
            assert!(
                [pos, neu, neg].iter().all(|share| (0.0..=1.0).contains(share)),
                "{:?} of {text:?}",
                analysis.scores
            );
            let terms = analysis.keywords.iter().chain(&analysis.profanity).map(|hit| (hit.start, hit.end));
            for (start, end) in terms.chain(analysis.hits.iter().map(|hit| (hit.start, hit.end))) {
                assert!(start < end && text.get(start..end).is_some(), "{start}..{end} in {text:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_every_hit_lies_on_characters(text in any::<String>()) {
            check(&text);
        }

        #[test]
        fn a_text_of_known_words_and_odd_characters_is_read(
            parts in prop::collection::vec(prop::sample::select(vec![
                "good", "BAD", "not", "no", "but", "never", "so", "kind", "of", "least", "thank", "you", "cancel", "my", "account", "waste",
                "time", "😊", "©", "💘", "İ", "ǅ", "’", "'s", "don’t", " ", "  ", "\u{1c}", "\u{a0}", "\u{85}", "!", "?", ":)", "-", "/", ".",
                "é", "रद्द", "\u{200d}", "*",
            ]), 0..40)
        ) {
            check(&parts.concat());
            check(&parts.join(" "));
        }
    }

    #[test]
    fn an_analysis_names_its_label_its_words_and_its_terms() {
        let analysis =
            ANALYSERS[1].analyse("This is unacceptable, I want to speak to your supervisor, damn it!", Leg::Caller);
        assert_eq!(analysis.label, Label::Negative);
        assert!((analysis.confidence - analysis.scores.compound.abs()).abs() < f64::EPSILON);
        assert!(analysis.keywords.iter().any(|hit| hit.label == "escalation"), "{analysis:?}");
        assert_eq!(analysis.profanity.iter().map(|hit| hit.term.as_str()).collect::<Vec<_>>(), ["damn"]);
        assert!(analysis.hits.iter().any(|hit| hit.text == "unacceptable"));
    }

    #[test]
    fn a_language_without_a_lexicon_is_known_by_its_code_or_by_its_words() {
        let analyser = &ANALYSERS[1];
        assert!(analyser.can_score("Das ist gut", Some("en-GB")) && !analyser.can_score("the best", Some("de")));
        for text in [
            "This is an outrage",
            "I want a refund",
            "my name is John",
            "Thanks!",
            "Mera internet nahi chal raha",
            "Mtandao haufanyi kazi tangu jana",
            "Esto es una vergüenza",
            "",
        ] {
            assert!(analyser.can_score(text, None), "{text}");
        }
        for text in [
            "Das ist eine absolute Frechheit, ich bin stinksauer!",
            "Ich will sofort mein Geld zurück",
            "Questo è inaccettabile, voglio parlare subito con il responsabile",
            "C'est vraiment nul, je suis très déçu",
        ] {
            assert!(!analyser.can_score(text, None), "{text}");
        }
    }

    #[test]
    fn a_text_in_a_language_without_a_list_has_keywords_and_no_sentiment() {
        let analyser = &ANALYSERS[1];
        let text = "Ich kündige, wo ist der supervisor, this is terrible";
        let unknown = analyser.analyse_in(Some("de-AT"), text, Leg::Caller);
        assert_eq!((unknown.compound(), unknown.label.as_str(), unknown.confidence), (None, "unavailable", 0.0));
        assert_eq!((unknown.scores, unknown.hits.len()), (Scores::default(), 0));
        assert!(!unknown.keywords.is_empty(), "keywords need no list of moods");
        for language in [Some("en"), Some("EN-gb"), Some("es"), None] {
            let known = analyser.analyse_in(language, text, Leg::Caller);
            assert!(known.compound().is_some_and(|compound| compound < -0.3), "{language:?}: {known:?}");
        }
    }

    #[test]
    fn a_call_in_a_language_without_a_lexicon_has_no_sentiment_and_one_with_has() {
        let analyser = &ANALYSERS[1];
        let told = |text: &str, language| {
            let line = ReviewLine {
                segment: 1,
                leg: Leg::Caller,
                start_ms: 0,
                end_ms: 1000,
                text: text.into(),
                compound: analyser.analyse_in(language, text, Leg::Caller).compound(),
                labels: Vec::new(),
                heard: true,
            };
            analyser.insights(&[line], None, language).sentiment.map(|mood| mood.label)
        };
        assert_eq!(told("Das ist eine absolute Frechheit", Some("de")), None);
        assert_eq!(told("Das ist eine absolute Frechheit", None), None);
        assert_eq!(told("Ye service bahut bekaar hai, main pareshan hoon", None), Some(Label::Negative));
        assert_eq!(told("Asante sana, nimefurahi sana na huduma", Some("sw")), Some(Label::Positive));
        assert_eq!(told("Es una vergüenza, nadie me da una solución", Some("es")), Some(Label::Negative));
    }

    #[test]
    fn an_empty_text_is_neutral_and_holds_nothing() {
        assert_eq!(ANALYSERS[1].analyse(" \n", Leg::Agent), Analysis::default());
    }
}
