"""Cost as work grows: each figure at 1, 2, 4, 8 … up to failure, as tables (curves.md) and a plot (curves.svg). Drawn by `packaging/bench --full`, alone by
`packaging/bench --full --only curves`; with more words, as in `--only curves wake-ups`, those whose title has one of them, and the others stay as they were."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common import RATE, mixed, pairs, write_wav

SECONDS = 25
# Why each curve bends where it does.
REASONS = {
    "live": "Flat while the core has time left: the lag is the silence that endpointing waits for, and one inference. CPU for each call falls at first, "
    "because what the daemon costs without calls is shared, and because utterances that wait together are decoded as one batch. When the core is "
    "used up, the queue grows as long as the run lasts and the governor leaves work out; there the curve ends. Memory rises in steps where "
    "batches are full.",
    "tutorial": "Flat at half a chunk (speech waits for the chunk's end) and the model's time. Where a chunk takes longer than it lasts, each one waits for "
    "all before it.",
    "final": "A short call is one window and costs what a full window costs. From two minutes on, a second of call costs the same.",
    "legs": "A straight line up to a thousand: each frame is read, counted, written and passed through the VAD by itself. Above that the daemon's core is"
    " full, or the bench's sender, alone on the other core, is later than connecting explains (last column); those rows show the sender's limit. "
    "Nothing is lost; what comes late in bursts costs memory.",
    "pbx": "While the telephone system needs little, nine of ten of its wake-ups find a CPU at once, whoever else is there. From two fifths of the CPUs "
    "on, its threads wait beside faster-whisper, which has the same right to each CPU; lineside's unit has a fifth of that weight. At four fifths"
    " the telephone system needs about what that weight leaves it, five sixths. Then a wake-up may have to wait for the end of lineside's time "
    "slice, some 3 ms (judged by its size; not traced). A figure above the period of 20,000 us means that the telephone system does not keep up "
    "at all: it would grow with the length of the run, here 3 s.",
    "queries": "Lists and transcripts are read by index, and a search stops at its limit, so they cost the same in a large database. The list's p99, the "
    "tenth slowest of a thousand, is mostly the first query of each of seven campaigns, whose calls are read into an empty cache. The others are "
    "short stalls at different places in each run.",
    "vader": "lineside: longer texts cost the same for each word, because it is one pass over the words that looks at most three words back. "
    "vaderSentiment's cost of a word grows with the text.",
}


# Begins the line under a table that tells its day.
MEASURED = "Measured on "

# Stands between what people write and the tables.
PICTURE = "![curves](curves.svg)"

# Stands above the tables of a folder that has none yet.
HEAD = [
    "# Cost as work grows",
    "",
    "Made by `packaging/bench --full`; the machine and its load are in that command's first line.",
    "",
    "Live calls and final passes are those of the demo model widened to a shape, tiny.en or base.en (`tests/bench/models.py`): text as long as what is said, at "
    "the shape's cost. OpenAI's own weights on real speech cost more; `packaging/bench --only real` measures them.",
]


@dataclass
class Measured:
    header: list
    rows: list
    day: str


def doubling(first, limit):
    number = first
    while number <= limit:
        yield number
        number *= 2


def live(bench, shape):
    """Calls, ms of CPU a second of call, lag p50 and p95, RSS, step."""
    rows = []
    for calls in doubling(1, 512):
        run = bench.ours_live(shape, calls, SECONDS)
        rows.append((calls, run["cpu_ms_per_call_s"], run["lag_p50_s"], run["lag_p95_s"], run["rss_mb"], run["worst_step"]))
        if run["lag_p95_s"] > 3 or run["worst_step"] > 1:
            break
    return rows


def tutorial(bench, shape):
    rows = []
    for calls in doubling(1, 128):
        run = bench.theirs_live(shape, calls, SECONDS)
        rows.append((calls, run["cores"] * 1000 / calls, run["lag_p50_s"], run["lag_p95_s"], run["rss_mb"]))
        if run["chunk_lag_p95_s"] > 3 or run["missed"]:
            break
    return rows


def final(bench, shape):
    """Minutes of call, seconds of call per CPU second of both."""
    calls, rows = [mixed(pair) for pair in pairs(bench.pairs)], []
    bench.long_call()
    for count in doubling(1, 8):
        file = bench.temporary / f"final-{count}.wav"
        write_wav(file, np.concatenate([calls[number % len(calls)] for number in range(count)]))
        seconds = (file.stat().st_size - 44) / 2 / RATE
        rows.append((round(seconds / 60, 1), seconds / bench.final_ours(shape, file), seconds / bench.final_theirs(shape, file, 5)))
    return rows


def legs(bench):
    rows = []
    audio = sorted(Path(bench.pairs).glob("*-agent.wav"))[0]
    for count in doubling(125, 8000):
        command = [bench.lineside, "bench", "legs", "--json", "--legs", count, "--seconds", 10, "--audio", audio, "--cpu", bench.core]
        try:
            run = bench.ask(["taskset", "-c", bench.other, *command])
        except RuntimeError as problem:
            bench.say(f"  {count} legs: {problem}")
            break
        rows.append((count, run["cores"], run["rss_mb"], round(run["lost"], 3), run["sender_late_ms"]))
        if rows[-1][3] or run["cores"] > 0.97 or run["sender_late_ms"] > 5000:
            break
    return rows


def pbx(bench):
    """Percent of the CPUs that the telephone system needs, p90 in us alone and beside both."""
    import pbx
    from groups import NoGroups, unit_limits

    calls = [mixed(pair) for pair in pairs(bench.pairs)]
    limits = unit_limits(Path(__file__).resolve().parents[2] / "systemd/lineside.service")
    folder = bench.temporary / "pbx-curve"
    folder.mkdir()
    shares = [*doubling(5, 80)]
    try:
        measured = pbx.measure(bench.lineside, bench.model("tiny.en"), bench.peer_model("tiny.en"), calls, folder, limits, 3, 3, [pbx.work_us(share) for share in shares])
    except NoGroups as reason:
        bench.say(f"  no curve of the telephone system: {reason}")
        return []
    return [(share, *(found[name]["p90_us"] for name in ("idle", "lineside", "peer"))) for share, found in zip(shares, measured)]


def queries(bench):
    """Calls of 30 segments, p99 of list, transcript and search in ms, segments inserted a second; one database that grows."""
    rows = []
    for calls in [*doubling(1000, 64_000), 100_000]:
        command = [bench.lineside, "bench", "queries", "--json", "--calls", calls, "--segments", 30, "--database", bench.temporary / "growing"]
        run = bench.ask(command, 1800)
        p99 = {query["what"]: query["p99_ms"] for query in run["queries"]}
        rows.append((calls, p99["list"], p99["transcript"], p99["search"], run["inserts_per_s"]))
    return rows


def vader(bench):
    """Words in a text, words a second of both, in thousands."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    score, rows = SentimentIntensityAnalyzer().polarity_scores, []
    for count in doubling(8, 1024):
        texts = [" ".join(["the service was not very good and I am angry"] * (count // 8))] * max(4, 4000 // count)
        words = sum(len(text.split()) for text in texts)
        began = time.perf_counter()
        for text in texts:
            score(text)
        theirs = words / (time.perf_counter() - began)
        command = [bench.lineside, "score", "--lexicon", "vader", "--measure", "10"]
        run = subprocess.run(command, input="\n".join(texts) + "\n", stdout=subprocess.PIPE, check=True, text=True)
        rows.append((count, json.loads(run.stdout)["texts_per_s"] * words / len(texts) / 1000, theirs / 1000))
    return rows


def number(cell):
    try:
        return int(cell)
    except ValueError:
        return float(cell)


def kept(file, titles):
    """What stands above the tables of an earlier run, which people write (figures of real weights among it, of other commands); and those tables by their
    titles: heads, rows of numbers, and when they were measured."""
    above, tables, title = [], {}, None
    for line in file.read_text().splitlines() if file.exists() else []:
        cells = line.strip("| ").split(" | ")
        if line.startswith("## "):
            title = line[3:]
        elif title is None:
            above.append(line)
        elif title not in titles:
            continue
        elif line.startswith("| ") and title in tables:
            tables[title].rows.append(tuple(map(number, cells)))
        elif line.startswith("| "):
            tables[title] = Measured(cells, [], "")
        elif line.startswith(MEASURED) and title in tables:
            tables[title].day = line.removeprefix(MEASURED)
    while above and above[-1] in ("", PICTURE):
        above.pop()
    return above or HEAD, tables


def draw(bench, out, only=()):
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    lag = ["calls", "ms of CPU a second of call", "lag p50, s", "lag p95, s", "RSS, MB"]
    jobs = []
    for shape in ("tiny.en", "base.en"):
        jobs.append((f"Live calls, shape of {shape}, lineside on one core", "live", [*lag, "step"], (3, 1), lambda shape=shape: live(bench, shape)))
        jobs.append((f"Live calls, shape of {shape}, the tutorial's way on one core", "tutorial", lag, (3, 1), lambda shape=shape: tutorial(bench, shape)))
        jobs.append((f"Final pass, shape of {shape}, s of call per CPU s", "final", ["minutes of call", "lineside", "faster-whisper"], (1, 2), lambda shape=shape: final(bench, shape)))
    jobs += [
        ("AudioSocket legs on one core", "legs", ["legs", "cores", "RSS, MB", "frames lost", "sender late, ms"], (1,), lambda: legs(bench)),
        ("Wake-ups of a telephone system, p90", "pbx", ["% of the CPUs", "alone, us", "beside lineside, us", "beside faster-whisper, us"], (1, 2, 3), lambda: pbx(bench)),
        ("Queries, p99", "queries", ["calls", "list, ms", "transcript, ms", "search, ms", "inserted a second"], (1, 2, 3), lambda: queries(bench)),
        ("VADER, thousand words a second", "vader", ["words in a text", "lineside", "vaderSentiment"], (1, 2), lambda: vader(bench)),
    ]
    out.mkdir(parents=True, exist_ok=True)
    plt.rcParams["svg.hashsalt"] = "lineside"
    above, tables = kept(out / "curves.md", [title for title, *_ in jobs])
    cell = lambda value: f"{value:.3g}" if isinstance(value, float) else str(value)

    def show():
        figure, axes = plt.subplots(4, 3, figsize=(15, 16))
        text = [*above, "", PICTURE, ""]
        for axis in axes.flat:
            axis.axis("off")
        for (title, kind, _, shown, _), axis in zip(jobs, axes.flat):
            table = tables.get(title)
            if not table:
                continue
            text += [f"## {title}", "", "| " + " | ".join(table.header) + " |", "|" + "---|" * len(table.header)]
            text += ["| " + " | ".join(map(cell, row)) + " |" for row in table.rows] + ["", *([MEASURED + table.day, ""] if table.day else []), REASONS[kind], ""]
            axis.axis("on")
            for column in shown:
                axis.plot([row[0] for row in table.rows], [row[column] for row in table.rows], marker="o", label=table.header[column])
            axis.set_title(title, fontsize=10)
            axis.set(xlabel=table.header[0], xscale="log", yscale="log")
            axis.grid(True, which="both", alpha=0.2)
            axis.legend(fontsize=8)
        figure.tight_layout()
        figure.savefig(out / "curves.svg.new", format="svg", metadata={"Date": None})
        plt.close(figure)
        (out / "curves.md.new").write_text("\n".join(text))
        for name in ("curves.svg", "curves.md"):
            (out / f"{name}.new").replace(out / name)

    for title, _, header, _, measure in jobs:
        if only and not any(word.lower() in title.lower() for word in only):
            bench.say(f"{title}: as it was")
            continue
        bench.say(title)
        try:
            rows = measure()
        except (RuntimeError, subprocess.SubprocessError, OSError) as problem:
            bench.say(f"  not measured: {problem}")
            continue
        if rows:
            tables[title] = Measured(header, rows, time.strftime("%Y-%m-%d"))
        # After each, so that what is stopped has shown something.
        show()
    show()
    print(f"\ncurves: {out / 'curves.md'}, {out / 'curves.svg'}")


if __name__ == "__main__":
    sys.exit("run packaging/bench --full")
