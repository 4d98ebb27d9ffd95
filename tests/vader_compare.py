#!/usr/bin/env python3
"""Compares `lineside score --lexicon vader` with vaderSentiment 3.3.2 for Python, figure by figure.

    python3 tests/vader_compare.py target/release/lineside [--bench] [--sdist FILE]

Takes vaderSentiment 3.3.2 from PyPI (the sdist, checked by its SHA-256) into a throw-away folder, and from it the four ground-truth files of
ICWSM 2014: tweets, Amazon, film and newspaper snippets. Each file's last line has no line end, so `wc -l` counts 23,699 where there are
23,703 texts; all of them are compared. Then every entry of the word list and of the emoji list is compared as a text of its own, and texts
made at random from both lists, degree adverbs, negations, capitals and punctuation (the seed is fixed).

From Python 3.12 on `sum` of floats is compensated. Where a text's valences cancel out, the reference then leaves or takes a last bit that decides
which way its punctuation counts, so that it differs from itself under 3.11 (7 of the random texts, none of the others). lineside adds plainly, as
Python did up to 3.11, which is Debian 12's; for the random texts a newer Python is given the plain sum.

Prints one line per set with the number of texts and of differences. Exit status: 0 all equal, 1 a difference, 2 the comparison could not run.
"""

import argparse
import hashlib
import importlib.util
import json
import pathlib
import random
import subprocess
import sys
import tarfile
import tempfile
import time
import types

RELEASE = "3.3.2"
SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
FILES = ["tweets", "amazonReviewSnippets", "movieReviewSnippets", "nytEditorialSnippets"]
FIGURES = ["compound", "pos", "neu", "neg"]
RANDOM_TEXTS = 50_000


