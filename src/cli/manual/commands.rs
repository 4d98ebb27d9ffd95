//! Examples, exit status and files, command by command.

use std::fmt::Write as _;

/// Exit statuses that commands have in common.
const STATUS: &[(u8, &str)] = &[
    (0, "it was done; also when there was nothing to show"),
    (1, "it could not be done; the reason is on stderr"),
    (2, "the command line is wrong"),
    (78, "configuration, pack, key or database cannot be used"),
];

/// Files that commands read or write.
pub(super) const FILES: &[(&str, &str)] = &[
    ("/etc/lineside/lineside.toml", "configuration; see lineside.toml(5)"),
    ("/etc/lineside/conf.d/*.toml", "your own settings, read after it in order of name"),
    ("/etc/lineside/packs/*.toml", "your own keywords, rules and criteria"),
    ("/etc/lineside/admin.token", "the first token, for the page and for TCP"),
    ("/run/lineside/api.sock", "the daemon's API; its group, lineside, may use it"),
    ("/var/lib/lineside/lineside.db", "the database"),
    ("/var/lib/lineside/models", "speech models"),
];

/// What is said of a command.
pub(super) struct Manual {
    /// Its words after `lineside`: `calls delete`; empty for the program itself.
    pub(super) command: &'static str,
    /// Command lines, and what they are for.
    pub(super) examples: &'static [(&'static str, &'static str)],
    /// Exit statuses besides 0, 1 and 2 as [`STATUS`] has them, or in their place.
    status: &'static [(u8, &'static str)],
}

impl Manual {
    /// All exit statuses, in order.
    pub(super) fn statuses(&self) -> Vec<(u8, &'static str)> {
        let mut all = self.status.to_vec();
        all.extend(STATUS.iter().filter(|(code, _)| self.status.iter().all(|(other, _)| other != code)));
        all.sort_unstable();
        all
    }

    /// As it stands at the end of `--help`.
    pub(super) fn help(&self, notes: &str) -> String {
        let mut text = String::new();
        if !notes.is_empty() {
            text.push_str(notes);
            text.push_str("\n\n");
        }
        text.push_str("Examples:");
        for (line, says) in self.examples {
            let _ = write!(text, "\n  {line}\n      {says}"); // a String takes everything
        }
        text.push_str("\n\nExit status:");
        for (code, says) in self.statuses() {
            let _ = write!(text, "\n  {code:<3} {says}");
        }
        text
    }
}

/// What is said of a command, by its words.
pub(super) fn manual(words: &str) -> Option<&'static Manual> {
    MANUALS.iter().find(|manual| manual.command == words)
}

const FAILED_SOME: &[(u8, &str)] = &[(1, "not all of it was done; each line says which and why")];

macro_rules! manual {
    ($command:literal, [$($line:literal => $says:literal),* $(,)?]) => { manual!($command, [$($line => $says),*], &[]) };
    ($command:literal, [$($line:literal => $says:literal),* $(,)?], $status:expr) => {
        Manual { command: $command, examples: &[$(($line, $says)),*], status: $status }
    };
}

