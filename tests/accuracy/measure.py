"""Runs the systems over conditions, the quiet set and the word times; keeps every answer and counts it."""

import sys
import time
from dataclasses import dataclass, field

import quiet
from conditions import NARROW
from score import Count
from sound import write


@dataclass
class Measured:
    systems: object
    scorer: object
    # By system and condition: of each leg what was heard, and its words counted.
    answers: dict = field(default_factory=dict)
    # By system: of each file of the quiet set what was heard.
    invented: dict = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def say(self, text):
        print(f"[{time.monotonic() - self.began:4.0f} s] {text}", file=sys.stderr, flush=True)

    def condition(self, name, folder, legs, wanted, rules=()):
        """What the systems write of all legs under a condition."""
        for system in wanted:
            heard = self.systems.hear(system, folder, rules)
            self.answers[system, name] = [(leg, heard[leg.name], self.scorer.count(leg.text, heard[leg.name].text)) for leg in legs]
            count = self.count(system, name)
            self.say(f"{name}: {system}: {count.wer:.1f} % of {count.said} words wrong, {self.cpu_s(system, name):.1f} s of CPU")

    def count(self, system, *conditions, group=None):
        lines = [line for name in conditions for line in self.answers[system, name]]
        return sum((count for leg, _, count in lines if group in (None, leg.group)), Count())

    def cpu_s(self, system, *conditions):
        return sum(heard.cpu_s for name in conditions for _, heard, _ in self.answers[system, name])

    def quiet(self, folder, wanted, rules=()):
        for system in wanted:
            self.invented[system] = self.systems.hear(system, folder, rules)
            self.say(f"quiet: {system}: {self.words_invented(system)} words invented, {self.quiet_cpu_s(system):.1f} s of CPU")

    def words_invented(self, system, files=None):
        """Everything that stands between blanks, be it a word, a sign in brackets or dots: a reader sees all of it."""
        return sum(len(heard.text.split()) for name, heard in self.invented[system].items() if files is None or name in files)

    def quiet_cpu_s(self, system):
        return sum(heard.cpu_s for heard in self.invented[system].values())

    def anything_kept(self):
        lines = [heard for line in self.answers.values() for _, heard, _ in line]
        return any(heard.kept for heard in [*lines, *(heard for found in self.invented.values() for heard in found.values())])


def quiet_files(folder, music_folder, share=1.0):
    """Files of the quiet set, or the first part of each; gives its length in seconds."""
    folder.mkdir()
    seconds = 0.0
    for name, samples in quiet.everything(music_folder).items():
        part = samples[: int(len(samples) * share)]
        write(folder / f"{name}.wav", part, NARROW)
        seconds += len(part) / NARROW
    return seconds
