"""Words wrong: Whisper's own English normaliser (from openai-whisper's source package), then an alignment word by word.

What is only spelling is made alike on both sides: digits stand one by one ("12 34" and "1 2 3 4"), and a word written in two parts is the one word
("can not", "cannot"; "voice mail", "voicemail"). "Okay" and "OK" are one word, too.
"""

import sys
from dataclasses import dataclass

# The normaliser writes a lone "1" as the word.
ALIKE = {"one": "1", "okay": "ok"}


@dataclass
class Count:
    said: int = 0
    substituted: int = 0
    left_out: int = 0
    put_in: int = 0
    heard: int = 0

    @property
    def wrong(self):
        return self.substituted + self.left_out + self.put_in

    @property
    def wer(self):
        return 100 * self.wrong / self.said if self.said else float("nan")

    def __add__(self, other):
        return Count(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


class Scorer:
    def __init__(self, whisper_source):
        sys.path.insert(0, str(whisper_source / "whisper"))
        from normalizers import EnglishTextNormalizer

        self.normalise = EnglishTextNormalizer()

    def words(self, text):
        out = []
        for word in self.normalise(text).split():
            digits = word.replace(".", "")
            out += list(digits) if digits.isdigit() else [ALIKE.get(word, word)]
        return out

    def count(self, said, heard):
        said, heard = self.words(said), self.words(heard)
        kinds = [kind for kind, _, _ in align(said, heard)]
        return Count(len(said), kinds.count("S"), kinds.count("D"), kinds.count("I"), len(heard))


def align(said, heard):
    """The cheapest way from one list of words to the other: (kind, places in said, places in heard); kinds are = S D I."""
    rows = [[(0, None)]]
    for j in range(1, len(heard) + 1):
        rows[0].append((j, "I"))
    for i in range(1, len(said) + 1):
        above, row, word = rows[-1], [(i, "D")], said[i - 1]
        two = said[i - 2] + word if i > 1 else None
        for j in range(1, len(heard) + 1):
            other = heard[j - 1]
            best = (above[j - 1][0], "=") if word == other else (above[j - 1][0] + 1, "S")
            if above[j][0] + 1 < best[0]:
                best = (above[j][0] + 1, "D")
            if row[j - 1][0] + 1 < best[0]:
                best = (row[j - 1][0] + 1, "I")
            if two == other and rows[i - 2][j - 1][0] < best[0]:
                best = (rows[i - 2][j - 1][0], "2=1")
            if j > 1 and word == heard[j - 2] + other and above[j - 2][0] < best[0]:
                best = (above[j - 2][0], "1=2")
            row.append(best)
        rows.append(row)
    steps = {"=": (1, 1), "S": (1, 1), "D": (1, 0), "I": (0, 1), "2=1": (2, 1), "1=2": (1, 2)}
    i, j, path = len(said), len(heard), []
    while i or j:
        kind = rows[i][j][1]
        back_said, back_heard = steps[kind]
        path.append((kind if kind in "SDI" else "=", range(i - back_said, i), range(j - back_heard, j)))
        i, j = i - back_said, j - back_heard
    return path[::-1]
