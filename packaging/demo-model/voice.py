"""Speech by espeak-ng, in process, with the time of each word and phoneme. Needs libespeak-ng and numpy."""

import ctypes
import functools
import sys
from dataclasses import dataclass, field

import numpy as np

RATE = 8000
ACCENTS = ["en-us", "en", "en-gb-x-rp"]
# Voices that training hears, and voices that are kept back for the demo calls and the measurements.
HEARD = ["", "m1", "m2", "m3", "m4", "m5", "m6", "m8", "f1", "f3", "f4", "f5", "Alex", "Andy", "Annie", "Lee", "Michael", "Mike", "Mario", "Diogo", "Gene",
         "adam", "anika", "ed", "edward", "john", "linda", "max", "paul", "quincy", "rob", "sandro", "steph", "travis", "victor", "zac"]
HELD_OUT = ["m7", "f2"]


@dataclass
class Line:
    """A spoken sentence: samples at 8 kHz in -1..1, words with (start, end) and phonemes with their start, in seconds."""

    samples: np.ndarray
    words: list
    phonemes: list = field(default_factory=list)
    voice: str = ""

    @property
    def seconds(self):
        return len(self.samples) / RATE


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):  # espeak_EVENT of speak_lib.h
    _fields_ = [("type", ctypes.c_int), ("unique_identifier", ctypes.c_uint), ("text_position", ctypes.c_int), ("length", ctypes.c_int),
                ("audio_position", ctypes.c_int), ("sample", ctypes.c_int), ("user_data", ctypes.c_void_p), ("id", _Id)]


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
_LIST_TERMINATED, _WORD, _PHONEME = 0, 1, 7


class _Espeak:
    def __init__(self):
        try:
            self.library = ctypes.CDLL("libespeak-ng.so.1")
        except OSError:
            sys.exit("libespeak-ng is not there: apt-get install espeak-ng")
        self.rate = self.library.espeak_Initialize(2, 0, None, 1)  # synchronous, with phoneme events
        self.keep = _CALLBACK(self._heard)  # the library holds a bare pointer to it
        self.library.espeak_SetSynthCallback(self.keep)
        self.sound, self.words, self.phonemes = [], [], []

    def _heard(self, samples, count, events):
        if samples and count > 0:
            self.sound.append(np.ctypeslib.as_array(samples, shape=(count,)).copy())
        for event in iter_until_end(events):
            if event.type == _WORD:
                self.words.append((event.text_position - 1, event.audio_position / 1000))
            elif event.type == _PHONEME:
                self.phonemes.append((event.audio_position / 1000, event.id.string.decode("utf8", "ignore")))
        return 0

    def speak(self, text, voice, speed, pitch, pitch_range):
        self.sound, self.words, self.phonemes = [], [], []
        if self.library.espeak_SetVoiceByName(voice.encode()) != 0:
            sys.exit(f"espeak-ng has no voice {voice}: apt-get install espeak-ng-data")
        for parameter, value in ((1, speed), (3, pitch), (4, pitch_range)):
            self.library.espeak_SetParameter(parameter, value, 0)
        spoken = text.encode() + b"\0"
        self.library.espeak_Synth(spoken, len(spoken), 0, 1, 0, 1, None, None)
        self.library.espeak_Synchronize()
        return np.concatenate(self.sound).astype(np.float32) / 32768, list(self.words), list(self.phonemes)


def iter_until_end(events):
    place = 0
    while events[place].type != _LIST_TERMINATED:
        yield events[place]
        place += 1


@functools.cache
def _espeak():
    return _Espeak()


def resample(samples, from_rate, to_rate):
    """Band-limited, by its spectrum."""
    wanted = round(len(samples) * to_rate / from_rate)
    # A length at which both rates are whole numbers of samples.
    step = int(from_rate // np.gcd(int(from_rate), int(to_rate)))
    padded = -(-len(samples) // step) * step
    spectrum = np.fft.rfft(samples, padded)
    length = padded * int(to_rate) // int(from_rate)
    return (np.fft.irfft(spectrum[: length // 2 + 1], length) * (length / padded)).astype(np.float32)[:wanted]


def say(text, voice, speed=160, pitch=50, pitch_range=50, size=1.0):
    """Speaks one sentence, loudest sample 1. `size` below 1 makes a smaller head: higher and faster."""
    sound, marks, phonemes = _espeak().speak(text, voice, speed, pitch, pitch_range)
    from_rate = int(_espeak().rate / size / 50) * 50
    stretch = _espeak().rate / from_rate
    samples = resample(sound, from_rate, RATE)
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
    first, last = loud[0], loud[-1] + 1
    samples = samples[first:last] / np.abs(samples).max()
    shift = first / RATE
    at = lambda seconds: float(min(max(seconds * stretch - shift, 0.0), len(samples) / RATE))
    starts, place, now = dict(marks), 0, 0.0
    words = []
    for word in text.split(" "):
        # Words that espeak runs together have one mark; they share its start.
        now = starts.get(place, now)
        words.append([word, at(now), None])
        place += len(word) + 1
    for number, word in enumerate(words):
        later = [start for _, start, _ in words[number + 1 :] if start > word[1]]
        word[2] = later[0] if later else len(samples) / RATE
    return Line(samples, [tuple(word) for word in words], [(at(start), name) for start, name in phonemes], voice)


def random_voice(rng, held_out=False):
    accent, variant = rng.choice(ACCENTS), rng.choice(HELD_OUT if held_out else HEARD)
    return accent + (f"+{variant}" if variant else "")
