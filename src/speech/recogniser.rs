//! One worker's path from samples to accepted text: it sizes the window, asks the guard, decodes doubtful text again and fills gaps.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::engine::{EngineError, FULL_CONTEXT, Piece, Recognised, RecognitionRequest, Session, TextToken};
use super::gaps;
use super::guard::{self, Reason, Verdict};
pub use super::recognition::{Glance, Hints, Pace, Recognition, SpeechSound};
pub use super::rules::Rules;
use super::vocabulary::Vocabulary;
use crate::audio::level;
use crate::audio::resample::MODEL_HZ;
use crate::audio::tone::is_tone;

/// Whisper refuses or invents under a second: shorter stretches get silence behind them.
const SHORTEST: usize = MODEL_HZ as usize + MODEL_HZ as usize / 10;
/// Tokens per second of speech at most, with a margin: the fastest of 65 real recordings has 9.
const TOKENS_PER_SECOND: f32 = 16.0;
const TOKENS_BESIDES: u32 = 16;

/// Tokens of a whole window at most, as Whisper limits them.
const MOST_TOKENS: u32 = 224;
/// Time before the end of the sound before which a token must have begun to be certain in partial text, milliseconds; the next constants bound its
/// end and its probability.
const BEGUN_MS: i64 = 300;
const ENDED_MS: i64 = 100;
const SURE: f32 = 0.4;

/// Speech as the engine gets it.
#[derive(Clone, Copy)]
struct Prepared<'a> {
    sound: &'a [f32],
    /// Length of the speech, seconds, without the silence that pads it.
    seconds: f32,
    /// Difference between its loud and its quiet moments, dB.
    range_db: f32,
    /// Words to expect.
    prompt: Option<&'a str>,
    /// Code of its language; `None` detects it.
    language: Option<&'a str>,
}

impl<'a> Prepared<'a> {
    /// `sound` is what was made of `samples`.
    fn of(samples: &[f32], sound: &'a [f32], (prompt, language): (Option<&'a str>, Option<&'a str>)) -> Self {
        Self { sound, seconds: seconds_of(samples), range_db: level::range_db(samples), prompt, language }
    }

    /// Whether noise fills its pauses: decoding it again would make up more words.
    fn is_noisy(&self, rules: &Rules) -> bool {
        self.range_db < rules.noisy as f32
    }

    /// Final verdict where nothing is decoded again: in noise, doubtful text is dropped.
    fn without_another_look(&self, verdict: Verdict, rules: &Rules) -> Verdict {
        match verdict {
            Verdict::Doubt(reason) if self.is_noisy(rules) => Verdict::Drop(reason),
            other => other,
        }
    }
}

/// A session with its guard.
pub struct Recogniser {
    session: Box<dyn Session>,
    hints: Hints,
    expected: Option<Arc<Vocabulary>>,
}

impl Recogniser {
    /// Puts the guard around a session.
    pub fn new(session: Box<dyn Session>, hints: Hints) -> Self {
        Self { session, hints, expected: None }
    }

    /// Names that are likely to be said in the recordings that follow.
    pub fn expect(&mut self, names: Option<Arc<Vocabulary>>) {
        self.expected = names;
    }

    /// Those names.
    pub fn expected(&self) -> Option<Arc<Vocabulary>> {
        self.expected.clone()
    }

    /// Number of stretches per batch from which the engine gains.
    pub fn batch(&self) -> usize {
        self.session.batch()
    }

    /// Writes down a stretch of 16 kHz speech. Blocks.
    pub fn recognise(&mut self, samples: &[f32]) -> Result<Recognition, EngineError> {
        self.recognise_all(&[samples.into()], Pace::Afterwards)
            .pop()
            .unwrap_or_else(|| Err(EngineError::Inference("no answer".into())))
    }

