"""Recordings whose words are known, and legs made of them.

A folder of recordings holds refs.tsv (tab-separated, with a header): file, text, group at least. Utterances of one group are joined into legs of 0.4 to
3 minutes with pauses of 0.8 to 2 s, as a telephone's leg has them; which come together and how long the pauses are hangs on a seed.
"""

import csv
import random
from dataclasses import dataclass, field

import numpy as np
from sound import RATE, onset_and_end, read

SHORTEST_LEG_S, LONGEST_LEG_S = 24, 180
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.8, 2.0


@dataclass
class Recording:
    name: str
    group: str
    text: str
    samples: np.ndarray = field(repr=False)


@dataclass
class Leg:
    """Several recordings one after the other, 16 kHz."""

    name: str
    group: str
    text: str
    samples: np.ndarray = field(repr=False)
    # Of each utterance: first and last sample of its recording, its text, and where in it somebody is heard (samples).
    utterances: list = field(repr=False)

    @property
    def seconds(self):
        return len(self.samples) / RATE


class Unusable(Exception):
    """Why a folder cannot be used."""


def load(folder):
    """All recordings of a folder, by its refs.tsv."""
    table = folder / "refs.tsv"
    if not table.is_file():
        raise Unusable(f"{table}: there is no such file; it names the recordings and their words")
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, dialect="excel-tab"))
    missing = {"file", "text", "group"} - set(rows[0] if rows else [])
    if missing:
        raise Unusable(f"{table}: no column {', '.join(sorted(missing))}")
    english = [row for row in rows if row.get("lang", "en") == "en"]
    return [Recording(row["file"], row["group"], row["text"], read(folder / row["file"])) for row in english]


def legs(recordings, seed, most_s=float("inf")):
    """Every recording once, or of each group so many seconds at most."""
    random_of = random.Random(seed)
    made = []
    for group in sorted({recording.group for recording in recordings}):
        waiting = [recording for recording in recordings if recording.group == group]
        random_of.shuffle(waiting)
        waiting = within(waiting, most_s)
        number = 0
        while waiting:
            goal_s = random_of.uniform(SHORTEST_LEG_S, LONGEST_LEG_S)
            taken, seconds = [], 0.0
            while waiting and (not taken or seconds + len(waiting[0].samples) / RATE < goal_s):
                taken.append(waiting.pop(0))
                seconds += len(taken[-1].samples) / RATE + (SHORTEST_PAUSE_S + LONGEST_PAUSE_S) / 2
            # What would be too short for a leg of its own goes to the one before it.
            rest = sum(len(recording.samples) / RATE for recording in waiting)
            if rest < SHORTEST_LEG_S / 2:
                taken, waiting = taken + waiting, []
            number += 1
            made.append(joined(f"{group}-{seed}-{number}", group, taken, random_of))
    return made


def within(recordings, most_s):
    """Those from the first that are so long together."""
    taken, seconds = [], 0.0
    for recording in recordings:
        seconds += len(recording.samples) / RATE
        if seconds <= most_s:
            taken.append(recording)
    return taken


def joined(name, group, recordings, random_of):
    pause = lambda: np.zeros(int(RATE * random_of.uniform(SHORTEST_PAUSE_S, LONGEST_PAUSE_S)), np.float32)
    parts, utterances, length = [pause()], [], 0
    for recording in recordings:
        length = sum(map(len, parts))
        onset, end = onset_and_end(recording.samples)
        utterances.append((length, length + len(recording.samples), recording.text, length + onset, length + end))
        parts += [recording.samples, pause()]
    return Leg(name, group, " ".join(recording.text for recording in recordings), np.concatenate(parts), utterances)
