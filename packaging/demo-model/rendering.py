"""Sound with its true text: the demo calls, the sets that accuracy is measured on, lines for tests.

All voices, and the sentences of the calls and sets, are such as training never hears.
"""

import json
import random
import sys
import wave
from pathlib import Path

import numpy as np

import telephone
import voice
import words
from scripts import CALLS, LINES
from voice import RATE

PEAK = 0.5
SIDES = ("agent", "caller")


def write_wav(path, *channels):
    """8 kHz, 16 bit."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.stack([telephone.to_int16(channel) for channel in channels], 1).astype("<i2").tobytes())


def call(name):
    """A demo call: {"agent": samples, "caller": samples, "lines": [{"speaker", "start_s", "end_s", "text"}]}, both legs equally long."""
    rng = random.Random(name)
    voices = dict(zip(SIDES, rng.sample([f"{accent}+{variant}" for accent in voice.ACCENTS for variant in voice.HELD_OUT], 2)))
    speeds = {side: rng.randint(150, 180) for side in SIDES}
    chance = np.random.default_rng(len(name))
    now, placed, lines = 0.0, [], []
    for speaker, pause, text in CALLS[name]:
        start = max(0.0, now + pause)
        if text.startswith("..."):
            seconds = float(text[3:])
            # What a queue plays while one waits; the silent call is silent.
            sound = telephone.hold_tone("melody", int(seconds * RATE), chance) * 0.1 if name != "silent" else np.zeros(int(seconds * RATE), np.float32)
            placed.append((speaker, start, sound))
            now = start + seconds
            continue
        line = voice.say(text, voices[speaker], speeds[speaker])
        placed.append((speaker, start, line.samples * PEAK))
        lines.append({"speaker": speaker, "start_s": round(start, 3), "end_s": round(start + line.seconds, 3), "text": text})
        now = max(now, start + line.seconds)
    sides = {side: np.zeros(int((now + 1.0) * RATE), np.float32) for side in SIDES}
    for speaker, start, sound in placed:
        place = int(start * RATE)
        sides[speaker][place : place + len(sound)] += sound
    return {**sides, "lines": lines}


def write_call(folder, name, through=lambda sound: sound):
    """FOLDER/NAME.wav with agent left and caller right, its legs apart as NAME-agent.wav and NAME-caller.wav, and NAME.json."""
    made = call(name)
    agent, caller = (through(made[side]) for side in SIDES)
    write_wav(folder / f"{name}.wav", agent, caller)
    write_wav(folder / f"{name}-agent.wav", agent)
    write_wav(folder / f"{name}-caller.wav", caller)
    truth = {"name": name, "seconds": len(agent) / RATE, "lines": made["lines"]}
    (folder / f"{name}.json").write_text(json.dumps(truth, indent=1) + "\n")


def write_lines(folder):
    """FOLDER/NN[AC].wav, a line each, said by the agent or the caller; refs.tsv has file and text."""
    voices = dict(zip(SIDES, ("en-us+f2", "en-gb-x-rp+m7")))
    rows = []
    for number, (speaker, text) in enumerate(LINES):
        name = f"{number:02}{speaker[0].upper()}.wav"
        air = np.zeros(int(0.3 * RATE), np.float32)
        write_wav(folder / name, np.concatenate([air, voice.say(text, voices[speaker]).samples * PEAK, air]))
        rows.append(f"{name}\t{text}\n")
    (folder / "refs.tsv").write_text("".join(rows))


def noisy(ratio_db, chance):
    """Adds white, pink or hall noise in turn, so many dB below the speech."""
    kinds = iter(["white", "pink", "hall"] * 10_000)
    return lambda sound: sound + telephone.noise(next(kinds), len(sound), chance) * (telephone.level(sound) * 10 ** (-ratio_db / 20) if sound.any() else 0.0)


def lines_of(chance):
    """What a line does to the sound, by name."""
    return {
        "8khz": lambda sound: sound,
        "g711": telephone.ulaw,
        "gsm": telephone.gsm,
        "noise-20db": noisy(20, chance),
        "noise-10db": noisy(10, chance),
        "noise-5db": noisy(5, chance),
    }


def spaced(samples, rng):
    before, behind = (np.zeros(int(rng.uniform(0.15, 0.45) * RATE), np.float32) for _ in range(2))
    return np.concatenate([before, samples * PEAK, behind])


def spoken(rng, text):
    return voice.say(text, voice.random_voice(rng, held_out=True), rng.randint(140, 190), rng.randint(35, 65)).samples


def nothing(rng, chance, seconds):
    """Silence, hold tones and noise in turn, for ever."""
    count = int(seconds * RATE)
    while True:
        yield "silence", np.zeros(count, np.float32)
        for kind in telephone.HOLD_TONES:
            yield f"tone-{kind}", telephone.hold_tone(kind, count, chance) * 0.2
        for kind in ("white", "pink", "hum", "hall"):
            yield f"noise-{kind}", telephone.noise(kind, count, chance) * 10 ** (-rng.uniform(20, 60) / 20)


def write_sets(folder, count, seed):
    """FOLDER/windows: one folder a set, FILE.wav with FILE.txt. FOLDER/calls: the demo calls by line, FILE.wav (stereo) with FILE.json; mixed."""
    rng, chance = random.Random(f"sets {seed}"), np.random.default_rng([5, seed])
    windows = folder / "windows"

    def put(group, name, sound, text):
        (windows / group).mkdir(parents=True, exist_ok=True)
        write_wav(windows / group / f"{name}.wav", sound)
        (windows / group / f"{name}.txt").write_text(text + "\n")

    said = [words.sentence(rng, held_out=True) for _ in range(count)]
    sounds = [spaced(spoken(rng, text), rng) for text in said]
    for line, through in lines_of(chance).items():
        for number, (text, sound) in enumerate(zip(said, sounds)):
            put(line, f"{number:03}", through(sound), text)
    for number in range(count // 2):
        text = words.jumble(rng)
        put("random-words", f"{number:03}", spaced(spoken(rng, text), rng), text)
    for number in range(max(count // 10, 1)):
        texts, sound = [], np.zeros(0, np.float32)
        speaker = voice.random_voice(rng, held_out=True)
        while True:
            text = words.sentence(rng, held_out=True)
            piece = spaced(voice.say(text, speaker, rng.randint(145, 185)).samples, rng)
            if len(sound) + len(piece) > 29.9 * RATE:
                break
            texts.append(text)
            sound = np.concatenate([sound, piece])
        put("packed-30s", f"{number:03}", sound, " ".join(texts))
    source = nothing(rng, chance, 10)
    for number in range(60):
        kind, sound = next(source)
        put("noise" if kind.startswith("noise") else "silence-and-tones", f"{number:03}-{kind}", sound, "")

    for line, through in lines_of(chance).items():
        place = folder / "calls" / line
        place.mkdir(parents=True, exist_ok=True)
        for name in CALLS:
            made = call(name)
            write_wav(place / f"{name}.wav", *(through(made[side]) for side in SIDES))
            (place / f"{name}.json").write_text(json.dumps({"lines": made["lines"]}) + "\n")
        place = folder / "calls" / f"mixed-{line}"
        place.mkdir(parents=True, exist_ok=True)
        for name in CALLS:
            made = call(name)
            write_wav(place / f"{name}.wav", through(made["agent"] + made["caller"]))
            (place / f"{name}.txt").write_text(" ".join(line["text"] for line in made["lines"]) + "\n")
    place = folder / "calls" / "nothing"
    place.mkdir(parents=True, exist_ok=True)
    source = nothing(rng, chance, 60)
    for number in range(10):
        kind, sound = next(source)
        write_wav(place / f"{number:02}-{kind}.wav", sound)
        (place / f"{number:02}-{kind}.txt").write_text("\n")


def main():
    usage = "usage: render calls FOLDER [NAME…] | render lines FOLDER | render sets FOLDER [SENTENCES [SEED]]"
    if len(sys.argv) < 3 or sys.argv[1] not in ("calls", "lines", "sets"):
        sys.exit(usage)
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    if sys.argv[1] == "sets":
        count = int(sys.argv[3]) if len(sys.argv) > 3 else 200
        seed = int(sys.argv[4]) if len(sys.argv) > 4 else 1
        write_sets(folder, count, seed)
        return
    if sys.argv[1] == "lines":
        write_lines(folder)
        return
    unknown = set(sys.argv[3:]) - set(CALLS)
    if unknown:
        sys.exit(f"no such call: {', '.join(sorted(unknown))} (there are {', '.join(CALLS)})")
    for name in sys.argv[3:] or CALLS:
        write_call(folder, name)


if __name__ == "__main__":
    main()
