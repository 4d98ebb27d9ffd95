//! Converts weights in every layout to models of both engines, and feeds in what must be refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::quantise::Blocks;
use super::toy::{self, DIMS, Tensors};
use super::weights::Dims;
use super::words::Words;
use super::*;
use crate::speech::engine::RecognitionRequest;
use crate::speech::models::{Import, Imported, ModelError, Verified, import, verify};

const ALL: [Format; 4] = [Format::GgmlF16, Format::GgmlQ8_0, Format::GgmlQ5_1, Format::Ct2Int8];

fn bring(folder: &Path, from: &Path, formats: &[Format]) -> Result<Imported, ModelError> {
    import(folder, &Import { formats, ..Import::of(from) }, &mut |done, total| assert!(done <= total))
}

/// The problem of an import, after which the folder of models is empty.
fn refused(home: &TempDir, from: &Path) -> String {
    let models = home.path().join("models");
    let problem = bring(&models, from, &ALL).expect_err("refused").to_string();
    let left: Vec<_> =
        fs::read_dir(&models).map_or(vec![], |entries| entries.flatten().map(|entry| entry.path()).collect());
    assert_eq!(left, Vec::<PathBuf>::new(), "nothing is left of what was refused");
    assert!(problem.contains(from.to_str().expect("path")), "{problem}");
    problem
}

fn file(home: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = home.path().join(name);
    fs::create_dir_all(path.parent().expect("folder")).expect("folder");
    fs::write(&path, bytes).expect("write");
    path
}

fn hugging_face(home: &TempDir, name: &str, tensors: &Tensors, shards: usize) -> PathBuf {
    let words = Words::english().expect("table");
    let vocabulary: BTreeMap<String, usize> =
        words.tokens.iter().enumerate().map(|(number, token)| (words::spelt(token), number)).collect();
    let put = |file_name: &str, bytes: &[u8]| file(home, &format!("{name}/{file_name}"), bytes);
    put("config.json", toy::config(&DIMS).to_string().as_bytes());
    put("vocab.json", serde_json::to_string(&vocabulary).expect("json").as_bytes());
    if shards == 1 {
        put("model.safetensors", &toy::safetensors(tensors.iter()));
    } else {
        let mut index = BTreeMap::new();
        for shard in 0..shards {
            let file_name = format!("model-{:05}-of-{shards:05}.safetensors", shard + 1);
            let part =
                tensors.iter().enumerate().filter(|(number, _)| number % shards == shard).map(|(_, tensor)| tensor);
            put(&file_name, &toy::safetensors(part.clone()));
            index.extend(part.map(|(tensor, _)| (tensor.clone(), file_name.clone())));
        }
        put("model.safetensors.index.json", serde_json::json!({"weight_map": index}).to_string().as_bytes());
    }
    home.path().join(name)
}

/// Tensors of a ggml file by name: type, and bytes.
fn ggml_tensors(path: &Path) -> BTreeMap<String, (u32, Vec<u8>)> {
    let bytes = fs::read(path).expect("model");
    let int = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four"));
    let mut at = 56 + (int(48) * int(52)) as usize * 4;
    let tokens = int(at);
    at += 4;
    for _ in 0..tokens {
        at += 4 + int(at) as usize;
    }
    let mut tensors = BTreeMap::new();
    while at < bytes.len() {
        let (dims, name, kind) = (int(at) as usize, int(at + 4) as usize, int(at + 8));
        let values: usize = (0..dims).map(|dim| int(at + 12 + 4 * dim) as usize).product();
        at += 12 + 4 * dims;
        let len = match kind {
            0 => values * 4,
            1 => values * 2,
            8 => values / 32 * 34,
            _ => values / 32 * 24,
        };
        let text = String::from_utf8(bytes[at..at + name].to_vec()).expect("name");
        tensors.insert(text, (kind, bytes[at + name..at + name + len].to_vec()));
        at += name + len;
    }
    tensors
}

