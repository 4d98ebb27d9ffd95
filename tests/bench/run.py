"""Runs the benches against their peers and prints one table: run.py --lineside FILE --work FOLDER [--full] [--only ROW…]; see packaging/bench.

Every ratio comes from one run on one machine; single measurements that are quick are taken in turns with the peer's, and their medians compared.
What the table's figures are made by stands below it.
"""

import argparse
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.dont_write_bytecode = True
import numpy as np  # noqa: E402
import real  # noqa: E402
from common import RATE, Row, Skip, mixed, pairs, together, write_wav  # noqa: E402
from groups import NoGroups, unit_limits  # noqa: E402

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SHAPES = ("tiny.en", "base.en")
LATE_S = 3.0
# The quick bench stops beginning rows after this.
QUICK_S = 560
# What the quick bench leaves out for the same rows with real weights.
FULL_ONLY = ("live tiny.en", "latency tiny.en", "final tiny.en")


@dataclass
class Bench:
    lineside: str
    work: Path
    temporary: Path
    full: bool
    engine: str
    began: float = field(default_factory=time.monotonic)
    rows: list = field(default_factory=list)
    commands: list = field(default_factory=list)
    capacity: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)
    figures: dict = field(default_factory=dict)
    # Real weights and speech, or why there are none.
    kit: real.Real | str = "no --real-models"

    # One CPU for what is measured, another for who drives it.
    @property
    def core(self):
        return str(max(os.sched_getaffinity(0)))

    @property
    def other(self):
        rest = sorted(os.sched_getaffinity(0) - {int(self.core)})
        return ",".join(map(str, rest)) or self.core

    def model(self, shape):
        if shape == real.NAME:
            return str(self.kit.models / ("ct2-tiny.en-int8" if self.engine == "ctranslate2" else "ggml-tiny.en-q8_0.bin"))
        return str(self.work / "models" / (f"{shape}-ct2" if self.engine == "ctranslate2" else f"{shape}.bin"))

    def peer_model(self, shape):
        if shape == real.NAME:
            return str(self.kit.models / "ct2-tiny.en-int8")
        return str(self.work / "models" / f"{shape}-ct2")

    @property
    def pairs(self):
        return str(self.work / "pairs")

    def pairs_of(self, shape):
        return str(self.kit.pairs) if shape == real.NAME else self.pairs

    def ask(self, command, timeout=300):
        """Runs a command, remembers it for the foot, gives what its last line says in JSON."""
        self.remember(command)
        code, out, problem = together(command, timeout)
        if code:
            raise RuntimeError(f"{self.shown(command)}: {(problem.strip().splitlines() or [f'status {code}'])[-1]}")
        return json.loads(out.strip().splitlines()[-1])

    def shown(self, command):
        text = " ".join(str(part) for part in command)
        for path, name in ((self.lineside, "lineside"), (sys.executable, "python"), (str(HERE), "tests/bench"), (str(self.work), "$WORK"), (str(self.temporary), "$TMP")):
            text = text.replace(path, name)
        return text

    def remember(self, command):
        text = self.shown(command)
        if text not in self.commands:
            self.commands.append(text)

    def say(self, text):
        print(f"[{time.monotonic() - self.began:4.0f} s] {text}", file=sys.stderr, flush=True)

    # Live calls

    def ours_live(self, shape, calls, seconds, workers=1, pinned=True):
        pin = ["--cpu", self.core] if pinned else []
        command = [self.lineside, "bench", "live", "--json", "--calls", calls, "--seconds", seconds, "--pairs", self.pairs_of(shape), "--model", self.model(shape), "--workers", workers, *pin]
        feed = self.temporary / "feed.tsv"
        run = self.ask((["taskset", "-c", self.other] if pinned else []) + command + (["--feed", feed] if shape == real.NAME else []))
        return {**run, "words": self.kit.score_ours(feed, calls, seconds)} if shape == real.NAME else run

    def theirs_live(self, shape, calls, seconds, pinned=True):
        command = [sys.executable, HERE / "tutorial.py", "live", self.peer_model(shape), self.pairs_of(shape), calls, seconds]
        run = self.ask((["taskset", "-c", self.core] if pinned else []) + command)
        return {**run, "words": self.kit.score_theirs(run["texts"], seconds)} if shape == real.NAME else run

    def find_ours(self, shape, theirs):
        """The most calls of which a run was in time, and that run. A call costs the less the more there are: more of them are decoded together, and
        what is done only while nobody waits falls away. So the search goes up by halves until a run is late, and then between the two."""
        seconds, tries = (40, 6) if self.full else (20, 6 if shape == real.NAME else 2)
        probe = self.ours_live(shape, 6, 12)
        goal = max(int(0.95 * 1000 / probe["cpu_ms_per_call_s"]), 5 * theirs["calls"])
        best, too_many = None, None
        # While every try is late, the next one lies between this and it.
        known = probe["calls"] if shape == real.NAME and in_time(probe, probe["covered"]) else 0
        for _ in range(tries):
            run = self.ours_live(shape, goal, seconds)
            good = in_time(run, probe["covered"])
            self.say(f"  {shape}: {goal} calls: p95 {run['lag_p95_s']:.2f} s, {run['cores']:.2f} cores: {'in time' if good else 'too many'}")
            if good:
                best = run
                next_goal = (goal + too_many) // 2 if too_many else goal * 3 // 2
                if next_goal <= goal * 1.06:
                    break
            else:
                too_many = goal
                next_goal = (best["calls"] + goal) // 2 if best else max(1, min(round((known * goal) ** 0.5) or int(goal * 0.8), goal - 1))
                if best and next_goal <= best["calls"] * 1.06:
                    break
            if next_goal == goal:
                break
            goal = next_goal
        return best or {**probe, "calls": 6 if in_time(probe, probe["covered"]) else 0}

    def find_theirs(self, shape):
        """From its cost; one call more than that if it bears it."""
        cost = self.ask(["taskset", "-c", self.core, sys.executable, HERE / "tutorial.py", "cost", self.peer_model(shape), self.pairs_of(shape)])
        goal = -int(-1000 // cost["cpu_ms_per_call_s"])
        run = None
        for calls in (goal, goal - 1, int(goal * 0.85)):
            if calls < 1:
                break
            run = self.theirs_live(shape, calls, 40 if self.full else 20)
            good = run["chunk_lag_p95_s"] <= LATE_S and run["last_third_p95_s"] <= LATE_S and not run["missed"]
            self.say(f"  {shape}: the tutorial's way, {calls} calls: {run['chunk_lag_p95_s']:.2f} s after the chunk (p95): {'in time' if good else 'too many'}")
            if good:
                return run
        return {**(run or {"lag_p50_s": 0, "lag_p95_s": 0}), "calls": max(1, int(goal * 0.7))}

    def live(self, shape):
        theirs = self.find_theirs(shape)
        ours = self.find_ours(shape, theirs)
        self.capacity[shape] = (ours, theirs)
        ratio = ours["calls"] / theirs["calls"]
        self.notes.append(
            f"{shape}: somebody speaks {100 * ours['speech_share']:.0f} % of a call's time; lineside {ours['cpu_ms_per_call_s']:.1f} ms of CPU"
            f" a second of call, everything else of the daemon included"
        )
        self.rows.append(
            Row(f"live calls on one core, {shape}, lag p95 ≤ 3 s", f"{ours['calls']} calls (p95 {ours['lag_p95_s']:.2f} s)", f"{theirs['calls']} calls", f"{ratio:.1f} ×", "≥ 5 ×", ratio >= 5)
        )

    def latency(self, shape):
        p50, p95, sooner = (0.45, 1.2, 0) if shape == real.NAME else (0.5, 1.5, 4)
        if shape not in self.capacity:
            raise Skip("wants the row of live calls")
        ours, theirs = self.capacity[shape]
        run = self.ours_live(shape, max(1, int(0.7 * ours["calls"])), 40 if self.full else 20)
        ratio = theirs["lag_p50_s"] / run["lag_p50_s"]
        ok = run["lag_p50_s"] < p50 and run["lag_p95_s"] < p95 and ratio >= sooner
        shown = lambda figures: f"{figures['lag_p50_s']:.2f} / {figures['lag_p95_s']:.2f} s"
        self.rows.append(
            Row(f"end of speech to feed at 70 % of capacity, {shape}, p50 / p95", shown(run), shown(theirs), f"{ratio:.1f} × sooner (p50)", f"< {p50} / < {p95} s" + (f", ≥ {sooner} ×" if sooner else ""), ok)
        )
        return run

    # Whole recordings

    def long_call(self, shape=None):
        """Three mixed calls one after the other, as one recording of some three minutes."""
        file = self.temporary / ("real.wav" if shape == real.NAME else "long.wav")
        if not file.exists():
            write_wav(file, np.concatenate([mixed(pair) for pair in pairs(self.pairs_of(shape))[:3]]))
            write_wav(self.temporary / "short.wav", np.zeros(RATE, np.int16))
        return file

    def cpu_of(self, command):
        self.remember(command)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        code, _, problem = together(command, 600)
        if code:
            raise RuntimeError(f"{self.shown(command)}: {(problem.strip().splitlines() or [f'status {code}'])[-1]}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def final_ours(self, shape, file):
        command = ["taskset", "-c", self.core, self.lineside, "analyze", "--json", "--model", self.model(shape)]
        return self.cpu_of([*command, file]) - self.cpu_of([*command, self.temporary / "short.wav"])

    def text_of(self, shape, file):
        """What lineside writes of a recording, numbers that it would hide included, for the peer hides none."""
        report = self.ask(["taskset", "-c", self.core, self.lineside, "analyze", "--json", "--no-redact", "--model", self.model(shape), file])
        return " ".join(segment["text"] for segment in report["segments"])

    def final_theirs(self, shape, file, beams, how="batched"):
        return self.ask(["taskset", "-c", self.core, sys.executable, HERE / "whole_file.py", "final", self.peer_model(shape), file, beams, how])

    def final(self, shape):
        file = self.long_call()
        seconds = (file.stat().st_size - 44) / 2 / RATE
        ours, theirs, greedy = [], [], []
        began = time.monotonic()
        for _ in range(5 if self.full else 3):
            ours.append(seconds / self.final_ours(shape, file))
            theirs.append(seconds / self.final_theirs(shape, file, 5)["cpu_s"])
            if time.monotonic() - began > 40 and not self.full:
                break
        greedy.append(seconds / self.final_theirs(shape, file, 1)["cpu_s"])
        mine, peer = statistics.median(ours), statistics.median(theirs)
        self.notes.append(f"final pass, {shape}: medians of {len(ours)}; with one beam instead of its five faster-whisper does {greedy[0]:.1f} s of call per CPU second")
        self.rows.append(Row(f"final pass, s of call per CPU s, {shape}", f"{mine:.1f}", f"{peer:.1f}", f"{mine / peer:.2f} ×", "≥ 1.3 ×", mine / peer >= 1.3))

    # The rest

    def memory(self):
        ours = self.ours_live("base.en", 20, 15, pinned=False)  # one worker, as it comes
        theirs = self.theirs_live("base.en", 20, 10, pinned=False)
        ratio = ours["rss_mb"] / theirs["rss_mb"]
        self.rows.append(Row("resident memory, base.en, 20 live calls", f"{ours['rss_mb']:.0f} MB", f"{theirs['rss_mb']:.0f} MB", f"{ratio:.2f} ×", "≤ 0.5 ×", ratio <= 0.5))

    def legs(self):
        audio = sorted(Path(self.pairs).glob("*-agent.wav"))[0]
        run = self.ask(["taskset", "-c", self.other, self.lineside, "bench", "legs", "--json", "--legs", 1000, "--seconds", 60 if self.full else 15, "--audio", audio, "--cpu", self.core])
        ok = run["lost"] == 0 and run["rss_mb"] < 300
        text = f"{run['lost']:.0f} of {run['sent']} frames lost, {run['cores']:.2f} cores, {run['rss_mb']:.0f} MB"
        self.rows.append(Row("1,000 AudioSocket legs with VAD on one core", text, goal="none lost, < 300 MB", reached=ok))

    def pbx(self):
        import pbx

        limits = unit_limits(ROOT / "systemd/lineside.service")
        folder = self.temporary / "pbx"
        folder.mkdir()
        calls = [mixed(pair) for pair in pairs(self.pairs)]
        # Eight threads, every 20 ms; how much they do then is what makes a telephone system feel its neighbours.
        shares = (10, 30, 50, 80) if self.full else (10, 40)
        works_us = [pbx.work_us(share) for share in shares]
        for work_us in works_us:
            self.remember([self.lineside, "bench", "pbx", "--json", "--seconds", 3, "--work-us", work_us, "   (in a control group beside the others: tests/bench/pbx.py)"])
        try:
            measured = pbx.measure(self.lineside, self.model("tiny.en"), self.peer_model("tiny.en"), calls, folder, limits, 5 if self.full else 3, 3, works_us)
        except NoGroups as reason:
            raise Skip(str(reason)) from reason
        quota = f"{limits[1]} %" if limits[1] else "none"
        self.notes.append(f"PBX: both transcribe a backlog, lineside within its unit's CPUWeight {limits[0]} and CPUQuota {quota}, faster-whisper as it comes, on all CPUs")
        for share, found in zip(shares, measured):
            idle, ours, theirs = (found[name]["p90_us"] for name in ("idle", "lineside", "peer"))
            self.notes.append(
                f"PBX with {share} % of the CPUs, p99: {found['idle']['p99_us']:.0f} us alone, {found['lineside']['p99_us']:.0f} beside lineside, {found['peer']['p99_us']:.0f} beside"
                f" faster-whisper; lineside used {found['lineside']['cores']:.2f} cores, faster-whisper {found['peer']['cores']:.2f}"
            )
            # What is under a quarter more than alone is not felt. Where nobody is, there is nothing to be better than.
            we_are_felt, they_are_felt = (value >= 1.25 * idle for value in (ours, theirs))
            # A microsecond is what the clock tells apart.
            effect = (theirs - idle) / max(ours - idle, 1)
            told = f"effect 1/{effect:.1f}" if they_are_felt and ours > idle else "no effect" if they_are_felt else "faster-whisper is not felt"
            reached = ours <= 2 * idle and (effect >= 4 if they_are_felt else not we_are_felt)
            if found["lineside"]["cores"] < 0.2:
                self.notes.append(f"PBX with {share} %: lineside got too little of this busy machine, so the row says nothing")
                reached = None
            self.rows.append(
                Row(
                    f"PBX-like wake-ups p90, {share} % of the CPUs ({idle:.0f} us alone)", f"{ours:.0f} us", f"{theirs:.0f} us", f"{ours / idle:.1f} × alone, {told}",
                    "≤ 2 × alone, effect ≤ 1/4" if they_are_felt else "not felt", reached,
                )
            )

    def vader(self):
        from vader import measure

        self.remember(["python", "tests/bench/vader.py", "(both in process, one thread, the texts of ICWSM 2014; lineside score --measure)"])
        ours, theirs = measure(self.lineside, self.work, 5 if self.full else 3)
        self.rows.append(Row("VADER, texts a second, one thread", f"{ours:,.0f}", f"{theirs:,.0f}", f"{ours / theirs:.0f} ×", "≥ 50 ×", ours / theirs >= 50))

    def queries(self):
        folder = self.work / "database"
        command = [self.lineside, "bench", "queries", "--json", "--calls", 100_000, "--segments", 30, "--database", folder]
        try:
            run = self.ask(command, 1800)
        except RuntimeError as problem:
            # One that another version left.
            self.say(f"  the kept database is made anew ({problem})")
            shutil.rmtree(folder, ignore_errors=True)
            run = self.ask(command, 1800)
        if run["filled_s"] > 5:
            self.notes.append(f"the database was filled in {run['filled_s']:.0f} s and is kept in {folder} (some GB; remove it as you like)")
        p99 = {query["what"]: query["p99_ms"] for query in run["queries"]}
        text = " / ".join(f"{p99[what]:.1f}" for what in ("list", "transcript", "search")) + " ms"
        self.rows.append(Row("100,000 calls, 3 million segments: list / transcript / search p99", text, goal="< 20 ms", reached=max(p99.values()) < 20))
        self.rows.append(Row("segments inserted a second while read", f"{run['inserts_per_s']:,.0f}", goal="≥ 2,000", reached=run["inserts_per_s"] >= 2000))

    def choose_engine(self):
        """Both engines' CPU on one call, so that lineside runs as an admin would let it after `lineside bench engine`."""
        if self.engine != "best":
            return
        file, costs = self.long_call(), {}
        for engine in ("whisper", "ctranslate2"):
            self.engine = engine
            costs[engine] = self.final_ours("tiny.en", file)
        self.engine = min(costs, key=costs.get)
        self.notes.append("engine of lineside here: " + self.engine + ", the cheaper one on a whole call (" + ", ".join(f"{name} {cost:.1f} s" for name, cost in costs.items()) + ")")

    def real_row(self, measure):
        if isinstance(self.kit, str):
            raise Skip(self.kit)
        measure(self)

    def run(self, only):
        self.choose_engine()
        plan = [(name, lambda measure=measure: self.real_row(measure)) for name, measure in real.ROWS.items()]
        plan += [(f"live {shape}", lambda shape=shape: self.live(shape)) for shape in SHAPES]
        plan += [(f"latency {shape}", lambda shape=shape: self.latency(shape)) for shape in SHAPES]
        plan += [(name, getattr(self, name)) for name in ("legs", "vader", "queries", "memory", "pbx")]
        plan += [(f"final {shape}", lambda shape=shape: self.final(shape)) for shape in SHAPES]
        for name, measure in plan:
            if only and not any(word in name for word in only):
                continue
            self.say(name)
            try:
                if not self.full and not only and time.monotonic() - self.began > QUICK_S:
                    raise Skip("ten minutes are over; --only and --full have no such bound")
                if not self.full and not only and name in FULL_ONLY:
                    raise Skip("the quick bench measures real tiny.en instead; --only and --full measure it")
                measure()
            except Skip as reason:
                self.rows.append(Row(name, f"skipped: {reason}"))
            except (RuntimeError, subprocess.SubprocessError, OSError, ValueError) as problem:
                self.rows.append(Row(name, f"not measured: {problem}"))

    def table(self):
        header = ["what", "lineside", "peer", "ratio", "goal", "reached"]
        word = {True: "reached", False: "NOT", None: "–"}
        lines = [header] + [[row.what, row.ours, row.theirs, row.ratio, row.goal, word[row.reached]] for row in self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
        shown = lambda line: " | ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
        print("\n".join([shown(lines[0]), "-|-".join("-" * width for width in widths), *map(shown, lines[1:])]))
        print("\npeers: faster-whisper (int8) as the tutorial uses it: 5 s chunks of the mixed call, beam 3, one model, one core; BatchedInferencePipeline; vaderSentiment")
        print(f"{real.NAME}: OpenAI's weights, the same for both, on pairs of real speech; other rows: the demo model widened to the shape (tests/bench/models.py), the same for both: text as long as what is said, at the shape's cost")
        print("the tutorial's capacity: lag counted from the end of its chunks; its latency: from the end of speech, as lineside's")
        print("\n".join(self.notes))
        print("\nmade by:\n" + "\n".join(f"  {command}" for command in self.commands))


def in_time(run, covered):
    return (
        run["lag_p95_s"] <= LATE_S and run["last_third_p95_s"] <= LATE_S and run["worst_step"] <= 1 and not run["unended"] and run["covered"] >= covered - 0.03
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lineside", required=True)
    parser.add_argument("--work", required=True, type=Path)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--engine", default="best", choices=["best", "whisper", "ctranslate2"])
    parser.add_argument("--only", nargs="*", help="rows by a word of their name: live latency final first pbx memory legs vader queries, tiny.en base.en real; with --full also curves, and curves by a word of their title")
    parser.add_argument("--real-models", help="folder with ct2-tiny.en-int8 and ggml-tiny.en-q8_0.bin of OpenAI's weights, or why there is none: `skipped: REASON`")
    parser.add_argument("--real-pairs", help="folder that real_pairs.py made, or why there is none: `skipped: REASON`")
    parser.add_argument("--out", type=Path, default=HERE, help="where --full puts its tables and plots")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lineside-bench-") as temporary:
        # What is killed cannot clean up: its folders are in here too.
        os.environ["TMPDIR"] = temporary
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
        bench = Bench(arguments.lineside, arguments.work.resolve(), Path(temporary), arguments.full, arguments.engine)
        cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "?")
        load = os.getloadavg()[0]
        print(f"{cpu}, {len(os.sched_getaffinity(0))} CPUs, load {load:.1f} before" + (": the machine is busy, figures are worse than they could be" if load > 0.7 else ""))
        bench.kit = real.material(arguments.real_models, arguments.real_pairs, arguments.work / "whisper")
        bench.run(arguments.only)
        bench.table()
        if arguments.full:
            from curves import draw

            draw(bench, arguments.out, [word for word in arguments.only or [] if word != "curves"])
        print(f"\ntook {time.monotonic() - bench.began:.0f} s")


if __name__ == "__main__":
    main()
