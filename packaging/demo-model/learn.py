"""Trains the demo model: learn.py FOLDER ASSETS [--seed S] [--shards N]

FOLDER keeps the rendered speech and the checkpoint; a run that was stopped goes on where it was. Reads nothing else and needs no network.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import queue as queues
import random
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # or the maker of windows and XLA fight over the cores
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_prefer_vector_width=512")

import numpy as np

import corpus
import windows
from windows import SIZES, Vocabulary, Windows

# Steps of Adam for tables and biases, of Muon for matrices (which has them of this length whatever the gradient).
HIGHEST_RATE = 2e-3
MATRIX_RATE = 0.02
WARM_UP = 100
SAVE_EVERY = 200


@dataclass(frozen=True)
class Stage:
    steps: int
    rate: float  # of the highest
    flat: float  # the share of the stage before the rate begins to fall to nothing
    sizes: list  # (up to this share of the stage, how often each window size is drawn)


# Short windows first, long ones when the words are known.
STAGES = [
    Stage(
        4900,
        1.0,
        0.25,
        [
            (0.05, [1, 0, 0, 0, 0]),
            (0.4, [0.58, 0.22, 0.16, 0.02, 0.02]),
            (0.65, [0.40, 0.20, 0.16, 0.12, 0.12]),
            (1.0, [0.30, 0.16, 0.18, 0.18, 0.18]),
        ],
    ),
    Stage(450, 0.3, 0.0, [(1.0, [0.20, 0.12, 0.18, 0.22, 0.28])]),
    Stage(1900, 0.5, 0.1, [(1.0, [0.24, 0.14, 0.14, 0.20, 0.28])]),
    Stage(450, 0.3, 0.0, [(1.0, [0.34, 0.18, 0.14, 0.14, 0.20])]),
]
STEPS = sum(stage.steps for stage in STAGES)


def stage_of(number):
    """The stage that a step belongs to, and how much of it is over."""
    for stage in STAGES:
        if number < stage.steps:
            return stage, number / stage.steps
        number -= stage.steps
    raise ValueError("no stage has this step")


def size_of_step(seed, number):
    stage, over = stage_of(number)
    shares = next(shares for end, shares in stage.sizes if over < end)
    return random.Random(f"{seed} size {number}").choices(range(len(SIZES)), shares)[0]


def rate_of_step(number):
    stage, over = stage_of(number)
    return stage.rate * min(1, (over * stage.steps + 1) / WARM_UP) * min(1.0, (1 - over) / (1 - stage.flat))


def feed(folder, assets, seed, shards, first, queue):
    """The other process: makes the windows."""
    source = Windows(corpus.load(folder, shards), Vocabulary(assets))
    for number in range(first, STEPS):
        size = size_of_step(seed, number)
        queue.put((number, size, source.step(seed, number, size)))


def fingerprint(*what, files):
    """Of settings and sources: what was made under another one is not gone on with."""
    digest = hashlib.sha256(repr(what).encode())
    for name in files:
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return digest.hexdigest()[:16]


def next_step(queue, feeder):
    while True:
        try:
            return queue.get(timeout=10)
        except queues.Empty:
            if not feeder.is_alive():
                sys.exit("the maker of windows has ended: see its error above")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("assets", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shards", type=int, default=60)
    arguments = parser.parse_args()
    speech = arguments.folder / f"speech-{fingerprint(arguments.seed, files=('words', 'scripts', 'voice', 'corpus'))}"
    corpus.fill(speech, arguments.seed, arguments.shards)

    import jax
    import jax.numpy as jnp
    import network

    vocabulary = Vocabulary(arguments.assets)
    values = network.start_values(arguments.seed, len(vocabulary.ids), windows.PHONEMES, len(vocabulary.word_class) + 1)
    sources = ("learn", "windows", "network", "features", "telephone", "words", "scripts", "voice", "corpus")
    print_of_run = fingerprint(arguments.seed, arguments.shards, files=sources)
    checkpoint = arguments.folder / "checkpoint.npz"
    slow = {name: np.zeros_like(value) for name, value in values.items()}
    square = {name: np.zeros_like(value) for name, value in values.items()}
    first = 0
    if checkpoint.exists():
        with np.load(checkpoint) as saved:
            if str(saved.get("run", "")) != print_of_run:
                sys.exit(f"{checkpoint} was begun with other sources or settings: move it away to begin anew")
            first = int(saved["step"])
            for kind, table in (("value", values), ("slow", slow), ("square", square)):
                for name in table:
                    table[name] = saved[f"{kind} {name}"]
    is_matrix = lambda name: values[name].ndim == 2 and ("blocks" in name or "conv" in name)

    def loss(values, batch, guide, frames):
        encoded, bias = network.encode(values, batch["mel"], batch["padding_places"], batch["padding_weight"])
        scores, listens = network.decode(values, encoded, bias, batch["tokens"])
        wanted = batch["wanted"]
        learnt = (wanted >= 0).astype(jnp.float32)
        picked = jnp.take_along_axis(jax.nn.log_softmax(scores), jnp.maximum(wanted, 0)[..., None], -1)[..., 0]
        total = learnt.sum()
        cross = -(picked * learnt).sum() / total
        right = ((scores.argmax(-1) == wanted) * learnt).sum() / total

        positions = batch["phonemes"].shape[1]

        def of_frames(name, step):
            heads = jax.nn.log_softmax(network.linear(encoded[:, :positions:step], values, name))
            return -jnp.take_along_axis(heads, batch[name][:, ::step, None], -1).mean()

        phonemes, said = of_frames("phonemes", 1), of_frames("words", 3)
        # The first head of the first layer listens to the token just given, that of the later ones to the token to come.
        time = jnp.arange(positions) + 0.5
        guided = 0.0
        for layer, where in enumerate(listens):
            spot = batch["heard"][..., 2:] if layer == 0 else batch["heard"][..., :2]
            there = (spot[..., 1] > 0).astype(jnp.float32)
            inside = (time >= spot[..., :1]) & (time < spot[..., 1:])
            share = jnp.log((where[..., :positions] * inside).sum(-1) + 1e-4)
            guided -= (share * there).sum() / jnp.maximum(there.sum(), 1)
        return cross + frames * (phonemes + said) + guide * guided, (cross, right, phonemes, said, guided)

    def orthogonal(x):
        """Newton-Schulz towards the nearest orthogonal matrix (Muon: Jordan et al. 2024)."""
        wide = x.shape[0] > x.shape[1]
        x = x.T if wide else x
        x = x / (jnp.linalg.norm(x) + 1e-7)
        for _ in range(5):
            squared = x @ x.T
            x = 3.4445 * x + (-4.7750 * squared + 2.0315 * squared @ squared) @ x
        return x.T if wide else x

    def update(values, slow, square, number, rate, guide, frames, batch):
        gradients, parts = jax.grad(loss, has_aux=True)(values, batch, guide, frames)
        size = jnp.sqrt(sum((gradient**2).sum() for gradient in gradients.values()))
        clip = jnp.minimum(1.0, 1.0 / (size + 1e-6))
        for name, gradient in gradients.items():
            if is_matrix(name):
                slow[name] = 0.95 * slow[name] + gradient
                turn = orthogonal(gradient + 0.95 * slow[name])
                rows, columns = gradient.shape
                stretch = max(1.0, columns / rows) ** 0.5
                values[name] = values[name] * (1 - rate * MATRIX_RATE * 0.1) - rate * MATRIX_RATE * stretch * turn
                continue
            gradient = gradient * clip
            slow[name] = 0.9 * slow[name] + 0.1 * gradient
            square[name] = 0.98 * square[name] + 0.02 * gradient**2
            step = (slow[name] / (1 - 0.9**number)) / (jnp.sqrt(square[name] / (1 - 0.98**number)) + 1e-8)
            decay = 0.01 if values[name].ndim == 2 and "blocks" in name else 0.0
            values[name] = values[name] - rate * HIGHEST_RATE * (step + decay * values[name])
        return values, slow, square, parts

    values, slow, square = (jax.device_put(table) for table in (values, slow, square))
    update = jax.jit(update, donate_argnums=(0, 1, 2))

    def save(number):
        tables = (("value", values), ("slow", slow), ("square", square))
        arrays = {f"{kind} {name}": np.asarray(value) for kind, table in tables for name, value in table.items()}
        partial = arguments.folder / "partial.npz"
        np.savez(partial, run=print_of_run, step=number, ids=np.array(vocabulary.ids), **arrays)
        partial.rename(checkpoint)
        if number == STEPS - STAGES[-1].steps:
            # The export mixes it in.
            shutil.copy(checkpoint, arguments.folder / "before-last-stage.npz")

    context = multiprocessing.get_context("spawn")
    queue = context.Queue(3)
    feeder = context.Process(target=feed, args=(speech, arguments.assets, arguments.seed, arguments.shards, first, queue), daemon=True)
    feeder.start()
    began, recent, waited = time.time(), {}, 0.0
    log = open(arguments.folder / "log.jsonl", "a")
    for number in range(first, STEPS):
        asked = time.time()
        fed, size, batch = next_step(queue, feeder)
        waited += time.time() - asked
        assert fed == number
        rate = rate_of_step(number)
        guide, frames = (0.3, 0.5) if number < 0.6 * STAGES[0].steps else (0.1, 0.2)
        values, slow, square, parts = update(values, slow, square, number + 1.0, rate, guide, frames, batch)
        recent.setdefault(size, []).append([float(part) for part in parts])
        if (number + 1) % 50 == 0:
            mean = {SIZES[size][0]: [round(float(value), 3) for value in np.mean(rows[-50:], axis=0)] for size, rows in sorted(recent.items())}
            elapsed = time.time() - began
            log.write(json.dumps({"step": number + 1, "seconds": round(elapsed), "waited": round(waited), "loss right phonemes words guide": mean}) + "\n")
            log.flush()
            if sys.stderr.isatty() or (number + 1) % 500 == 0:
                left = elapsed / (number + 1 - first) * (STEPS - number - 1)
                print(f"\rtraining: step {number + 1}/{STEPS}, {left / 60:.0f} min left, right {mean[SIZES[0][0]][1]:.3f}   ", end="", file=sys.stderr, flush=True)
            recent = {}
        if (number + 1) % SAVE_EVERY == 0 or number + 1 == STEPS - STAGES[-1].steps:
            save(number + 1)
    save(STEPS)
    feeder.terminate()
    print(file=sys.stderr)


if __name__ == "__main__":
    main()