#[test]
fn a_checkpoint_becomes_models_that_both_engines_load_and_ask() {
    let home = tempfile::tempdir().expect("temp dir");
    let from = file(&home, "toy.en.pt", &toy::checkpoint(&DIMS, &toy::tensors(&DIMS)));
    let models = home.path().join("models");
    let imported = bring(&models, &from, &ALL).expect("imported");
    let names: Vec<_> = imported.models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, ["toy.en", "toy.en-q8_0", "toy.en-q5_1", "ct2-toy.en-int8"]);
    assert_eq!((imported.sums[0].official, imported.sums[0].sha256.len()), (None, 64));
    let tone: Vec<f32> = (0..16_000).map(|i| (i as f32 * 0.3).sin() * 0.3).collect();
    for model in &imported.models {
        assert_eq!(verify(model).expect("sum"), Verified::Whole);
        let engine = crate::speech::load(model, 1).expect("loaded");
        let request = RecognitionRequest {
            samples: &tone,
            language: None,
            prompt: Some("Mr Smith"),
            context: 128,
            encoded: 128,
            beams: 1,
            max_tokens: 224,
            begin: &[],
        };
        engine.session().expect("session").transcribe(&request).expect("an answer");
    }
    let left = fs::read_dir(&models)
        .expect("folder")
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "part"));
    assert_eq!(left.count(), 0);
}

#[test]
fn the_numbers_of_a_checkpoint_come_out_exactly_or_within_their_blocks() {
    let home = tempfile::tempdir().expect("temp dir");
    let tensors = toy::tensors(&DIMS);
    let from = file(&home, "toy.pt", &toy::checkpoint(&DIMS, &tensors));
    let imported = bring(&home.path().join("models"), &from, &[Format::GgmlF16, Format::GgmlQ8_0]).expect("imported");
    let [plain, bytes] = [0, 1].map(|number| ggml_tensors(&imported.models[number].path));
    assert!(plain.keys().eq(tensors.keys()));
    for (name, (shape, values)) in &tensors {
        let mut expected = Vec::new();
        let (kind, data) = &plain[name];
        match kind {
            0 => expected.extend(values.iter().flat_map(|value| value.to_le_bytes())),
            _ => Blocks::F16.write(values, &mut expected).expect("fits"),
        }
        assert!(*data == expected, "{name}");
        assert_eq!(*kind == 0, shape.len() == 1 || name.ends_with("positional_embedding"), "{name}");
        let (kind, data) = &bytes[name];
        assert_eq!(*kind == 8, shape.len() == 2 && !name.ends_with("positional_embedding"), "{name}");
        if *kind == 8 {
            for (block, values) in data.chunks(34).zip(values.chunks(32)) {
                let scale = half::f16::from_le_bytes([block[0], block[1]]).to_f32();
                let near = |(byte, value): (&u8, &f32)| (f32::from(*byte as i8) * scale - value).abs() <= scale * 0.6;
                assert!(block[2..].iter().zip(values).all(near), "{name}");
            }
        }
    }
}

#[test]
fn a_hugging_face_folder_becomes_the_same_models_whole_or_in_shards() {
    let home = tempfile::tempdir().expect("temp dir");
    let tensors = toy::tensors(&DIMS);
    let sources = [
        file(&home, "toy.pt", &toy::checkpoint(&DIMS, &tensors)),
        hugging_face(&home, "whole", &tensors, 1),
        hugging_face(&home, "shards", &tensors, 3),
    ];
    let made = sources.map(|from| {
        let models = home.path().join("models").join(from.file_name().expect("name"));
        let imported = bring(&models, &from, &[Format::GgmlQ5_1, Format::Ct2Int8]).expect("imported");
        let folder = &imported.models[1].path;
        let files = ["model.bin", "config.json", "vocabulary.json", "tokenizer.json"]
            .map(|name| fs::read(folder.join(name)).expect(name));
        (fs::read(&imported.models[0].path).expect("ggml"), files, imported.sums.len())
    });
    assert!(made[0].0 == made[1].0 && made[1].0 == made[2].0, "the same ggml");
    assert!(made[0].1 == made[1].1 && made[1].1 == made[2].1, "the same folder of CTranslate2");
    assert_eq!([made[0].2, made[1].2, made[2].2], [1, 1, 3], "a sum for each file of weights");
}

