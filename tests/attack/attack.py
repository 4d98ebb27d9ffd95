"""Live calls alone, then the same with every attack at once; prints what everybody else saw of it. `tests/attack/run` starts it."""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

import numpy as np

from fill import call_id, fill

ROOT = Path(__file__).resolve().parent.parent.parent
FRAME = 160
EPOCH = 1_795_218_045
# systemd's WatchdogSec here: the daemon gives a sign of life each third of it.
WATCHDOG_S = 3.0


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def percentile(values, share):
    values = sorted(values)
    return values[round((len(values) - 1) * share)] if values else float("nan")


def said(values):
    return f"{percentile(values, 0.5):.2f} / {percentile(values, 0.95):.2f} / {max(values, default=float('nan')):.2f}"


class Daemon:
    """A daemon on a folder of its own, and what systemd and the kernel see of it."""

    def __init__(self, folder, model):
        self.folder, self.http, self.audiosocket = folder, free_port(), free_port()
        (folder / "lineside.toml").write_text(
            f'[paths]\nstate = "{folder}/state"\nrun = "{folder}/run"\n[http]\nlisten = "127.0.0.1:{self.http}"\n'
            f'[audiosocket]\nlisten = "127.0.0.1:{self.audiosocket}"\n[speech]\nmodel = "{model}"\n[log]\nlevel = "warn"\n'
        )
        self.signs = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.signs.bind(str(folder / "notify.sock"))
        self.signs.settimeout(0.1)
        self.process = None

    def command(self, *words):
        return [os.environ["LINESIDE"], "--config", str(self.folder / "lineside.toml"), *words]

    def start(self):
        env = {key: value for key, value in os.environ.items() if key != "WATCHDOG_PID"}
        env |= {"NOTIFY_SOCKET": str(self.folder / "notify.sock"), "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6))}
        with open(self.folder / "log", "a") as log:
            self.process = subprocess.Popen(self.command("serve"), env=env, stdin=subprocess.DEVNULL, stderr=log)
        until(lambda: self.ask("/health", None)[0] == 200, 60, "the daemon answers")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def token(self, name, scope):
        return subprocess.run(self.command("token", "add", name, "--scope", scope), capture_output=True, text=True, check=True).stdout.strip()

    def ask(self, path, token, method="GET", body=None, patience=60.0):
        """Status (0: none in time) and body, by HTTP with a token, without one over the Unix socket."""
        family, address = (socket.AF_INET, ("127.0.0.1", self.http)) if token else (socket.AF_UNIX, str(self.folder / "run/api.sock"))
        data = json.dumps(body).encode() if body is not None else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        head += f"Authorization: Bearer {token}\r\n" if token else ""
        try:
            with socket.socket(family) as one:
                one.settimeout(patience)
                one.connect(address)
                one.sendall(head.encode() + b"\r\n" + data)
                answer = b"".join(iter(lambda: one.recv(1 << 16), b""))
            return int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")[2]
        except (OSError, IndexError, ValueError):
            return 0, b""

    def resident_mb(self):
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS:")) / 1000


def until(is_so, patience, what):
    began = time.monotonic()
    while not is_so():
        if time.monotonic() - began > patience:
            sys.exit(f"not within {patience} s: {what}")
        time.sleep(0.05)


def spoken(folder):
    """The demo's lines, 8 kHz."""
    found = []
    for path in sorted(folder.glob("*.wav")):
        with wave.open(str(path)) as file:
            found.append(np.frombuffer(file.readframes(file.getnframes()), "<i2"))
    return found


def loud_end(samples):
    """Where a line's sound ends, samples."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME).astype(float)
    return (np.flatnonzero(np.sqrt((frames**2).mean(1)) >= 164)[-1] + 1) * FRAME


def script(lines, call, seconds):
    """Two legs that take turns, and where in them speech ends, seconds. No line is cut off by the end of the call: what a line's text is late by is told
    from its end."""
    legs, ends = [[], []], [[], []]
    place = 0
    turn = call
    while place + len(line := lines[turn % len(lines)]) < seconds * 8000:
        pause = np.zeros(12_000 + 800 * (call % 5), "<i2")
        mine, other = turn % 2, 1 - turn % 2
        ends[mine].append((place + loud_end(line)) / 8000)
        legs[mine] += [line, pause]
        legs[other] += [np.zeros(len(line), "<i2"), pause]
        place += len(line) + len(pause)
        turn += 1
    rest = np.zeros(max(0, seconds * 8000 - place), "<i2")
    return [np.concatenate([*leg, rest]) for leg in legs], ends


def hello(number, leg):
    epoch = str(EPOCH)
    text = f"{epoch[:8]}{epoch[8:]}008{leg}008000{number:012}"
    return b"\x01\x00\x10" + bytes.fromhex(text)


class Phase:
    """So many seconds of live calls, and what is seen meanwhile."""

    def __init__(self, daemon, lines, tokens, first, live, seconds):
        self.daemon, self.lines, self.tokens = daemon, lines, tokens
        self.first, self.live, self.seconds = first, live, seconds
        self.late, self.rows, self.signs, self.answers, self.statuses = [], [], [], [], {}
        self.resident, self.broken, self.missing = 0.0, 0, 0
        self.began, self.ends, self.heard = {}, {}, {}
        self.over = False

    async def leg(self, number, leg, samples):
        self.began[number, leg] = began = time.time()
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.daemon.audiosocket)
            writer.write(hello(number, leg))
            for frame in range(len(samples) // FRAME):
                wait = began + frame / 50 - time.time()
                if wait > 0:
                    await asyncio.sleep(wait)
                writer.write(b"\x10" + (2 * FRAME).to_bytes(2, "big") + samples[frame * FRAME : (frame + 1) * FRAME].tobytes())
                if frame % 50 == 0:
                    await writer.drain()
                if frame > self.seconds * 50:
                    break
            writer.write(b"\0\0\0")
            await writer.drain()
            writer.close()
        except OSError:
            self.broken += 1

    async def feed(self):
        reader, writer = await asyncio.open_unix_connection(str(self.daemon.folder / "run/api.sock"), limit=1 << 24)
        writer.write(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while not self.over:
            try:
                line = await asyncio.wait_for(reader.readline(), 1)
            except TimeoutError:
                continue
            if not line.startswith(b"data:"):
                continue
            event = json.loads(line[5:])
            if event.get("type") != "sentiment" or "." not in event["call_id"]:
                continue
            key = int(event["call_id"].split(".")[1]), {"agent": 1, "caller": 2}.get(event["leg"], 0)
            ends = self.ends.get(key)
            if ends:
                place = min(range(len(ends)), key=lambda place: abs(ends[place] - event["end_time"]))
                # Of a line in several segments the last one counts.
                self.heard[key, place] = time.time() - (self.began[key] + ends[place])
        writer.close()

    async def new_calls(self):
        """A call now and then, and how long until it has a row."""
        number = self.first + 1000
        while not self.over:
            number += 1
            began = time.time()
            _, writer = await asyncio.open_connection("127.0.0.1", self.daemon.audiosocket)
            writer.write(hello(number, 2) + (b"\x10" + (2 * FRAME).to_bytes(2, "big") + bytes(2 * FRAME)) * 5)
            while not self.over:
                status, _ = await asyncio.to_thread(self.daemon.ask, f"/api/v1/calls/{EPOCH}.{number}", None)
                if status == 200:
                    self.rows.append(time.time() - began)
                    break
                await asyncio.sleep(0.02)
            writer.close()
            await asyncio.sleep(3)

    async def others(self):
        """What other tokens see over TCP."""
        paths = ["/api/v1/calls?limit=50", "/api/v1/search?q=refund", f"/api/v1/calls/{call_id(7)}/segments", "/api/v1/box", "/api/v1/figures"]
        number = 0
        while not self.over:
            token, path = self.tokens[number % len(self.tokens)], paths[number % len(paths)]
            began = time.monotonic()
            status, _ = await asyncio.to_thread(self.daemon.ask, path, token)
            self.answers.append(time.monotonic() - began)
            self.statuses[status] = self.statuses.get(status, 0) + 1
            number += 1
            await asyncio.sleep(0.5)

    def watch(self):
        last = None
        while not self.over:
            with contextlib.suppress(OSError):
                if b"WATCHDOG=1" in self.daemon.signs.recv(4096):
                    now = time.monotonic()
                    if last is not None:
                        self.signs.append(now - last)
                    last = now
            if self.daemon.process.poll() is not None:
                sys.exit(f"the daemon has ended: {self.daemon.process.returncode}")
            self.resident = max(self.resident, self.daemon.resident_mb())

    async def run(self, forget=None):
        legs = []
        for call in range(self.live):
            sounds, ends = script(self.lines, call, self.seconds)
            number = self.first + call
            for leg in (1, 2):
                self.ends[number, leg] = [end for end in ends[leg - 1] if end < self.seconds]
                legs.append(self.leg(number, leg, sounds[leg - 1]))
        beside = [asyncio.create_task(one) for one in (self.feed(), self.new_calls(), self.others(), asyncio.to_thread(self.watch))]
        if forget:
            beside.append(asyncio.create_task(forget(self)))
        await asyncio.gather(*legs)
        await asyncio.sleep(10)
        self.over = True
        await asyncio.gather(*beside)
        self.late = list(self.heard.values())
        self.missing = sum(map(len, self.ends.values())) - len(self.heard)
        return self


def print_table(alone, attacked, forgets):
    others = lambda phase: " ".join(f"{count}× {status or 'nothing'}" for status, count in sorted(phase.statuses.items()))
    rows = [
        ("what", "alone", "under attack", "wanted"),
        ("live text after the end of a line, s (p50 / p95 / worst)", said(alone.late), said(attacked.late), "p95 within 0.3 of alone"),
        ("lines said without text", str(alone.missing), str(attacked.missing), ""),
        ("live legs that broke", str(alone.broken), str(attacked.broken), "0"),
        ("a new call's row, s (p50 / p95 / worst)", said(alone.rows), said(attacked.rows), "1"),
        (f"between signs of life, s, {WATCHDOG_S / 3:.0f} wanted (p50 / p95 / worst)", said(alone.signs), said(attacked.signs), "never later than 5"),
        ("other tokens' answers, s (p50 / p95 / worst)", said(alone.answers), said(attacked.answers), "1"),
        ("their status", others(alone), others(attacked), "200"),
        ("resident memory at most, MB", f"{alone.resident:.0f}", f"{attacked.resident:.0f}", "400"),
        ("forgetting a call, s (each)", "–", " ".join(f"{took:.1f}" for took in forgets) or "none ended", ""),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for number, row in enumerate(rows):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="how long the attack lasts")
    parser.add_argument("--live", type=int, default=20, help="live calls beside it")
    parser.add_argument("--calls", type=int, default=16_000, help="calls that the database has")
    parser.add_argument("--lines", type=int, default=40, help="lines of each")
    parser.add_argument("--quick", action="store_true", help="a minute, on 500 calls")
    parser.add_argument("--database", type=Path, help="one made before, which is copied; it is made there when it is missing")
    options = parser.parse_args()
    if options.quick:
        options.minutes, options.calls = 1, 500
    folder = Path(tempfile.mkdtemp(prefix="lineside-attack-"))
    hostile, daemon = [], None
    try:
        subprocess.run([ROOT / "packaging/demo-model/render", "lines", folder / "lines"], check=True, stdout=subprocess.DEVNULL)
        lines = spoken(folder / "lines")
        daemon = Daemon(folder, ROOT / "packaging/demo-model/demo.bin")
        database = folder / "state/lineside.db"
        if options.database and options.database.exists():
            database.parent.mkdir()
            shutil.copy(options.database, database)
        else:
            daemon.start()
            daemon.stop()
            print(f"filling the database: {options.calls} calls of {options.lines} lines", flush=True)
            fill(database, options.calls, options.lines)
            if options.database:
                shutil.copy(database, options.database)
        daemon.start()
        until(lambda: json.loads(daemon.ask("/health", None)[1] or b"{}").get("inference", {}).get("ok"), 60, "the model answers")
        others = [daemon.token(f"other {number}", "read") for number in range(4)]
        # A recording of five minutes at 48 kHz, to be listened to.
        call = upload(daemon, folder, daemon.token("operator", "read,operate"))
        print(f"{options.live} live calls alone for a minute", flush=True)
        alone = asyncio.run(Phase(daemon, lines, others, 1, options.live, 60).run())
        print(f"the same for {options.minutes:g} minutes with all attacks at once", flush=True)
        for role in ["searches", "frames", "sound", "sockets", "silent", "upload"]:
            token = daemon.token(role, "ingest" if role == "upload" else "read")
            # They give way from their first instruction: in earnest they run elsewhere.
            hostile.append(subprocess.Popen(["nice", "-n", "19", sys.executable, ROOT / "tests/attack/hostile.py", role, str(daemon.http), token, call]))
        forgets = []

        async def forget(phase):
            number = 100
            while not phase.over:
                await asyncio.sleep(5)
                began = time.monotonic()
                number += 1
                status, _ = await asyncio.to_thread(daemon.ask, "/api/v1/forget", None, "POST", {"call": call_id(number)}, 600)
                if status == 200:
                    forgets.append(time.monotonic() - began)

        attacked = asyncio.run(Phase(daemon, lines, others, 5001, options.live, int(options.minutes * 60)).run(forget))
        print_table(alone, attacked, forgets)
    finally:
        for one in hostile:
            one.send_signal(signal.SIGKILL)
        if daemon:
            with contextlib.suppress(ProcessLookupError):
                daemon.stop()
        if os.environ.get("KEEP"):
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder)


def upload(daemon, folder, token):
    path = folder / "long.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(bytes(300 * 96_000))
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="long.wav"\r\n\r\n' + path.read_bytes() + b"\r\n--b--\r\n"
    with socket.create_connection(("127.0.0.1", daemon.http)) as one:
        one.settimeout(60)
        head = f"POST /upload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n"
        head += f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(body)}\r\n\r\n"
        one.sendall(head.encode() + body)
        answer = b"".join(iter(lambda: one.recv(1 << 16), b""))
    call = json.loads(answer.partition(b"\r\n\r\n")[2])["call_id"]
    until(lambda: json.loads(daemon.ask(f"/api/v1/calls/{call}", None)[1] or b"{}").get("status") == "completed", 120, "the recording is taken")
    return call


if __name__ == "__main__":
    main()
