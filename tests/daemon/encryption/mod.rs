//! Audio encrypted at rest, as somebody who takes the disk away meets it, and as callers and supervisors do: they notice nothing.

mod disk;

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use self::disk::{
    PATIENCE, bytes_of, call, configure, fetch, files_with, is_finished, is_sealed, keyed, new_key, noise, pour, run,
    samples_of, spool, stored,
};
use crate::bed::{self, Bed, speak, uuid_of};
use crate::privacy::say;

#[test]
fn a_spoken_call_is_encrypted_from_its_first_frame_and_becomes_the_same_text_without_its_card_number() {
    let Some(model) = bed::demo_model() else { return };
    let mut bed = Bed::new(&model.display().to_string(), "");
    new_key(&bed, "key");
    keyed(&bed, "key", &[]);
    let groups = ["four five three two", "zero one five one", "one two eight three", "zero three six six"];
    let mut sound: Vec<i16> = groups.iter().flat_map(|group| say(&bed, group)).collect();
    let digits = sound.len();
    sound.extend(say(&bed, "I want to cancel my contract."));
    bed.start();
    let mut stream = bed.dial(&uuid_of(1_795_218_045, 171, 2));
    speak(&mut stream, &sound[..digits]).expect("speak");
    bed.until("some of it is stored", PATIENCE, |bed| spool(bed).first().is_some_and(|path| stored(path) > 8000));
    assert_eq!(files_with(&bed, &sound), Vec::<PathBuf>::new(), "while the call runs");
    speak(&mut stream, &sound[digits..]).expect("speak");
    drop(stream);
    let call = bed.until_completed("1795218045.171");
    let text = call["cumulative_transcript"].as_str().unwrap_or_default().to_string();
    assert!(text.starts_with("[card]. [card]. [card]. [card]."), "{call}");
    assert!(bed::plain(&text).contains("cancel my contract"), "{text}");
    let heard = |bed: &Bed| samples_of(&fetch(bed, "1795218045.171", None).2);
    bed.until("the digits are silence", PATIENCE, |bed| heard(bed)[..digits].iter().all(|&s| s.abs() < 40));
    assert!(heard(&bed)[digits..].iter().any(|&sample| sample > 4000), "the rest can be heard");
    let path = spool(&bed).remove(0);
    assert!(is_sealed(&path) && is_finished(&path));
    assert_eq!(files_with(&bed, &sound), Vec::<PathBuf>::new(), "when it is over");
    bed.stop();
    let (code, said) = run(&bed, &["check", "--sound"]);
    assert!(code == Some(0) && said.contains(": 0 findings"), "{said}");
}

