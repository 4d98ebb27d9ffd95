"""What the names of a call gain and cost the recogniser; see tests/vocabulary/run."""

import argparse
import csv
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from sentences import CALLS, with_names, without_names

MODELS = {"whisper": "ggml-tiny.en-q8_0.bin", "ctranslate2": "ct2-tiny.en-int8"}
WAYS = ["off", "prompt", "correct", "both"]
# Two programs, six voices; each sentence has one of them.
VOICES = [["flite", "-voice", voice] for voice in ("slt", "rms", "awb")] + [["espeak-ng", "-s", "150", "-v", voice] for voice in ("en-us+m7", "en-us+f2", "en-gb")]


# Ways of writing one word.
SAME = {"mr": "mister", "mrs": "misses"}


def words(text):
    found = re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower().replace("’", "'"))
    return [SAME.get(word, word) for word in found]


def speak(text, voice, into):
    """A sentence as a telephone line carries it: 8 kHz, its band, G.711 and a little noise."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as spoken:
        if voice[0] == "flite":
            command = [*voice, "-t", text, "-o", spoken.name]
        else:
            command = [*voice, "-w", spoken.name, text]
        subprocess.run(command, check=True)
        line = ["gain", "-4", "highpass", "250", "lowpass", "3400", "gain", "-n", "-6", "pad", "0.4", "0.6"]
        subprocess.run(["sox", "-V1", "-R", spoken.name, "-r", "8000", "-c", "1", "-e", "mu-law", into, *line], check=True)


def wrong_places(said, heard):
    """By Levenshtein: which words of `said` were not heard as they are, and how many words were put in, each beside a word of `said`."""
    rows, columns = len(said) + 1, len(heard) + 1
    cost = [[0] * columns for _ in range(rows)]
    for row in range(rows):
        for column in range(columns):
            if row == 0 or column == 0:
                cost[row][column] = row + column
            else:
                same = said[row - 1] == heard[column - 1]
                cost[row][column] = min(cost[row - 1][column - 1] + (not same), cost[row - 1][column] + 1, cost[row][column - 1] + 1)
    wrong, put_in, row, column = set(), 0, rows - 1, columns - 1
    while row or column:
        if row and column and cost[row][column] == cost[row - 1][column - 1] + (said[row - 1] != heard[column - 1]):
            if said[row - 1] != heard[column - 1]:
                wrong.add(row - 1)
            row, column = row - 1, column - 1
        elif row and cost[row][column] == cost[row - 1][column] + 1:
            wrong.add(row - 1)
            row -= 1
        else:
            put_in += 1
            column -= 1
    return wrong, put_in


class Sets:
    """Recordings in folders, each with its names and its text."""

    def __init__(self, folder, which, recordings):
        self.folder, self.texts = folder, {}
        self.make("names", with_names(which))
        self.make("no names", without_names(which))
        if recordings:
            self.take("people", Path(recordings), CALLS[which])

    def put(self, kind, number, text, call):
        place = self.folder / kind.replace(" ", "-")
        place.mkdir(parents=True, exist_ok=True)
        file = place / f"{number:03}.wav"
        file.with_suffix(".names").write_text("\n".join(call) + "\n")
        self.texts.setdefault(kind, {})[str(file)] = (text, call)
        return file

    def make(self, kind, sentences):
        for number, (text, call) in enumerate(sentences):
            speak(text, VOICES[number % len(VOICES)], self.put(kind, number, text, call))

    def take(self, kind, folder, calls):
        with open(folder / "refs.tsv", newline="") as table:
            rows = [row for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE) if row["lang"] == "en"]
        for number, row in enumerate(rows):
            file = self.put(kind, number, row["text"], calls[number % len(calls)])
            subprocess.run(["sox", "-V1", "-R", folder / row["file"], "-r", "8000", "-c", "1", "-e", "mu-law", file], check=True)


def hear(lineside, model, folder, way):
    config = folder.parent / "lineside.toml"
    config.write_text('[speech]\nlanguage = "en"\n')
    command = [lineside, "--config", config, "bench", "accuracy", "--heard", "--recordings", folder, "--model", model, "--rule", f"call-names={way}"]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    answers = [json.loads(line) for line in told.splitlines()]
    return {one["file"]: (" ".join(segment["text"] for segment in one["segments"]), one["cpu_s"]) for one in answers}


def count(texts, heard, show):
    """Names right, names said, other words wrong (put in among them), other words said, CPU seconds."""
    right = named = wrong_others = others = 0
    cpu_s = 0.0
    for file, (text, call) in texts.items():
        said, (written, cost) = words(text), heard[file]
        names = {word for name in call for word in words(name)}
        # The last name in an in-group's name is a word like any other when nobody is called so.
        is_name = [word in names and said_as_name(text, word) for word in said]
        wrong, put_in = wrong_places(said, words(written))
        named += sum(is_name)
        right += sum(flag and place not in wrong for place, flag in enumerate(is_name))
        others += len(said) - sum(is_name)
        wrong_others += put_in + sum(not is_name[place] for place in wrong)
        cpu_s += cost
        if show and (wrong or put_in):
            print(f"  {text}\n  > {written}")
    return right, named, wrong_others, others, cpu_s


def said_as_name(text, word):
    return any(part.lower() == word and part[0].isupper() for part in re.findall(r"[^\W_]+", text)[1:])


def main():
    parser = argparse.ArgumentParser(prog="tests/vocabulary/run")
    parser.add_argument("lineside")
    parser.add_argument("models", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--recordings")
    parser.add_argument("--engine", choices=MODELS, action="append")
    parser.add_argument("--set", choices=CALLS, default="test")
    parser.add_argument("--show", action="store_true")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=asked.work) as temporary:
        sets = Sets(Path(temporary), asked.set, asked.recordings)
        print("| model | call_names | names right | other words of these wrong | words wrong where no name is said | of people | CPU s |")
        print("|---|---|---|---|---|---|---|")
        for engine in asked.engine or ["whisper"]:
            for way in WAYS:
                row, cpu_s = [], 0.0
                for kind, texts in sets.texts.items():
                    place = Path(temporary) / kind.replace(" ", "-")
                    if asked.show:
                        print(f"{engine}, {way}, {kind}:")
                    right, named, wrong, others, cost = count(texts, hear(asked.lineside, asked.models / MODELS[engine], place, way), asked.show)
                    cpu_s += cost
                    if kind == "names":
                        row.append(f"{right} of {named} ({100 * right / named:.1f} %)")
                    row.append(f"{wrong} of {others} ({100 * wrong / others:.1f} %)")
                row += ["–"] * (4 - len(row))
                print(f"| {MODELS[engine]} | {way} | {' | '.join(row)} | {cpu_s:.1f} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
