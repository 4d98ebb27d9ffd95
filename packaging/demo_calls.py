#!/usr/bin/env python3
"""Plays telephone calls to a running lineside, as Asterisk would: AudioSocket connections in real time, and a pair of recordings that grow.

usage: demo_calls.py LINES_FOLDER AUDIOSOCKET_HOST:PORT RECORDINGS_FOLDER

LINES_FOLDER holds 8 kHz mono WAV files in the order of the conversation, named NN[AC]…: A is spoken by the agent, C by the caller.
"""

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
PAUSE = 0.7  # seconds between two lines


def read_line(path):
    with wave.open(str(path)) as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
            sys.exit(f"{path}: 8 kHz mono 16-bit WAV is wanted")
        return file.readframes(file.getnframes())


def legs(lines):
    """Both directions of a conversation, equally long: who does not speak is silent."""
    agent, caller = bytearray(), bytearray()
    for path in lines:
        sound = read_line(path)
        speaker, other = (agent, caller) if path.name[2] == "A" else (caller, agent)
        speaker += sound + bytes(int(PAUSE * RATE) * 2)
        other += bytes(len(sound) + int(PAUSE * RATE) * 2)
    return bytes(agent), bytes(caller)


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
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    lines = sorted(pathlib.Path(sys.argv[1]).glob("*.wav"))
    if len(lines) < 4:
        sys.exit(f"{sys.argv[1]}: no lines to speak")
    address, folder = sys.argv[2], pathlib.Path(sys.argv[3])
    now = int(time.time())
    half = len(lines) // 2
    calls = [(f"{now}.1", lines[:half]), (f"{now}.2", lines[half:])]
    threads = []
    for uniqueid, part in calls:
        for leg, sound in zip((1, 2), legs(part)):
            threads.append(threading.Thread(target=audiosocket, args=(address, uniqueid, leg, sound)))
    recorded = f"{now}.3"
    agent, caller = legs(lines[: half + 2])
    threads.append(threading.Thread(target=recording, args=(folder / f"call-{recorded}-out.wav", agent)))
    threads.append(threading.Thread(target=recording, args=(folder / f"call-{recorded}-in.wav", caller)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(" ".join([uniqueid for uniqueid, _ in calls] + [recorded]))


main()
