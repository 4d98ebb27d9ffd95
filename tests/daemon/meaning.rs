//! Search by meaning as its users meet it: without a model, with one that arrives later, and when a call is forgotten.
//!
//! The model is made here, of one layer and a dozen words: what it takes for alike is chance, but each line is nearest to itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};

use crate::bed::Bed;

const WORDS: [&str; 12] =
    ["[UNK]", "[CLS]", "[SEP]", "router", "is", "broken", "pay", "my", "bill", "tomorrow", "where", "parcel"];
const WIDTH: usize = 16;
const WIDE: usize = 32;
const PLACES: usize = 40;

/// Writes a model of sentences into a folder.
fn model(folder: &Path) {
    fs::create_dir_all(folder).expect("mkdir");
    let config = json!({
        "model_type": "bert", "hidden_act": "gelu", "hidden_size": WIDTH, "intermediate_size": WIDE, "num_attention_heads": 2,
        "num_hidden_layers": 1, "layer_norm_eps": 1e-12, "vocab_size": WORDS.len(), "max_position_embeddings": PLACES,
    });
    fs::write(folder.join("config.json"), config.to_string()).expect("write");
    let vocabulary: BTreeMap<&str, usize> = WORDS.iter().enumerate().map(|(number, word)| (*word, number)).collect();
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "decoder": null,
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocabulary},
    });
    fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).expect("write");
    let mut tensors: Vec<(String, Vec<usize>)> = vec![
        ("embeddings.word_embeddings.weight".into(), vec![WORDS.len(), WIDTH]),
        ("embeddings.position_embeddings.weight".into(), vec![PLACES, WIDTH]),
        ("embeddings.token_type_embeddings.weight".into(), vec![2, WIDTH]),
    ];
    let layer = "encoder.layer.0";
    for (name, outputs, inputs) in [
        ("attention.self.query", WIDTH, WIDTH),
        ("attention.self.key", WIDTH, WIDTH),
        ("attention.self.value", WIDTH, WIDTH),
        ("attention.output.dense", WIDTH, WIDTH),
        ("intermediate.dense", WIDE, WIDTH),
        ("output.dense", WIDTH, WIDE),
    ] {
        tensors.push((format!("{layer}.{name}.weight"), vec![outputs, inputs]));
        tensors.push((format!("{layer}.{name}.bias"), vec![outputs]));
    }
    for name in [
        "embeddings.LayerNorm".to_string(),
        format!("{layer}.attention.output.LayerNorm"),
        format!("{layer}.output.LayerNorm"),
    ] {
        tensors.extend(["weight", "bias"].map(|part| (format!("{name}.{part}"), vec![WIDTH])));
    }
    let numbers = |name: &str, shape: &[usize]| -> Vec<u8> {
        let seed = name.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        let count: usize = shape.iter().product();
        let mut dice = u64::from(seed) + 1;
        let number = |_| {
            // Xorshift: lines without words in common are as good as at right angles.
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            match name {
                _ if name.ends_with("LayerNorm.weight") => 1.0,
                _ if name.ends_with("bias") => 0.0,
                _ => (dice >> 40) as f32 / (1 << 23) as f32 - 1.0,
            }
        };
        (0..count).map(number).flat_map(f32::to_le_bytes).collect()
    };
    let bytes: Vec<Vec<u8>> = tensors.iter().map(|(name, shape)| numbers(name, shape)).collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape), bytes)| {
        (name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).expect("a tensor"))
    });
    let file = safetensors::serialize(views, None).expect("a file");
    fs::write(folder.join("model.safetensors"), file).expect("write");
}

fn say(bed: &Bed, call: &str, text: &str) {
    let event =
        json!({"provider": "test", "event_type": "transcript", "call_id": call, "speaker": "customer", "text": text});
    assert_eq!(bed.ask("POST", "/api/realtime/events", Some(&event)).0, 200);
}

fn calls(found: &Value) -> Vec<&str> {
    found["hits"].as_array().into_iter().flatten().filter_map(|hit| hit["call_id"].as_str()).collect()
}

