"""Ten minutes in which nobody speaks: hold music, what a telephone network plays, noise and silence. Every word on it is invented.

The music is that of Debian's asterisk-moh-opsound (instrumental); everything else is made here, 8 kHz as a PBX has it, the same at every run.
"""

import numpy as np
from sound import read

HZ = 8000


def everything(music_folder):
    """Name and samples of each file; half of the time is music."""
    tracks = sorted(music_folder.rglob("*.g722"))
    if not tracks:
        raise FileNotFoundError(f"{music_folder}: no music (*.g722) in it")
    made = {}
    for track in tracks:
        samples = read(track, HZ)
        length = 300 * HZ // len(tracks)
        middle = max(0, (len(samples) - length) // 2)
        made[f"music-{track.stem}"] = samples[middle : middle + length]
    random_of = np.random.default_rng(600)
    made |= signals() | noises(random_of)
    return made


def tone(seconds, *frequencies, level=0.1):
    times = np.arange(int(seconds * HZ)) / HZ
    return level * sum(np.sin(2 * np.pi * frequency * times) for frequency in frequencies)


def silence(seconds):
    return np.zeros(int(seconds * HZ))


def over_and_over(seconds, *parts):
    return np.resize(np.concatenate(parts), int(seconds * HZ))


def signals():
    """ITU-T E.180 and the North American plan; T.30; Q.23."""
    keys = {key: (row, column) for row, line in zip((697, 770, 852, 941), ("123A", "456B", "789C", "*0#D")) for key, column in zip(line, (1209, 1336, 1477, 1633))}
    dialled = [part for key in "4155550123#987*0A" for part in (tone(0.09, *keys[key], level=0.2), silence(0.11))]
    information = [part for frequencies in ((913.8, 1370.6, 1776.7), (985.2, 1428.5, 1776.7)) for part in (*(tone(0.33, frequency) for frequency in frequencies), silence(2))]
    return {
        "dial": tone(20, 350, 440),
        "dial-europe": over_and_over(10, tone(10, 425)),
        "busy": over_and_over(20, tone(0.5, 480, 620), silence(0.5)),
        "busy-europe": over_and_over(10, tone(0.48, 425), silence(0.48)),
        "congestion": over_and_over(10, tone(0.25, 480, 620), silence(0.25)),
        "ringback": over_and_over(30, tone(2, 440, 480), silence(4)),
        "ringback-uk": over_and_over(20, tone(0.4, 400, 450), silence(0.2), tone(0.4, 400, 450), silence(2)),
        "call-waiting": over_and_over(20, tone(0.3, 440), silence(9.7)),
        "sit": over_and_over(20, *information),
        "fax": np.concatenate([over_and_over(14, tone(0.5, 1100), silence(3)), tone(3.5, 2100), silence(2.5)]),
        "dtmf": over_and_over(20, *dialled, silence(1.5)),
        "beeps": over_and_over(10, tone(0.2, 1400), silence(3.8)),
    }


def noises(random_of):
    white = lambda seconds, level: level * random_of.standard_normal(int(seconds * HZ))
    brown = np.cumsum(white(20, 1.0))
    brown -= np.convolve(brown, np.ones(HZ // 20) / (HZ // 20), "same")
    hum = sum(tone(20, 50 * harmonic, level=0.02 / harmonic) for harmonic in (1, 2, 3, 5, 7))
    clicks = white(10, 0.001)
    clicks[random_of.integers(0, len(clicks), 60)] += random_of.choice([-0.5, 0.5], 60)
    return {
        "line-hum": hum + white(20, 0.001),
        "line-clicks": clicks,
        "white-60dB": white(10, 0.001),
        "white-30dB": white(10, 0.03),
        "brown": 0.05 * brown / brown.std(),
        "digital-silence": silence(20),
    }
