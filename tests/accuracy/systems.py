"""The systems that are compared: lineside with both engines, and the peers. Each reads files on one core and says what it heard and what it cost.

What peers said is kept, by the sound, the weights and how they are asked: a second run costs lineside's part only.
"""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
CT2, GGML = "ct2-tiny.en-int8", "ggml-tiny.en-q8_0.bin"
OURS = {"ctranslate2": CT2, "whisper": GGML}
PEER = f"faster-whisper {version('faster-whisper')}"
MEANING = {
    "ctranslate2": f"lineside, {CT2}",
    "whisper": f"lineside, {GGML}",
    "faster-whisper": f"{PEER}, beam 5, its VAD, {CT2}",
    "tutorial": f"the tutorial's way: {PEER}, chunks of 5 s, beam 3, no VAD, {CT2}",
}


class NoSuchRule(Exception):
    """This lineside does not know a rule."""


@dataclass
class Heard:
    """What a system made of one file."""

    segments: list
    cpu_s: float
    # From an earlier run.
    kept: bool = False

    @property
    def text(self):
        return " ".join(segment["text"] for segment in self.segments)


@dataclass
class Systems:
    lineside: str
    models: Path
    work: Path
    temporary: Path
    fresh: bool

    @property
    def core(self):
        return str(max(os.sched_getaffinity(0)))

    def hear(self, system, folder, rules=()):
        """Of each file of a folder, by its name without extension."""
        return self.ours(system, folder, rules) if system in OURS else self.peer(system, folder)

    def ours(self, system, folder, rules):
        config = self.temporary / "lineside.toml"
        config.touch()
        command = [self.lineside, "--config", config, "bench", "accuracy", "--heard", "--recordings", folder, "--model", self.models / OURS[system]]
        out = self.run([*command, *(f"--rule={rule}" for rule in rules)])
        reports = [json.loads(line) for line in out.splitlines()]
        return {Path(report["file"]).stem: Heard(report["segments"], report["cpu_s"]) for report in reports}

    def peer(self, system, folder):
        files = sorted(folder.iterdir())
        keys = {file: self.key(system, file) for file in files}
        found = {} if self.fresh else {file: answer for file, key in keys.items() if (answer := self.remembered(key))}
        wanted = [file for file in files if file not in found]
        if wanted:
            out = self.run([sys.executable, HERE / "peers.py", system, self.models / CT2], "".join(f"{file}\n" for file in wanted))
            for file, line in zip(wanted, out.splitlines(), strict=True):
                self.remember(keys[file], line)
                found[file] = Heard(json.loads(line)["segments"], json.loads(line)["cpu_s"])
        return {file.stem: found[file] for file in files}

    def key(self, system, file):
        digest = hashlib.sha256(f"{system} {PEER} {version('ctranslate2')} {sum_of(self.models / CT2 / 'model.bin')}".encode())
        for part in (HERE / "peers.py", HERE.parent / "bench/tutorial.py", file):
            digest.update(part.read_bytes())
        return digest.hexdigest()

    def remembered(self, key):
        with contextlib.suppress(FileNotFoundError):
            answer = json.loads((self.work / "kept" / key).read_text())
            return Heard(answer["segments"], answer["cpu_s"], kept=True)
        return None

    def remember(self, key, line):
        folder = self.work / "kept"
        folder.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as file:
            file.write(line)
        os.replace(file.name, folder / key)

    def run(self, command, given=None):
        """On one core, with one thread: what it says."""
        command = ["taskset", "-c", self.core, *map(str, command)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, env=environment
        )
        try:
            out, problem = child.communicate(given)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        if child.returncode:
            last = (problem.strip().splitlines() or [f"status {child.returncode}"])[-1]
            if "no such rule" in problem:
                raise NoSuchRule(last)
            raise RuntimeError(f"{' '.join(command)}: {last}")
        return out


@cache
def sum_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
