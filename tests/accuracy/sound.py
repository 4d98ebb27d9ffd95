"""Sound files and levels: mono, floats from -1 to 1, 16 kHz where nothing else is said."""

import subprocess
import wave

import numpy as np
from faster_whisper.audio import decode_audio

RATE = 16_000


def read(path, rate=RATE):
    """Any format that FFmpeg knows."""
    return decode_audio(str(path), sampling_rate=rate)


def write(path, samples, rate=RATE):
    """WAV, 16 bit."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1 - 1 / 32768) * 32768).round().astype("<i2").tobytes())


def sox(*arguments):
    """Without dither, which would add noise of its own; `-R` makes what is left the same at every run."""
    done = subprocess.run(["sox", "-R", "-D", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"sox {' '.join(map(str, arguments))}: {done.stderr.strip()}")


def power(samples):
    return float((samples.astype(np.float64) ** 2).mean()) if len(samples) else 0.0


def onset_and_end(samples):
    """Where in a recording somebody is heard: its first and last 10 ms that are less than 30 dB below the loudest, in samples."""
    frame = RATE // 100
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame).astype(np.float64)
    levels = (frames**2).mean(1)
    loud = np.flatnonzero(levels >= levels.max() / 1000)
    return int(loud[0]) * frame, int(loud[-1] + 1) * frame