    /// The same for several stretches, of several calls; one answer each, in their order. Blocks for all of them.
    pub fn recognise_all(
        &mut self,
        stretches: &[SpeechSound<'_>],
        pace: Pace,
    ) -> Vec<Result<Recognition, EngineError>> {
        let began = Instant::now();
        let (way, of_trade) = (self.hints.call_names, self.hints.glossary);
        let glossaries = Arc::clone(&self.hints.glossaries);
        let tones: Vec<bool> = stretches.iter().map(|one| self.hints.rules.tones && is_tone(one.samples)).collect();
        let spoken: Vec<SpeechSound> =
            stretches.iter().zip(&tones).filter(|(_, tone)| !**tone).map(|(one, _)| *one).collect();
        let sounds: Vec<Vec<f32>> = spoken.iter().map(|one| self.prepare(one.samples)).collect();
        let prompts: Vec<Option<String>> =
            spoken.iter().map(|one| self.hints.prompt_for(one.vocabulary, one.campaign)).collect();
        let languages: Vec<Option<String>> =
            spoken.iter().map(|one| self.hints.language_of(one.campaign).map(str::to_owned)).collect();
        let prepared: Vec<Prepared> = sounds
            .iter()
            .zip(spoken.iter().zip(prompts.iter().zip(&languages)))
            .map(|(sound, (one, (prompt, language)))| {
                Prepared::of(one.samples, sound, (prompt.as_deref(), language.as_deref()))
            })
            .collect();
        let answers = self.look_twice(&prepared, pace);
        let took = began.elapsed() / stretches.len().max(1) as u32;
        let mut judged = answers.into_iter().zip(prepared.iter().zip(&spoken)).map(|(answer, (heard, one))| {
            let began = Instant::now();
            let (answer, verdict) = self.fill_gaps(heard, answer?, pace);
            let mut recognition = believed(answer, verdict, heard.seconds, took + began.elapsed());
            if let Some(vocabulary) = one.vocabulary {
                let count = vocabulary.correct(&mut recognition.pieces, way, None);
                metrics::counter!("lineside_names_corrected_total").increment(count as u64);
            }
            let terms = glossaries.of(campaign_of(one.vocabulary, one.campaign));
            let count = terms.correct(&mut recognition.pieces, of_trade, one.vocabulary);
            metrics::counter!("lineside_terms_corrected_total").increment(count as u64);
            Ok(recognition)
        });
        let answers = tones.into_iter().map(|tone| {
            if tone {
                metrics::counter!("lineside_guard_dropped_total", "reason" => Reason::Tone.as_str()).increment(1);
                let dropped = Some((Reason::Tone, String::new()));
                return Ok(Recognition { pieces: Vec::new(), language: None, dropped, took });
            }
            judged.next().unwrap_or_else(|| Err(EngineError::Inference("no answer".into())))
        });
        answers.collect()
    }

    /// Reads each sound; those that the guard doubts once more, together, with more beams, unless noise fills them. The better answers, judged.
    fn look_twice(&mut self, sounds: &[Prepared], pace: Pace) -> Vec<Result<(Recognised, Verdict), EngineError>> {
        let hints = &self.hints;
        let rules = &hints.rules;
        let beams = if pace == Pace::Afterwards { self.session.beams() } else { 1 };
        let requests: Vec<RecognitionRequest> =
            sounds.iter().map(|sound| hints.request(sound, hints.first_look(beams))).collect();
        let judge = |answer: Recognised, seconds| {
            let verdict = guard::judge(&answer, seconds, rules);
            (answer, verdict)
        };
        let mut answers: Vec<Result<(Recognised, Verdict), EngineError>> = self
            .session
            .transcribe_all(&requests)
            .into_iter()
            .zip(sounds)
            .map(|(answer, sound)| Ok(judge(answer?, sound.seconds)))
            .collect();
        let pays = |reason| pace != Pace::Hurried || guard::drops_after_second_look(reason);
        let doubted = |answer: &Result<_, _>| matches!(answer, Ok((_, Verdict::Doubt(reason))) if pays(*reason));
        let wanted = |place: usize| rules.second_look && doubted(&answers[place]) && !sounds[place].is_noisy(rules);
        let again: Vec<usize> = (0..answers.len()).filter(|&place| wanted(place)).collect();
        metrics::counter!("lineside_second_looks_total").increment(again.len() as u64);
        let look = hints.second_look(rules.margin.max(rules.second_margin));
        let requests: Vec<RecognitionRequest> =
            again.iter().map(|&place| hints.request(&sounds[place], look)).collect();
        for (place, second) in again.into_iter().zip(self.session.transcribe_all(&requests)) {
            match (&mut answers[place], second) {
                (Ok(first), Ok(second)) => *first = choose(first.clone(), judge(second, sounds[place].seconds)),
                (_, Err(error)) => log::warn!("a doubtful text is not decoded again: {error}"),
                (Err(_), Ok(_)) => {}
            }
        }
        answers
    }

    /// Reads what an answer has passed over.
    fn fill_gaps(
        &mut self,
        heard: &Prepared,
        (mut answer, verdict): (Recognised, Verdict),
        pace: Pace,
    ) -> (Recognised, Verdict) {
        let doubted = matches!(verdict, Verdict::Doubt(reason) if guard::drops_after_second_look(reason));
        let rules = self.hints.rules;
        // In noise, text beside a loop is invented too, and gaps are noise.
        if heard.is_noisy(&rules) {
            return (answer, heard.without_another_look(verdict, &rules));
        }
        // Others wait: a gap is left, unless it holds what goes round.
        let is_left = pace == Pace::Hurried && !doubted;
        let is_bad = doubted && !gaps::is_partly_good(&answer, heard.seconds, &rules);
        if matches!(verdict, Verdict::Drop(_)) || is_left || is_bad {
            return (answer, verdict);
        }
        let (hints, session) = (&self.hints, self.session.as_mut());
        gaps::redecode(heard.sound, &mut answer, &rules, |part| {
            let window = with_room(part.to_vec());
            let part = Prepared { sound: &window, seconds: seconds_of(part), ..*heard };
            let found = session.transcribe(&hints.request(&part, hints.second_look(rules.margin)));
            found.inspect_err(|error| log::warn!("a gap of an utterance is not decoded again: {error}")).ok()
        });
        (answer, Verdict::Keep)
    }

    /// Transcribes speech that goes on with a single decoding, because it is transcribed again when it is over. `begin` holds the tokens that were
    /// certain before. Blocks.
    pub fn glance(&mut self, sound: SpeechSound<'_>, begin: &[TextToken]) -> Result<Glance, EngineError> {
        let clock = Instant::now();
        let SpeechSound { samples, campaign, .. } = sound;
        let seconds = seconds_of(samples);
        let rules = self.hints.rules;
        if rules.tones && is_tone(samples) {
            return Ok(Glance { took: clock.elapsed(), ..Glance::default() });
        }
        let sound = self.prepare(samples);
        let prompt = self.hints.prompt_for(None, campaign);
        let prepared = Prepared::of(samples, &sound, (prompt.as_deref(), self.hints.language_of(campaign)));
        let request = RecognitionRequest { begin, ..self.hints.request(&prepared, self.hints.first_look(1)) };
        let mut answer = self.session.transcribe(&request)?;
        let tokens = std::mem::take(&mut answer.tokens);
        let verdict = prepared.without_another_look(guard::judge(&answer, seconds, &rules), &rules);
        let aligned = !tokens.is_empty();
        let text = believed(answer, verdict, seconds, clock.elapsed()).text();
        let words: Vec<String> = text.split_whitespace().map(String::from).collect();
        let certain = if words.is_empty() { begin } else { certain(&tokens, begin.len(), (seconds * 1000.0) as i64) };
        let certain = aligned.then(|| certain.to_vec());
        Ok(Glance { words, certain, took: clock.elapsed() })
    }

    fn prepare(&self, samples: &[f32]) -> Vec<f32> {
        let mut sound = if self.hints.denoise { crate::audio::denoise::denoise(samples) } else { samples.to_vec() };
        if self.hints.normalise {
            level::normalise(&mut sound);
        }
        with_room(sound)
    }
}

fn with_room(mut sound: Vec<f32>) -> Vec<f32> {
    sound.resize(sound.len().max(SHORTEST), 0.0);
    sound
}

fn seconds_of(samples: &[f32]) -> f32 {
    samples.len() as f32 / MODEL_HZ as f32
}

/// The campaign by whose glossary a stretch is transcribed: what is known of the call now, else what was known with its names.
fn campaign_of<'a>(vocabulary: Option<&'a Vocabulary>, campaign: Option<&'a str>) -> Option<&'a str> {
    campaign.or_else(|| vocabulary.and_then(Vocabulary::campaign))
}

/// Settings of one decoding.
#[derive(Clone, Copy)]
struct Look {
    /// Positions beyond the stretch that the decoder sees, and those that the encoder computes.
    margin: u32,
    room: u32,
    beams: u32,
}

impl Hints {
    /// Settings of the first decoding: with this number of beams where none is configured.
    fn first_look(&self, beams: u32) -> Look {
        Look { margin: self.rules.margin, room: self.rules.room, beams: self.beams.unwrap_or(beams) }
    }

