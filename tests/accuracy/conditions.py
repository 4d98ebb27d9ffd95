"""What lies between a mouth and the recogniser: bands, codecs and noise. Each makes a file of a leg; all systems get the same file."""

import random

import av
import numpy as np
from sound import RATE, power, read, sox, write

NARROW = 8000
SNR_DB = {"20dB": 20, "10dB": 10, "5dB": 5}
MEANING = {
    "16k": "as recorded, 16 kHz",
    "8k": "8 kHz, 300 to 3400 Hz",
    "g711": "8k through G.711 mu-law",
    "gsm": "8k through GSM 06.10 (sox)",
    "mp3": "8k as an MP3 of 16 kbit/s (LAME)",
    **{name: f"8k with noise through all of the leg, {snr} dB below what is said" for name, snr in SNR_DB.items()},
}


class Conditions:
    """Makes files in `folder`, one folder a condition."""

    def __init__(self, folder, noise):
        self.folder = folder
        narrow = narrowed(noise, folder / "noise.wav")
        self.noise = read(narrow, NARROW)

    def make(self, condition, leg):
        place = self.folder / condition
        place.mkdir(exist_ok=True)
        out = place / f"{leg.name}.wav"
        if condition == "16k":
            write(out, leg.samples)
            return out
        narrowed(leg.samples, out)
        if condition == "g711":
            through(out, "-e", "mu-law", "-t", "ul")
        elif condition == "gsm":
            through(out, "-t", "gsm")
        elif condition == "mp3":
            return mp3(out)
        elif condition in SNR_DB:
            write(out, noisy(leg, read(out, NARROW), self.noise, SNR_DB[condition]), NARROW)
        return out


def narrowed(samples, out):
    """A telephone's band."""
    whole = out.with_suffix(".whole")
    write(whole, samples)
    sox("-t", "wav", whole, "-r", NARROW, "-b", 16, "-e", "signed-integer", out, "sinc", "300-3400")
    whole.unlink()
    return out


def through(file, *coding):
    """To a codec and back."""
    coded = file.with_suffix(".coded")
    sox(file, *coding, coded)
    sox(*coding[-2:], "-r", NARROW, "-c", 1, coded, "-b", 16, "-e", "signed-integer", file)
    coded.unlink()


def mp3(file):
    out = file.with_suffix(".mp3")
    with av.open(str(file)) as source, av.open(str(out), "w") as target:
        stream = target.add_stream("libmp3lame", rate=NARROW)
        stream.bit_rate, stream.layout = 16_000, "mono"
        resampler = av.AudioResampler(format="s16p", layout="mono", rate=NARROW)
        for frame in source.decode(audio=0):
            for part in resampler.resample(frame):
                target.mux(stream.encode(part))
        target.mux(stream.encode(None))
    file.unlink()
    return out


def noisy(leg, samples, noise, snr_db):
    """Its level stands against all utterances of the leg together: a low voice has more noise, as in a call. Both are of the telephone's band."""
    start = random.Random(f"{leg.name} {snr_db}").randrange(len(noise))
    through_all = np.take(noise, range(start, start + len(samples)), mode="wrap")
    of = RATE // NARROW
    spoken = np.concatenate([samples[onset // of : end // of] for _, _, _, onset, end in leg.utterances])
    mixed = samples + through_all * np.sqrt(power(spoken) / power(through_all) / 10 ** (snr_db / 10))
    return mixed * min(1.0, 0.98 / np.abs(mixed).max())


def noise_of(recordings):
    """Noise that was recorded, where a recording is there with it and without it; else babble of several recordings at a time. And which."""
    by_name = {recording.name: recording.samples for recording in recordings}
    parts = []
    for name, samples in sorted(by_name.items()):
        clean = by_name.get(name.replace("noisy-", "read-", 1)) if name.startswith("noisy-") else None
        if clean is not None and len(clean) == len(samples):
            difference = samples - clean
            parts.append(difference / np.sqrt(power(difference)) / 10)
    if parts:
        return seamless(parts), f"recorded: what {len(parts)} noisy recordings have beyond their clean ones, {sum(map(len, parts)) / RATE:.0f} s over and over"
    return babble(recordings), "babble of twelve of the recordings at a time"


def babble(recordings):
    random_of = random.Random("babble")
    length = 30 * RATE
    voices = np.zeros(length)
    for _ in range(12):
        voice = random_of.choice(recordings).samples
        voices += np.roll(np.resize(voice / np.sqrt(power(voice)), length), random_of.randrange(length))
    return voices / np.sqrt(power(voices)) / 10


def seamless(parts):
    """One after the other, and round to the first, faded over 50 ms."""
    fade = RATE // 20
    up = np.sqrt(np.linspace(0, 1, fade))
    whole = np.zeros(sum(len(part) - fade for part in parts))
    at = 0
    for part in parts:
        shaped = part.copy()
        shaped[:fade] *= up
        shaped[-fade:] *= up[::-1]
        whole[np.arange(at, at + len(part)) % len(whole)] += shaped
        at += len(part) - fade
    return whole
