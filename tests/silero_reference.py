#!/usr/bin/env python3
"""Writes src/speech/vad/reference.tsv: what onnxruntime makes of a recording with Silero's own network.

    silero_reference.py silero_vad_16k_op15.onnx ggml-silero-v6.2.0.bin jfk.wav

One line a step of 32 ms: the probability with the weights of the network as it was published (silero-vad of PyPI), and with those of whisper.cpp's file,
some of which have 16 bits. Wants numpy, onnx, onnxruntime and soundfile.
"""

import struct
import sys

import numpy as np
import onnx
import onnxruntime
import soundfile
from onnx import numpy_helper


def tensors(path):
    data = open(path, "rb").read()
    place = 4
    place += 4 + struct.unpack_from("<i", data, place)[0] + 5 * 4
    place += 4 + 12 * struct.unpack_from("<i", data, place)[0] + 4 * 4
    found = {}
    while place < len(data):
        dimensions, length, kind = struct.unpack_from("<3i", data, place)
        shape = struct.unpack_from(f"<{dimensions}i", data, place + 12)
        place += 12 + 4 * dimensions
        name = data[place : place + length].decode().removeprefix("_")
        place += length
        dtype, count = (np.float16 if kind else np.float32), int(np.prod(shape))
        found[name] = np.frombuffer(data, dtype, count, place).astype(np.float32)
        place += count * dtype().itemsize
    return found


def probabilities(network, sound):
    session = onnxruntime.InferenceSession(network)
    state, before, told = np.zeros((2, 1, 128), np.float32), np.zeros(64, np.float32), []
    for begin in range(0, len(sound) - 511, 512):
        step = sound[begin : begin + 512]
        inputs = {"input": np.concatenate([before, step])[None], "state": state, "sr": np.array(16000, np.int64)}
        voice, state = session.run(None, inputs)
        before = step[-64:]
        told.append(voice[0, 0])
    return told


network, weights, recording = sys.argv[1:]
sound = soundfile.read(recording, dtype="float32")[0]
model = onnx.load(network)
of_file = tensors(weights)
for tensor in model.graph.initializer:
    values = of_file[tensor.name].reshape(numpy_helper.to_array(tensor).shape)
    if tensor.name != "model.stft.forward_basis_buffer":  # the same to seven digits, computed by lineside
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
rows = zip(probabilities(network, sound), probabilities(model.SerializeToString(), sound))
with open("src/speech/vad/reference.tsv", "w") as file:
    file.writelines(f"{published:.7f}\t{ours:.7f}\n" for published, ours in rows)
