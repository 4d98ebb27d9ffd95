"""Prompts of a PBX where there is no other folder of recordings: the sounds of Debian's asterisk-core-sounds-en-g722, the words of prompts.tsv beside this.

Digits and letters of the package say their own name, so they need no line there; several at a time are one utterance, as they are said.
"""

import csv
import random
from pathlib import Path

import numpy as np
from recordings import Recording, Unusable
from sound import RATE, read

VOICE = "en_US_f_Allison"
DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
NUMBERS = 12
GAP_S = 0.08


def load(folder):
    """`folder` is the unpacked package."""
    found = list(folder.rglob(VOICE))
    if not found:
        raise Unusable(f"{folder}: no folder {VOICE} in it: the package asterisk-core-sounds-en-g722 is not unpacked there")
    sounds = found[0]
    with (Path(__file__).parent / "prompts.tsv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.reader(file, dialect="excel-tab") if not row[0].startswith("#")]
    prompts = [Recording(f"ivr-{name.replace('/', '-')}", "ivr", text, read(sounds / f"{name}.g722")) for name, text in rows]
    return prompts + numbers(sounds)


def numbers(sounds):
    """Numbers of five to ten digits, digit by digit."""
    spoken = [read(sounds / "digits" / f"{digit}.g722") for digit in range(10)]
    random_of = random.Random("numbers")
    made = []
    for number in range(NUMBERS):
        digits = [random_of.randrange(10) for _ in range(random_of.randint(5, 10))]
        gap = np.zeros(int(GAP_S * RATE), np.float32)
        sound = np.concatenate([part for digit in digits for part in (spoken[digit], gap)])
        made.append(Recording(f"digits-{number}", "digits", " ".join(DIGITS[digit] for digit in digits), sound))
    return made
