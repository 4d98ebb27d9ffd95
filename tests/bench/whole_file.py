"""faster-whisper on whole recordings, to compare with.

    whole_file.py final MODEL FILE [BEAMS]   BatchedInferencePipeline with its VAD, one thread: CPU seconds, the model's loading left out
    whole_file.py busy MODEL FILE            WhisperModel as it comes (all cores), over and over until it is stopped
"""

import sys
import time

from faster_whisper import BatchedInferencePipeline, WhisperModel

from common import RATE, read_wav, tell


def final(path, file, beams):
    pipeline = BatchedInferencePipeline(WhisperModel(path, device="cpu", compute_type="int8", cpu_threads=1))
    list(pipeline.transcribe(file, language="en", batch_size=8, beam_size=beams, clip_timestamps=[{"start": 0, "end": 1}])[0])
    began = time.process_time()
    words = sum(len(segment.text.split()) for segment in pipeline.transcribe(file, language="en", batch_size=8, beam_size=beams)[0])
    tell(cpu_s=time.process_time() - began, audio_s=len(read_wav(file)) / RATE, words=words)


def busy(path, file):
    model = WhisperModel(path)
    print("ready", flush=True)
    while True:
        list(model.transcribe(file)[0])


if __name__ == "__main__":
    if sys.argv[1] == "busy":
        busy(*sys.argv[2:4])
    else:
        final(sys.argv[2], sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else 5)
