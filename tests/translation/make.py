#!/usr/bin/env python3
"""Makes a MarianMT model with weights drawn by lot, by the path that OPUS-MT's models take: SentencePiece trains the pieces, Marian's .npz holds the
weights, CTranslate2's own converter writes the folder. Beside it: what SentencePiece and CTranslate2 in Python make of some hundred lines.

    make.py FOLDER      needs ctranslate2, sentencepiece, numpy, pyyaml
"""
import itertools
import json
import pathlib
import shutil
import sys

import ctranslate2
import numpy as np
import sentencepiece
import yaml
from ctranslate2.converters import OpusMTConverter

WIDTH, WIDE, HEADS, LAYERS = 64, 128, 4, 2
WHO = ["mi hijo", "la señora", "el técnico", "su compañera", "nadie", "usted", "mi abogado", "la empresa"]
WHAT = ["quiere cancelar", "no pagó", "recibió", "perdió", "llamó por", "pregunta por", "necesita", "devolvió"]
WHICH = ["el contrato", "la factura de marzo", "un router nuevo", "dos paquetes", "la tarjeta", "el número 4711", "su póliza", "la cita"]
ODD = [
    "¿Puedo pagar la mitad mañana?", "¡No me llamen más!", "Sí, sí, está bien.", "  dos   espacios  ", "sin acentos: cancion, nino",
    "correo: ana.lopez@example.com", "1.234,56 € ó $99", "你好 y adiós", "emoji 🙂🙂 fin", "ＡＢＣ ancho", "ﬁn ½ ²", "tab\tulado", "</s> <unk>",
    "a", ".", "ñ", "un\u00a0espacio", "e\u0301xito compuesto", "HOLA QUÉ TAL", "▁subrayado ▁", "línea\ncortada",
]
ENGLISH = ["my son wants to cancel the contract", "nobody paid the bill of march", "the technician called about a new router",
           "your colleague lost two parcels", "the company needs the card", "my lawyer asks about the appointment"]

folder = pathlib.Path(sys.argv[1])
shutil.rmtree(folder, ignore_errors=True)
made = folder / "opus"
made.mkdir(parents=True)
said = [" ".join(words) for words in itertools.product(WHO, WHAT, WHICH)]


def pieces(name, lines, size):
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_prefix=str(made / name), vocab_size=size, model_type="unigram",
        character_coverage=1.0, hard_vocab_limit=False, minloglevel=2, num_threads=1,
    )
    (made / f"{name}.model").rename(made / f"{name}.spm")
    return sentencepiece.SentencePieceProcessor(model_file=str(made / f"{name}.spm"))


source = pieces("source", said + ODD[:8], 220)
target = pieces("target", ENGLISH * 20, 90)
names = ["</s>", "<unk>"]
for model in (source, target):
    names += [piece for piece in map(model.id_to_piece, range(model.get_piece_size())) if piece not in names and piece != "<s>"]
names.append("<pad>")
vocabulary = "".join(f"{json.dumps(name, ensure_ascii=False)}: {number}\n" for number, name in enumerate(names))
(made / "vocab.yml").write_text(vocabulary, encoding="utf-8")
(made / "decoder.yml").write_text("models: [model.npz]\nvocabs: [vocab.yml, vocab.yml]\n")

dice = np.random.default_rng(22)
weights = {"Wemb": dice.normal(0, 0.3, (len(names), WIDTH)).astype(np.float32)}


def linear(name, which, inputs, outputs):
    weights[f"{name}_W{which}"] = dice.normal(0, 1.5 / np.sqrt(inputs), (inputs, outputs)).astype(np.float32)
    weights[f"{name}_b{which}"] = dice.normal(0, 0.1, (1, outputs)).astype(np.float32)


def norm(name):
    weights[f"{name}_ln_scale"] = np.ones((1, WIDTH), np.float32)
    weights[f"{name}_ln_bias"] = np.zeros((1, WIDTH), np.float32)


for side, attentions in (("encoder", ["self"]), ("decoder", ["self", "context"])):
    for layer in range(1, LAYERS + 1):
        for attention in attentions:
            name = f"{side}_l{layer}_{attention}"
            for which in "qkvo":
                linear(name, which, WIDTH, WIDTH)
            norm(f"{name}_Wo")
        name = f"{side}_l{layer}_ffn"
        linear(name, "1", WIDTH, WIDE)
        linear(name, "2", WIDE, WIDTH)
        norm(f"{name}_ffn")
# Not tied to the embeddings: weights drawn by lot would repeat the word before for ever.
weights["decoder_ff_logit_out_W"] = dice.normal(0, 0.3, (WIDTH, len(names))).astype(np.float32)
weights["decoder_ff_logit_out_b"] = dice.normal(0, 0.5, (1, len(names))).astype(np.float32)
weights["decoder_ff_logit_out_b"][0, 0] += 7  # sentences end
config = {
    "type": "transformer", "enc-depth": LAYERS, "dec-depth": LAYERS, "transformer-heads": HEADS, "dim-emb": WIDTH,
    "transformer-decoder-autoreg": "self-attention", "transformer-no-projection": False, "transformer-ffn-activation": "swish",
    "transformer-preprocess": "", "transformer-postprocess": "dan", "transformer-postprocess-emb": "d",
    "transformer-guided-alignment-layer": "last",
}
weights["special:model.yml"] = np.frombuffer(yaml.safe_dump(config).encode() + b"\0", np.int8)
np.savez(made / "model.npz", **weights)

model = folder / "model"
OpusMTConverter(str(made)).convert(str(model), force=True)
for name in ("source.spm", "target.spm"):
    shutil.copy(made / name, model / name)

lines = ODD + said[:: len(said) // 180] + [f"{one}, {other}" for one, other in zip(said[::37], said[::41])]
split = [source.encode(line, out_type=str) for line in lines]
with open(model / "pieces.jsonl", "w", encoding="utf-8") as out:
    out.writelines(json.dumps([line, pieces], ensure_ascii=False) + "\n" for line, pieces in zip(lines, split))
translator = ctranslate2.Translator(str(model), compute_type="float32", intra_threads=1, inter_threads=1)
results = translator.translate_batch(split)
with open(model / "translations.jsonl", "w", encoding="utf-8") as out:
    for line, result in zip(lines, results):
        tokens = result.hypotheses[0]
        out.write(json.dumps([line, tokens, target.decode(tokens)], ensure_ascii=False) + "\n")
print(model)
