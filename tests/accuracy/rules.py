"""What each rule of the recogniser gains and costs: the same recordings with one rule changed at a time, by `lineside bench accuracy --rule`."""

from measure import Measured
from systems import NoSuchRule

# What is shown, and what `--rule` is given.
RULES = [
    ("as it is", []),
    ("window margin 128 positions", ["margin=128"]),
    ("window margin 256", ["margin=256"]),
    ("window margin 384", ["margin=384"]),
    ("window margin 512", ["margin=512"]),
    ("silence encoded each time", ["room=384"]),
    ("no bound on tokens by length", ["bound=off"]),
    ("dropped at once below -1.4", ["hopeless=140"]),
    ("no second look with more beams", ["second-look=off"]),
    ("second look: silence is stored", ["second-room=96"]),
    ("second look in the first one's window", ["second-margin=384", "second-room=384"]),
    ("second look so, and silence is stored", ["second-margin=384", "second-room=96"]),
    ("second look with three beams", ["second-beams=3"]),
    ("no gap re-decoding", ["gaps=off"]),
    ("noise decoded again, too", ["noisy=1"]),
    ("noise from 13 dB of range", ["noisy=13"]),
    ("noise from 18 dB of range", ["noisy=18"]),
    ("no-speech not judged", ["no-speech=off"]),
    ("repetition not judged", ["repetition=off"]),
    ("known phrases believed", ["known-phrases=off"]),
    ("tones go to the model", ["tones=off"]),
    ("level not made even", ["normalise=off"]),
    ("RNNoise in front", ["denoise=on"]),
    ("one beam at first", ["beams=1"]),
    ("five beams at first", ["beams=5"]),
]


def measure(systems, scorer, folders, legs, quiet_folder, engine, say):
    """A row a rule: title, WER by condition, all words S / D / I, words invented, CPU seconds. A rule that this lineside has not is named so."""
    rows, first = [], None
    for title, rules in RULES:
        measured = Measured(systems, scorer)
        measured.say = say
        try:
            for name, folder in folders.items():
                measured.condition(name, folder, legs, [engine], rules)
            if quiet_folder:
                measured.quiet(quiet_folder, [engine], rules)
        except NoSuchRule:
            rows.append([title, " ".join(rules), "this lineside has no such rule"])
            continue
        count, cpu_s = measured.count(engine, *folders), measured.cpu_s(engine, *folders)
        first = first or (count.wrong, cpu_s)
        rows.append([
            title, " ".join(rules), f"{count.wer:.2f}", *(f"{measured.count(engine, name).wer:.1f}" for name in folders),
            f"{count.wrong - first[0]:+d}", f"{count.substituted} / {count.left_out} / {count.put_in}",
            str(measured.words_invented(engine)) if quiet_folder else "-", f"{cpu_s:.1f}", f"{100 * (cpu_s / first[1] - 1):+.0f} %",
        ])
    header = ["", "--rule", "WER %", *folders, "words wrong", "S / D / I", "invented", "CPU s", "CPU"]
    return header, [row + [""] * (len(header) - len(row)) for row in rows]
