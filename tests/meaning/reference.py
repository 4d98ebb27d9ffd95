#!/usr/bin/env python3
"""all-MiniLM-L6-v2 in plain 32-bit floats, as numpy computes it: what the vectors of src/meaning are compared with.

    reference.py FOLDER > reference.tsv     FOLDER: config.json, tokenizer.json, model.safetensors; needs numpy, scipy, safetensors, tokenizers
"""
import sys
import numpy as np
from safetensors.numpy import load_file
from scipy.special import erf
from tokenizers import Tokenizer

LINES = [
    "I want to cancel my contract.",
    "Please close my account, I am leaving.",
    "Thank you for calling Northern Energy my name is Emma how can I help you today with your account or your bill.",
    "¿Puedo pagar la mitad mañana?",
    "ok",
    "",
]
folder = sys.argv[1]
weights = load_file(f"{folder}/model.safetensors")
tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
tokenizer.no_padding()


def linear(x, name):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def norm(x, name):
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
    return x * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def embed(line):
    ids = tokenizer.encode(line).ids[:256]
    x = weights["embeddings.word_embeddings.weight"][ids] + weights["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for number in range(6):
        layer = f"encoder.layer.{number}"
        q, k, v = (
            linear(x, f"{layer}.attention.self.{part}").reshape(len(ids), 12, 32).swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        shares = np.exp(q @ k.swapaxes(1, 2) / np.sqrt(32.0))
        taken = (shares / shares.sum(-1, keepdims=True)) @ v
        x = norm(
            x + linear(taken.swapaxes(0, 1).reshape(len(ids), 384), f"{layer}.attention.output.dense"),
            f"{layer}.attention.output.LayerNorm",
        )
        wide = linear(x, f"{layer}.intermediate.dense")
        wide = wide * (1 + erf(wide / np.sqrt(2.0))) / 2
        x = norm(x + linear(wide, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    mean = x.mean(0)
    return mean / np.linalg.norm(mean)


for line in LINES:
    print(line + "\t" + " ".join(f"{number:.4f}" for number in embed(line)))
