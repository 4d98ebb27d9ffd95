"""Words of short utterances ("yes", "the dealership"): a recogniser has little to go by, and makes something up or leaves them out.

A word that is put in belongs to no utterance for certain, so these are told by words substituted and left out, and by utterances that are right as a whole.
"""

from dataclasses import dataclass

from score import Count, align
from sound import RATE

LONGEST_S = 1.5


@dataclass
class Short:
    utterances: int
    right: int
    words: Count


def count(scorer, lines):
    """Of legs and what was heard on them: the utterances in which somebody is heard for LONGEST_S at most."""
    found = Short(0, 0, Count())
    for leg, heard, _ in lines:
        said = [(word, number) for number, (_, _, text, _, _) in enumerate(leg.utterances) for word in scorer.words(text)]
        kinds = {}
        for kind, places, _ in align([word for word, _ in said], scorer.words(heard.text)):
            for place in places:
                kinds.setdefault(said[place][1], []).append(kind)
        for number, (_, _, _, onset, end) in enumerate(leg.utterances):
            if end - onset <= LONGEST_S * RATE and (of_it := kinds.get(number)):
                found.utterances += 1
                found.right += set(of_it) == {"="}
                found.words += Count(len(of_it), of_it.count("S"), of_it.count("D"))
    return found
