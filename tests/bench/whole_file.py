"""faster-whisper on whole recordings, to compare with.

    whole_file.py final MODEL FILE [BEAMS [HOW]]   one thread, with its VAD: text, and CPU seconds without the model's loading; HOW is batched
                                                   (BatchedInferencePipeline, the default) or sequential (WhisperModel with vad_filter)
    whole_file.py busy MODEL FILE                  WhisperModel as it comes (all cores), over and over until it is stopped
"""

import sys
import time

import numpy as np
from faster_whisper import BatchedInferencePipeline, WhisperModel

from common import RATE, read_wav, tell


def final(path, file, beams, how):
    model = WhisperModel(path, device="cpu", compute_type="int8", cpu_threads=1)
    if how not in ("batched", "sequential"):
        sys.exit(f"whole_file.py: {how}: batched or sequential is wanted")
    if how == "batched":
        pipeline = BatchedInferencePipeline(model)
        transcribe = lambda **more: pipeline.transcribe(file, language="en", batch_size=8, beam_size=beams, **more)[0]
        list(transcribe(clip_timestamps=[{"start": 0, "end": 1}]))
    else:
        transcribe = lambda: model.transcribe(file, language="en", beam_size=beams, vad_filter=True)[0]
        list(model.transcribe(np.zeros(16_000, np.float32), language="en", beam_size=beams, vad_filter=True)[0])
    began = time.process_time()
    text = " ".join(segment.text.strip() for segment in transcribe())
    tell(cpu_s=time.process_time() - began, audio_s=len(read_wav(file)) / RATE, words=len(text.split()), text=text)


def busy(path, file):
    model = WhisperModel(path)
    print("ready", flush=True)
    while True:
        list(model.transcribe(file)[0])


if __name__ == "__main__":
    if sys.argv[1] == "busy":
        busy(*sys.argv[2:4])
    else:
        final(sys.argv[2], sys.argv[3], int((sys.argv[4:] or ["5"])[0]), (sys.argv[5:] or ["batched"])[0])
