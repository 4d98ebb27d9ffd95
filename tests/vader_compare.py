#!/usr/bin/env python3
"""Compares `lineside score --lexicon vader` with vaderSentiment 3.3.2 on every text of the ICWSM-2014 files in its source package.

usage: vader_compare.py LINESIDE [--bench]

Fetches the package from PyPI into a throw-away folder, scores all texts with both, compares all four figures exactly, prints the count.
Exit code 1 on any difference. --bench also prints texts a second of both, in the same run.
"""

import glob
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import venv

PACKAGE = "vaderSentiment==3.3.2"
EXPECTED = 23_703  # 23,699 lines by `wc -l`, which does not count the unterminated last line of each of the four files


def texts(source):
    """The text column of each ground-truth file, as it stands there."""
    found = []
    for path in sorted(glob.glob(f"{source}/**/*_GroundTruth.txt", recursive=True)):
        for line in pathlib.Path(path).read_text(encoding="utf-8", errors="replace").split("\n"):
            fields = line.rstrip("\r").split("\t")
            if len(fields) >= 3:
                found.append(" ".join(fields[2:]))
    return found


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    binary = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        venv.create(root / "venv", with_pip=True)
        python = root / "venv/bin/python"
        pip = [python, "-m", "pip", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", PACKAGE], check=True)
        subprocess.run([*pip, "download", "--no-deps", "--no-binary", ":all:", "-d", root, PACKAGE], check=True)
        for _ in range(2):  # the texts are an archive inside the package
            for path in glob.glob(f"{root}/**/*.tar.gz", recursive=True):
                with tarfile.open(path) as archive:
                    archive.extractall(root / "sources")
        lines = texts(root / "sources")
        (root / "texts").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        script = (
            "import json, sys\n"
            "from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer as Analyzer\n"
            "score = Analyzer().polarity_scores\n"
            "for line in sys.stdin.read().split('\\n')[:-1]: print(json.dumps(score(line)))\n"
        )

        def run(command):
            with open(root / "texts", "rb") as stdin:
                return subprocess.run(command, stdin=stdin, stdout=subprocess.PIPE, check=True).stdout.decode().split("\n")[:-1]

        theirs = run([python, "-X", "utf8", "-c", script])
        ours = run([binary, "score", "--lexicon", "vader"])
        different = 0
        for line, one, other in zip(lines, theirs, ours):
            one, other = json.loads(one), json.loads(other)
            if any(one[key] != other[key] for key in ("compound", "pos", "neu", "neg")):
                different += 1
                if different <= 10:
                    print(f"{line!r}\n  vaderSentiment {one}\n  lineside       { {key: other[key] for key in one} }")
        print(f"vader: {len(lines)} texts, {different} differences")
        if "--bench" in sys.argv:
            subprocess.run([binary, "bench", "vader", "--texts", root / "texts", "--python", python], check=True)
        sys.exit(0 if different == 0 and len(lines) == len(theirs) == len(ours) == EXPECTED else 1)


main()
