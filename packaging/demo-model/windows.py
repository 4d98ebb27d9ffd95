"""Training windows: lines joined to what a telephone brings, with the tokens that Whisper should answer."""

import base64
import random
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tiktoken

import network
import telephone
import words
from features import log_mel
from voice import RATE

# Encoder positions (20 ms each), windows per step, tokens at most.
SIZES = [(144, 42, 28), (256, 24, 44), (568, 11, 80), (1000, 6, 128), (1500, 4, 176)]
PADDING_SAMPLES = 24
# Timestamps are taught in steps of 0.1 s; the model's own are 0.02 s.
TIME_STEP_S = 0.1
PHONEMES = 80
GPT2 = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""


def token_bytes(assets):
    """GPT-2's tokens in order, from Whisper's source package."""
    ranks = {}
    for row in Path(assets, "gpt2.tiktoken").read_text().splitlines():
        if row.strip():
            token, rank = row.split()
            ranks[b"" if token == "=" else base64.b64decode(token)] = int(rank)
    return ranks


class Vocabulary:
    """The tokens that training uses, each with a row of its own; words and phonemes as classes of frames."""

    def __init__(self, assets):
        ranks = {token: rank for token, rank in token_bytes(assets).items() if token}
        self.encoding = tiktoken.Encoding("gpt2", pat_str=GPT2, mergeable_ranks=ranks, special_tokens={})
        ids = {network.START, network.END_OF_TEXT, network.PREVIOUS, network.NO_SPEECH, network.NO_TIMESTAMPS}
        ids |= {self.timestamp(tenths * TIME_STEP_S) for tenths in range(round(30 / TIME_STEP_S) + 1)}
        for word in words.vocabulary():
            for form in (word, word[0].upper() + word[1:]):
                for end in (".", "?"):
                    ids |= set(self.encode(f" {form}{end}"))
        self.ids = sorted(ids)
        self.row = {token: row for row, token in enumerate(self.ids)}
        self.word_class = {word: number for number, word in enumerate(sorted({word.lower() for word in words.vocabulary()}), 1)}

    def encode(self, text):
        return self.encoding.encode(text)

    @staticmethod
    def timestamp(seconds):
        steps = round(min(max(seconds, 0.0), 30.0) / TIME_STEP_S)
        return network.FIRST_TIMESTAMP + steps * round(TIME_STEP_S / 0.02)

    def class_of(self, word):
        return self.word_class[re.sub(r"[.?]", "", word).lower()]


PHONEME_NUMBERS = {}


def phoneme_number(name):
    """Stable whatever is seen first: by the name's own bytes."""
    if name in ("", "_", "_:", "_!", "_|"):
        return 0
    if name not in PHONEME_NUMBERS:
        PHONEME_NUMBERS[name] = 1 + sum(byte * 31**place for place, byte in enumerate(name.encode())) % (PHONEMES - 1)
    return PHONEME_NUMBERS[name]


@dataclass
class Window:
    samples: np.ndarray
    lines: list  # (start, end, [(word, start, end)])
    phonemes: list  # (start, name)


