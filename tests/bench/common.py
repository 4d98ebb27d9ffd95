"""What the drivers share: sound, percentiles, memory, and where speech ends."""

import contextlib
import json
import os
import signal
import subprocess
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RATE = 8000
FRAME = 160
# As src/cli/bench/live.rs has them.
QUIET, PAUSE_S, SHIFT = 164.0, 0.3, 7919 * RATE // 1000


class Skip(Exception):
    """Why a row is not measured."""


@dataclass
class Row:
    """A row of the table."""

    what: str
    ours: str
    theirs: str = "–"
    ratio: str = "–"
    goal: str = ""
    reached: bool | None = None


def together(command, timeout):
    """A command with all that it starts: however it ends, none of them stays. Status, what it says, what it complains of."""
    child = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        out, problem = child.communicate(timeout=timeout)
        return child.returncode, out, problem
    except subprocess.TimeoutExpired:
        return "late", "", f"not ready within {timeout} s"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


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


def speech(samples):
    """A leg's stretches of speech as its energy shows them: begin and end of each, seconds."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    loud = np.sqrt((frames**2).mean(1)) >= QUIET
    found = []
    for number in np.flatnonzero(loud):
        if found and number / 50 - found[-1][1] < PAUSE_S:
            found[-1][1] = (number + 1) / 50
        else:
            found.append([number / 50, (number + 1) / 50])
    return found


def speech_ends(samples):
    """Where a leg's stretches of speech end, seconds."""
    return [end for _, end in speech(samples)]


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
