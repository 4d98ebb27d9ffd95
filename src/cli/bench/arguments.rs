//! What `lineside bench` takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Args)]
#[command(after_help = "Starts its own daemon; the running one is not touched.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(in crate::cli) struct BenchArguments {
    /// What to measure [default: all]
    pub(super) what: Vec<What>,
    /// AudioSocket legs at a time
    #[arg(long, default_value_t = 300)]
    pub(super) legs: usize,
    /// Seconds of audio on each
    #[arg(long, default_value_t = 20)]
    pub(super) seconds: u64,
    /// Speech to send, or for engine to recognise: a WAV of 8 kHz [default: a synthetic voice]
    #[arg(long)]
    pub(super) audio: Option<PathBuf>,
    /// Calls in the database for the queries; calls at a time for live
    #[arg(long, default_value_t = 10_000)]
    pub(super) calls: i64,
    /// Segments in each call of the database
    #[arg(long, default_value_t = 20)]
    pub(super) segments: i64,
    /// For queries: a folder that keeps the filled database for the next time
    #[arg(long)]
    pub(super) database: Option<PathBuf>,
    /// For live: a folder of pairs NAME-agent.wav and NAME-caller.wav, 8 kHz
    #[arg(long)]
    pub(super) pairs: Option<PathBuf>,
    /// For live: a file for every message of the feed, one a line: seconds of the call, call, leg, kind, where it begins, text ("stable | rest")
    #[arg(long)]
    pub(super) feed: Option<PathBuf>,
    /// For live: inferences at a time
    #[arg(long, default_value_t = 1)]
    pub(super) workers: usize,
    /// CPUs for the daemon, as `taskset -c` takes them; the bench itself stays where it is
    #[arg(long)]
    pub(super) cpu: Option<String>,
    /// For pbx: what each of its eight threads has to do every 20 ms, in microseconds
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(..20_000))]
    pub(super) work_us: u64,
    /// Texts for the sentiment bench, one a line
    #[arg(long)]
    pub(super) texts: Option<PathBuf>,
    /// A Python that has vaderSentiment, to compare with
    #[arg(long)]
    pub(super) python: Option<PathBuf>,
    /// For accuracy: a folder of recordings with their text beside them (FILE.txt, FILE.json), or a folder of such folders
    #[arg(long)]
    pub(super) recordings: Option<PathBuf>,
    /// For accuracy, live and engine: model names or paths [default: that of the configuration; for engine all that are installed]
    #[arg(long)]
    pub(super) model: Vec<String>,
    /// For accuracy: each recording is one window of the model, of 30 s at most
    #[arg(long)]
    pub(super) whole: bool,
    /// For accuracy: each model with RNNoise in front of it too
    #[arg(long)]
    pub(super) denoise: bool,
    /// For accuracy: what the models write instead of figures, one JSON object a recording and model; no text need stand beside it
    #[arg(long, conflicts_with_all = ["whole", "denoise"])]
    pub(super) heard: bool,
    /// For accuracy: a rule of the recogniser that is changed, NAME=VALUE
    #[arg(long, hide = true, value_name = "NAME=VALUE")]
    pub(super) rule: Vec<String>,
    /// One JSON object a bench; for accuracy one a set and model
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum What {
    /// AudioSocket legs in real time with VAD: frames lost, CPU
    Legs,
    /// Memory of an idle daemon without a model
    Memory,
    /// List, transcript and search at many calls
    Queries,
    /// Texts a second
    Vader,
    /// Stages of an hour's call and of one with 10,000 segments, transcription apart; their export
    Stages,
    /// What 20, 50 and 200 agents would see on 2, 8 and 32 cores, by a simulation of the governor
    Governor,
    /// Live calls at a time, two legs each in real time: lag of their text, CPU, memory (wants --pairs and --model)
    Live,
    /// Wake-up latency of threads like a telephone system's, without a daemon
    Pbx,
    /// Words that models get wrong on recordings whose text is known
    Accuracy,
    /// Both engines on this machine, to choose one (the same as `lineside model bench`)
    Engine,
}