#[test]
fn without_a_model_it_says_how_one_is_had_and_words_are_found_as_ever() {
    let mut bed = Bed::new("none", "");
    bed.start();
    say(&bed, "m-1", "the router is broken");
    for by in ["meaning", "both"] {
        let (status, answer) = bed.ask("GET", &format!("/api/v1/search?q=router&by={by}"), None);
        assert_eq!(status, 503, "{answer}");
        assert!(
            answer["detail"].as_str().is_some_and(|text| text.contains("lineside model pull all-MiniLM-L6-v2")),
            "{answer}"
        );
    }
    let by_words = bed.get("/api/v1/search?q=router");
    assert_eq!((calls(&by_words), &by_words["by"]), (vec!["m-1"], &json!("words")));
    assert_eq!(by_words["hits"][0]["score"], Value::Null);
    assert_eq!(bed.ask("GET", "/api/v1/search?q=router&by=sound", None).0, 422);
    let doctor = bed.get("/health/detailed");
    let checks = doctor["checks"].as_array().cloned().unwrap_or_default();
    let line = checks.iter().find(|check| check["check"] == "meaning").expect("a line of the doctor");
    assert!(line["state"] == "advice" && line["mend"].to_string().contains("model pull"), "{line}");
}

#[test]
fn switched_off_it_says_so() {
    let mut bed = Bed::new("none", "[meaning]\nmodel = \"\"");
    bed.start();
    let (status, answer) = bed.ask("GET", "/api/v1/search?q=router&by=meaning", None);
    assert!(status == 503 && answer["detail"].to_string().contains("switched off"), "{answer}");
}

#[test]
fn a_model_that_arrives_later_finds_old_and_new_calls_and_nothing_of_a_forgotten_one() {
    let mut bed = Bed::new("none", "[meaning]\nmodel = \"tiny\"");
    bed.start();
    say(&bed, "m-1", "the router is broken");
    say(&bed, "m-2", "i pay my bill tomorrow");
    // As an import brings it: whole.
    model(&bed.path("made"));
    let imported =
        bed.command(&["model", "import", &bed.path("made").display().to_string(), "--name", "tiny"]).output();
    let imported = imported.expect("run");
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    say(&bed, "m-3", "where is my parcel");
    let first = |bed: &Bed, question: &str| {
        let found = bed.try_get(&format!("/api/v1/search?by=meaning&q={}", question.replace(' ', "%20")))?;
        calls(&found).first().map(|call| (*call).to_string())
    };
    for (question, call) in
        [("where is my parcel", "m-3"), ("the router is broken", "m-1"), ("i pay my bill tomorrow", "m-2")]
    {
        bed.until(&format!("{call} is found"), Duration::from_mins(1), |bed| {
            first(bed, question).as_deref() == Some(call)
        });
    }
    let found = bed.get("/api/v1/search?by=meaning&q=the%20router%20is%20broken");
    let score = found["hits"][0]["score"].as_f64().expect("a score");
    assert!(score > 0.98 && score < 1.02 && found["by"] == "meaning", "{found}");
    let both = bed.get("/api/v1/search?by=both&q=the%20router%20is%20broken&limit=1");
    assert_eq!((calls(&both), &both["next_offset"]), (vec!["m-1"], &json!(1)));
    let told = bed.command(&["search", "--by", "meaning", "--limit", "1", "where is my parcel"]).output().expect("run");
    assert!(String::from_utf8_lossy(&told.stdout).starts_with("m-3"), "{told:?}");
    let ended = json!({"provider": "test", "event_type": "call_ended", "call_id": "m-1"});
    assert_eq!(bed.ask("POST", "/api/realtime/events", Some(&ended)).0, 200);
    bed.until_completed("m-1");
    let (status, report) = bed.ask("POST", "/api/v1/forget", Some(&json!({"call": "m-1"})));
    assert!(status == 200 && report["left"] == json!([]), "{report}");
    let left = bed.get("/api/v1/search?by=meaning&alike=all&q=the%20router%20is%20broken");
    assert!(calls(&left).len() == 2 && !calls(&left).contains(&"m-1"), "{left}");
    // To so small a model the two say nearly the same.
    let once = bed.get("/api/v1/search?by=meaning&q=the%20router%20is%20broken");
    assert_eq!((calls(&once).len(), &once["hits"][0]["alike"]), (1, &json!(1)), "{once}");
    for (query, wrong) in [("q=router&alike=all", "goes with"), ("q=router&by=meaning&alike=some", "not once or all")] {
        let (status, answer) = bed.ask("GET", &format!("/api/v1/search?{query}"), None);
        assert!(status == 422 && answer.to_string().contains(wrong), "{answer}");
    }
    bed.stop();
}