def fetch_sdist(folder):
    """Downloads the sdist with pip, without building it or its dependencies."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary", ":all:"]
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    command[0] = str(venv / "bin" / "python3")
    subprocess.run([*command, "--dest", folder, f"vaderSentiment=={RELEASE}"], check=True)
    return next(folder.glob("vader*entiment-*.tar.gz"))


def unpack(archive, folder):
    with tarfile.open(archive) as tar:
        if hasattr(tarfile, "data_filter"):
            tar.extractall(folder, filter="data")
        else:
            tar.extractall(folder)


def load_reference(package):
    """Imports the module from the unpacked sdist. It imports `requests` for a demonstration that is not run here."""
    sys.modules.setdefault("requests", types.ModuleType("requests"))
    spec = importlib.util.spec_from_file_location("vaderSentiment", package / "vaderSentiment.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["vaderSentiment"] = module
    spec.loader.exec_module(module)
    return module


def ground_truth(folder):
    texts = []
    for name in FILES:
        data = (folder / f"{name}_GroundTruth.txt").read_bytes().decode("utf-8")
        for line in data.split("\r\n"):
            if line:
                texts.append(line.split("\t", 2)[2])
    return texts


def random_texts(module, analyzer):
    rng = random.Random(20140601)
    rated = sorted(analyzer.lexicon)
    emoji = sorted(analyzer.emojis)
    moving = sorted(module.BOOSTER_DICT) + module.NEGATE + sorted(module.SPECIAL_CASES)
    moving += "no nor or but least at very never so this without doubt kind of the to die for bus stop yeah right just enough".split()
    plain = "the a we call agent line I it is was phone ǅungla ÉTÉ straße İstanbul don’t 電話 d'accord x 1 42 -- ... (sic)".split()
    spaces = [" "] * 20 + ["  ", "\t", "\u00a0", "\u2003", "\u3000", "\x1c", "\x1f", "\x85", ""]
    ends = [""] * 12 + ["!", "!!", "?", "??", "???", "?!", ".", ",", ";", "...", '"', ")", "'s"]
    texts = []
    for _ in range(RANDOM_TEXTS):
        text = ""
        for _ in range(rng.randint(1, 14)):
            word = rng.choice(rng.choice([rated, rated, moving, moving, plain, plain, emoji]))
            shape = rng.random()
            if shape < 0.15:
                word = word.upper()
            elif shape < 0.25:
                word = word.capitalize()
            text += rng.choice(["", "", "", "", "", "(", '"', "#"]) + word + rng.choice(ends) + rng.choice(spaces)
        texts.append(text)
    return texts


def plain_sum(values):
    total = 0
    for value in values:
        total += value
    return total


def ask(binary, texts):
    """One JSON object per text. Texts hold no line feed, so a text is a line; a carriage return at the end belongs to the line end."""
    lines = "".join(text + "\n" for text in texts).encode("utf-8")
    run = subprocess.run([binary, "score", "--lexicon", "vader"], input=lines, stdout=subprocess.PIPE, check=True)
    answers = run.stdout.decode("utf-8").splitlines()
    if len(answers) != len(texts):
        sys.exit(f"{len(texts)} lines went in, {len(answers)} came out")
    return [json.loads(answer) for answer in answers]


def compare(what, binary, analyzer, texts):
    differences = 0
    for text, answer in zip(texts, ask(binary, texts)):
        wanted = analyzer.polarity_scores(text)
        if any(answer[figure] != wanted[figure] for figure in FIGURES):
            differences += 1
            if differences <= 10:
                print(f"  {text!r}\n    wanted {wanted}\n    got    { {figure: answer[figure] for figure in FIGURES} }")
    print(f"{what}: {len(texts)} texts, {differences} differences")
    return differences


def bench(binary, analyzer, texts):
    """Both sides in process, one thread, texts in memory: polarity_scores in a loop here, `score --measure` there. Best of three."""
    rounds = 20
    lines = "".join(text + "\n" for text in texts).encode("utf-8")
    theirs = ours = 0.0
    for _ in range(3):
        start = time.perf_counter()
        for text in texts:
            analyzer.polarity_scores(text)
        theirs = max(theirs, len(texts) / (time.perf_counter() - start))
        command = [binary, "score", "--lexicon", "vader", "--measure", str(rounds)]
        run = subprocess.run(command, input=lines, stdout=subprocess.PIPE, check=True)
        ours = max(ours, json.loads(run.stdout)["texts_per_s"])
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"bench: Python {version} {theirs:.0f} texts/s, lineside {ours:.0f} texts/s, ratio {ours / theirs:.1f}")
    print("  (scoring alone in each process, one thread, best of 3)")


def main():
    parser = argparse.ArgumentParser(description="Compares lineside's VADER with vaderSentiment " + RELEASE)
    parser.add_argument("binary", type=pathlib.Path, help="the lineside program")
    parser.add_argument("--bench", action="store_true", help="also time both")
    parser.add_argument("--sdist", type=pathlib.Path, help="use this sdist instead of asking PyPI")
    arguments = parser.parse_args()
    binary = str(arguments.binary.resolve())

    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        try:
            sdist = arguments.sdist or fetch_sdist(folder)
            if hashlib.sha256(sdist.read_bytes()).hexdigest() != SHA256:
                sys.exit(f"{sdist.name} is not the sdist of vaderSentiment {RELEASE} that PyPI has published")
            unpack(sdist, folder)
            package = next(folder.glob("vader*entiment-*/"))
            unpack(next((package / "additional_resources").glob("*.tar.gz")), folder)
        except (OSError, subprocess.CalledProcessError) as fault:
            print(f"the reference is not to be had: {fault}", file=sys.stderr)
            return 2
        module = load_reference(package / "vaderSentiment")
        analyzer = module.SentimentIntensityAnalyzer()
        texts = ground_truth(folder / "hutto_ICWSM_2014")
        differences = compare("ICWSM 2014 ground truth", binary, analyzer, texts)
        entries = sorted(analyzer.lexicon) + sorted(analyzer.emojis)
        differences += compare("word and emoji lists", binary, analyzer, entries)
        if sys.version_info >= (3, 12):
            module.sum = plain_sum
            print("random texts: with the plain sum of Python 3.11")
        differences += compare("random texts", binary, analyzer, random_texts(module, analyzer))
        if arguments.bench:
            vars(module).pop("sum", None)
            bench(binary, analyzer, texts)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
