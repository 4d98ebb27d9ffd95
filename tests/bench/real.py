"""The rows with real weights on real speech: OpenAI's tiny.en, the same for both sides, on the pairs of real_pairs.py.

Words are counted in the very runs that are timed: what each side wrote of what was said, by tests/accuracy/score.py. lineside's text is of two legs, the
tutorial's of the mixed call. A word counts for a run when its middle lies in it, so up to a word at either end of a leg is right or wrong by chance.
"""

import csv
import json
import statistics
import sys
from pathlib import Path

from common import RATE, SHIFT, Row

NAME = "real tiny.en"
SHAPE = "tiny.en"
# Live calls while first words on the screen are looked at: few enough that there is time for text of what is being said.
WATCHED = 4
SCORE = Path(__file__).resolve().parents[1] / "accuracy/score.py"


class Real:
    """Models, pairs and their words."""

    def __init__(self, models, pairs, whisper_source):
        sys.path.insert(0, str(SCORE.parent))
        from score import Count, Scorer

        self.models, self.pairs = Path(models), Path(pairs)
        self.count, self.nothing = Scorer(whisper_source).count, Count()
        agents = sorted(self.pairs.glob("*-agent.wav"))
        self.told = [json.loads(Path(str(agent).replace("-agent.wav", ".json")).read_text()) for agent in agents]

    def said(self, call, leg, seconds):
        """Time and word, in order, of a leg in a run of so many seconds; as common.turned gives its sound."""
        pair = self.told[call % len(self.told)]
        length, offset = pair["seconds"], call // len(self.told) * SHIFT / RATE
        middles = [((begin + end) / 2 - offset, word) for utterance in pair[leg] for word, begin, end in utterance["words"]]
        rounds = range(int((seconds + offset) / length) + 2)
        return sorted((middle + number * length, word) for number in rounds for middle, word in middles if 0 <= middle + number * length < seconds)

    def score_ours(self, feed, calls, seconds):
        heard = {}
        with open(feed, newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                if row["kind"] == "sentiment":
                    heard.setdefault((int(row["call"]) - 1, row["leg"]), []).append((float(row["start"]), row["text"]))
        sides = [(call, leg) for call in range(calls) for leg in ("agent", "caller")]
        pairs = ((text(self.said(call, leg, seconds)), text(sorted(heard.get((call, leg), [])))) for call, leg in sides)
        return sum((self.count(said, found) for said, found in pairs), self.nothing)

    def score_theirs(self, texts, seconds):
        both = lambda call: text(sorted(self.said(call, "agent", seconds) + self.said(call, "caller", seconds)))
        return sum((self.count(both(call), found) for call, found in enumerate(texts)), self.nothing)

    def score_whole(self, found, calls):
        """Of the first so many pairs, mixed, one after the other."""
        said = (text(sorted(self.said(call, "agent", pair["seconds"]) + self.said(call, "caller", pair["seconds"]))) for call, pair in enumerate(self.told[:calls]))
        return self.count(" ".join(said), found)


def material(models, pairs, whisper_source):
    """What the rows want; or, where one of the two is `skipped: REASON` or not given, the reason."""
    for given in (models, pairs):
        if not given or given.startswith("skipped: "):
            return given.removeprefix("skipped: ") if given else "no --real-models and --real-pairs"
    if not SCORE.is_file():
        return f"this tree has no {SCORE.relative_to(SCORE.parents[2])}, which counts the words"
    return Real(models, pairs, whisper_source)


def text(timed):
    return " ".join(word for _, word in timed)


def shown(count):
    return f"{count.wer:.1f} % of {count.said}"


def live(bench):
    bench.live(NAME)


def latency(bench):
    """At 70 % of what fits on the core; words of the same run."""
    run, (_, theirs) = bench.latency(NAME), bench.capacity[NAME]
    if theirs.get("missed", 1):
        # What it left out because it was behind is no mistake of its way.
        theirs = bench.theirs_live(NAME, 2, run["seconds"])
    ours, peer = run["words"], theirs["words"]
    ratio = ours.wrong / ours.said / max(peer.wrong / peer.said, 1e-9)
    bench.rows.append(
        Row(f"words wrong in live text of the row above, {NAME}", shown(ours), shown(peer), f"{ratio:.2f} ×", "≤ 1 ×", ratio <= 1)
    )
    bench.notes.append(f"{NAME}: of {run['utterances']} utterances at 70 % {run['second_looks']:.0f} were decoded a second time")
    most = bench.capacity[NAME][0].get("words")
    if most:
        bench.notes.append(f"{NAME}: words wrong in live text at capacity: {shown(most)}; put in {most.put_in}, left out {most.left_out}; the tutorial's way: put in {peer.put_in}, left out {peer.left_out}")


def first(bench):
    run = bench.ours_live(NAME, WATCHED, 90 if bench.full else 45)
    if not run["turns_shown"]:
        raise ValueError("no turn of about ten seconds showed any word")
    reached = run["first_words_p50_s"] < 0.8 and run["rewritten"] < 0.02 and run["turns_shown"] >= 0.9 * run["turns"]
    told = f"{run['first_words_p50_s']:.2f} / {run['first_words_p95_s']:.2f} s, {100 * run['rewritten']:.1f} % of {run['shown_words']} rewritten"
    bench.rows.append(Row(f"first words on the screen in turns of some 10 s, p50 / p95, {WATCHED} calls, {NAME}", told, goal="< 0.8 s (p50), < 2 % rewritten", reached=reached))
    bench.notes.append(
        f"first words, {NAME}: {run['turns_shown']} of {run['turns']} turns, counted from where the sound of the first word begins; stable words alone"
        f" {run['first_stable_words_p50_s']:.2f} / {run['first_stable_words_p95_s']:.2f} s, {100 * run['rewritten_stable']:.1f} % of {run['shown_stable_words']} rewritten;"
        f" a word that only moves is not counted: {100 * run['reworded']:.1f} %, of stable ones {100 * run['reworded_stable']:.1f} %"
    )


def final(bench):
    """CPU seconds of a whole recording, loading left out, against faster-whisper with five beams and its VAD, one window after the other."""
    calls = 3
    file, kit = bench.long_call(NAME), bench.kit
    seconds = (file.stat().st_size - 44) / 2 / RATE
    ours, theirs = [], []
    for _ in range(3 if bench.full else 1):
        ours.append(bench.final_ours(NAME, file))
        theirs.append(bench.final_theirs(NAME, file, 5, "sequential"))
    batched = bench.final_theirs(NAME, file, 5)
    mine, peer = statistics.median(ours), statistics.median(run["cpu_s"] for run in theirs)
    ratio = mine / peer
    bench.rows.append(Row(f"final pass of {seconds:.0f} s, CPU s, {NAME}", f"{mine:.1f}", f"{peer:.1f}", f"{ratio:.2f} ×", "≤ 0.6 ×", ratio <= 0.6))
    bench.notes.append(f"final pass, {NAME}: the peer is faster-whisper, beam 5, vad_filter; its BatchedInferencePipeline takes {batched['cpu_s']:.1f} s ({shown(kit.score_whole(batched['text'], calls))} wrong)")
    heard = bench.text_of(NAME, file)
    mine, peer = (kit.score_whole(found, calls) for found in (heard, theirs[0]["text"]))
    points = mine.wer - peer.wer
    bench.rows.append(Row(f"words wrong in that final pass, {NAME}", shown(mine), shown(peer), f"{points:+.1f} points", "≤ +0.3", points <= 0.3))


ROWS = {"live real": live, "latency real": latency, "first real": first, "final real": final}