    /// Settings of a second decoding, in a window with this margin.
    fn second_look(&self, margin: u32) -> Look {
        Look { margin, room: self.rules.second_room, beams: self.beams.unwrap_or(0).max(self.rules.second_beams) }
    }

    /// Words to expect on a call with these names: they come first, then those of the glossary.
    fn prompt_for(&self, vocabulary: Option<&Vocabulary>, campaign: Option<&str>) -> Option<String> {
        let names = vocabulary.and_then(|vocabulary| vocabulary.prompt(self.call_names));
        let terms = self.glossaries.of(campaign_of(vocabulary, campaign)).prompt(self.glossary);
        let all: Vec<String> = [names, terms, self.prompt.clone()].into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join(". "))
    }

    fn request<'a>(&'a self, heard: &Prepared<'a>, look: Look) -> RecognitionRequest<'a> {
        let samples = heard.sound;
        let bound = (heard.seconds * TOKENS_PER_SECOND) as u32 + TOKENS_BESIDES;
        RecognitionRequest {
            samples,
            language: heard.language,
            prompt: heard.prompt,
            context: context_for(samples.len(), look.margin),
            encoded: context_for(samples.len(), look.room.min(look.margin)),
            beams: look.beams,
            max_tokens: if self.rules.bound { bound.min(MOST_TOKENS) } else { MOST_TOKENS },
            begin: &[],
        }
    }
}

