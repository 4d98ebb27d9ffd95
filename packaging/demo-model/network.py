"""Whisper's architecture in JAX, small: 128 wide, 2 heads, 4 encoder and 3 decoder layers, with three things that make training cheap.

* The padded rest of the 30 s window is stood for by a few sampled positions, each weighted in the attention by how many it stands for: one
  model then serves every audio context from the utterance's length to 1500.
* Only the tokens that occur have their own row; all unused rows share one, weighted in the softmax by their number.
* Two more outputs on the encoder, thrown away after training: the phoneme and the word that each frame belongs to.
"""

import jax
import jax.numpy as jnp
import numpy as np

WIDTH, HEADS, ENCODER_LAYERS, DECODER_LAYERS = 128, 2, 4, 3
AUDIO_POSITIONS, TEXT_POSITIONS, BANDS = 1500, 448, 80
TOKENS = 51864  # an English-only Whisper
END_OF_TEXT, START, PREVIOUS, NO_SPEECH, NO_TIMESTAMPS, FIRST_TIMESTAMP = 50256, 50257, 50360, 50361, 50362, 50363


def sinusoids(length, channels):
    increment = np.log(10000) / (channels // 2 - 1)
    angles = np.arange(length)[:, None] * np.exp(-increment * np.arange(channels // 2))[None]
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


POSITIONS = sinusoids(AUDIO_POSITIONS, WIDTH)


def start_values(seed, tokens, phonemes, words):
    rng = np.random.default_rng(seed)
    values = {}

    def matrix(name, rows, columns, scale=1.0):
        values[name] = (rng.standard_normal((rows, columns)) * scale * rows**-0.5).astype(np.float32)

    def zeros(name, count):
        values[name] = np.zeros(count, np.float32)

    def norm(name):
        values[f"{name}.weight"] = np.ones(WIDTH, np.float32)
        zeros(f"{name}.bias", WIDTH)

    def attention(name, layers):
        for part in ("query", "key", "value", "out"):
            matrix(f"{name}.{part}.weight", WIDTH, WIDTH, (2 * layers) ** -0.5 if part == "out" else 1.0)
            if part != "key":
                zeros(f"{name}.{part}.bias", WIDTH)
        norm(f"{name}_ln")

    matrix("encoder.conv1.weight", 3 * BANDS, WIDTH)
    matrix("encoder.conv2.weight", 3 * WIDTH, WIDTH)
    zeros("encoder.conv1.bias", WIDTH)
    zeros("encoder.conv2.bias", WIDTH)
    for side, layers in (("encoder", ENCODER_LAYERS), ("decoder", DECODER_LAYERS)):
        for layer in range(layers):
            block = f"{side}.blocks.{layer}"
            attention(f"{block}.attn", layers)
            if side == "decoder":
                attention(f"{block}.cross_attn", layers)
            matrix(f"{block}.mlp.0.weight", WIDTH, 4 * WIDTH)
            matrix(f"{block}.mlp.2.weight", 4 * WIDTH, WIDTH, (2 * layers) ** -0.5)
            zeros(f"{block}.mlp.0.bias", 4 * WIDTH)
            zeros(f"{block}.mlp.2.bias", WIDTH)
            norm(f"{block}.mlp_ln")
    norm("encoder.ln_post")
    norm("decoder.ln")
    values["decoder.ln.bias"][:8] = 1.0
    values["tokens"] = (rng.standard_normal((tokens, WIDTH)) * 0.05).astype(np.float32)
    values["unused_token"] = np.zeros(WIDTH, np.float32)
    values["unused_token"][:8] = -1.0
    values["decoder.positional_embedding"] = (rng.standard_normal((TEXT_POSITIONS, WIDTH)) * 0.02).astype(np.float32)
    for name, count in (("phonemes", phonemes), ("words", words)):
        matrix(f"{name}.weight", WIDTH, count)
        zeros(f"{name}.bias", count)
    return values


def norm(x, values, name):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * values[f"{name}.weight"] + values[f"{name}.bias"]


def linear(x, values, name):
    return x @ values[f"{name}.weight"] + values.get(f"{name}.bias", 0.0)


def attention(values, name, x, source, bias):
    """Residual branch of one attention, and the weights of its first head."""
    x = norm(x, values, f"{name}_ln")
    source = x if source is None else source
    split = lambda y: y.reshape(*y.shape[:2], HEADS, WIDTH // HEADS).transpose(0, 2, 1, 3)
    query, key, value = (split(linear(y, values, f"{name}.{part}")) for y, part in ((x, "query"), (source, "key"), (source, "value")))
    weights = jax.nn.softmax(jnp.einsum("bhqd,bhkd->bhqk", query, key) * (WIDTH // HEADS) ** -0.5 + bias)
    mixed = jnp.einsum("bhqk,bhkd->bhqd", weights, value).transpose(0, 2, 1, 3).reshape(x.shape)
    return linear(mixed, values, f"{name}.out"), weights[:, 0]


def mlp(values, block, x):
    hidden = jax.nn.gelu(linear(norm(x, values, f"{block}.mlp_ln"), values, f"{block}.mlp.0"))
    return linear(hidden, values, f"{block}.mlp.2")


def convolve(x, values, name, stride):
    padded = jnp.pad(x, ((0, 0), (1, 1), (0, 0)))
    length = x.shape[1]
    taps = [padded[:, tap : tap + length : stride] for tap in range(3)]
    return jax.nn.gelu(linear(jnp.concatenate(taps, -1), values, name))


def encode(values, mel, padding_places, padding_weight):
    """mel (batch, 2 T + 8, 80), of which the last 8 frames are padding; padding_places (batch, K) are positions from T on; padding_weight
    (batch,) is how many positions each of them stands for, as a logarithm. Returns (batch, T + K, width) and the attention's bias."""
    frames = mel.shape[1] // 2 - 4
    x = convolve(convolve(mel, values, "encoder.conv1", 1), values, "encoder.conv2", 2)
    places = jnp.asarray(POSITIONS)
    x = jnp.concatenate([x[:, :frames] + places[:frames], x[:, frames + 1 : frames + 2] + places[padding_places]], axis=1)
    samples = padding_places.shape[1]
    bias = jnp.concatenate([jnp.zeros((len(mel), frames)), jnp.repeat(padding_weight[:, None], samples, 1)], axis=1)[:, None, None]
    for layer in range(ENCODER_LAYERS):
        block = f"encoder.blocks.{layer}"
        x = x + attention(values, f"{block}.attn", x, None, bias)[0]
        x = x + mlp(values, block, x)
    return norm(x, values, "encoder.ln_post"), bias


def decode(values, encoded, bias, tokens):
    """Scores of each next token (the last column stands for all unused ones), and where the first head of each layer listens."""
    length = tokens.shape[1]
    causal = jnp.where(jnp.tril(jnp.ones((length, length), bool)), 0.0, -1e9)[None, None]
    x = values["tokens"][tokens] + values["decoder.positional_embedding"][:length]
    listens = []
    for layer in range(DECODER_LAYERS):
        block = f"decoder.blocks.{layer}"
        x = x + attention(values, f"{block}.attn", x, None, causal)[0]
        heard, where = attention(values, f"{block}.cross_attn", x, encoded, bias)
        x = x + heard
        x = x + mlp(values, block, x)
        listens.append(where)
    x = norm(x, values, "decoder.ln")
    unused = x @ values["unused_token"] + np.log(TOKENS - len(values["tokens"]))
    return jnp.concatenate([x @ values["tokens"].T, unused[..., None]], -1), listens


def as_whisper(values, token_ids):
    """The tensors by Whisper's own names, in PyTorch's shapes."""
    own = {"tokens", "unused_token", "phonemes.weight", "phonemes.bias", "words.weight", "words.bias"}
    out = {}
    for name, value in values.items():
        value = np.asarray(value, np.float32)
        if name in own:
            continue
        if ".conv" in name:
            value = value.reshape(3, -1, WIDTH).transpose(2, 1, 0) if name.endswith("weight") else value.reshape(WIDTH, 1)
        elif value.ndim == 2 and name != "decoder.positional_embedding":
            value = value.T
        out[name] = np.ascontiguousarray(value)
    table = np.tile(np.asarray(values["unused_token"], np.float32), (TOKENS, 1))
    table[np.asarray(token_ids)] = np.asarray(values["tokens"])
    out["decoder.token_embedding.weight"] = table
    out["encoder.positional_embedding"] = POSITIONS
    return out
