"""The training speech: sentences and jumbles by many voices, rendered once into shards, resumable."""

import multiprocessing
import os
import pickle
import random
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

import voice
import words
from telephone import to_int16

PER_SHARD = 500


def render(seed, shard):
    """One shard: dicts with int16 samples at 8 kHz, words and phonemes with their times, voice and kind."""
    rng = random.Random(f"{seed} {shard}")
    lines = []
    while len(lines) < PER_SHARD:
        jumbled = rng.random() < 0.3
        text = words.jumble(rng, leave_out=words.SOUND_ALIKE) if jumbled else words.sentence(rng)
        size = rng.uniform(0.94, 1.06) if rng.random() < 0.5 else 1.0
        line = voice.say(text, voice.random_voice(rng), rng.randint(120, 215), rng.randint(25, 75), rng.randint(25, 75), size)
        if line.seconds > 8:
            continue
        lines.append({"samples": to_int16(line.samples * 0.99), "words": line.words, "phonemes": line.phonemes, "voice": line.voice})
    return lines


def shard_file(folder, shard):
    return Path(folder) / f"{shard:04}.pickle"


def write_shard(job):
    seed, shard, folder = job
    os.nice(5)
    path = shard_file(folder, shard)
    partial = path.with_suffix(".partial")
    with open(partial, "wb") as file:
        pickle.dump(render(seed, shard), file, 4)
    partial.rename(path)
    return shard


def load_shard(path):
    """None where the file is damaged: it is then rendered again."""
    try:
        with open(path, "rb") as file:
            lines = pickle.load(file)
        return lines if len(lines) == PER_SHARD else None
    except (OSError, EOFError, pickle.UnpicklingError, AttributeError, ValueError):
        return None


def fill(folder, seed, shards):
    """Renders what is missing or damaged, with a bar."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    missing = [(seed, shard, folder) for shard in range(shards) if load_shard(shard_file(folder, shard)) is None]
    # A process a shard: espeak-ng's flutter goes on from line to line, so only a fresh one says the same again.
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        for done, _ in enumerate(pool.map(write_shard, missing), shards - len(missing) + 1):
            print(f"\rspeech: {done}/{shards} shards of {PER_SHARD} lines", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def load(folder, shards):
    return [line for shard in range(shards) for line in load_shard(shard_file(folder, shard))]


if __name__ == "__main__":
    fill(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
