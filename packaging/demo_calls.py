#!/usr/bin/env python3
"""Plays telephone calls to a running lineside, as Asterisk would: an AudioSocket connection per leg in real time, and a pair of recordings that grow.

usage: demo_calls.py CALLS_FOLDER AUDIOSOCKET_HOST:PORT RECORDINGS_FOLDER [SECONDS]

CALLS_FOLDER is made by packaging/demo-model/render calls. The first call is dialled, the second is recorded, both for SECONDS (18) and until who
speaks then has finished. Prints the calls' ids.
"""

import json
import pathlib
import socket
import struct
import sys
import threading
import time
import uuid
import wave

RATE = 8000
FRAME = 160  # samples in 20 ms


def read_wav(path, seconds):
    with wave.open(str(path)) as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
            sys.exit(f"{path}: 8 kHz mono 16-bit WAV is wanted")
        return file.readframes(int(seconds * RATE))


def legs(folder, name, seconds):
    """Agent and caller, cut in a pause."""
    lines = json.loads((folder / f"{name}.json").read_text())["lines"]
    end = max(line["end_s"] for line in lines if line["start_s"] < seconds) + 0.7
    return [read_wav(folder / f"{name}-{side}.wav", end) for side in ("agent", "caller")]


def call_uuid(uniqueid, leg):
    """EEEEEEEE-EE00-8L00-8000-SSSSSSSSSSSS carries the uniqueid EEEEEEEEEE.S and the leg (1 agent, 2 caller)."""
    epoch, sequence = uniqueid.split(".")
    return uuid.UUID(f"{epoch[:8]}-{epoch[8:]}00-8{leg}00-8000-{int(sequence):012d}")


def real_time(pieces, seconds_each, send):
    start = time.monotonic()
    for number, piece in enumerate(pieces):
        time.sleep(max(0.0, start + number * seconds_each - time.monotonic()))
        send(piece)


def audiosocket(address, uniqueid, leg, sound):
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"\x01" + struct.pack(">H", 16) + call_uuid(uniqueid, leg).bytes)
        frames = [sound[i : i + FRAME * 2] for i in range(0, len(sound), FRAME * 2)]
        real_time(frames, 0.02, lambda frame: connection.sendall(b"\x10" + struct.pack(">H", len(frame)) + frame))


def recording(path, sound):
    """Grows in 32 KiB steps with sizes of 0 in its header until it is closed, as MixMonitor writes."""
    header = lambda size: struct.pack("<4sI8sIHHIIHH4sI", b"RIFF", size and size + 36, b"WAVEfmt ", 16, 1, 1, RATE, RATE * 2, 2, 16, b"data", size)
    with open(path, "wb") as file:
        file.write(header(0))
        file.flush()

        def step(piece):
            file.write(piece)
            file.flush()

        pieces = [sound[i : i + 32768] for i in range(0, len(sound), 32768)]
        time.sleep(len(pieces[0]) / RATE / 2)
        real_time(pieces, 32768 / RATE / 2, step)
        file.seek(0)
        file.write(header(len(sound)))


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    folder, address, monitor = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
    seconds = float(sys.argv[4]) if len(sys.argv) == 5 else 18
    names = sorted(path.stem for path in folder.glob("*.json"))
    if len(names) < 2:
        sys.exit(f"{folder}: two calls are wanted, see packaging/demo-model/render")
    now = int(time.time())
    dialled, recorded = f"{now}.1", f"{now}.2"
    threads = []
    for leg, sound in zip((1, 2), legs(folder, names[0], seconds)):
        threads.append(threading.Thread(target=audiosocket, args=(address, dialled, leg, sound)))
    for direction, sound in zip(("out", "in"), legs(folder, names[1], seconds)):
        threads.append(threading.Thread(target=recording, args=(monitor / f"call-{recorded}-{direction}.wav", sound)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(dialled, recorded)


if __name__ == "__main__":
    main()
