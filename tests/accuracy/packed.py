"""Utterances of a leg one by one, against several of them in one window: words wrong and CPU. The pauses between them are shortened in a window.

Both ways take the utterances that lineside finds, cut out of the leg, and the same recogniser. Its voice activity detector is made to take each file whole:
one file is one window.
"""

import json
from pathlib import Path

import numpy as np
from conditions import NARROW
from score import Count
from sound import read, write
from systems import OURS

# Seconds of a window at most, and of the pause between two utterances; the first way is that of the final pass.
WAYS = {"one by one": (0, 0), "28 s, pauses of 0.3 s": (28, 0.3), "28 s, pauses of 0.8 s": (28, 0.8), "15 s, pauses of 0.3 s": (15, 0.3)}
# No pause ends an utterance, and nothing is too soft to be one.
WHOLE = "[utterance]\nthreshold = 0.05\nsilence_ms = 5000\npre_roll_ms = 1000\nmax_ms = 28000\n"


def measure(systems, scorer, made, legs, engine, say):
    """A table's header and rows: way, windows, then words wrong, words left out and CPU seconds of each condition."""
    header = ["", "windows", *(head for name in made for head in (f"{name}: wrong", f"{name}: left out", f"{name}: CPU"))]
    rows = []
    for way, (longest_s, pause_s) in WAYS.items():
        cells, number = [], 0
        for condition, folder in made.items():
            place = folder.parent / f"{condition}-{engine}-{list(WAYS).index(way)}"
            number = cut(systems, folder, place, engine, longest_s, pause_s)
            count, cpu_s = heard(systems, scorer, place, legs, engine)
            cells += [f"{count.wer:.1f} % ({count.wrong})", str(count.left_out), f"{cpu_s:.1f} s"]
            say(f"{engine}: {condition}: {way}: {count.wer:.1f} % of {count.said} words wrong, {cpu_s:.1f} s of CPU, {number} windows")
        rows.append([way, str(number), *cells])
    return header, rows


def asked(systems, engine, folder, settings=""):
    """What lineside says of each file."""
    config = systems.temporary / "packed.toml"
    config.write_text(settings)
    command = [systems.lineside, "--config", config, "bench", "accuracy", "--heard", "--recordings", folder, "--model", systems.models / OURS[engine]]
    return [json.loads(line) for line in systems.run(command).splitlines()]


def cut(systems, folder, place, engine, longest_s, pause_s):
    """Writes the windows of every leg; gives their number."""
    place.mkdir()
    number = 0
    for report in asked(systems, engine, folder):
        file = Path(report["file"])
        samples = read(file, NARROW)
        for window in windows([(part["start"], part["end"]) for part in report["speech"]], longest_s, pause_s):
            number += 1
            pieces = [samples[int(start * NARROW) : int(end * NARROW)] for start, end in window]
            write(place / f"{file.stem}@{number:04}.wav", np.concatenate(pieces), NARROW)
    return number


def windows(utterances, longest_s, pause_s):
    """Groups of stretches: utterances, with what is left of the pause before them. An utterance that is as long as a window has one of its own."""
    made, length = [], 0.0
    for start, end in utterances:
        last = made[-1][-1][1] if made else None
        pause = min(pause_s, start - last) if made else 0.0
        if made and length + pause + end - start <= longest_s:
            # Half of it from behind the one utterance, half from before the next.
            made[-1] += [(last, last + pause / 2), (start - pause / 2, end)]
            length += pause + end - start
        else:
            made.append([(start, end)])
            length = end - start
    return made


def heard(systems, scorer, place, legs, engine):
    """Words of all legs counted, and CPU seconds."""
    texts, cpu_s = {}, 0.0
    for report in asked(systems, engine, place, WHOLE):
        texts.setdefault(Path(report["file"]).stem.split("@")[0], []).extend(segment["text"] for segment in report["segments"])
        cpu_s += report["cpu_s"]
    return sum((scorer.count(leg.text, " ".join(texts.get(leg.name, []))) for leg in legs), Count()), cpu_s
