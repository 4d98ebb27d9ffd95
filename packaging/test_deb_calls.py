#!/usr/bin/env python3
"""The callers of packaging/test-deb.

play CALLS AUDIOSOCKET_HOST:PORT MONITOR   speaks the first call over AudioSocket, a connection for each leg that is made again as soon as it breaks, and
                                           the second into growing recordings, 18 s of each; prints both calls' ids and the longest time, in ms, for
                                           which a leg was without a connection
heard SCRIPT.json CALL.json SHARE [SECONDS]   holds a call's text against what was said, up to SECONDS; fails below this share of words in order
"""

import difflib
import json
import pathlib
import re
import socket
import struct
import sys
import threading
import time

from demo_calls import FRAME, call_uuid, legs, recording

SECONDS = 18


class Leg(threading.Thread):
    """Real time goes on while there is no connection, as on a telephone: what is said then is lost, and counted."""

    def __init__(self, address, uniqueid, leg, sound):
        super().__init__()
        host, port = address.rsplit(":", 1)
        self.address, self.identity = (host, int(port)), call_uuid(uniqueid, leg).bytes
        self.frames = [sound[i : i + FRAME * 2] for i in range(0, len(sound), FRAME * 2)]
        self.connection, self.broken_since, self.longest_gap = None, None, 0.0

    def connect(self):
        try:
            connection = socket.create_connection(self.address, timeout=0.5)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(b"\x01" + struct.pack(">H", 16) + self.identity)
        except OSError:
            return
        self.connection = connection
        if self.broken_since is not None:
            self.longest_gap = max(self.longest_gap, time.monotonic() - self.broken_since)
            self.broken_since = None

    def send(self, frame):
        # What the other side has closed is known by reading: the first send after it still succeeds.
        try:
            self.connection.setblocking(False)
            if self.connection.recv(1) == b"":
                raise ConnectionResetError
        except BlockingIOError:
            pass
        self.connection.settimeout(2)
        self.connection.sendall(b"\x10" + struct.pack(">H", len(frame)) + frame)

    def run(self):
        start = time.monotonic()
        for number, frame in enumerate(self.frames):
            time.sleep(max(0.0, start + number * 0.02 - time.monotonic()))
            if self.connection is None:
                self.connect()
            if self.connection is None:
                continue
            try:
                self.send(frame)
            except OSError:
                self.connection.close()
                self.connection, self.broken_since = None, time.monotonic()
        if self.connection:
            self.connection.sendall(b"\x00\x00\x00")
            self.connection.close()


def play(folder, address, monitor):
    now = int(time.time())
    live, recorded = f"{now}.1", f"{now}.2"
    spoken = [Leg(address, live, leg, sound) for leg, sound in zip((1, 2), legs(folder, "angry", SECONDS))]
    written = [
        threading.Thread(target=recording, args=(monitor / f"call-{recorded}-{direction}.wav", sound))
        for direction, sound in zip(("out", "in"), legs(folder, "promise", SECONDS))
    ]
    for thread in spoken + written:
        thread.start()
    for thread in spoken + written:
        thread.join()
    print(live, recorded, round(max(leg.longest_gap for leg in spoken) * 1000))


def words(text):
    return re.sub(r"[^\w ]", "", text.lower()).split()


def heard(script, call, share, seconds=float("inf")):
    lines = json.loads(script.read_text())["lines"]
    segments = json.loads(call.read_text())["transcript_segments"]
    found = said = 0
    for speaker in ("agent", "caller"):
        reference = words(" ".join(line["text"] for line in lines if line["speaker"] == speaker and line["start_s"] < seconds))
        text = words(" ".join(s["text"] for s in sorted(segments, key=lambda s: s["start_time"]) if s["speaker"] == speaker))
        said += len(reference)
        found += sum(block.size for block in difflib.SequenceMatcher(None, reference, text, autojunk=False).get_matching_blocks())
    print(f"{found} of {said} words in order, {len(segments)} segments; the first: {segments[0]['text'] if segments else 'none'}")
    if said and found >= share * said:
        return 0
    for s in sorted(segments, key=lambda s: s["start_time"]):
        print(f"  {s['start_time']:7.2f} {s['speaker']}: {s['text']}")
    return 1


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    if verb == "play":
        play(pathlib.Path(rest[0]), rest[1], pathlib.Path(rest[2]))
    else:
        sys.exit(heard(pathlib.Path(rest[0]), pathlib.Path(rest[1]), float(rest[2]), *map(float, rest[3:])))
