"""The peers on one core: peers.py faster-whisper|faster-whisper-words|tutorial MODEL < FILES (one a line). One JSON object a file.

The model's loading is left out; the process' CPU time between two files is what the file costs, voice activity detection included.
"""

import json
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
import av  # noqa: E402
import numpy as np  # noqa: E402
import tutorial  # noqa: E402
from faster_whisper.audio import decode_audio  # noqa: E402


def faster_whisper(model, path, word_times=False):
    segments, _ = model.transcribe(path, language="en", beam_size=5, vad_filter=True, word_timestamps=word_times)
    for segment in segments:
        words = [{"text": word.word.strip(), "start": word.start, "end": word.end} for word in segment.words or []]
        yield {"text": segment.text.strip(), "start": segment.start, "end": segment.end, "words": words}


def tutorials_way(model, path):
    with av.open(path) as file:
        rate = file.streams.audio[0].rate
    samples = decode_audio(path, sampling_rate=rate)
    step = tutorial.CHUNK_S * rate
    for start in range(0, len(samples), step):
        chunk = samples[start : start + step]
        for text in tutorial.transcribe(model, (chunk * 32768).round().astype(np.int16), rate):
            yield {"text": text.strip(), "start": start / rate, "end": (start + len(chunk)) / rate, "words": []}


SYSTEMS = {
    "faster-whisper": faster_whisper,
    "faster-whisper-words": lambda model, path: faster_whisper(model, path, True),
    "tutorial": tutorials_way,
}


def main(system, path):
    model = tutorial.load(path)
    # What the first call makes once (the detector's session, buffers) is no file's.
    list(model.transcribe(np.zeros(16_000, np.float32), language="en", beam_size=1, vad_filter=True)[0])
    for line in sys.stdin:
        file = line.strip()
        began = time.process_time()
        segments = list(SYSTEMS[system](model, file))
        print(json.dumps({"file": file, "cpu_s": time.process_time() - began, "segments": segments}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:3])
