"""Writes Whisper models in whisper.cpp's own format ("ggml", magic 0x67676d6c), quantised as ggml does.

Layout: whisper.cpp, whisper_model_load. Tensor shapes are written with the fastest dimension first; vectors and position tables stay f32,
convolution kernels f16.
"""

import struct

import numpy as np

# name: (file type, tensor type)
TYPES = {"f16": (1, 1), "q8_0": (7, 8), "q5_0": (8, 6), "q5_1": (9, 7)}
QUANTISATION_VERSION = 2000
ALWAYS_F32 = {"encoder.conv1.bias", "encoder.conv2.bias", "encoder.positional_embedding", "decoder.positional_embedding"}
HEADER = ("n_vocab", "n_audio_ctx", "n_audio_state", "n_audio_head", "n_audio_layer", "n_text_ctx", "n_text_state", "n_text_head", "n_text_layer", "n_mels")


def _half(values):
    return values.astype("<f2").view(np.uint8).reshape(len(values), 2)


def _inverse(scale):
    return np.divide(1.0, scale, out=np.zeros_like(scale), where=scale != 0).astype(np.float32)


def _fifth_bits(values):
    bits = ((values >> 4) & 1).astype(np.uint32) << np.arange(32, dtype=np.uint32)
    return bits.sum(1, dtype=np.uint32).astype("<u4").view(np.uint8).reshape(len(values), 4)


def _nibbles(values):
    return ((values[:, :16] & 15) | ((values[:, 16:] & 15) << 4)).astype(np.uint8)


def quantise(values, kind):
    """Blocks of 32 along the last dimension, as ggml's reference quantisers round them."""
    blocks = np.ascontiguousarray(values, np.float32).reshape(-1, 32)
    if kind == "q8_0":
        scale = np.abs(blocks).max(1) / np.float32(127)
        scaled = blocks * _inverse(scale)[:, None]
        rounded = np.trunc(scaled + np.copysign(0.5, scaled)).astype(np.int8)
        return np.concatenate([_half(scale), rounded.view(np.uint8)], 1).tobytes()
    if kind == "q5_1":
        low = blocks.min(1)
        scale = (blocks.max(1) - low) / np.float32(31)
        rounded = np.minimum(((blocks - low[:, None]) * _inverse(scale)[:, None] + 0.5).astype(np.uint8), 31)
        return np.concatenate([_half(scale), _half(low), _fifth_bits(rounded), _nibbles(rounded)], 1).tobytes()
    extreme = blocks[np.arange(len(blocks)), np.abs(blocks).argmax(1)]
    scale = extreme / np.float32(-16)
    rounded = np.minimum((blocks * _inverse(scale)[:, None] + 16.5).astype(np.int8), 31).astype(np.uint8)
    return np.concatenate([_half(scale), _fifth_bits(rounded), _nibbles(rounded)], 1).tobytes()


def write(path, header, filters, tokens, tensors, kind):
    """`header` by the names above, `filters` (80, 201), `tokens` as bytes in order, `tensors` by Whisper's names."""
    file_type, tensor_type = TYPES[kind]
    quantised = kind.startswith("q")
    with open(path, "wb") as file:
        file.write(struct.pack("<12i", 0x67676D6C, *(header[name] for name in HEADER), file_type + QUANTISATION_VERSION * quantised))
        file.write(struct.pack("<2i", *filters.shape) + np.ascontiguousarray(filters, "<f4").tobytes())
        file.write(struct.pack("<i", len(tokens)) + b"".join(struct.pack("<i", len(token)) + token for token in tokens))
        for name, value in tensors.items():
            if value.ndim < 2 or name in ALWAYS_F32:
                stored, data = 0, value.astype("<f4").tobytes()
            elif value.ndim == 3 or not quantised:
                stored, data = 1, value.astype("<f2").tobytes()
            else:
                stored, data = tensor_type, quantise(value, kind)
            file.write(struct.pack("<3i", value.ndim, len(name), stored) + struct.pack(f"<{value.ndim}i", *value.shape[::-1]) + name.encode() + data)
