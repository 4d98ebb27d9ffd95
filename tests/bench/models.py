#!/usr/bin/env python3
"""Makes models of tiny.en's and base.en's shape for benches, the same weights for both engines: models.py ASSETS OUT_FOLDER [SHAPE…]

OUT_FOLDER/SHAPE.bin is whisper.cpp's format (q8_0), OUT_FOLDER/SHAPE-ct2 a CTranslate2 folder as faster-whisper takes it. ASSETS is Whisper's own
folder of token tables (from its source package on PyPI).

Speed does not depend on the weights, but on how many tokens are decoded and on how sure the decoder is of them: truly random weights write garbage
until the token limit, and both sides would look again at every window. So the demo model is widened to the shape, which keeps what it computes:
every part of its 128-wide stream stands there three or four times, a matrix that reads the stream reads each copy with a random share of its
weights that adds up to the whole, and the layers that the shape has more of add nothing. The answer to the demo calls is then real text of real
length, from a model that costs exactly what tiny.en or base.en cost.
"""

import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "packaging/demo-model"))
sys.dont_write_bytecode = True
import base64  # noqa: E402
import subprocess  # noqa: E402

import ggml  # noqa: E402
import to_ct2  # noqa: E402

# width, heads, layers on each side (Radford et al. 2022, table 1)
SHAPES = {"tiny.en": (384, 6, 4), "base.en": (512, 8, 6)}
HEAD = 64


def mel_filters(path):
    """The filters that the demo model carries."""
    with open(path, "rb") as file:
        file.seek(4 * 12)
        mels, bins = np.frombuffer(file.read(8), "<i4")
        return np.frombuffer(file.read(4 * mels * bins), "<f4").reshape(mels, bins)


class Widener:
    def __init__(self, tensors, copies, chance):
        self.tensors, self.copies, self.chance = tensors, copies, chance
        self.out = {}

    def repeated(self, value):
        return np.concatenate([value] * self.copies)

    def reading(self, weight):
        """A matrix (rows, columns, …) over a repeated input: random shares of each weight that add up to it."""
        shares = self.chance.random((self.copies, *weight.shape)).astype(np.float32) + 0.5
        shares /= shares.sum(0)
        return np.concatenate(list(shares * weight), 1)

    def matrix(self, name):
        rows = [self.reading(self.tensors[name]) for _ in range(self.copies)]
        self.out[name] = np.concatenate(rows)

    def vector(self, name):
        self.out[name] = self.repeated(self.tensors[name])

    def block(self, name, cross):
        for part in ("attn", "cross_attn") if cross else ("attn",):
            for matrix in ("query", "key", "value", "out"):
                self.matrix(f"{name}.{part}.{matrix}.weight")
                if matrix != "key":
                    self.vector(f"{name}.{part}.{matrix}.bias")
            self.norm(f"{name}.{part}_ln")
        for layer in (0, 2):
            self.matrix(f"{name}.mlp.{layer}.weight")
            self.vector(f"{name}.mlp.{layer}.bias")
        self.norm(f"{name}.mlp_ln")

    def norm(self, name):
        self.vector(f"{name}.weight")
        self.vector(f"{name}.bias")

    def idle_block(self, like, name):
        """One more layer that costs what the others cost and adds nothing to the stream."""
        for part, value in [(key, value) for key, value in self.out.items() if key.startswith(f"{like}.")]:
            last = part.endswith(("attn.out.weight", "attn.out.bias", "mlp.2.weight", "mlp.2.bias"))
            self.out[name + part.removeprefix(like)] = np.zeros_like(value) if last else value


def widen(header, tensors, shape):
    width, heads, layers = SHAPES[shape]
    copies = width // header["n_audio_state"]
    make = Widener(tensors, copies, np.random.default_rng(1))
    make.out["encoder.positional_embedding"] = np.concatenate([tensors["encoder.positional_embedding"]] * copies, 1)
    # The first convolution reads the spectrum, which stands there once.
    make.out["encoder.conv1.weight"] = make.repeated(tensors["encoder.conv1.weight"])
    make.matrix("encoder.conv2.weight")
    make.vector("encoder.conv1.bias")
    make.vector("encoder.conv2.bias")
    for side, own in (("encoder", header["n_audio_layer"]), ("decoder", header["n_text_layer"])):
        for number in range(layers):
            name = f"{side}.blocks.{number}"
            if number < own:
                make.block(name, side == "decoder")
            else:
                make.idle_block(f"{side}.blocks.0", name)
    make.norm("encoder.ln_post")
    for name in ("decoder.positional_embedding", "decoder.token_embedding.weight"):
        make.out[name] = np.concatenate([tensors[name]] * copies, 1)
    # The table of tokens is read at the end too, with every copy: the sum is brought back to what it was.
    make.norm("decoder.ln")
    for name in ("decoder.ln.weight", "decoder.ln.bias"):
        make.out[name] = make.out[name] / copies
    sizes = {"n_audio_state": width, "n_audio_head": heads, "n_audio_layer": layers, "n_text_state": width, "n_text_head": heads, "n_text_layer": layers}
    return {**header, **sizes}, make.out


def tokenizer(assets, words):
    """GPT-2's byte pairs from Whisper's table, as `tokenizers` reads them: merges follow from the ranks."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    ranks = {}
    for row in Path(assets, "gpt2.tiktoken").read_text().splitlines():
        if row.strip():
            token, rank = row.split()
            ranks[base64.b64decode(token) if token != "=" else b""] = int(rank)
    alphabet = to_ct2.byte_alphabet()
    shown = lambda token: "".join(alphabet[byte] for byte in token)
    merges = []
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        parts = [bytes([byte]) for byte in token]
        while len(parts) > 2:
            pairs = [(ranks.get(a + b, 1 << 30), place) for place, (a, b) in enumerate(zip(parts, parts[1:]))]
            best, place = min(pairs)
            if best >= rank:
                break
            parts[place : place + 2] = [parts[place] + parts[place + 1]]
        if len(parts) == 2:
            merges.append((shown(parts[0]), shown(parts[1])))
    vocabulary = {shown(token): rank for token, rank in ranks.items() if token}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = words[50256:]
    made.add_special_tokens([AddedToken(word, special=True, normalized=False) for word in special])
    return made


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    assets, out = sys.argv[1], Path(sys.argv[2])
    demo = ROOT / "packaging/demo-model/demo.bin"
    header, tokens, tensors = to_ct2.read_ggml(demo)
    out.mkdir(parents=True, exist_ok=True)
    for shape in sys.argv[3:] or SHAPES:
        sizes, wide = widen(header, tensors, shape)
        file, folder = out / f"{shape}.bin", out / f"{shape}-ct2"
        ggml.write(file, sizes, mel_filters(demo), tokens, wide, "q8_0")
        subprocess.run([sys.executable, ROOT / "packaging/demo-model/to_ct2.py", file, folder], check=True)
        # What Whisper's English models leave out at the beginning: a blank, and an end before the first word.
        config = json.loads((folder / "config.json").read_text())
        config["suppress_ids_begin"] = [220, 50256]
        (folder / "config.json").write_text(json.dumps(config))
        tokenizer(assets, to_ct2.vocabulary(tokens, sizes["n_vocab"])).save(str(folder / "tokenizer.json"))
        print(f"{file}: {file.stat().st_size / 1e6:.0f} MB; {folder}: {(folder / 'model.bin').stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
