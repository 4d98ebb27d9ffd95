"""Records what the governor reads, once a second, while others come and go: trace.py LINESIDE MODEL PAIRS >src/governor/traces/NAME

lineside writes a backlog down under its unit's weight, without its quota; beside it, in turns, nobody, a telephone system that needs four fifths of the CPUs,
and a busy loop for each CPU and one more. As root, for the control groups. The policy's tests replay such traces.
"""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pbx
from common import mixed, pairs
from groups import Group, unit_limits

ROOT = Path(__file__).resolve().parents[2]
LOOP = "while True: pass"
# Who is beside lineside, for how many seconds.
PHASES = [("nobody", 15), ("telephone system", 20), ("nobody", 20), ("busy loops", 15), ("nobody", 25)]


def main(lineside, model, folder):
    calls = [mixed(pair) for pair in pairs(folder)]
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as temporary, contextlib.ExitStack() as stack:
        work = Path(temporary)
        pbx.backlog(work / "monitor", calls)
        config, _ = pbx.configuration(work, model, len(os.sched_getaffinity(0)))
        config.write_text(config.read_text().replace('level = "error"', 'level = "debug"'))
        group = lambda *shape: stack.enter_context(contextlib.closing(Group(*shape)))
        ours, others = group("lineside", unit_limits(ROOT / "systemd/lineside.service")[0]), group("others")
        log = stack.enter_context(open(work / "log", "wb"))
        daemon = stack.enter_context(pbx.running([lineside, "--config", config, "serve"], ours, stderr=log))
        pbx.until("lineside begins to transcribe", lambda: pbx.cpu_s(daemon.pid) > 1.5)
        print("# allowed, idle, others waiting, lag, busy; recorded by tests/bench/trace.py")
        for who, seconds in PHASES:
            read = (work / "log").stat().st_size
            command = {
                "nobody": [],
                "telephone system": [[lineside, "bench", "pbx", "--json", "--seconds", str(seconds), "--work-us", str(pbx.work_us(80))]],
                "busy loops": [[sys.executable, "-c", LOOP]] * (len(os.sched_getaffinity(0)) + 1),
            }[who]
            with contextlib.ExitStack() as beside:
                for one in command:
                    beside.enter_context(pbx.running(one, others, stdout=subprocess.DEVNULL))
                time.sleep(seconds)
            text = (work / "log").read_bytes()[read:].decode()
            print(f"# beside {who}")
            print("\n".join(re.findall(r"governor: reads (.*)", text)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
