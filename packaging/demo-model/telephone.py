"""What a telephone does to speech: band, level, noise, codecs. Needs numpy; GSM needs libgsm."""

import ctypes
import functools
import sys

import numpy as np

RATE = 8000


def band(samples, low, high, tilt_db=0.0):
    """Passes low..high Hz with soft edges, tilted by `tilt_db` per octave around 1 kHz."""
    spectrum = np.fft.rfft(samples)
    frequency = np.fft.rfftfreq(len(samples), 1 / RATE) + 1e-3
    gain = 1 / (1 + (low / frequency) ** 6) / (1 + (frequency / high) ** 24)
    gain = np.sqrt(gain) * (frequency / 1000) ** (tilt_db / 6.02)
    return np.fft.irfft(spectrum * gain, len(samples)).astype(np.float32)


def level(samples):
    """Root mean square of the loud parts: the 20 ms blocks within 30 dB of the loudest."""
    blocks = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    power = (blocks**2).mean(1) if len(blocks) else np.zeros(1)
    return float(np.sqrt(power[power >= power.max() / 1000].mean()))


def noise(kind, count, rng):
    """Noise of root mean square 1: white, pink, hum (mains and its overtones) or hall (low-passed, slowly swelling)."""
    if kind == "hum":
        time = np.arange(count) / RATE
        base = rng.choice([50.0, 60.0])
        sound = sum(rng.random() / overtone * np.sin(2 * np.pi * base * overtone * time + rng.random() * 6) for overtone in range(1, 9))
    else:
        sound = rng.standard_normal(count)
        if kind != "white":
            spectrum = np.fft.rfft(sound)
            frequency = np.fft.rfftfreq(count, 1 / RATE) + 20
            spectrum *= frequency**-0.5 if kind == "pink" else 1 / (1 + (frequency / 600) ** 2)
            sound = np.fft.irfft(spectrum, count)
        if kind == "hall":
            sound *= 1 + 0.6 * np.sin(2 * np.pi * rng.uniform(0.2, 2) * np.arange(count) / RATE + rng.random() * 6)
    return (sound / (np.sqrt(np.mean(sound**2)) + 1e-9)).astype(np.float32)


def tone(frequencies, count):
    time = np.arange(count) / RATE
    return (sum(np.sin(2 * np.pi * frequency * time) for frequency in frequencies) / len(frequencies)).astype(np.float32)


def hold_tone(kind, count, rng):
    """What is heard while nobody speaks: dial tone, ringing, busy, a beep now and then, or a simple melody."""
    time = np.arange(count) / RATE
    if kind == "dial":
        return tone([350, 440], count)
    if kind == "ring":
        return tone([440, 480], count) * (time % 6 < 2)
    if kind == "busy":
        return tone([480, 620], count) * (time % 1 < 0.5)
    if kind == "beep":
        return tone([rng.choice([425, 1000, 1400])], count) * (time % rng.choice([3, 10, 15]) < 0.4)
    sound, place = np.zeros(count, np.float32), 0
    while place < count:
        length = min(int(rng.choice([0.2, 0.3, 0.4, 0.6]) * RATE), count - place)
        pitch = 220 * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 11, 12, 14, 16]) / 12)
        fade = np.exp(-np.arange(length) / RATE * rng.uniform(1, 6))
        sound[place : place + length] = tone([pitch, pitch * 2, pitch * 3], length) * fade
        place += length
    return sound


HOLD_TONES = ["dial", "ring", "busy", "beep", "melody"]


def dtmf(digit, count):
    row, column = divmod("123A456B789C*0#D".index(digit), 4)
    return tone([(697, 770, 852, 941)[row], (1209, 1336, 1477, 1633)[column]], count)


def ulaw(samples):
    """Through G.711 mu-law and back (ITU-T G.711 table 2a, by its formula with 8 bits)."""
    magnitude = np.minimum(np.abs(samples) * 32768, 32635) + 132
    exponent = np.floor(np.log2(magnitude)).astype(int) - 7
    mantissa = np.floor(magnitude / 2.0 ** (exponent + 3)) - 16
    value = (mantissa * 2 + 33) * 2.0 ** (exponent + 2) - 132
    return (np.sign(samples) * value / 32768).astype(np.float32)


@functools.cache
def _gsm():
    try:
        library = ctypes.CDLL("libgsm.so.1")
    except OSError:
        sys.exit("libgsm is not there: apt-get install libgsm1")
    library.gsm_create.restype = ctypes.c_void_p
    for function in (library.gsm_encode, library.gsm_decode):
        function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    library.gsm_destroy.argtypes = [ctypes.c_void_p]
    return library


def gsm(samples):
    """Through GSM 06.10 full rate and back."""
    library = _gsm()
    coder, decoder = library.gsm_create(), library.gsm_create()
    blocks = -(-len(samples) // 160)
    sound = np.zeros(blocks * 160, np.int16)
    sound[: len(samples)] = to_int16(samples)
    out, frame = np.empty_like(sound), ctypes.create_string_buffer(33)
    for block in range(blocks):
        library.gsm_encode(coder, sound[block * 160 :].ctypes.data, frame)
        library.gsm_decode(decoder, frame, out[block * 160 :].ctypes.data)
    library.gsm_destroy(coder)
    library.gsm_destroy(decoder)
    return (out[: len(samples)] / 32768).astype(np.float32)


def to_int16(samples):
    return np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)


def any_line(samples, rng):
    """Some telephone line: band, level, noise and codec drawn by chance. `samples` peak at 1."""
    sound = samples
    if rng.random() < 0.7:
        sound = band(sound, rng.uniform(60, 350), rng.uniform(3100, 3900), rng.uniform(-4, 4))
    sound = sound * (10 ** (-rng.uniform(1, 20) / 20) / (np.abs(sound).max() + 1e-9))
    if rng.random() < 0.65:
        ratio_db = rng.uniform(4, 45)
        kind = rng.choice(["white", "white", "pink", "pink", "hall", "hum"])
        sound = sound + noise(kind, len(sound), rng) * (level(sound) * 10 ** (-ratio_db / 20))
    return codec(rng.choice(["none", "none", "ulaw", "ulaw", "gsm"]), sound)


def codec(name, samples):
    samples = np.clip(samples, -1, 1)
    if name == "ulaw":
        samples = ulaw(samples)
    elif name == "gsm":
        samples = gsm(samples)
    return to_int16(samples).astype(np.float32) / 32768
