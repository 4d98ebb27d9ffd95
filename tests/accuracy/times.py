"""How far the times of words are from where the words are.

The reference is where each recording was put into its leg, and where in it somebody is first and last heard (its first and last 10 ms less than 30 dB
below the loudest): the start of an utterance's first word, the end of its last. Words inside have no reference of their own; there the starts are
compared with those of faster-whisper's word_timestamps, which are another estimate and no truth. Only words that were heard right count.
"""

import re

from score import align
from sound import RATE


def tokens(text):
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.lower())


def spoken(heard):
    """Each word that a system wrote with its times; a word with a hyphen is several at the same time."""
    words = [word for segment in heard.segments for word in segment["words"]]
    return [(token, word["start"], word["end"]) for word in words for token in tokens(word["text"])]


def against_placement(lines):
    """Of legs and what was heard on them: errors of first starts and of last ends, seconds, and how many there could be."""
    starts, ends, utterances = [], [], 0
    for leg, heard in lines:
        said = [(token, number) for number, (_, _, text, _, _) in enumerate(leg.utterances) for token in tokens(text)]
        words = spoken(heard)
        found = {}
        for kind, places, others in align([token for token, _ in said], [token for token, _, _ in words]):
            if kind == "=":
                found[places[0]], found[places[-1]] = words[others[0]][1:], words[others[-1]][1:]
        for number, (_, _, _, onset, end) in enumerate(leg.utterances):
            of_it = [place for place, (_, utterance) in enumerate(said) if utterance == number]
            utterances += 1
            if of_it[0] in found:
                starts.append(found[of_it[0]][0] - onset / RATE)
            if of_it[-1] in found:
                ends.append(found[of_it[-1]][1] - end / RATE)
    return starts, ends, utterances


def against_other(lines, others):
    """Starts of the words that both heard, seconds apart."""
    apart = []
    for (_, heard), (_, other) in zip(lines, others, strict=True):
        ours, theirs = spoken(heard), spoken(other)
        for kind, places, them in align([word for word, _, _ in theirs], [word for word, _, _ in ours]):
            if kind == "=" and len(places) == len(them) == 1:
                apart.append(ours[them[0]][1] - theirs[places[0]][1])
    return apart


def percentile(values, share):
    values = sorted(abs(value) for value in values)
    return values[round((len(values) - 1) * share)] if values else float("nan")