/// All of them.
pub(super) const MANUALS: &[Manual] = &[
    manual!("", [
        "lineside doctor" => "what is wrong with this box, and how to mend it",
        "lineside calls --state active" => "the calls that are running",
        "lineside tail" => "what is being said, as it is said",
    ]),
    manual!("serve", [
        "lineside serve" => "run the daemon as the unit does, until SIGTERM",
        "lineside serve --config ./lineside.toml" => "run it with a configuration of your own, as any user",
    ]),
    manual!("eagi", [
        "lineside eagi leg=caller campaign=sales" => "what EAGI(/usr/bin/lineside,eagi,leg=caller,campaign=sales) runs",
    ]),
    manual!("agi", [
        "lineside agi" => "what AGI(/usr/bin/lineside,agi) runs",
        "lineside agi 1795218045.12" => "the same of another call",
    ], &[(0, "always: LINESIDE_STATUS says what became of it")]),
    manual!("analyze", [
        "lineside analyze recording.wav" => "text, keywords and sentiment of a recording",
        "lineside analyze --json *.gsm > texts.jsonl" => "a JSON object for each of many",
        "lineside analyze --no-text recording.wav" => "only where somebody speaks",
    ], &[(1, "not all of them could be read")]),
    manual!("score", [
        "lineside score --explain < lines.txt" => "a score for each line, with the words that made it",
        "lineside score --pack ./mine.toml < lines.txt" => "with a pack of your own",
    ]),
    manual!("calls", [
        "lineside calls --state active" => "the calls that are running",
        "lineside calls --since yesterday --until yesterday --all" => "all of yesterday",
        "lineside calls --phone 7946-0958" => "by a telephone number, or its end",
        "lineside calls --agent mary --max-sentiment -0.3 --tsv" => "for a script",
    ]),
    manual!("calls tag", [
        "lineside calls tag refund 1795218045.12" => "put a tag on a call",
        "lineside calls tag --remove refund 1795218045.12" => "take it off",
    ], FAILED_SOME),
    manual!("calls reprocess", [
        "lineside calls reprocess 1795218045.12" => "transcribe a call again",
        "lineside calls reprocess --vad 1795218045.12" => "the same, with its utterances found anew",
    ], FAILED_SOME),
    manual!("calls delete", [
        "lineside calls delete --dry-run 1795218045.12" => "what would be erased",
        "lineside calls delete --yes 1795218045.12" => "erase it without being asked",
    ], FAILED_SOME),
    manual!("process", [
        "lineside process 1795218045.12" => "all stages of a call again",
        "lineside process --stage summary 1795218045.12" => "one of them",
        "lineside process --vad 1795218045.12" => "all of them, with its utterances found anew",
        "lineside process --status 1795218045.12" => "how far they are",
    ], FAILED_SOME),
    manual!("pack", [
        "lineside pack check /etc/lineside/packs/*.toml" => "whether your packs can be used",
    ]),
    manual!("pack check", [
        "lineside pack check /etc/lineside/packs/*.toml" => "every mistake, with its line and column",
    ]),
    manual!("pack try", [
        "lineside pack try mine.toml --days 7" => "what it would have changed in a week's calls",
    ]),
    manual!("show", [
        "lineside show 1795218045.12" => "a call and its text",
        "lineside show --tsv 1795218045.12" => "its text for a script",
    ]),
    manual!("transcript", [
        "lineside transcript 1795218045.12" => "what was said, by the call's id",
        "lineside transcript --phone '+44 20 7946 0958' --limit 5" => "the last five calls with a number",
        "lineside transcript --lead 876409 --tsv --header" => "for a script",
    ], &[(0, "a call was found"), (3, "no call was found")]),
    manual!("search", [
        "lineside search cancel contract" => "where both words were said",
        "lineside search 'cancel my contract' --since 7d" => "in a row, in the last seven days",
        "lineside search 'refund*' --agent mary --leg caller --tsv" => "for a script",
    ]),
    manual!("alerts", [
        "lineside alerts --open --level critical" => "what nobody has taken yet",
        "lineside alerts --since today --tsv --all" => "for a script",
    ]),
    manual!("alerts ack", [
        "lineside alerts ack 17 18 --by mary" => "take two alerts",
    ]),
    manual!("agent", [
        "lineside agent" => "the agents of the last seven days",
        "lineside agent mary --days 30" => "one agent, day by day",
    ]),
    manual!("coverage", [
        "lineside coverage" => "what of today somebody has to look after",
        "lineside coverage --day yesterday --all --tsv" => "every call of yesterday, for a script",
    ], &[
        (0, "every call has its recording and its text"),
        (1, "some have not, or the daemon could not be asked"),
        (2, "the dialer could not be asked about this day, or the command line is wrong"),
    ]),
    manual!("reviews", [
        "lineside reviews" => "the agreement of the last 30 days, and the disputes that are open",
        "lineside reviews --since 7d --campaign SALES --json" => "for a script",
    ]),
    manual!("notify", ["lineside notify test" => "send a test by every notifier"]),
    manual!("notify test", [
        "lineside notify test" => "by every notifier",
        "lineside notify test supervisors" => "by one",
    ], &[(1, "not all of them took it")]),
    manual!("vici", ["lineside vici urls --host 10.0.0.5" => "the URLs to paste into ViciDial"]),
    manual!("vici urls", [
        "lineside vici urls --host 10.0.0.5 --token-file vicidial.token" => "with the token in them",
    ]),
    manual!("vici sent", [
        "lineside vici sent --dry-run" => "what would be told to ViciDial",
        "lineside vici sent --state given_up" => "what it did not take",
    ]),
    manual!("tail", [
        "lineside tail" => "every call, from now on",
        "lineside tail --call 1795218045.12" => "one call",
        "lineside tail --json --after 0 | jq ." => "all messages that are kept, for a script",
    ]),
    manual!("fetch", [
        "lineside fetch" => "what is fetched, and what waits",
        "lineside fetch --wait 1795218045.12" => "fetch a recording and wait for it",
        "lineside fetch --file calls.txt --remote pbx2" => "those of a list",
    ], &[(1, "some were refused or given up")]),
    manual!("tap", [
        "lineside tap PJSIP/1001-0000002a" => "listen to both sides of a channel's call",
        "lineside tap --rate 16000 1795218045.12" => "the same in wide band",
    ]),
    manual!("taps", ["lineside taps" => "the calls that are tapped"]),
    manual!("untap", ["lineside untap 1795218045.12" => "stop listening"]),
    manual!("token", ["lineside token add mary --scope read,operate" => "a token for a supervisor"]),
    manual!("token add", [
        "lineside token add mary --scope read,operate" => "for a supervisor; it is shown once",
        "lineside token add sales --campaign SALES --expires 90d" => "for one campaign, for a while",
        "lineside token add vicidial --scope ingest --out vicidial.token" => "for a machine, into a file",
        "lineside token add mary-desk --agent mary" => "for an agent's own page",
    ]),
    manual!("token list", ["lineside token list" => "who may come in, and when they last did"]),
    manual!("token revoke", ["lineside token revoke mary" => "refuse it from the next request on"]),
    manual!("audit", [
        "lineside audit --call 1795218045.12" => "who read, played or exported a call",
        "lineside audit --who mary --limit 200" => "what somebody did",
    ]),
    manual!("key", ["lineside key new /etc/lineside/audio.key" => "a key for audio on disk"]),
    manual!("key new", [
        "lineside key new /etc/lineside/audio.key" => "into a file; keep a copy elsewhere",
        "lineside key new - | systemd-creds encrypt - lineside.audio-key" => "as a credential of systemd; docs/operations.md has all of it",
    ]),
    manual!("model", ["lineside model list" => "what is here, and what can be fetched"]),
    manual!("model list", ["lineside model list" => "what is here, and what can be fetched"]),
    manual!("model pull", [
        "lineside model pull ct2-base.en-int8" => "English, on a CPU with AVX2",
        "lineside model pull base.en-q8_0" => "English, on any CPU",
        "lineside model pull mine --url https://example.com/mine.bin" => "from elsewhere",
    ]),
    manual!("model import", [
        "lineside model import ./small.en.pt" => "convert weights for both engines",
        "lineside model import ./ggml-base.bin --name base" => "take a file that an engine reads",
    ]),
    manual!("model verify", ["lineside model verify" => "compare all models with their checksums"], &[(1, "a model is damaged, or could not be read")]),
    manual!("model bench", [
        "lineside model bench" => "what each model costs here",
        "lineside model bench base.en-q8_0 --audio speech.wav" => "with a recording of your own",
    ]),
    manual!("model recommend", ["lineside model recommend --agents 20" => "which model this box should have"]),
    manual!("model path", ["lineside model path base.en-q8_0" => "where it is"]),
    manual!("forget", [
        "lineside forget --phone '+44 20 7946 0958' --dry-run" => "which calls it would erase",
        "lineside forget --phone '+44 20 7946 0958'" => "erase them, after a question, and prove it",
        "lineside forget --call 1795218045.12 --yes --json" => "for a script",
    ], &[(1, "it could not be done, or something is left over")]),
    manual!("backup", ["lineside backup /srv/backup/lineside-monday" => "copy everything while the daemon runs"]),
    manual!("restore", ["lineside restore /srv/backup/lineside-monday" => "bring it back, with the daemon stopped"]),
    manual!("check", [
        "lineside check" => "look, and change nothing",
        "lineside check --repair" => "mend what can be mended",
    ], &[(1, "something is wrong and not mended")]),
    manual!("doctor", [
        "lineside doctor" => "what is wrong, why it matters, and the mend",
        "lineside doctor --json" => "for a script",
    ], &[(1, "something is wrong"), (78, "the configuration cannot be used; nothing else was looked at")]),
    manual!("setup", [
        "lineside setup" => "ask four questions and write the answers",
        "lineside setup --yes --dry-run" => "what it would write with what it finds",
        "lineside setup --yes --folder /srv/calls --agents 20 --proxy none" => "without questions",
    ]),
    manual!("bench", [
        "lineside bench legs --legs 100" => "can this box take 100 legs",
        "lineside bench governor" => "what agents would see on machines of other sizes",
    ]),
    manual!("openapi", [
        "lineside openapi > openapi.json" => "the API as OpenAPI 3.1",
        "lineside openapi --feeds > asyncapi.json" => "its feeds as AsyncAPI 3.0",
    ]),
];
