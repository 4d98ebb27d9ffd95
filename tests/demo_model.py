#!/usr/bin/env python3
"""What the demo model's makers promise: held-out sentences, rendering that repeats, half a cache, both weight formats. Wants numpy and ctranslate2."""

import ctypes
import random
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

FOLDER = Path(__file__).parent.parent / "packaging/demo-model"
sys.path.insert(0, str(FOLDER))
import corpus
import ggml
import rendering
import scripts
import telephone
import to_ct2
import voice
import words


class Sentences(unittest.TestCase):
    def test_training_never_says_a_sentence_of_the_demo_calls(self):
        rng = random.Random(2)
        trained = {words.plain(words.sentence(rng)) for _ in range(20_000)}
        held_out = {words.plain(words.sentence(rng, held_out=True)) for _ in range(300)}
        self.assertGreater(len(held_out), 100)
        self.assertFalse(trained & held_out)
        self.assertFalse(trained & scripts.spoken())

    def test_the_demo_calls_use_the_words_of_the_grammar(self):
        known = {word.lower() for word in words.vocabulary()}
        for name, lines in scripts.CALLS.items():
            for _, _, text in lines:
                if not text.startswith("..."):
                    self.assertFalse(set(words.plain(text).split()) - known, f"{name}: {text}")


class Rendering(unittest.TestCase):
    def test_a_call_is_the_same_each_time_and_its_lines_are_where_it_says(self):
        with tempfile.TemporaryDirectory() as folder:
            for place in ("one", "other"):
                subprocess.run([sys.executable, FOLDER / "rendering.py", "calls", f"{folder}/{place}", "calm"], check=True)
            self.assertEqual(*(Path(folder, place, "calm.wav").read_bytes() for place in ("one", "other")))
        made = rendering.call("calm")
        for line in made["lines"]:
            middle = int((line["start_s"] + line["end_s"]) / 2 * voice.RATE)
            self.assertGreater(np.abs(made[line["speaker"]][middle - 800 : middle + 800]).max(), 0.02, line)

    def test_half_a_cache_is_mended(self):
        with tempfile.TemporaryDirectory() as folder:
            fill = lambda: subprocess.run([sys.executable, FOLDER / "corpus.py", folder, "7", "1"], check=True, stderr=subprocess.DEVNULL)
            fill()
            shard = corpus.shard_file(folder, 0)
            whole = shard.read_bytes()
            shard.write_bytes(whole[: len(whole) // 2])
            self.assertIsNone(corpus.load_shard(shard))
            fill()
            self.assertEqual(shard.read_bytes(), whole)

    def test_without_espeak_it_says_what_to_install(self):
        voice._espeak.cache_clear()
        with mock.patch.object(ctypes, "CDLL", side_effect=OSError), self.assertRaises(SystemExit) as stop:
            voice.say("Hello.", "en-us")
        self.assertIn("apt-get install espeak-ng", str(stop.exception))

    def test_the_codecs_keep_speech_and_silence(self):
        speech = voice.say("I want to cancel my contract.", "en-us").samples * 0.5
        for name in ("ulaw", "gsm"):
            through = telephone.codec(name, speech)
            self.assertGreater(np.corrcoef(speech, through)[0, 1], 0.9, name)
            self.assertLess(np.abs(telephone.codec(name, np.zeros(800, np.float32))).max(), 0.001, name)


class Weights(unittest.TestCase):
    def test_quantised_weights_are_read_back_within_a_step(self):
        values = np.random.default_rng(1).standard_normal((64, 128)).astype(np.float32)
        for kind, (number, most) in {"q8_0": (8, 0.02), "q5_1": (7, 0.15), "q5_0": (6, 0.2)}.items():
            read = to_ct2.READERS[number][2](ggml.quantise(values, kind)).reshape(values.shape)
            self.assertLess(np.abs(read - values).max(), most, kind)


if __name__ == "__main__":
    unittest.main(verbosity=1)