/// The tokens that more sound will hardly change; the first `before` of them were certain before. The decoder's attention tells where in the sound it
/// finds each token; one that it finds too near to the end may be half of a word (AlignAtt: Papi, Turchi, Negri 2023). Only whole words count, up to
/// the first doubtful one, without the full stop that a model puts wherever the sound ends.
fn certain(tokens: &[TextToken], before: usize, end_ms: i64) -> &[TextToken] {
    let writes = |token: &TextToken| token.bytes.iter().any(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii());
    let mut sure = before.min(tokens.len());
    for (place, token) in tokens.iter().enumerate().skip(sure) {
        let word_ends = tokens.get(place + 1).is_none_or(|next| next.begins_word() || !writes(next));
        let late = token.start_ms > end_ms - BEGUN_MS || token.end_ms > end_ms - ENDED_MS;
        if late || writes(token) && token.probability < SURE {
            break;
        }
        if word_ends && writes(token) {
            sure = place + 1;
        }
    }
    &tokens[..sure]
}

/// The better of two looks. Where both go round in the same circle, what goes round was said once.
fn choose(first: (Recognised, Verdict), second: (Recognised, Verdict)) -> (Recognised, Verdict) {
    let once = guard::without_loops(&second.0);
    if guard::loops(&second.0.text()) && guard::agree(&once, &guard::without_loops(&first.0)) {
        return (once, Verdict::Keep);
    }
    guard::better(first, second)
}

/// The part of an answer that remains after the verdict.
fn believed(mut answer: Recognised, verdict: Verdict, seconds: f32, took: Duration) -> Recognition {
    let reason = match verdict {
        Verdict::Drop(reason) => Some(reason),
        Verdict::Doubt(reason) if guard::drops_after_second_look(reason) => Some(reason),
        _ => None,
    };
    let dropped = reason.map(|reason| {
        metrics::counter!("lineside_guard_dropped_total", "reason" => reason.as_str()).increment(1);
        (reason, answer.text())
    });
    let length_ms = (seconds * 1000.0) as i64;
    let pieces = if dropped.is_some() { Vec::new() } else { within(std::mem::take(&mut answer.pieces), length_ms) };
    Recognition { pieces, language: answer.language, dropped, took }
}

/// Encoder positions for this many samples: the stretch and a margin, in steps that keep the kernels' shapes few.
fn context_for(samples: usize, margin: u32) -> u32 {
    let positions = (samples as u64 * 50).div_ceil(u64::from(MODEL_HZ)) as u32 + margin;
    positions.next_multiple_of(16).min(FULL_CONTEXT)
}

