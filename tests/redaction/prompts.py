"""Digits as a person said them: the prompts of Asterisk's English voice, fetched as a Debian package and kept in the cache.

Needs numpy and PyAV (it decodes G.722), which are put into an environment of their own in the cache where they are missing.
"""

import os
import subprocess
import sys
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lineside" / "redaction"
PACKAGE = "asterisk-core-sounds-en-g722"
RATE = 8000


class Missing(Exception):
    """Something that cannot be had here; the text says what and how to get it."""


def _run(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode:
        raise Missing(f"{' '.join(map(str, command))}: {done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.returncode}")


def with_libraries():
    """Goes on in an interpreter that has numpy and PyAV."""
    try:
        import av  # noqa: F401
        import numpy  # noqa: F401
        return
    except ImportError:
        python = CACHE / "python" / "bin" / "python"
        if Path(sys.prefix) == python.parent.parent:
            raise Missing(f"numpy and PyAV cannot be loaded in {sys.prefix}: delete that folder and try again") from None
    if not python.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "-m", "venv", python.parent.parent])
    _run([python, "-m", "pip", "install", "--quiet", "numpy", "av"])
    os.execv(python, [python, *sys.argv])


def folder():
    """The prompts' folder of the package, fetched once."""
    unpacked = CACHE / "prompts"
    found = lambda: next(iter(unpacked.glob("usr/share/asterisk/sounds/en*/digits")), None)
    if not found():
        CACHE.mkdir(parents=True, exist_ok=True)
        _run(["apt-get", "download", PACKAGE], cwd=CACHE)
        _run(["dpkg-deb", "-x", next(CACHE.glob(f"{PACKAGE}_*.deb")), unpacked])
    if not found():
        raise Missing(f"{unpacked}: the package {PACKAGE} holds no digits; delete the folder and try again")
    return found()


def load(name, quiet=0.02):
    """A prompt at 8 kHz, loudest sample 1, without the silence around it."""
    import av
    import numpy as np

    path = folder() / f"{name}.g722"
    with av.open(str(path), format="g722") as sound:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        frames = [part for frame in sound.decode(audio=0) for part in resampler.resample(frame)] + resampler.resample(None)
    samples = np.concatenate([frame.to_ndarray()[0] for frame in frames if frame]).astype(np.float32)
    samples /= np.abs(samples).max()
    loud = np.flatnonzero(np.abs(samples) > quiet)
    return samples[max(loud[0] - 80, 0) : loud[-1] + 240]
