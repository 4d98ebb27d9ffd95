"""Words wrong by engine, condition and group, beside faster-whisper and the tutorial's way; see packaging/accuracy."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
import goals  # noqa: E402
import packed  # noqa: E402
import prompts  # noqa: E402
import recordings  # noqa: E402
import rules  # noqa: E402
import tables  # noqa: E402
from conditions import MEANING as CONDITIONS  # noqa: E402
from conditions import Conditions, noise_of  # noqa: E402
from measure import Measured, quiet_files  # noqa: E402
from score import Scorer  # noqa: E402
from systems import MEANING as SYSTEMS  # noqa: E402
from systems import OURS, Systems  # noqa: E402

QUICK = {"only": ["8k", "gsm"], "systems": [*OURS, goals.PEER], "group_s": 30, "quiet_share": 0.2}
OF_RULES = ["16k", "8k", "gsm", "10dB"]
OF_WINDOWS = ["8k", "20dB"]
# Where a recording has noise from its first moment, its onset says nothing.
NO_TIMES = ("noisy",)


def arguments():
    parser = argparse.ArgumentParser(prog="packaging/accuracy", description=__doc__)
    parser.add_argument("--lineside", required=True, help="the program to measure [default: it is built]")
    parser.add_argument("--models", type=Path, required=True, help="folder of the weights [default: what packaging/models/real makes]")
    parser.add_argument("--recordings", type=Path, help="folder of recordings with refs.tsv [default: ../shared/audio/real, else prompts of Debian's package]")
    parser.add_argument("--prompts", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--music", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--whisper-source", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, required=True, help=argparse.SUPPRESS)
    names = lambda text: [name for name in text.split(",") if name]
    parser.add_argument("--only", type=names, help=f"of {','.join([*CONDITIONS, 'quiet', 'times'])} [default: all]")
    parser.add_argument("--systems", type=names, help=f"of {','.join(SYSTEMS)} [default: all]")
    parser.add_argument("--seed", type=int, default=18, help="of what is joined to legs")
    parser.add_argument("--rounds", type=int, default=2, help="how often all recordings are joined anew")
    parser.add_argument("--fresh", action="store_true", help="ask the peers again, too [default where neither --only nor --systems is given]")
    parser.add_argument("--kept", action="store_true", help="take the peers' answers from earlier runs where they are kept")
    parser.add_argument("--quick", action="store_true", help="a short set; fails on gross loss only")
    parser.add_argument("--rules", action="store_true", help="one rule of the recogniser changed at a time, instead of the tables")
    parser.add_argument("--packed", action="store_true", help="several utterances in a window, instead of the tables")
    parser.add_argument("--json", type=Path, help="everything for a program, with all texts")
    given = parser.parse_args()
    given.fresh |= not (given.kept or given.quick or given.only or given.systems)
    if given.quick:
        given.only, given.systems, given.rounds = given.only or [*QUICK["only"], "quiet"], given.systems or QUICK["systems"], 1
    if given.packed:
        given.only, given.systems = given.only or OF_WINDOWS, given.systems or [*OURS]
    given.only = given.only or (OF_RULES + ["quiet"] if given.rules else [*CONDITIONS, "quiet", "times"])
    given.systems = given.systems or ([*OURS][:1] if given.rules else [*SYSTEMS])
    for what, known in ((given.only, [*CONDITIONS, "quiet", "times"]), (given.systems, SYSTEMS)):
        if unknown := [name for name in what if name not in known]:
            parser.error(f"{', '.join(unknown)}: not known; there are {', '.join(known)}")
    if (given.rules or given.packed) and not set(given.systems) <= set(OURS):
        parser.error(f"--rules, --packed: peers have none of our rules; --systems takes {', '.join(OURS)}")
    return given


def main():
    given = arguments()
    try:
        with tempfile.TemporaryDirectory(prefix="accuracy-") as temporary:
            return run(given, Path(temporary))
    except recordings.Unusable as reason:
        sys.exit(f"packaging/accuracy: {reason}")


def run(given, temporary):
    source = str(given.recordings or "Debian's asterisk-core-sounds-en-g722")
    known = recordings.load(given.recordings) if given.recordings else prompts.load(given.prompts)
    legs = [leg for number in range(given.rounds) for leg in recordings.legs(known, given.seed + number, QUICK["group_s"] if given.quick else float("inf"))]
    noise, which = noise_of(known)
    making = Conditions(temporary, noise)
    names = [name for name in given.only if name in CONDITIONS]
    made = {name: [making.make(name, leg) for leg in legs][0].parent for name in names}
    quiet_folder = temporary / "quiet" if "quiet" in given.only else None
    quiet_s = quiet_files(quiet_folder, given.music, QUICK["quiet_share"] if given.quick else 1.0) if quiet_folder else 0
    systems = Systems(given.lineside, given.models, given.work, temporary, given.fresh)
    measured = Measured(systems, Scorer(given.whisper_source))
    tables.foreword(given.models, known, legs, which, given.systems, names, source)
    if given.rules:
        for engine in given.systems:
            print(f"\none rule changed at a time, {engine}", flush=True)
            tables.table(*rules.measure(systems, measured.scorer, made, legs, quiet_folder, engine, measured.say))
        return 0
    if given.packed:
        for engine in given.systems:
            print(f"\nutterances in windows, {engine}", flush=True)
            tables.table(*packed.measure(systems, measured.scorer, made, legs, engine, measured.say))
        return 0
    for name in names:
        measured.condition(name, made[name], legs, given.systems)
    if quiet_folder:
        measured.quiet(quiet_folder, given.systems)
    return told(given, measured, legs, names, making, quiet_s)


def told(given, measured, legs, names, making, quiet_s):
    """Prints everything; the program's status."""
    if names:
        tables.words_wrong(measured, given.systems, names, sorted({leg.group for leg in legs}))
    if quiet_s:
        tables.invented(measured, given.systems, quiet_s)
    if "times" in given.only:
        tables.word_times(word_times(given, measured, legs, making), NO_TIMES)
    ours = [system for system in given.systems if system in OURS]
    judged = {system: goals.judged(measured, system, names) for system in ours}
    if not given.quick and any(judged.values()):
        tables.goals(judged)
    if measured.anything_kept():
        print("\npeers' answers and CPU seconds are in part of an earlier run (--fresh asks them again)")
    if given.json:
        given.json.write_text(json.dumps(everything(given, measured, judged), indent=1))
    losses = [loss for system in ours for loss in goals.gross_losses(measured, system, names)] if given.quick else []
    for loss in losses:
        print(f"failed: {loss}")
    return 1 if losses else 0


