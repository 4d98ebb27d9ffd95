"""What the drivers share: sound, percentiles, memory, and where speech ends."""

import json
import wave
from pathlib import Path

import numpy as np

RATE = 8000
FRAME = 160
# As src/cli/bench/live.rs has them.
QUIET, PAUSE_S, SHIFT = 164.0, 0.3, 7919 * RATE // 1000


def read_wav(path):
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def write_wav(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.asarray(samples, "<i2").tobytes())


def pairs(folder):
    """Agent and caller of each call, in order of name."""
    agents = sorted(Path(folder).glob("*-agent.wav"))
    return [(read_wav(agent), read_wav(str(agent).replace("-agent.wav", "-caller.wav"))) for agent in agents]


def mixed(pair):
    agent, caller = (leg.astype(np.int32) for leg in pair)
    return np.clip(agent + caller, -32768, 32767).astype(np.int16)


def turned(samples, call, count, length):
    """What `lineside bench live` sends on a leg of call number `call`, when there are `count` pairs."""
    offset = call // count * SHIFT
    return samples[(np.arange(length) + offset) % len(samples)]


def speech_ends(samples):
    """Where a leg's stretches of speech end, seconds."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    loud = np.sqrt((frames**2).mean(1)) >= QUIET
    ends, last = [], -10.0
    for number in np.flatnonzero(loud):
        if ends and number / 50 - last < PAUSE_S:
            ends[-1] = (number + 1) / 50
        else:
            ends.append((number + 1) / 50)
        last = (number + 1) / 50
    return ends


def percentile(values, share):
    values = sorted(values)
    return float(values[round((len(values) - 1) * share)]) if values else float("nan")


def rss_mb(pid="self"):
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000
    return float("nan")


def tell(**figures):
    print(json.dumps(figures), flush=True)
