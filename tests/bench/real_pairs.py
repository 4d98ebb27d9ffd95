#!/usr/bin/env python3
"""Makes agent/caller pairs from recordings of real speech, as a telephone brings them: real_pairs.py RECORDINGS OUT [--pairs N] [--seed N]

RECORDINGS holds WAV files and refs.tsv with the columns file and text (lang, where there is one, must be en). OUT gets NAME-agent.wav and
NAME-caller.wav (8 kHz, 300 to 3400 Hz, G.711 mu-law and back) and NAME.json with the words of both legs and their times.

The two speak in turns. Most turns are one recording, a third is filled up to some ten seconds with others of its source and short pauses between them;
they last from a second to half a minute. Pauses between turns are drawn so that somebody speaks for SHARE of a call, as `lineside bench live` counts it. The
same seed makes the same pairs. A word's times inside its recording are an estimate: letters spread evenly over the time that has energy. The
recording's own beginning and end are exact, but for those with noise of their own: their energy does not tell where speech is.
"""

import argparse
import csv
import json
import random
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "packaging/demo-model"))
import numpy as np  # noqa: E402
import telephone  # noqa: E402
from common import FRAME, QUIET, RATE, speech, write_wav  # noqa: E402

SHARE = 0.8
# Seconds of turns in a call; the pauses between them come on top.
LENGTH_S = 60
# What a turn is filled up to, and what it must not pass unless one recording alone does.
TARGETS_S, LONGEST_S = (0, 0, 9), 13.5
# Active speech, dB of full scale (ITU-T P.56 gives some -26 as usual); the noise of the line is 40 dB below it.
LEVEL_DB, LINE_DB = (-24, -20), -64


@dataclass
class Recording:
    file: str
    text: str
    sound: np.ndarray  # 8 kHz, active speech at full scale

    @property
    def source(self):
        """Those of one source may stand in one turn."""
        return "-".join(self.file.split("-")[:2]) if not self.file.startswith("ivr-") else "ivr"

    @property
    def seconds(self):
        return len(self.sound) / RATE