#[test]
fn a_growing_call_is_heard_while_it_runs_paused_and_after_a_kill_no_shorter_than_it_was_on_disk() {
    let mut bed = Bed::new("none", "");
    new_key(&bed, "key");
    keyed(&bed, "key", &[]);
    bed.start();
    let (first, second, third) = (noise(16_000, 1), noise(8000, 2), noise(8000, 3));
    let mut stream = bed.dial(&uuid_of(1_795_218_045, 172, 2));
    pour(&mut stream, &first);
    let reach = |bed: &Bed, samples: usize| {
        bed.until("it is on disk", PATIENCE, |bed| spool(bed).first().is_some_and(|path| stored(path) >= samples));
    };
    reach(&bed, 16_000);
    let id = "1795218045.172";
    bed.until("the call is known", PATIENCE, |bed| fetch(bed, id, None).0 == 200);
    let (_, told, part) = fetch(&bed, id, Some("bytes=10044-20043"));
    assert!(told.starts_with("bytes 10044-20043/"), "{told}");
    assert_eq!(part, bytes_of(&first[5000..10_000]), "a range of what still grows");
    assert!(bed.get(&format!("/api/v1/calls/{id}/peaks?buckets=10"))["duration"].as_f64() >= Some(2.0));
    assert_eq!(bed.ask("POST", &format!("/api/v1/calls/{id}/pause"), None).0, 200);
    pour(&mut stream, &second);
    reach(&bed, 24_000);
    assert_eq!(bed.ask("POST", &format!("/api/v1/calls/{id}/resume"), None).0, 200);
    // More than the stretch that a pause takes of what was on its way.
    pour(&mut stream, &noise(8000, 4));
    pour(&mut stream, &third);
    reach(&bed, 40_000);
    bed.crash();
    let path = spool(&bed).remove(0);
    let before = stored(&path);
    assert!(is_sealed(&path) && !is_finished(&path) && before >= 40_000);
    bed.start();
    let (status, _, wav) = fetch(&bed, id, None);
    let heard = samples_of(&wav);
    assert_eq!((status, heard.len()), (200, before), "nothing that was on disk is lost");
    assert_eq!(wav[40..44], ((wav.len() - 44) as u32).to_le_bytes(), "its header has the length that it came to");
    // The pause may begin one piece before what was counted.
    assert_eq!(heard[..15_200], first[..15_200]);
    assert!(heard[16_000..24_000].iter().all(|&sample| sample == 0), "the pause");
    assert_eq!(heard[32_000..40_000], third[..]);
    assert!(is_finished(&path), "and a missing end would be noticed now");
    assert_eq!(files_with(&bed, &[first, second, third].concat()), Vec::<PathBuf>::new());
    bed.stop();
}