def word_times(given, measured, legs, making):
    """Of our engines and faster-whisper with its word times: legs of the first round and what was heard on them, 16 kHz."""
    folder = making.folder / "16k"
    if not folder.exists():
        for leg in legs:
            making.make("16k", leg)
    timed = [leg for leg in legs if leg.group not in NO_TIMES]
    lines = {}
    for system in [*(system for system in given.systems if system in OURS), "faster-whisper-words"]:
        heard = measured.systems.hear(system, folder)
        lines[system] = [(leg, heard[leg.name]) for leg in timed]
    return lines


def everything(given, measured, judged):
    answers = [
        {"system": system, "condition": name, "leg": leg.name, "group": leg.group, "cpu_s": heard.cpu_s, "kept": heard.kept, **vars(count), "reference": leg.text, "text": heard.text}
        for (system, name), lines in measured.answers.items()
        for leg, heard, count in lines
    ]
    quiet = [{"system": system, "file": name, "cpu_s": heard.cpu_s, "text": heard.text} for system, found in measured.invented.items() for name, heard in found.items()]
    return {"weights": tables.weights(given.models), "answers": answers, "quiet": quiet, "goals": {system: [vars(goal) for goal in found] for system, found in judged.items()}}


if __name__ == "__main__":
    sys.exit(main())
