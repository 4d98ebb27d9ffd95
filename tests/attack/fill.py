"""A database as a busy year leaves it: calls that are over, each with its lines, their words, events and utterances."""

import json
import random
import sqlite3

SYLLABLES = "an be co di el fa go ha in jo ka le mo na or pa qu re st tr".split()
EVERYBODY_SAYS = [
    "Thank you for calling, how can I help you today?",
    "Is there anything else I can help you with?",
    "Can you please tell me your account number?",
    "One moment please while I look that up.",
]


def placeholders(count):
    return ", ".join("?" * count)


def fill(path, calls, lines):
    """Adds them to a database of lineside that no daemon has open. Ids of the calls: `call_id`."""
    db = sqlite3.connect(path, isolation_level=None)
    chance = random.Random(1)
    words = ["".join(chance.choices(SYLLABLES, k=chance.randint(1, 3))) for _ in range(6000)]
    weights = [1 / (rank + 1) for rank in range(len(words))]
    line = 0
    db.execute("BEGIN")
    for call in range(1, calls + 1):
        start = 1_760_000_000_000 + call * 20_000
        db.execute(
            "INSERT INTO call (id, call_id, source, state, started_ms, last_activity_ms, closed_ms, ended_ms, agent, campaign, phone, lead, audio_ms, segments)"
            f" VALUES ({placeholders(14)})",
            (call, call_id(call), "recording", "completed", start, start + 300_000, start + 300_000, start + 301_000, f"agent{call % 50}",
             f"camp{call % 5}", f"+1555{call:07d}", f"lead{call}", 300_000, lines),
        )
        db.execute(
            "INSERT INTO leg (id, call, leg, source, rate_hz, started_ms, offset_ms, path, owned, samples, closed_ms)"
            f" VALUES ({placeholders(11)})",
            (call, call, "mixed", "recording", 8000, start, 0, f"/nowhere/{call}.wav", 0, 2_400_000, start + 300_000),
        )
        utterances, segments, events = [], [], []
        for number in range(lines):
            line += 1
            text = EVERYBODY_SAYS[number % 4] if number % 10 == 0 else " ".join(chance.choices(words, weights, k=chance.randint(6, 18))) + f" n{line}"
            at = number * 7000
            timed = [{"text": word, "start_ms": at + place * 300, "end_ms": at + place * 300 + 280, "confidence": 0.9} for place, word in enumerate(text.split())]
            utterances.append((line, call, call, at * 8, at * 8 + 40_000, at, at + 5000, "done", "whisper/demo", 200, start + at + 6000))
            segments.append((line, call, call, line, at, at + 5000, text, 0.9, "en", json.dumps(timed), 0.1, 0.1, 0.8, 0.1, "neutral", "[]", "[]"))
            payload = {"type": "sentiment", "call_id": call_id(call), "text": text, "start_time": at / 1000, "end_time": at / 1000 + 5}
            events.append((call, "sentiment", start + at + 6000, json.dumps(payload)))
        db.executemany(
            "INSERT INTO utterance (id, call, leg, start_sample, end_sample, start_ms, end_ms, state, engine, took_ms, done_ms)"
            f" VALUES ({placeholders(11)})",
            utterances,
        )
        db.executemany(
            "INSERT INTO segment (id, call, leg, utterance, start_ms, end_ms, text, confidence, language, words, compound, pos, neu, neg, label, keywords,"
            f" profanity) VALUES ({placeholders(17)})",
            segments,
        )
        db.executemany("INSERT INTO event (call, kind, at_ms, payload) VALUES (?, ?, ?, ?)", events)
        if call % 500 == 0:
            db.execute("COMMIT")
            db.execute("BEGIN")
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def call_id(call):
    return f"{1_760_000_000 + call * 20}.{call}"