#[test]
fn uploads_and_conversions_are_encrypted_and_equal_what_a_plain_lineside_gives() {
    let sound = noise(40_000, 5);
    let mut wav = bed::open_header(1);
    wav.extend(bytes_of(&sound));
    let heard = |encrypted: bool| {
        let mut bed = Bed::new("none", "");
        if encrypted {
            new_key(&bed, "key");
            keyed(&bed, "key", &[]);
        }
        bed.start();
        let form =
            [b"--x\r\ncontent-disposition: form-data; name=f; filename=a.wav\r\n\r\n", &wav[..], b"\r\n--x--\r\n"]
                .concat();
        let mut stream = TcpStream::connect(("127.0.0.1", bed.http)).expect("connect");
        let head = format!(
            "POST /upload HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-type: multipart/form-data; boundary=x\r\ncontent-length: {}\r\n\r\n",
            form.len()
        );
        stream.write_all(head.as_bytes()).expect("head");
        stream.write_all(&form[..60_000]).expect("most of it");
        let waiting = |bed: &Bed| std::fs::read_dir(bed.path("state/uploads")).into_iter().flatten().flatten().next();
        bed.until("some of it waits", PATIENCE, |bed| {
            waiting(bed).is_some_and(|file| file.metadata().is_ok_and(|meta| meta.len() > 10_000))
        });
        assert_eq!(is_sealed(&waiting(&bed).expect("a file").path()), encrypted);
        stream.write_all(&form[60_000..]).expect("the rest");
        let answer = String::from_utf8_lossy(&bed::read_all(&mut stream)).into_owned();
        let call =
            answer.split("\"call_id\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect(&answer).to_string();
        std::fs::write(bed.path("monitor/call-1795218045.173-in.wav"), &wav).expect("recording");
        let recording = "1795218045.173";
        bed.until("both can be heard", PATIENCE, |bed| {
            [&call, recording].iter().all(|call| fetch(bed, call, None).2.len() == wav.len())
        });
        let cached: Vec<PathBuf> =
            std::fs::read_dir(bed.path("state/cache")).expect("cache").flatten().map(|file| file.path()).collect();
        assert!(!cached.is_empty() && cached.iter().chain(&spool(&bed)).all(|path| is_sealed(path) == encrypted));
        assert_eq!(files_with(&bed, &sound).is_empty(), encrypted);
        let mut all = Vec::new();
        for call in [call.as_str(), recording] {
            for range in [
                None,
                Some("bytes=0-43"),
                Some("bytes=4000-70001"),
                Some("bytes=-3"),
                Some("bytes=80043-"),
                Some("bytes=99999-"),
            ] {
                all.push(fetch(&bed, call, range));
            }
            let peaks = bed.get(&format!("/api/v1/calls/{call}/peaks?buckets=37"));
            all.push((0, peaks["peaks"].to_string() + &peaks["duration"].to_string(), Vec::new()));
        }
        bed.stop();
        all
    };
    let (encrypted, plain) = (heard(true), heard(false));
    assert!(
        encrypted == plain,
        "{:?}",
        encrypted.iter().zip(&plain).map(|(one, other)| (one.0, &one.1, one == other)).collect::<Vec<_>>()
    );
    assert_eq!(samples_of(&plain[0].2), sound);
    assert_eq!(plain[5].0, 416);
}

#[test]
fn a_wrong_key_locks_what_it_locks_and_nothing_else() {
    let mut bed = Bed::new("none", "");
    let (sounds, id) = ([noise(9000, 6), noise(9000, 7), noise(9000, 8)], |n: usize| format!("1795218045.{}", 180 + n));
    bed.start();
    call(&bed, 180, &sounds[0]);
    bed.stop();
    let first = new_key(&bed, "first");
    keyed(&bed, "first", &[]);
    bed.start();
    call(&bed, 181, &sounds[1]);
    bed.stop();
    let second = new_key(&bed, "second");
    keyed(&bed, "second", &[]);
    bed.start();
    call(&bed, 182, &sounds[2]);
    let files = spool(&bed);
    let locked = std::fs::read(&files[1]).expect("read");
    for (number, file) in files.iter().enumerate() {
        let (status, _, body) = fetch(&bed, &id(number), None);
        assert_eq!(is_sealed(file), number > 0);
        if number == 1 {
            let said = String::from_utf8_lossy(&body).into_owned();
            assert_eq!(status, 404);
            for part in [&first, &file.display().to_string(), &"old_audio_keys".to_string()] {
                assert!(said.contains(part), "{part}: {said}");
            }
        } else {
            assert_eq!((status, samples_of(&body)), (200, sounds[number].clone()), "{number}");
        }
    }
    let backup = bed.path("backup").display().to_string();
    let (_, said) = run(&bed, &["backup", &backup]);
    assert!(
        said.contains("2 sound files in it are encrypted") && said.contains("THE KEY IS NOT IN THE BACKUP"),
        "{said}"
    );
    assert!(!said.contains("gone or unreadable"), "{said}");
    bed.stop();
    let (code, said) = run(&bed, &["check"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("1 sound files are encrypted with the key") && said.contains(&first) && !said.contains(&second),
        "{said}"
    );
    let (_, said) = run(&bed, &["check", "--repair"]);
    assert!(said.contains(&first), "{said}");
    assert_eq!(std::fs::read(&files[1]).expect("still there"), locked, "nobody has touched it");

    keyed(&bed, "second", &["first"]);
    bed.start();
    for (number, sound) in sounds.iter().enumerate() {
        assert_eq!(samples_of(&fetch(&bed, &id(number), None).2), *sound, "{number}");
    }
    bed.stop();
    let (code, said) = run(&bed, &["check", "--sound"]);
    assert_eq!(code, Some(0), "{said}");
    // Damage is told by name, and by its stretch.
    let mut bytes = locked;
    bytes[6000] ^= 1;
    std::fs::write(&files[1], bytes).expect("write");
    let (code, said) = run(&bed, &["check", "--sound"]);
    assert!(code == Some(1) && said.contains(&files[1].display().to_string()) && said.contains("byte 0"), "{said}");
}

#[test]
fn a_call_whose_key_is_away_waits_for_it_and_can_be_forgotten_without_it() {
    let mut bed = Bed::new("none", "");
    new_key(&bed, "first");
    new_key(&bed, "second");
    keyed(&bed, "first", &[]);
    bed.start();
    let sound = noise(16_000, 9);
    let mut stream = bed.dial(&uuid_of(1_795_218_045, 190, 2));
    pour(&mut stream, &sound);
    let path = |bed: &Bed| spool(bed).remove(0);
    bed.until("it is on disk", PATIENCE, |bed| spool(bed).first().is_some_and(|path| stored(path) >= 16_000));
    bed.until("its row is", PATIENCE, |bed| bed.try_get("/api/v1/calls/1795218045.190").is_some());
    bed.crash();
    let before = std::fs::read(path(&bed)).expect("read");
    keyed(&bed, "second", &[]);
    bed.start();
    assert!(bed.log().contains("call 1795218045.190 was not over"), "{}", bed.log());
    call(&bed, 191, &noise(8000, 10));
    bed.stop();
    assert_eq!(std::fs::read(path(&bed)).expect("read"), before, "left as it was");
    keyed(&bed, "second", &["first"]);
    bed.start();
    assert_eq!(samples_of(&fetch(&bed, "1795218045.190", None).2)[..16_000], sound);
    assert!(is_finished(&path(&bed)));
    bed.stop();
    keyed(&bed, "second", &[]);
    let file = path(&bed);
    let (code, said) = run(&bed, &["forget", "--yes", "--call", "1795218045.190"]);
    assert!(code == Some(0) && said.contains("1 sound files"), "{said}");
    assert!(!file.exists() && spool(&bed).len() == 1, "its file and no other");
}

#[test]
fn a_key_is_made_for_one_reader_and_without_it_nothing_is_stored_plain() {
    let mut bed = Bed::new("none", "");
    let doctor = |bed: &Bed| {
        let (_, said) = run(bed, &["doctor"]);
        said.lines().filter(|line| line.contains(" encryption ")).collect::<Vec<_>>().join("\n")
    };
    assert!(doctor(&bed).contains("off"), "{}", doctor(&bed));
    let id = new_key(&bed, "key");
    assert_eq!(std::fs::metadata(bed.path("key")).expect("key").permissions().mode() & 0o777, 0o600);
    let before = std::fs::read(bed.path("key")).expect("read");
    let (code, said) = run(&bed, &["key", "new", &bed.path("key").display().to_string()]);
    assert!(code == Some(1) && said.contains("never overwritten"), "{said}");
    assert_eq!(std::fs::read(bed.path("key")).expect("read"), before);
    keyed(&bed, "key", &[]);
    assert!(doctor(&bed).starts_with("ok") && doctor(&bed).contains(&id), "{}", doctor(&bed));
    std::fs::set_permissions(bed.path("key"), std::fs::Permissions::from_mode(0o644)).expect("chmod");
    assert!(
        doctor(&bed).contains("BAD  encryption     every user of this machine can read the key"),
        "{}",
        doctor(&bed)
    );

    keyed(&bed, "no-such-key", &[]);
    let (code, said) = run(&bed, &["serve"]);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("no-such-key") && said.contains("lineside key new"), "{said}");
    configure(&bed, "audio_key = \"lineside.audio-key\"");
    let (code, said) = run(&bed, &["serve"]);
    assert!(code == Some(78) && said.contains("LoadCredential"), "{said}");
    assert!(spool(&bed).is_empty());

    // As the unit passes it.
    std::fs::create_dir(bed.path("credentials")).expect("mkdir");
    std::fs::copy(bed.path("key"), bed.path("credentials/lineside.audio-key")).expect("copy");
    bed.launcher = vec!["env".into(), format!("CREDENTIALS_DIRECTORY={}", bed.path("credentials").display())];
    bed.start();
    let sound = noise(8000, 11);
    let id = call(&bed, 195, &sound);
    assert!(is_sealed(&spool(&bed)[0]));
    assert_eq!(samples_of(&fetch(&bed, &id, None).2), sound);
    bed.stop();
}
