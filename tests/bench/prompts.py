#!/usr/bin/env python3
"""A folder of real speech with its words from Debian's packages of Asterisk's prompts: prompts.py OUT

Fetches asterisk-core-sounds-en-wav (one voice, 8 kHz; CC BY-SA 3.0) and the list of what is said in asterisk-core-sounds-en, and writes WAV files and
refs.tsv (file, text, group, source, licence). Taken are prompts that are whole sentences of a second to 20.
"""

import csv
import gzip
import shutil
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

PACKAGES = ("asterisk-core-sounds-en-wav", "asterisk-core-sounds-en")
LICENCE = "CC-BY-SA-3.0 (Allison Smith, Digium)"


def unpacked(folder):
    folder.chmod(0o755)  # apt fetches as a user of its own
    subprocess.run(["apt-get", "download", "-q", *PACKAGES], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
    return folder


def sentences(folder):
    """Name and text of each prompt that is said in whole sentences."""
    with gzip.open(folder / "usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz", "rt", encoding="utf-8") as file:
        for line in file:
            name, colon, text = line.strip().partition(": ")
            if colon and not line.startswith(";") and len(text.split()) >= 4 and not any(mark in text for mark in "[]<>(") and ".." not in text:
                yield name, " ".join(text.split())


def main(out):
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, open(out / "refs.tsv.new", "w", newline="", encoding="utf-8") as table:
        folder = unpacked(Path(temporary))
        rows, count = csv.writer(table, dialect="excel-tab"), 0
        rows.writerow(["file", "text", "group", "source", "licence"])
        for name, text in sentences(folder):
            sound = folder / f"usr/share/asterisk/sounds/en_US_f_Allison/{name}.wav"
            if not sound.is_file():
                continue
            with wave.open(str(sound)) as file:
                if not 1 <= file.getnframes() / file.getframerate() <= 20:
                    continue
            file = "ivr-" + name.replace("/", "-") + ".wav"
            shutil.copy(sound, out / file)
            rows.writerow([file, text, "ivr", f"Debian {PACKAGES[0]}: {name}", LICENCE])
            count += 1
    if not count:
        sys.exit(f"prompts.py: none of the sentences of {PACKAGES[1]} is in {PACKAGES[0]}; nothing can be made of these versions")
    # Last, so that a folder with a table is whole.
    (out / "refs.tsv.new").rename(out / "refs.tsv")
    print(f"{out}: {count} prompts")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
