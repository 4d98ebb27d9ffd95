"""VADER per text: vaderSentiment's polarity_scores in a loop, lineside's in its own process; the texts of ICWSM 2014, in turns of about a second, one thread each."""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def measure(lineside, work, rounds):
    """Medians of texts a second: lineside, vaderSentiment."""
    import vader_compare
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    sdist = next((work / "vader").glob("vader*entiment-*.tar.gz"))
    vader_compare.unpack(sdist, work / "vader")
    package = next(path for path in (work / "vader").glob("vader*entiment-*/"))
    vader_compare.unpack(next((package / "additional_resources").glob("*.tar.gz")), work / "vader")
    texts = vader_compare.ground_truth(work / "vader" / "hutto_ICWSM_2014")
    lines = "".join(text + "\n" for text in texts).encode()
    score = SentimentIntensityAnalyzer().polarity_scores
    ours, theirs = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        for text in texts:
            score(text)
        theirs.append(len(texts) / (time.perf_counter() - began))
        run = subprocess.run([lineside, "score", "--lexicon", "vader", "--measure", "60"], input=lines, stdout=subprocess.PIPE, check=True)
        ours.append(json.loads(run.stdout)["texts_per_s"])
    return statistics.median(ours), statistics.median(theirs)
