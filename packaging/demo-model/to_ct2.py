#!/usr/bin/env python3
"""Turns a Whisper model in whisper.cpp's format into CTranslate2's, so that both engines can be tried on the same weights.

usage: to_ct2.py GGML_FILE OUT_FOLDER        (wants numpy and ctranslate2 from PyPI)
"""

import struct
import sys

import ctranslate2.specs.whisper_spec as whisper_spec
import numpy as np

BLOCK = 32


def q8_0(raw):
    blocks = np.frombuffer(raw, dtype=np.dtype([("scale", "<f2"), ("values", "i1", BLOCK)]))
    return (blocks["scale"].astype(np.float32)[:, None] * blocks["values"]).reshape(-1)


def five_bits(raw, has_minimum):
    """q5_0 and q5_1: scale, minimum, the fifth bits of all, then the low four of the first half beside those of the second."""
    fields = [("scale", "<f2"), *([("minimum", "<f2")] if has_minimum else []), ("high", "<u4"), ("low", "u1", BLOCK // 2)]
    blocks = np.frombuffer(raw, dtype=np.dtype(fields))
    low = np.concatenate([blocks["low"] & 15, blocks["low"] >> 4], 1)
    high = (blocks["high"][:, None] >> np.arange(BLOCK, dtype=np.uint32)) & 1
    values = (low | (high << 4)).astype(np.float32)
    scaled = blocks["scale"].astype(np.float32)[:, None] * (values if has_minimum else values - 16)
    return (scaled + blocks["minimum"].astype(np.float32)[:, None] if has_minimum else scaled).reshape(-1)


READERS = {
    0: (4, 1, lambda raw: np.frombuffer(raw, "<f4")),
    1: (2, 1, lambda raw: np.frombuffer(raw, "<f2").astype(np.float32)),
    6: (22, BLOCK, lambda raw: five_bits(raw, False)),
    7: (24, BLOCK, lambda raw: five_bits(raw, True)),
    8: (34, BLOCK, q8_0),
}


def read_ggml(path):
    """Header, token bytes and tensors by name, shaped as PyTorch has them."""
    with open(path, "rb") as file:
        ints = lambda count: struct.unpack(f"<{count}i", file.read(4 * count))
        assert ints(1)[0] == 0x67676D6C, "not a ggml model"
        names = "n_vocab n_audio_ctx n_audio_state n_audio_head n_audio_layer n_text_ctx n_text_state n_text_head n_text_layer n_mels ftype"
        header = dict(zip(names.split(), ints(11)))
        mels, bins = ints(2)
        file.read(4 * mels * bins)
        tokens = [file.read(ints(1)[0]) for _ in range(ints(1)[0])]
        tensors = {}
        while head := file.read(12):
            dims, length, kind = struct.unpack("<3i", head)
            shape = ints(dims)[::-1]
            name = file.read(length).decode()
            if kind not in READERS:
                sys.exit(f"{path}: {name} is of a type that is not read here ({kind}); take f32, f16, q8_0, q5_1 or q5_0")
            size, values, reader = READERS[kind]
            count = int(np.prod(shape))
            tensors[name] = reader(file.read(count // values * size)).reshape(shape).copy()
    return header, tokens, tensors


def byte_alphabet():
    """GPT-2's printable character for each byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {**{byte: chr(byte) for byte in printable}, **{byte: chr(256 + place) for place, byte in enumerate(others)}}


def vocabulary(tokens, size):
    alphabet = byte_alphabet()
    words = ["".join(alphabet[byte] for byte in token) for token in tokens]
    words += ["<|endoftext|>", "<|startoftranscript|>"] + [f"<|lang{i}|>" for i in range(99)]
    words += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    words += [f"<|{i * 0.02:.2f}|>" for i in range(1501)]
    return words[:size]


class Converter:
    def __init__(self, tensors):
        self.tensors = tensors

    def linear(self, spec, *names):
        """One linear layer from one or several side by side; what has no bias gets zeros."""
        weights = [self.tensors[f"{name}.weight"] for name in names]
        biases = [self.tensors.get(f"{name}.bias", np.zeros(len(weight), np.float32)) for name, weight in zip(names, weights)]
        spec.weight, spec.bias = np.concatenate(weights), np.concatenate([bias.reshape(-1) for bias in biases])

    def norm(self, spec, name):
        spec.gamma, spec.beta = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]

    def attention(self, spec, name, over_itself):
        query, key, value, out = (f"{name}.{part}" for part in ("query", "key", "value", "out"))
        groups = [(query, key, value), (out,)] if over_itself else [(query,), (key, value), (out,)]
        for layer, group in zip(spec.linear, groups):
            self.linear(layer, *group)

    def block(self, spec, name, with_cross_attention):
        self.norm(spec.self_attention.layer_norm, f"{name}.attn_ln")
        self.attention(spec.self_attention, f"{name}.attn", True)
        if with_cross_attention:
            self.norm(spec.attention.layer_norm, f"{name}.cross_attn_ln")
            self.attention(spec.attention, f"{name}.cross_attn", False)
        self.norm(spec.ffn.layer_norm, f"{name}.mlp_ln")
        self.linear(spec.ffn.linear_0, f"{name}.mlp.0")
        self.linear(spec.ffn.linear_1, f"{name}.mlp.2")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    header, tokens, tensors = read_ggml(sys.argv[1])
    make = Converter(tensors)
    spec = whisper_spec.WhisperSpec(header["n_audio_layer"], header["n_audio_head"], header["n_text_layer"], header["n_text_head"])
    for number, conv in enumerate((spec.encoder.conv1, spec.encoder.conv2), 1):
        conv.weight, conv.bias = tensors[f"encoder.conv{number}.weight"], tensors[f"encoder.conv{number}.bias"].reshape(-1)
    spec.encoder.position_encodings.encodings = tensors["encoder.positional_embedding"]
    make.norm(spec.encoder.layer_norm, "encoder.ln_post")
    spec.decoder.embeddings.weight = spec.decoder.projection.weight = tensors["decoder.token_embedding.weight"]
    spec.decoder.scale_embeddings = False
    spec.decoder.position_encodings.encodings = tensors["decoder.positional_embedding"]
    make.norm(spec.decoder.layer_norm, "decoder.ln")
    for side, name, cross in ((spec.encoder, "encoder", False), (spec.decoder, "decoder", True)):
        for number, layer in enumerate(side.layer):
            make.block(layer, f"{name}.blocks.{number}", cross)
    spec.register_vocabulary(vocabulary(tokens, header["n_vocab"]))
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], []
    spec.config.lang_ids, spec.config.alignment_heads = [], [(0, 0)]
    spec.validate()
    spec.optimize(quantization="float32")
    import os

    os.makedirs(sys.argv[2], exist_ok=True)
    spec.save(sys.argv[2])


if __name__ == "__main__":
    main()