#[test]
fn a_folder_says_itself_what_is_left_out_and_who_knows_the_time() {
    let home = tempfile::tempdir().expect("temp dir");
    let from = hugging_face(&home, "toy", &toy::tensors(&DIMS), 1);
    let hints = |text: &str| fs::write(from.join("generation_config.json"), text).expect("write");
    hints(r#"{"suppress_tokens": [1, 50360], "begin_suppress_tokens": null, "alignment_heads": [[0, 0]]}"#);
    let models = home.path().join("out");
    let imported = bring(&models, &from, &[Format::Ct2Int8]).expect("imported");
    let config = fs::read_to_string(imported.models[0].path.join("config.json")).expect("config");
    let config: serde_json::Value = serde_json::from_str(&config).expect("json");
    let expected = serde_json::json!({
        "suppress_ids": [1, 50360], "suppress_ids_begin": [220, 50256], "alignment_heads": [[0, 0]], "lang_ids": [],
    });
    assert_eq!(config, expected);
    for (text, problem) in [
        (r#"{"suppress_tokens": [60000]}"#, "60000"),
        (r#"{"alignment_heads": [[1, 0]]}"#, "alignment_heads"),
        ("[", "generation_config.json"),
    ] {
        hints(text);
        let found = refused(&home, &from);
        assert!(found.contains(problem), "{found}");
    }
}

#[test]
fn what_english_models_never_say_is_what_openai_lists_for_them() {
    let words = Words::english().expect("table");
    let never = words.never_said(&DIMS);
    // The list in OpenAI's own config of tiny.en at Hugging Face begins and ends so, and has 88 numbers with the special ones.
    assert_eq!(never[..12], [1, 2, 7, 8, 9, 10, 14, 25, 26, 27, 28, 29]);
    assert_eq!(never[never.len() - 8..], [47282, 49146, 50257, 50357, 50358, 50359, 50360, 50361]);
    assert_eq!((never.len(), words.never_first()), (90, vec![220, 50256]));
    let spelt = words.spelt(&DIMS);
    assert_eq!(
        (spelt.len(), spelt[50257].as_str(), spelt[50362].as_str()),
        (51_864, "<|startoftranscript|>", "<|notimestamps|>")
    );
    assert_eq!((spelt[50258].as_str(), spelt[51_863].as_str()), ("<|en|>", "<|30.00|>"));
}

#[test]
fn a_multilingual_checkpoint_says_which_table_it_wants_and_takes_it_from_a_ggml_model_too() {
    let home = tempfile::tempdir().expect("temp dir");
    let dims = Dims { n_vocab: 51_865, ..DIMS };
    let from = file(&home, "toy.pt", &toy::checkpoint(&dims, &toy::tensors(&dims)));
    let problem = refused(&home, &from);
    assert!(
        problem.contains("--vocabulary") && problem.contains("multilingual.tiktoken") && problem.contains("model pull"),
        "{problem}"
    );
    let english = Words::english().expect("table");
    let line = |(number, token): (usize, &Vec<u8>)| {
        use base64::Engine;
        format!("{} {number}\n", base64::engine::general_purpose::STANDARD.encode(token))
    };
    // As many tokens as the multilingual table has, the last of them empty, as there.
    let table: String = english.tokens.iter().enumerate().map(line).chain(["= 50256\n".to_string()]).collect();
    let table = file(&home, "multilingual.tiktoken", table.as_bytes());
    let with = |vocabulary: &Path, into: &str| {
        let wanted = Import { vocabulary: Some(vocabulary), formats: &Format::USUAL, ..Import::of(&from) };
        import(&home.path().join(into), &wanted, &mut |_, _| {})
    };
    let one = with(&table, "one").expect("imported");
    let again = with(&one.models[0].path, "two").expect("imported");
    assert!(fs::read(&one.models[0].path).expect("one") == fs::read(&again.models[0].path).expect("two"));
    let engine = crate::speech::load(&one.models[1], 1).expect("loaded");
    let request = RecognitionRequest {
        samples: &vec![0.0; 16_000],
        language: Some("es"),
        prompt: None,
        context: 128,
        encoded: 64,
        beams: 1,
        max_tokens: 224,
        begin: &[],
    };
    assert_eq!(
        engine.session().expect("session").transcribe(&request).expect("answer").language.as_deref(),
        Some("es")
    );
    let english = file(&home, "english.json", b"{\"a\": 0}");
    let problem = with(&english, "three").expect_err("another table").to_string();
    assert!(problem.contains("english.json") && problem.contains("multilingual Whisper"), "{problem}");
}

#[test]
fn a_checkpoint_that_is_cut_or_bent_anywhere_is_an_error_and_leaves_nothing() {
    let home = tempfile::tempdir().expect("temp dir");
    let whole = toy::checkpoint(&DIMS, &toy::tensors(&DIMS));
    for share in [0, 1, 20, 60, 99] {
        let cut = file(&home, "cut.pt", &whole[..whole.len() * share / 100]);
        assert!(refused(&home, &cut).contains("cut short"), "{share} %");
    }
    let mut bent = whole.clone();
    let middle = bent.len() / 2; // in the table of tokens, which is most of it
    bent[middle] ^= 1;
    assert!(refused(&home, &file(&home, "bent.pt", &bent)).contains("damaged: archive/data/"));
}

#[test]
fn a_checkpoint_that_wants_to_run_something_is_refused_by_the_name_of_it() {
    let home = tempfile::tempdir().expect("temp dir");
    let evidence = home.path().join("was-run");
    let mut entries = toy::entries(&DIMS, &toy::tensors(&DIMS));
    let command = format!("touch {}", evidence.display());
    let mut table = b"\x80\x02cposix\nsystem\nX".to_vec();
    table.extend((command.len() as u32).to_le_bytes());
    table.extend(command.bytes());
    table.extend(b"\x85R0");
    table.extend(&entries[0].1[2..]);
    entries[0].1 = table;
    let problem = refused(&home, &file(&home, "hostile.pt", &toy::archive(&entries)));
    assert!(problem.contains("\"posix.system\"") && problem.contains("nothing of it was run"), "{problem}");
    assert!(!evidence.exists());
}

#[test]
fn weights_that_are_no_whisper_are_refused_by_the_name_of_what_is_wrong() {
    let home = tempfile::tempdir().expect("temp dir");
    let sound = toy::tensors(&DIMS);
    let key = "decoder.blocks.0.attn.key.weight";
    let bent = |bend: &dyn Fn(&mut Tensors)| {
        let mut tensors = sound.clone();
        bend(&mut tensors);
        toy::checkpoint(&DIMS, &tensors)
    };
    let cases = [
        (bent(&|all| drop(all.remove(key))), "key.weight is missing"),
        (
            bent(&|all| drop(all.insert("encoder.lora.weight".into(), (vec![1], vec![1.0])))),
            "encoder.lora.weight is no part",
        ),
        (
            bent(&|all| drop(all.insert(key.into(), (vec![16, 64], vec![0.0; 1024])))),
            "[16, 64] where [32, 32] is wanted",
        ),
        (bent(&|all| all.get_mut(key).expect("key").1[5] = f32::NAN), "no numbers"),
        (toy::checkpoint(&Dims { n_audio_layer: 99, ..DIMS }, &sound), "no Whisper's architecture"),
        (toy::archive(&[("archive/data.pkl".into(), b"\x80\x02}.".to_vec())]), "no dims.n_mels"),
        (toy::archive(&[("readme.txt".into(), b"hello".to_vec())]), "no data.pkl"),
    ];
    for (bytes, expected) in &cases {
        let problem = refused(&home, &file(&home, "other.pt", bytes));
        assert!(problem.contains(expected), "{problem}");
    }
    let mut entries = toy::entries(&DIMS, &sound);
    entries[1].1 = b"big".to_vec();
    assert!(refused(&home, &file(&home, "big.pt", &toy::archive(&entries))).contains("big-endian"));
}

#[test]
fn a_hugging_face_folder_with_something_wrong_is_refused_by_the_file() {
    let home = tempfile::tempdir().expect("temp dir");
    let from = hugging_face(&home, "toy", &toy::tensors(&DIMS), 1);
    let weights = from.join("model.safetensors");
    let whole = fs::read(&weights).expect("weights");
    for (bytes, expected) in [
        (&whole[..whole.len() - 1], "model.safetensors: cut short"),
        (&whole[..6], "model.safetensors: cut short"),
        (&b"\xff\xff\xff\xff\xff\xff\xff\xff{}"[..], "no safetensors file"),
        (&b"\x02\0\0\0\0\0\0\0[]"[..], "description"),
    ] {
        fs::write(&weights, bytes).expect("write");
        let problem = refused(&home, &from);
        assert!(problem.contains(expected), "{problem}");
    }
    fs::remove_file(&weights).expect("remove");
    assert!(refused(&home, &from).contains("neither model.safetensors nor"));
    let outside = serde_json::json!({"weight_map": {"a": "../../etc/passwd"}}).to_string();
    fs::write(from.join("model.safetensors.index.json"), outside).expect("write");
    assert!(refused(&home, &from).contains("outside of the folder"));
    fs::write(from.join("config.json"), toy::config(&DIMS).to_string().replace("whisper", "bert")).expect("write");
    fs::write(&weights, &whole).expect("write");
    assert!(refused(&home, &from).contains("\"bert\""));
}
