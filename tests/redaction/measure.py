#!/usr/bin/env python3
"""Says card numbers to a daemon with a real model, and looks for them in its text and its sound.

usage: measure.py LINESIDE MODEL... [--numbers 200] [--bare 20] [--others 60] [--sockets 6] [--json FILE]

Every call is two legs of G.711. Most are uploaded, as recordings are; `--sockets` of them are spoken into AudioSocket in real time, for of those lineside
owns the sound and overwrites it. A number counts as hidden when no digit of it can be read in the text of its leg while it is said, and as silent when
every digit of it is silence in the sound that lineside gives out. Prints one table a model; fails below the goals.
"""

import argparse
import http.client
import json
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import wave
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import prompts  # noqa: E402

GOAL = 0.97  # of the numbers that are asked for or announced, text and sound
PRECISION = 0.95  # of the calls with other numbers, those of which nothing is hidden
NUMBER_WORDS = set(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty "
    "forty fifty sixty seventy eighty ninety double".split()
)
SILENT = 40  # largest sample of what counts as silence


class Daemon:
    def __init__(self, binary, model):
        self.folder = tempfile.TemporaryDirectory(prefix="lineside-redaction-")
        root = Path(self.folder.name)
        (root / "monitor").mkdir()
        self.http, self.audiosocket = free_port(), free_port()
        config = root / "lineside.toml"
        config.write_text(
            f'[paths]\nstate = "{root}/state"\nrun = "{root}/run"\n[http]\nlisten = "127.0.0.1:{self.http}"\nopen = true\n[audiosocket]\n'
            f'listen = "127.0.0.1:{self.audiosocket}"\n[recordings]\nfolders = ["{root}/monitor"]\n[speech]\nmodel = "{model}"\n'
        )
        self.log = root / "log"
        self.child = subprocess.Popen([binary, "--config", config, "serve"], stdin=subprocess.DEVNULL, stderr=self.log.open("w"))

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=120)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, data

    def json(self, path):
        status, data = self.ask("GET", path)
        return json.loads(data) if status == 200 else None

    def until(self, what, is_so, patience=3600):
        began = time.monotonic()
        while time.monotonic() - began < patience:
            if self.child.poll() is not None:
                sys.exit(f"the daemon ended with {self.child.returncode}:\n{self.log.read_text()}")
            try:
                found = is_so()
            except OSError:
                found = None
            if found:
                return found
            time.sleep(0.2)
        sys.exit(f"not within {patience} s: {what}\n{self.log.read_text()[-2000:]}")

    def upload(self, call, folder):
        path = Path(folder) / f"{call.name}.wav"
        write_wav(path, call.legs)
        mark = uuid.uuid4().hex
        head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\nContent-Type: audio/wav\r\n\r\n'
        body = head.encode() + path.read_bytes() + f"\r\n--{mark}--\r\n".encode()
        status, answer = self.ask("POST", "/upload", body, {"Content-Type": f"multipart/form-data; boundary={mark}"})
        if status != 201:
            sys.exit(f"upload of {path.name}: {status} {answer.decode()[:300]}")
        return json.loads(answer)["call_id"]

    def speak(self, call, number):
        """Both legs into AudioSocket, in real time; the call's id."""
        epoch = "1795218045"

        def leg(which, samples):
            name = uuid.UUID(f"{epoch[:8]}-{epoch[8:]}00-8{which}00-8000-{number:012}")
            with socket.create_connection(("127.0.0.1", self.audiosocket)) as stream:
                stream.sendall(b"\x01\x00\x10" + name.bytes)
                began = time.monotonic()
                for frame in range(0, len(samples), 160):
                    time.sleep(max(began + frame / 8000 - time.monotonic(), 0))
                    data = samples[frame : frame + 160].astype("<i2").tobytes()
                    stream.sendall(b"\x10" + len(data).to_bytes(2, "big") + data)

        threads = [threading.Thread(target=leg, args=(which, samples)) for which, samples in zip((1, 2), call.legs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return f"{epoch}.{number}"

    def sound(self, call_id):
        """What lineside gives out of the caller's leg, and where its own file of it is."""
        import numpy as np

        status, data = self.ask("GET", f"/api/v1/calls/{call_id}/audio?leg=caller")
        if status != 200:
            sys.exit(f"sound of {call_id}: {status} {data.decode()[:300]}")
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            file.write(data)
            file.flush()
            with wave.open(file.name) as sound:
                return np.frombuffer(sound.readframes(sound.getnframes()), "<i2")

    def stop(self):
        self.child.terminate()
        self.child.wait()
        self.folder.cleanup()


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def write_wav(path, legs):
    import numpy as np

    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(len(legs))
        sound.setsampwidth(2)
        sound.setframerate(prompts.RATE)
        sound.writeframes(np.stack(legs, 1).astype("<i2").tobytes())


def digits_left(text):
    words = re.findall(r"[^\W\d_]+|\d", re.sub(r"\[[a-z]+\]", " ", text.lower()))
    return sum(word.isdigit() or word in NUMBER_WORDS for word in words)


def judge(secret, segments, sound):
    """Whether a secret cannot be read, and whether it cannot be heard."""
    first, last = secret.times[0][0], secret.times[-1][1]
    near = [s for s in segments if s["speaker"] != "agent" and s["start_time"] < last + 0.2 and s["end_time"] > first - 0.2]
    hidden = not any(digits_left(segment["text"]) for segment in near)
    middle = lambda start, end: sound[int((start + 0.2 * (end - start)) * 8000) : int((end - 0.2 * (end - start)) * 8000)]
    loud = [pair for pair in secret.times if len(middle(*pair)) and abs(middle(*pair).astype(int)).max() > SILENT]
    return hidden, not loud, len(loud)


def run(binary, model, calls, sockets):
    daemon = Daemon(binary, model)
    rows, misses, wrong = defaultdict(lambda: [0, 0, 0, 0]), [], []
    try:
        daemon.until("the daemon answers", lambda: daemon.json("/health/models"), 60)
        with tempfile.TemporaryDirectory() as folder:
            ids, spoken = {}, []
            for number, call in enumerate(calls):
                if number < sockets:
                    spoken.append(threading.Thread(target=lambda c=call, n=number: ids.__setitem__(c.name, daemon.speak(c, 100 + n))))
                    spoken[-1].start()
                else:
                    ids[call.name] = daemon.upload(call, folder)
            for thread in spoken:
                thread.join()
        for number, call in enumerate(calls):
            path = f"/api/v1/calls/{ids[call.name]}"
            done = daemon.until(f"{call.name} is written down", lambda: (row := daemon.json(path)) and row["status"] == "completed" and row)
            segments = done["transcript_segments"]
            if not call.secrets:
                found = sorted({label for segment in segments for label in re.findall(r"\[(card|cvv|expiry|iban|ssn|itin|nino)\]", segment["text"])})
                rows[f"other: {call.about}"][0] += 1
                rows[f"other: {call.about}"][1] += not found
                if found:
                    wrong.append((call.name, call.expected, found, [segment["text"] for segment in segments]))
                continue
            time.sleep(0.05)
            sound = daemon.sound(ids[call.name])
            for secret in call.secrets:
                hidden, silent, heard = judge(secret, segments, sound)
                for name in (secret.kind, f"{call.about.split(',')[0]}", f"voice: {call.about.split(', ')[1]}", f"style: {secret.style}",
                             "road: AudioSocket" if number < sockets else "road: upload"):
                    if secret.kind != "card" and name.startswith("style"):
                        continue
                    row = rows[name]
                    row[0] += 1
                    row[1] += hidden
                    row[2] += silent
                    row[3] += hidden and silent
                if not (hidden and silent):
                    misses.append((call.name, secret.kind, secret.style, secret.digits, f"hidden {hidden}, {heard} of {len(secret.times)} heard",
                                   [f"{s['start_time']:.1f}-{s['end_time']:.1f} {s['speaker']}: {s['text']}" for s in segments]))
    finally:
        daemon.stop()
    return rows, misses, wrong


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("lineside")
    parser.add_argument("models", nargs="+")
    for name, value in (("numbers", 200), ("bare", 20), ("others", 60), ("sockets", 6)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--json")
    asked = parser.parse_args()
    try:
        prompts.with_libraries()
        import spoken

        prompts.folder()
    except prompts.Missing as problem:
        print(f"skipped: {problem}")
        return
    calls = list(spoken.calls(asked.numbers, asked.bare, asked.others))
    failed, told = [], []
    for model in asked.models:
        rows, misses, wrong = run(asked.lineside, model, calls, asked.sockets)
        print(f"\n{Path(model).name}: secrets by kind, context, voice, style and road\n| what | said | not to be read | not to be heard | neither |\n|---|---|---|---|---|")
        for name, (count, hidden, silent, both) in sorted(rows.items()):
            if not name.startswith("other"):
                print(f"| {name} | {count} | {hidden / count:.3f} | {silent / count:.3f} | {both / count:.3f} |")
        others = {name: row for name, row in sorted(rows.items()) if name.startswith("other")}
        for name, row in others.items():
            print(f"| {name} | {row[0]} | {row[1] / row[0]:.3f} kept | | |")
        named = [sum(rows[name][at] for name in ("asked", "announced")) for at in range(4)]
        count, kept = sum(row[0] for row in others.values()), sum(row[1] for row in others.values())
        print(f"asked for or announced: {named[3]} of {named[0]} hidden and silent ({named[3] / max(named[0], 1):.3f}); other numbers: {kept} of {count} calls kept")
        for miss in misses:
            print("  missed:", *miss[:5])
            for line in miss[5]:
                print("     ", line)
        for name, digits, found, texts in wrong:
            print("  wrong:", name, digits, found, texts)
        told.append({"model": Path(model).name, "rows": rows, "missed": misses, "wrong": wrong})
        if named[3] < GOAL * named[0] or kept < PRECISION * count:
            failed.append(Path(model).name)
    if asked.json:
        Path(asked.json).write_text(json.dumps(told, indent=1))
    if failed:
        sys.exit(f"below the goals ({GOAL} hidden and silent, {PRECISION} of the other calls kept): {', '.join(failed)}")


if __name__ == "__main__":
    main()
