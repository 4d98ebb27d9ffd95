"""What a telephone system feels of its neighbours: wake-up latency alone, beside lineside at full load, beside faster-whisper as it comes."""

import contextlib
import itertools
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request

import numpy as np

from common import RATE, turned, write_wav
from groups import Group

# Of `lineside bench pbx`.
THREADS = 8
PERIOD_US = 20_000
# Recordings in the backlog: minutes of work for all cores.
FILES = 160


def work_us(share):
    """What each thread does every period, so that all of them keep so many percent of the CPUs busy; of eight at most, which is as many as they can."""
    return PERIOD_US * share * min(len(os.sched_getaffinity(0)), THREADS) // (100 * THREADS)


@contextlib.contextmanager
def running(command, group, **options):
    child = subprocess.Popen(command, preexec_fn=group.enter, start_new_session=True, **options)
    try:
        yield child
    finally:
        os.killpg(child.pid, signal.SIGCONT)
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def backlog(folder, calls):
    """Recordings that no two have the same sound, for minutes of work on all cores."""
    folder.mkdir()
    for number in range(FILES):
        call = calls[number % len(calls)]
        write_wav(folder / f"20261121-100000-1795218045.{number + 1}.wav", turned(call, number, len(calls), len(call)))


def configuration(work, model, workers):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    file = work / "lineside.toml"
    file.write_text(
        f'[paths]\nstate = "{work}/state"\nrun = "{work}/run"\n[http]\nlisten = "127.0.0.1:{port}"\nopen = true\n[audiosocket]\nlisten = ""\n'
        f'[recordings]\nfolders = ["{work}/monitor"]\n[speech]\nmodel = "{model}"\nworkers = {workers}\n[log]\nlevel = "error"\n'
    )
    return file, f"http://127.0.0.1:{port}"


def waiting(address):
    """Utterances that have no text yet."""
    with urllib.request.urlopen(f"{address}/metrics", timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("lineside_queue_utterances"))


def cpu_s(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def until(what, holds, patience_s=60):
    end = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not within {patience_s} s")
        time.sleep(0.1)


def measure(lineside, model, peer_model, calls, work, limits, rounds, seconds, works_us):
    """For each amount of work of the telephone system's threads medians over the rounds, microseconds; `limits` are the unit's weight and quota. Each load stands still (SIGSTOP) while the others are measured."""
    backlog(work / "monitor", calls)
    write_wav(work / "call.wav", np.concatenate(calls)[: 120 * RATE])
    config, address = configuration(work, model, len(os.sched_getaffinity(0)))
    with contextlib.ExitStack() as stack:
        group = lambda *shape: stack.enter_context(contextlib.closing(Group(*shape)))
        phone, ours, theirs = group("pbx"), group("lineside", *limits), group("peer")
        daemon = stack.enter_context(running([lineside, "--config", config, "serve"], ours))
        here = os.path.dirname(__file__)
        peer = stack.enter_context(running([sys.executable, f"{here}/whole_file.py", "busy", peer_model, work / "call.wav"], theirs, stdout=subprocess.PIPE))
        peer.stdout.readline()
        loads = {"idle": None, "lineside": daemon, "peer": peer}
        until("lineside begins to transcribe", lambda: cpu_s(daemon.pid) > 1.5)
        for child in (daemon, peer):
            os.killpg(child.pid, signal.SIGSTOP)
        found, used = ({(work_us, name): [] for work_us in works_us for name in loads} for _ in range(2))
        for _, work_us in itertools.product(range(rounds), works_us):
            for name, child in loads.items():
                if child:
                    os.killpg(child.pid, signal.SIGCONT)
                    time.sleep(0.5)
                before, began = cpu_s(child.pid) if child else 0.0, time.monotonic()
                command = [lineside, "bench", "pbx", "--json", "--seconds", str(seconds), "--work-us", str(work_us)]
                run = subprocess.run(command, preexec_fn=phone.enter, stdout=subprocess.PIPE, check=True)
                found[work_us, name].append(json.loads(run.stdout))
                if child:
                    # Longer than the seconds asked for where the telephone system is behind.
                    used[work_us, name].append((cpu_s(child.pid) - before) / (time.monotonic() - began))
                    os.killpg(child.pid, signal.SIGSTOP)
        os.killpg(daemon.pid, signal.SIGCONT)
        if not waiting(address):
            raise RuntimeError("lineside was through with its backlog before the last round: part of it stood beside nothing")
    of = lambda place, key: statistics.median(run[key] for run in found[place])
    return [
        {name: {"p50_us": of((work_us, name), "p50_us"), "p90_us": of((work_us, name), "p90_us"), "p99_us": of((work_us, name), "p99_us"),
                "cores": statistics.median(used[work_us, name] or [0])} for name in loads}
        for work_us in works_us
    ]
