"""What is to be reached beside faster-whisper in the same run, and what a quick run must not fall short of."""

from dataclasses import dataclass

BESIDE_PEER = ("8k", "g711", "gsm", "20dB")
POINTS = 0.3
INSERTIONS = 1.5
CPU = 0.6
# A quick run is short, and a few words are a point: only what no chance explains fails it.
GROSS_POINTS = 3.0
PEER = "faster-whisper"


@dataclass
class Goal:
    what: str
    ours: str
    theirs: str
    goal: str
    reached: bool


def judged(measured, system, conditions):
    """Every goal that can be judged by what was measured of one of our engines."""
    goals = []
    beside = [condition for condition in conditions if (PEER, condition) in measured.answers]
    ours, theirs = (lambda *names: measured.count(system, *names)), (lambda *names: measured.count(PEER, *names))
    for condition in beside:
        if condition in BESIDE_PEER:
            one, other = ours(condition).wer, theirs(condition).wer
            goals.append(Goal(f"WER at {condition}", f"{one:.2f} %", f"{other:.2f} %", f"<= its + {POINTS}", one <= other + POINTS))
    if all(condition in beside for condition in BESIDE_PEER):
        one, other = ours(*BESIDE_PEER).wer, theirs(*BESIDE_PEER).wer
        goals.append(Goal(f"WER at {', '.join(BESIDE_PEER)} together", f"{one:.2f} %", f"{other:.2f} %", "<= its", one <= other))
    if beside:
        one, other = ours(*beside).put_in, theirs(*beside).put_in
        goals.append(Goal("words put in, all conditions", str(one), str(other), f"<= {INSERTIONS} x its", one <= INSERTIONS * other))
        one, other = measured.cpu_s(system, *beside), measured.cpu_s(PEER, *beside)
        goals.append(Goal("CPU of a final pass, all conditions", f"{one:.0f} s", f"{other:.0f} s", f"<= {CPU} x its", one <= CPU * other))
    if system in measured.invented:
        words = measured.words_invented(system)
        peer = str(measured.words_invented(PEER)) if PEER in measured.invented else "-"
        goals.append(Goal("words invented on the quiet set", str(words), peer, "0", words == 0))
    return goals


def gross_losses(measured, system, conditions):
    """Why a quick run fails."""
    losses = []
    for condition in conditions:
        one, other = measured.count(system, condition).wer, measured.count(PEER, condition).wer
        if one > other + GROSS_POINTS:
            losses.append(f"{system}: {one:.1f} % of words wrong at {condition}, faster-whisper {other:.1f} %")
    if system in measured.invented and (words := measured.words_invented(system)):
        losses.append(f"{system}: {words} words where nobody speaks")
    return losses