/// Cuts times to the stretch and leaves out pieces without a letter or a digit.
fn within(pieces: Vec<Piece>, length_ms: i64) -> Vec<Piece> {
    let cut = |ms: i64| ms.clamp(0, length_ms);
    pieces
        .into_iter()
        .filter(|piece| guard::has_words(&piece.text))
        .map(|mut piece| {
            piece.text = piece.text.trim().into();
            (piece.start_ms, piece.end_ms) = (cut(piece.start_ms), cut(piece.end_ms.max(piece.start_ms)));
            for word in &mut piece.words {
                (word.start_ms, word.end_ms) = (cut(word.start_ms), cut(word.end_ms.max(word.start_ms)));
            }
            piece
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use super::super::glossary::Glossaries;
    use super::super::rules::MARGIN;
    use super::super::vocabulary::CallNamesUse;
    use super::*;
    use crate::call::Word;

    /// An engine that writes the same pieces for every sound and counts its decodings.
    struct Says(&'static [&'static str], f32, Arc<AtomicUsize>);

    impl Session for Says {
        fn transcribe(&mut self, _: &RecognitionRequest) -> Result<Recognised, EngineError> {
            self.2.fetch_add(1, Ordering::Relaxed);
            let piece = |(place, text): (usize, &&str)| {
                let start_ms = place as i64 * 1000;
                Piece { text: (*text).into(), start_ms, end_ms: start_ms + 1000, confidence: 0.5, words: Vec::new() }
            };
            let pieces = self.0.iter().enumerate().map(piece).collect();
            Ok(Recognised { pieces, mean_logprob: self.1, ..Recognised::default() })
        }
    }

    /// Hears the same doubtful words in everything, and keeps what it was told to expect.
    struct Expects(Arc<Mutex<Vec<Option<String>>>>);

    impl Session for Expects {
        fn transcribe(&mut self, request: &RecognitionRequest) -> Result<Recognised, EngineError> {
            self.0.lock().expect("alone").push(request.prompt.map(str::to_owned));
            let text = "My rooter is from fibernover, I am Lindsay.";
            let words = text.split(' ').enumerate().map(|(place, word)| {
                let start_ms = place as i64 * 500;
                Word { text: word.into(), start_ms, end_ms: start_ms + 500, confidence: 0.5 }
            });
            let words = words.collect();
            let piece = Piece { text: text.into(), start_ms: 0, end_ms: 4000, confidence: 0.5, words };
            Ok(Recognised { pieces: vec![piece], mean_logprob: -0.2, ..Recognised::default() })
        }
    }

    #[test]
    fn a_call_is_told_the_words_of_its_campaign_and_of_all_calls_and_has_them_in_its_text() {
        let told = Arc::default();
        let (campaign, own) = ("SALES".to_owned(), vec!["Fibernova".to_owned()]);
        let hints = Hints {
            glossaries: Arc::new(Glossaries::new(&["router".to_owned()], [(&campaign, &own)])),
            glossary: CallNamesUse::Both,
            prompt: Some("Good morning".into()),
            ..Hints::default()
        };
        let mut recogniser = Recogniser::new(Box::new(Expects(Arc::clone(&told))), hints);
        let samples = voice_in_noise(40.0);
        let of_sales = Vocabulary::new(["Lindsey"]).of_campaign(Some("sales".into()));
        let sounds =
            [Some(&of_sales), None].map(|vocabulary| SpeechSound { samples: &samples, vocabulary, campaign: None });
        let texts: Vec<String> = recogniser
            .recognise_all(&sounds, Pace::Afterwards)
            .into_iter()
            .map(|answer| answer.expect("text").text())
            .collect();
        assert_eq!(
            texts,
            ["My router is from Fibernova, I am Lindsey.", "My router is from fibernover, I am Lindsay."]
        );
        let told: &Mutex<Vec<Option<String>>> = &told;
        let told = told.lock().expect("alone");
        let first: Vec<&str> = told.iter().take(2).flatten().map(String::as_str).collect();
        assert_eq!(first, ["Fibernova, router. Good morning", "router. Good morning"]);
    }

    #[test]
    fn while_others_wait_only_what_may_be_no_speech_is_decoded_again() {
        // What is said, how probable it is, and decodings at either pace.
        let cases: [(&'static [&'static str], f32, [usize; 2]); 2] = [
            (&["I mean, it's a cat, and a dog too."], -1.2, [2, 1]),
            (&["we go we go we go we go we go we go"], -0.2, [2, 2]),
        ];
        for (says, mean_logprob, decodings) in cases {
            for (pace, wanted) in [Pace::Live, Pace::Hurried].into_iter().zip(decodings) {
                let asked = Arc::new(AtomicUsize::new(0));
                let session = Says(says, mean_logprob, Arc::clone(&asked));
                let mut recogniser = Recogniser::new(
                    Box::new(session),
                    Hints { rules: Rules { gaps: false, ..Rules::default() }, ..Hints::default() },
                );
                let sound = voice_in_noise(40.0);
                let answer = recogniser.recognise_all(&[sound.as_slice().into()], pace).remove(0).expect("an answer");
                assert_eq!(asked.load(Ordering::Relaxed), wanted, "{says:?} {pace:?}");
                assert!(says[0].starts_with(&answer.text()) && !answer.text().is_empty(), "{says:?} {pace:?}");
            }
        }
    }

    const LOOP: &[&str] =
        &["Good morning.", "we can show you we can show you we can show you we can show you we can show you"];

    /// Four seconds of noise, and of a voice with pauses, this many dB above it.
    fn voice_in_noise(snr_db: f32) -> Vec<f32> {
        let mut state = 1_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state as f32 / u32::MAX as f32 * 2.0 - 1.0
        };
        let voice = 0.01 * 10_f32.powf(snr_db / 20.0);
        let is_spoken = |sample: usize| sample % 16_000 < 10_000;
        (0..64_000).map(|n| 0.01 * noise() + if is_spoken(n) { voice * noise() } else { 0.0 }).collect()
    }

    #[test]
    fn what_noise_fills_is_decoded_once_and_dropped_whole_where_it_is_doubtful() {
        let cases: [(&'static [&'static str], f32, Option<Reason>); 3] = [
            (LOOP, -0.2, Some(Reason::Repetition)),
            (&["I mean, it's a cat."], -1.2, Some(Reason::Improbable)),
            (&["Good morning."], -0.5, None),
        ];
        for (says, mean_logprob, reason) in cases {
            let asked = Arc::new(AtomicUsize::new(0));
            let session = Says(says, mean_logprob, Arc::clone(&asked));
            let mut recogniser = Recogniser::new(Box::new(session), Hints::default());
            let in_noise = recogniser.recognise(&voice_in_noise(8.0)).expect("an answer");
            assert_eq!(asked.swap(0, Ordering::Relaxed), 1, "{says:?}");
            assert_eq!(in_noise.dropped.map(|(reason, _)| reason), reason, "{says:?}");
            assert_eq!(in_noise.pieces.is_empty(), reason.is_some());
            let glance = recogniser.glance(voice_in_noise(8.0).as_slice().into(), &[]).expect("an answer");
            assert_eq!(glance.words.is_empty(), reason.is_some(), "what is dropped is not shown before");
            asked.store(0, Ordering::Relaxed);
            let on_a_quiet_line = recogniser.recognise(&voice_in_noise(40.0)).expect("an answer");
            assert!(asked.load(Ordering::Relaxed) > 1, "gaps, and a second look where it is doubtful: {says:?}");
            assert!(on_a_quiet_line.text().starts_with(says[0]), "{}", on_a_quiet_line.text());
        }
    }

    #[test]
    fn what_is_certain_ends_well_before_the_sound_and_with_a_whole_word() {
        // (what it writes, when it begins and ends, in milliseconds)
        let tokens: Vec<TextToken> = [
            (" I", 0, 200),
            (" can", 200, 500),
            ("cel", 500, 800),
            (".", 800, 900),
            (" Now", 900, 1200),
            (" it", 1200, 1900),
        ]
        .into_iter()
        .map(|(text, start_ms, end_ms)| TextToken {
            bytes: text.into(),
            start_ms,
            end_ms,
            probability: 0.9,
            ..TextToken::default()
        })
        .collect();
        let text = |before, end_ms| TextToken::text(certain(&tokens, before, end_ms));
        assert_eq!(text(0, 1900), "I cancel. Now", "the last word may go on");
        assert_eq!(text(0, 1050), "I cancel", "the full stop may be the end of the sound");
        assert_eq!(text(0, 800), "I", "half a word is none");
        assert_eq!(text(4, 800), "I cancel.", "what was certain stays");
        assert_eq!(text(9, 1900), "I cancel. Now it");
    }

    #[test]
    fn the_window_is_the_utterance_and_a_margin_never_more_than_thirty_seconds() {
        assert_eq!(context_for(16_000 * 3, MARGIN), 544);
        assert_eq!(context_for(16_000 * 40, MARGIN), FULL_CONTEXT);
    }
}