class Windows:
    def __init__(self, corpus, vocabulary):
        self.corpus, self.vocabulary = corpus, vocabulary
        self.by_voice = {}
        for line in corpus:
            self.by_voice.setdefault(line["voice"], []).append(line)
        self.short = [line for line in corpus if len(line["samples"]) < 2.6 * RATE]

    def quiet(self, seconds, rng, chance):
        """A window in which nobody speaks."""
        count = int(seconds * RATE)
        kind = rng.random()
        if kind < 0.2:
            return np.zeros(count, np.float32)
        if kind < 0.6:
            sound = telephone.noise(rng.choice(["white", "pink", "hum", "hall"]), count, chance) * 10 ** (-rng.uniform(20, 75) / 20)
        else:
            sound = telephone.hold_tone(rng.choice(telephone.HOLD_TONES), count, chance) * 10 ** (-rng.uniform(3, 40) / 20)
            sound += telephone.noise("white", count, chance) * 10 ** (-rng.uniform(40, 80) / 20)
        return telephone.codec(rng.choice(["none", "ulaw", "gsm"]), sound.astype(np.float32))

    def window(self, size, rng, chance):
        """One window of at most SIZES[size] positions."""
        room = SIZES[size][0] * 0.02
        if rng.random() < 0.06:
            return Window(self.quiet(rng.uniform(0.6, min(room, 12)), rng, chance), [], [])
        goal = room if size == 0 else room * rng.uniform(0.5, 1.0)
        pool = self.short if size == 0 else self.corpus
        first = rng.choice(pool)
        lines, now = [], min(rng.choice([rng.uniform(0, 0.4), rng.uniform(0.1, 0.95)]), room - len(first["samples"]) / RATE - 0.02)
        if now < 0:
            now, first = 0.05, rng.choice(self.short)
        line, same_voice = first, rng.random() < 0.75
        while line is not None:
            lines.append((now, line))
            now += len(line["samples"]) / RATE
            if size == 0:
                break
            now += rng.uniform(0.05, 1.0) if rng.random() < 0.9 else rng.uniform(1.0, 3.0)
            candidates = self.by_voice[first["voice"]] if same_voice else self.corpus
            line = rng.choice(candidates)
            if now + len(line["samples"]) / RATE > goal:
                line = None
        end = lines[-1][0] + len(lines[-1][1]["samples"]) / RATE
        total = min(end + rng.choice([rng.uniform(0, 0.5), rng.uniform(0, 1.2)]), room)
        sound = np.zeros(int(total * RATE) + 1, np.float32)
        said, phonemes = [], []
        for start, line in lines:
            place = int(start * RATE)
            piece = line["samples"][: len(sound) - place].astype(np.float32) / 32768
            sound[place : place + len(piece)] += piece * 10 ** (rng.uniform(-4, 0) / 20)
            finish = start + len(line["samples"]) / RATE
            said.append((start, finish, [(word, start + a, start + b) for word, a, b in line["words"]]))
            phonemes += [(start + at, name) for at, name in line["phonemes"]] + [(finish, "_")]
        return Window(telephone.any_line(sound, chance), said, phonemes)

    def tokens(self, window, rng):
        """The sequence as ids, each with where it is heard (None for what is not heard), and how many at its front are given, not learnt."""
        vocabulary = self.vocabulary
        given = []
        if rng.random() < 0.05:
            given = [network.PREVIOUS, *(token for word, _, _ in rng.choice(self.corpus)["words"] for token in vocabulary.encode(f" {word}"))]
        sequence = [(token, None) for token in [*given, network.START]]
        learnt_from = len(sequence)
        around = lambda seconds: (seconds - 0.3, seconds + 0.3)
        timed = rng.random() < 0.85
        if not timed:
            sequence.append((network.NO_TIMESTAMPS, None))
            learnt_from += 1
        elif not window.lines:
            sequence.append((network.FIRST_TIMESTAMP, None))
        for number, (start, end, said) in enumerate(window.lines):
            # The first stamp of a window is a second at most: whisper.cpp's max_initial_ts.
            shown = min(start, 1.0) if number == 0 else start
            if timed:
                sequence.append((vocabulary.timestamp(shown), around(start)))
            for word, a, b in said:
                sequence += [(token, (a - 0.06, b + 0.06)) for token in vocabulary.encode(f" {word}")]
            if timed:
                sequence.append((vocabulary.timestamp(end), around(end)))
        sequence.append((network.END_OF_TEXT, None))
        return sequence, learnt_from

    def step(self, seed, number, size):
        """The arrays of one training step, the same for the same seed and number."""
        rng = random.Random(f"{seed} step {number}")
        chance = np.random.default_rng([seed, number])
        positions, count, length = SIZES[size]
        out = {
            "mel": np.empty((count, 2 * positions + 8, network.BANDS), np.float32),
            "phonemes": np.zeros((count, positions), np.int32),
            "words": np.zeros((count, positions), np.int32),
            "tokens": np.zeros((count, length), np.int32),
            "wanted": np.full((count, length), -1, np.int32),
            "heard": np.full((count, length, 4), -1, np.float32),
            "padding_places": np.zeros((count, PADDING_SAMPLES), np.int32),
            "padding_weight": np.zeros(count, np.float32),
        }
        for place in range(count):
            while True:
                window = self.window(size, rng, chance)
                sequence, learnt_from = self.tokens(window, rng)
                if len(sequence) <= length + 1:
                    break
            self.put(out, place, window, sequence, learnt_from, positions, rng, chance)
        return out

    def put(self, out, place, window, sequence, learnt_from, positions, rng, chance):
        mel, padding = log_mel(window.samples)
        mel = mel[: 2 * positions]
        out["mel"][place] = padding
        out["mel"][place, : len(mel)] = mel
        at = lambda seconds: int(min(max(seconds * 50, 0), positions))
        marks = [*window.phonemes, (positions / 50, "_")]
        for (start, name), (end, _) in zip(marks, marks[1:]):
            out["phonemes"][place, at(start) : at(end)] = phoneme_number(name)
        for _, _, said in window.lines:
            for word, start, end in said:
                out["words"][place, at(start) : max(at(end), at(start) + 1)] = self.vocabulary.class_of(word)
        row = self.vocabulary.row
        rows = [row[token] for token, _ in sequence]
        last = len(rows) - 1
        out["tokens"][place, :last] = rows[:-1]
        out["wanted"][place, learnt_from - 1 : last] = rows[learnt_from:]
        for number in range(learnt_from - 1, last):
            for column, spot in ((0, sequence[number + 1][1]), (2, sequence[number][1])):
                if spot:
                    out["heard"][place, number, column : column + 2] = max(0, spot[0] * 50), min(positions, spot[1] * 50)
        if not window.lines and rng.random() < 0.7:
            # Whisper says <|nospeech|> in the place of its first answer.
            first = next(number for number, token in enumerate(sequence) if token[0] == network.START)
            out["wanted"][place, first] = row[network.NO_SPEECH]
        kind = rng.random()
        context = network.AUDIO_POSITIONS if kind < 0.25 else rng.randint(positions, min(network.AUDIO_POSITIONS, positions + 300) if kind < 0.7 else network.AUDIO_POSITIONS)
        span = max(context - positions, 1)
        spread = (np.arange(PADDING_SAMPLES) + chance.random(PADDING_SAMPLES)) * span / PADDING_SAMPLES
        out["padding_places"][place] = np.minimum(positions + spread.astype(np.int32), network.AUDIO_POSITIONS - 1)
        out["padding_weight"][place] = np.log(max(context - positions, 1e-3) / PADDING_SAMPLES)
