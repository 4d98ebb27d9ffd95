"""Writes the trained model: export.py FOLDER ASSETS OUT_FILE [KIND]      (KIND: f16, q8_0, q5_1, q5_0; default q5_1)"""

import sys
from pathlib import Path

import numpy as np

import features
import ggml
import network
import windows


def main():
    folder, assets, out = map(Path, sys.argv[1:4])
    kind = sys.argv[4] if len(sys.argv) > 4 else "q5_1"
    # Three tenths of the weights from before the last stage: as good on short windows, better on long ones (measured).
    with np.load(folder / "before-last-stage.npz") as before, np.load(folder / "checkpoint.npz") as saved:
        names = [name for name in saved if name.startswith("value ")]
        values = {name.removeprefix("value "): 0.3 * before[name] + 0.7 * saved[name] for name in names}
        token_ids = list(saved["ids"])
    sizes = {
        "n_vocab": network.TOKENS, "n_mels": network.BANDS,
        "n_audio_ctx": network.AUDIO_POSITIONS, "n_audio_state": network.WIDTH, "n_audio_head": network.HEADS, "n_audio_layer": network.ENCODER_LAYERS,
        "n_text_ctx": network.TEXT_POSITIONS, "n_text_state": network.WIDTH, "n_text_head": network.HEADS, "n_text_layer": network.DECODER_LAYERS,
    }
    ranks = windows.token_bytes(assets)
    tokens = sorted(ranks, key=ranks.get)
    ggml.write(out, sizes, features.FILTERS, tokens, network.as_whisper(values, token_ids), kind)
    print(f"{out}: {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
