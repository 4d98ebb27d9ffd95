"""The tutorial's way, to compare with: one faster-whisper model (int8), 5 s chunks of each mixed call, beam 3, one chunk after the other.

    tutorial.py cost MODEL PAIRS               CPU per second of call, measured over chunks of all calls
    tutorial.py live MODEL PAIRS CALLS SECONDS the same in real time: lag and memory

Runs on the CPU that `taskset` gives it, with one thread. In its favour: reception of the audio costs nothing here, the calls' chunks become due evenly
spread, and no chunk without sound is sent to the model.
"""

import sys
import threading
import time

import numpy as np
from faster_whisper import WhisperModel

from common import RATE, mixed, pairs, percentile, rss_mb, speech_ends, tell, turned

CHUNK_S = 5


def load(path):
    return WhisperModel(path, device="cpu", compute_type="int8", cpu_threads=1, num_workers=1)


def transcribe(model, chunk, rate=RATE):
    """Integers in, text out; 8 kHz are brought to the model's 16 by straight lines as the tutorial does."""
    count, times = len(chunk), 16_000 // rate
    sound = np.interp(np.arange(times * count) / times, np.arange(count), chunk).astype(np.float32) / 32768
    segments, _ = model.transcribe(sound, beam_size=3, language="en")
    return [segment.text for segment in segments]


def cost(path, folder):
    model = load(path)
    calls = [mixed(pair) for pair in pairs(folder)]
    chunks = [call[start : start + CHUNK_S * RATE] for start in (0, 20 * RATE, 40 * RATE) for call in calls]
    transcribe(model, chunks[0])
    times, tokens = [], 0
    for chunk in chunks:
        began = time.process_time()
        tokens += sum(len(text.split()) for text in transcribe(model, chunk))
        times.append(time.process_time() - began)
    tell(cpu_ms_per_call_s=1000 * sum(times) / (CHUNK_S * len(times)), chunks=len(chunks), words_per_call_s=tokens / (CHUNK_S * len(chunks)))


def look(memory, over):
    """As often as lineside's bench looks at the daemon's."""
    while not over.wait(0.5):
        memory.append(rss_mb())


def live(path, folder, count, seconds):
    model = load(path)
    made = pairs(folder)
    length = int(seconds * RATE)
    calls, ends = [], []
    for number in range(count):
        legs = [turned(leg, number, len(made), length) for leg in made[number % len(made)]]
        calls.append(mixed(legs))
        ends.append([end for leg in legs for end in speech_ends(leg)])
    del made, legs  # the sound of the bench itself is not counted
    transcribe(model, calls[0][: CHUNK_S * RATE])
    starts = [number * CHUNK_S / count for number in range(count)]
    due = sorted((starts[call] + (chunk + 1) * CHUNK_S, call, chunk) for call in range(count) for chunk in range(int(seconds) // CHUNK_S))
    began, cpu = time.monotonic(), time.process_time()
    chunk_lags, lags, memory, texts = [], [], [], [[] for _ in calls]
    over = threading.Event()
    looks = threading.Thread(target=look, args=(memory, over))
    looks.start()
    limit = seconds + CHUNK_S + 15
    for at, call, chunk in due:
        time.sleep(max(0.0, began + at - time.monotonic()))
        if time.monotonic() - began > limit:
            break
        texts[call] += transcribe(model, calls[call][chunk * CHUNK_S * RATE : (chunk + 1) * CHUNK_S * RATE])
        done = time.monotonic() - began
        chunk_lags.append(done - at)
        lags += [done - starts[call] - end for end in ends[call] if chunk * CHUNK_S < end <= (chunk + 1) * CHUNK_S]
    wall = time.monotonic() - began
    over.set()
    looks.join()
    tell(
        calls=count, seconds=seconds, chunk_lag_p95_s=percentile(chunk_lags, 0.95), last_third_p95_s=percentile(chunk_lags[len(chunk_lags) * 2 // 3 :], 0.95),
        lag_p50_s=percentile(lags, 0.5), lag_p95_s=percentile(lags, 0.95), cores=(time.process_time() - cpu) / wall, rss_mb=percentile(memory, 0.5),
        missed=len(due) - len(chunk_lags), texts=["".join(of_call) for of_call in texts],
    )


if __name__ == "__main__":
    if sys.argv[1] == "cost":
        cost(*sys.argv[2:4])
    else:
        live(sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