def narrow(path):
    """A WAV of 8 kHz or more, one channel of 16 bits, as 8 kHz between 300 and 3400 Hz."""
    with wave.open(str(path)) as file:
        if (file.getnchannels(), file.getsampwidth()) != (1, 2) or file.getframerate() < RATE:
            raise ValueError(f"{path}: one channel of 16 bits at 8 kHz or more is wanted; convert it, as with sox FILE -c 1 -b 16 -r 16000 OUT.wav")
        rate, samples = file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    count = len(samples) * RATE // rate
    spectrum = np.fft.rfft(samples)[: count // 2 + 1]
    return telephone.band(np.fft.irfft(spectrum, count) * count / len(samples), 300, 3400)


def loud(sound):
    """Which 20 ms frames the bench hears as speech."""
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
    return np.sqrt((frames**2).mean(1)) * 32768 >= QUIET


def recordings(folder):
    """All that are in English, without the silence around them."""
    table = folder / "refs.tsv"
    if not table.is_file():
        raise ValueError(f"{folder}: no refs.tsv in it; it names the recordings and their words (columns file and text)")
    with open(table, newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row.get("lang", "en") == "en"]
    found = []
    for row in rows:
        sound = narrow(folder / row["file"])
        sound = sound / telephone.level(sound)
        heard = np.flatnonzero(loud(sound * 10 ** (LEVEL_DB[0] / 20)))
        found.append(Recording(row["file"], row["text"], sound[heard[0] * FRAME : (heard[-1] + 1) * FRAME]))
    if len(found) < 8:
        raise ValueError(f"{table}: {len(found)} recordings in English, 8 are wanted")
    return found


class Pool:
    """Recordings in an order of chance; when all are used, in another one."""

    def __init__(self, all_of_them, chance):
        self.all, self.chance, self.left = all_of_them, chance, []

    def take(self, fits=lambda recording: True):
        place = next((place for place, recording in enumerate(self.left) if fits(recording)), None)
        return None if place is None else self.left.pop(place)

    def turn(self, used):
        """Recordings of one source; none twice in a call."""
        fresh = lambda recording: recording.file not in used
        first = self.take(fresh)
        if first is None:
            self.left = self.chance.sample(self.all, len(self.all))
            first = self.take(fresh)
        if first is None:
            raise ValueError("too few recordings for a call without repeating one; give more")
        turn, target = [first], self.chance.choice(TARGETS_S)
        while (length := sum(recording.seconds + 0.3 for recording in turn)) < target:
            more = self.take(lambda other: other.source == first.source and other.file not in used and length + other.seconds <= LONGEST_S)
            if more is None:
                break
            turn.append(more)
        used.update(recording.file for recording in turn)
        return turn


def words(recording, sound, start_s):
    """Each word with its estimated time."""
    heard = np.flatnonzero(loud(sound))
    said = recording.text.split()
    ends = np.cumsum([len(word) + 1 for word in said]) / sum(len(word) + 1 for word in said)
    at = lambda share: start_s + float(heard[min(int(share * len(heard)), len(heard) - 1)]) / 50
    return [[word, round(at(begin), 2), round(at(end) + 0.02, 2)] for word, begin, end in zip(said, [0.0, *ends[:-1]], ends)]


def call(pool, chance):
    """Sound and utterances of an agent and a caller."""
    used, turns = set(), []
    while sum(recording.seconds for turn in turns for recording in turn) < LENGTH_S or len(turns) % 2:
        turns.append(pool.turn(used))
    levels = [10 ** (chance.uniform(*LEVEL_DB) / 20) for _ in range(2)]
    inner = [[chance.uniform(0.2, 0.38) for _ in turn[1:]] for turn in turns]
    weights = [chance.uniform(0.25, 1) for _ in turns]
    sounds = [[recording.sound * levels[number % 2] for recording in turn] for number, turn in enumerate(turns)]
    spoken = sum(end - start for turn in sounds for sound in turn for start, end in speech(sound * 32768))
    # Pauses shorter than those that end a stretch count as speech, as in the bench.
    spoken += sum(pause for pauses in inner for pause in pauses if pause < 0.3)
    length = sum(len(sound) for turn in sounds for sound in turn) / RATE + sum(map(sum, inner))
    between = max(spoken / SHARE - length, 0.2 * len(turns))
    scale = between / sum(weights)
    total = int((length + between + 0.5) * RATE)
    legs = [np.zeros(total, np.float32), np.zeros(total, np.float32)]
    told, place = ([], []), 0.0
    for number, turn in enumerate(turns):
        place += weights[number] * scale
        for recording, sound, pause in zip(turn, sounds[number], [*inner[number], 0.0]):
            # On whole frames, so that the estimate and the bench see the same edges.
            first = int(place * 50) * FRAME
            legs[number % 2][first : first + len(sound)] += sound
            start_s, end_s = first / RATE, (first + len(sound)) / RATE
            told[number % 2].append({"start_s": round(start_s, 2), "end_s": round(end_s, 2), "file": recording.file, "text": recording.text, "words": words(recording, sound, start_s)})
            place = end_s + pause
    noise = np.random.default_rng(chance.getrandbits(32))
    return [telephone.codec("ulaw", leg + telephone.noise("white", total, noise) * 10 ** (LINE_DB / 20)) for leg in legs], told


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    try:
        found = recordings(arguments.recordings)
        chance = random.Random(arguments.seed)
        pool = Pool(found, chance)
        arguments.out.mkdir(parents=True, exist_ok=True)
        for number in range(arguments.pairs):
            legs, told = call(pool, chance)
            name = f"real-{number + 1}"
            for leg, sound in zip(("agent", "caller"), legs):
                write_wav(arguments.out / f"{name}-{leg}.wav", telephone.to_int16(sound))
            seconds = len(legs[0]) / RATE
            (arguments.out / f"{name}.json").write_text(json.dumps({"seconds": seconds, "agent": told[0], "caller": told[1]}, indent=1))
            count = sum(len(utterance["words"]) for leg in told for utterance in leg)
            print(f"{name}: {seconds:.0f} s, {len(told[0]) + len(told[1])} recordings, {count} words")
    except (ValueError, OSError, wave.Error) as problem:
        sys.exit(f"real_pairs.py: {problem}")
    print(f"{len(found)} recordings to draw from")


if __name__ == "__main__":
    main()
